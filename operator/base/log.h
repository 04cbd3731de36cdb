// Structured logs: one line an event, with the same field names everywhere.
//
//   log::info("rolled back", {{"rollout", key}, {"revision", revision}, {"reason", "HarmDetected"}});
//
// In text:  2026-01-02T03:04:05.678Z INFO  rolled back rollout=ml/digits revision=6d9f reason=HarmDetected
// In JSON:  {"time":"...","level":"info","msg":"rolled back","rollout":"ml/digits",...}
// Thread-safe. Secrets never go into a field.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::log {

enum class Level { Debug, Info, Warn, Error };
enum class Format { Text, Json };

struct Field {
  std::string_view name;
  std::string value;

  Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, bool v) : name(n), value(v ? "true" : "false") {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Field(std::string_view n, Number v) : name(n), value(std::to_string(v)) {}
};
using Fields = std::initializer_list<Field>;

// Sets where logs go for the whole process: standard error, in this format, from this level on. Call it once,
// before other threads start. Without it: text, from Info.
void configure(Level level, Format format);

void debug(std::string_view message, Fields fields = {});
void info(std::string_view message, Fields fields = {});
void warn(std::string_view message, Fields fields = {});
void error(std::string_view message, Fields fields = {});

}  // namespace sluice::log
