#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>

#include "base/time.h"

namespace sluice::log {
namespace {

std::atomic<Format> g_format{Format::Text};

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = spdlog::stderr_logger_mt("sluice");
    made->set_pattern("%v");
    made->set_level(spdlog::level::info);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char code[8];
          std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
          out += code;
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string json_line(std::string_view time, std::string_view level, std::string_view message, Fields fields) {
  std::string line = "{\"time\":\"" + std::string(time) + "\",\"level\":\"" + std::string(level) + "\",\"msg\":";
  append_json_string(line, message);
  for (const Field& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    append_json_string(line, field.value);
  }
  return line + "}";
}

std::string text_line(std::string_view time, std::string_view level, std::string_view message, Fields fields) {
  std::string line = std::string(time) + " " + std::string(level) + " " + std::string(message);
  for (const Field& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    const bool plain = !field.value.empty() && field.value.find_first_of(" \"\n\t=") == std::string::npos;
    if (plain) {
      line += field.value;
    } else {
      append_json_string(line, field.value);
    }
  }
  return line;
}

void write(spdlog::level::level_enum level, std::string_view text_level, std::string_view json_level,
           std::string_view message, Fields fields) {
  if (!logger().should_log(level)) return;
  const std::string time = format_time(SystemClock().now());
  const std::string line = g_format.load() == Format::Json ? json_line(time, json_level, message, fields)
                                                           : text_line(time, text_level, message, fields);
  logger().log(level, line);
}

}  // namespace

void configure(Level level, Format format) {
  g_format = format;
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                   spdlog::level::err};
  logger().set_level(kLevels[static_cast<int>(level)]);
}

void debug(std::string_view message, Fields fields) { write(spdlog::level::debug, "DEBUG", "debug", message, fields); }
void info(std::string_view message, Fields fields) { write(spdlog::level::info, "INFO ", "info", message, fields); }
void warn(std::string_view message, Fields fields) { write(spdlog::level::warn, "WARN ", "warn", message, fields); }
void error(std::string_view message, Fields fields) { write(spdlog::level::err, "ERROR", "error", message, fields); }

}  // namespace sluice::log
