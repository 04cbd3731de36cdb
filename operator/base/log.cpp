#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "base/time.h"

namespace sluice::log {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::atomic<Format> g_format{Format::Text};

thread_local Pairs t_context;
thread_local std::size_t t_innermost = 0;  // where the fields of the innermost context begin
thread_local int t_contexts = 0;

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

std::string json_line(std::string_view time, std::string_view level, std::string_view message,
                      const Pairs& fields) {
  std::string line = "{\"time\":\"" + std::string(time) + "\",\"level\":\"" + std::string(level) + "\",\"msg\":";
  append_json_string(line, message);
  for (const auto& [name, value] : fields) {
    line += ',';
    append_json_string(line, name);
    line += ':';
    append_json_string(line, value);
  }
  return line + "}";
}

std::string text_line(std::string_view time, std::string_view level, std::string_view message, const Pairs& fields) {
  std::string line = std::string(time) + " " + std::string(level) + " " + std::string(message);
  for (const auto& [name, value] : fields) {
    line += ' ';
    line += name;
    line += '=';
    const bool plain = !value.empty() && value.find_first_of(" \"\n\t=") == std::string::npos;
    if (plain) {
      line += value;
    } else {
      append_json_string(line, value);
    }
  }
  return line;
}

void write(spdlog::level::level_enum level, std::string_view text_level, std::string_view json_level,
           std::string_view message, Fields fields) {
  if (!logger().should_log(level)) return;
  const std::string time = format_time(SystemClock().now());
  const Pairs all = with_context(fields);
  const std::string line = g_format.load() == Format::Json ? json_line(time, json_level, message, all)
                                                           : text_line(time, text_level, message, all);
  logger().log(level, line);
}

// The first of these fields with that name from `begin` on; end() if there is none.
Pairs::iterator named(Pairs& fields, std::size_t begin, std::string_view name) {
  return std::find_if(fields.begin() + static_cast<Pairs::difference_type>(begin), fields.end(),
                      [&](const auto& field) { return field.first == name; });
}

}  // namespace

Context::Context(Fields fields) : outer_(t_innermost) {
  ++t_contexts;
  t_innermost = t_context.size();
  for (const Field& field : fields) add(field);
}

Context::~Context() {
  t_context.resize(t_innermost);
  t_innermost = outer_;
  --t_contexts;
}

void Context::add(const Field& field) {
  if (t_contexts == 0 || field.value.empty()) return;
  const auto known = named(t_context, t_innermost, field.name);
  if (known != t_context.end()) {
    known->second = field.value;
  } else {
    t_context.emplace_back(field.name, field.value);
  }
}

Pairs with_context(Fields fields) {
  Pairs all;
  for (const Field& field : fields) all.emplace_back(field.name, field.value);
  for (std::size_t i = 0; i < t_context.size(); ++i) {
    const bool hidden = named(all, 0, t_context[i].first) != all.end() ||
                        named(t_context, i + 1, t_context[i].first) != t_context.end();
    if (!hidden) all.push_back(t_context[i]);  // of two contexts the inner one counts
  }
  return all;
}

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
