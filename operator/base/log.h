// Structured logs: one line an event, with the same field names everywhere.
//
//   log::info("rolled back", {{"rollout", key}, {"revision", revision}, {"reason", "HarmDetected"}});
//
// In text:  2026-01-02T03:04:05.678Z INFO  rolled back rollout=ml/digits revision=6d9f reason=HarmDetected
// In JSON:  {"time":"...","level":"info","msg":"rolled back","rollout":"ml/digits",...}
// Thread-safe. Secrets never go into a field.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// What the lines of this thread are about, until the end of the block: each carries these fields too, after its own.
//
//   const log::Context about({{"rollout", key.str()}});
//   log::Context::add({"revision", revision});   // until the end of the innermost block, too
//   log::warn("reconcile failed");               // ... reconcile failed rollout=ml/digits revision=6d9f
//
// Contexts may be nested. A line's own field of the same name hides the context's.
class Context {
 public:
  explicit Context(Fields fields);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Adds to the innermost context of this thread, or replaces there what has the same name; without one, nothing.
  // An empty value says nothing and is left out.
  static void add(const Field& field);

 private:
  std::size_t outer_;  // where the fields of the context around this one begin
};

// The fields of a line: its own, and those of the contexts of this thread. For the lines, and for tests.
std::vector<std::pair<std::string, std::string>> with_context(Fields fields);

void debug(std::string_view message, Fields fields = {});
void info(std::string_view message, Fields fields = {});
void warn(std::string_view message, Fields fields = {});
void error(std::string_view message, Fields fields = {});

}  // namespace sluice::log
