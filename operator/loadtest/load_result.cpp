#include "loadtest/load_result.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

namespace sluice::loadtest {
namespace {

using Json = nlohmann::json;

constexpr double kMostCount = 1e12;
constexpr double kMostSeconds = 1e8;  // three years
constexpr std::size_t kMostErrors = 20;
constexpr std::size_t kMostText = 300;

// Reads members of one object; the first thing that is wrong is kept, and all that is read after it is ignored.
class Reader {
 public:
  explicit Reader(std::string& problem) : problem_(problem) {}

  void refuse(const std::string& field, const std::string& what) {
    if (problem_.empty()) problem_ = field + ": " + what;
  }

  // A number in [low, high]; `absent` when it is not there.
  double number(const Json& object, const std::string& prefix, const char* name, double low, double high,
                std::optional<double> absent = {}) {
    const auto found = object.find(name);
    if (found == object.end() && absent) return *absent;
    if (found == object.end()) return refuse(prefix + name, "is missing"), low;
    if (!found->is_number()) return refuse(prefix + name, "is not a number"), low;
    const double value = found->get<double>();
    if (!(value >= low && value <= high)) return refuse(prefix + name, "is out of range: " + found->dump()), low;
    return value;
  }

  std::int64_t count(const Json& object, const std::string& prefix, const char* name, std::optional<double> absent) {
    const double value = number(object, prefix, name, 0.0, kMostCount, absent);
    if (value != std::floor(value)) refuse(prefix + name, "is not a whole number");
    return static_cast<std::int64_t>(value);
  }

  std::string text(const Json& object, const std::string& prefix, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return "";
    if (!found->is_string()) return refuse(prefix + name, "is not a text"), "";
    return found->get<std::string>().substr(0, kMostText);
  }

  bool flag(const Json& object, const std::string& prefix, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return false;
    if (!found->is_boolean()) return refuse(prefix + name, "is neither true nor false"), false;
    return found->get<bool>();
  }

 private:
  std::string& problem_;
};

Duration duration_of(double seconds) { return Duration(std::llround(seconds * 1000.0)); }

// A decimal of milliseconds, as a key of responseTimes.
std::optional<double> milliseconds_of(const std::string& key) {
  double value = 0.0;
  const char* end = key.data() + key.size();
  const auto [rest, error] = std::from_chars(key.data(), end, value);
  if (error != std::errc{} || rest != end || !(value >= 0.0 && value <= kMostSeconds * 1000.0)) return std::nullopt;
  return value;
}

std::vector<ResponseTimes> read_times(const Json& window, const std::string& prefix, std::int64_t requests,
                                      Reader& read) {
  const std::string field = prefix + "responseTimes";
  const auto found = window.find("responseTimes");
  std::vector<ResponseTimes> times;
  if (found == window.end()) return times;
  if (!found->is_object()) return read.refuse(field, "is not an object of milliseconds and counts"), times;
  std::int64_t sum = 0;
  for (const auto& [key, value] : found->items()) {
    const auto at = milliseconds_of(key);
    if (!at) return read.refuse(field, "\"" + key.substr(0, 40) + "\" is not a number of milliseconds"), times;
    const std::int64_t count = read.count(*found, field + ".", key.c_str(), {});
    if (count == 0) continue;
    times.push_back({*at / 1000.0, count});
    sum += count;
  }
  if (sum > requests) {
    read.refuse(field, std::to_string(sum) + " response times of " + std::to_string(requests) + " requests");
  }
  std::sort(times.begin(), times.end(), [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
  std::vector<ResponseTimes> merged;
  for (const ResponseTimes& entry : times) {
    if (!merged.empty() && merged.back().seconds == entry.seconds) {
      merged.back().count += entry.count;
    } else {
      merged.push_back(entry);
    }
  }
  return merged;
}

LoadWindow read_window(const Json& object, const std::string& prefix, Reader& read) {
  LoadWindow window;
  window.at = duration_of(read.number(object, prefix, "at", 0.0, kMostSeconds));
  window.length = duration_of(read.number(object, prefix, "seconds", 0.001, kMostSeconds));
  window.asked_rate = read.number(object, prefix, "askedRate", 0.0, kMostCount, 0.0);
  window.users = read.number(object, prefix, "users", 0.0, kMostCount, 0.0);
  window.requests = read.count(object, prefix, "requests", {});
  window.failures = read.count(object, prefix, "failures", 0.0);
  if (window.failures > window.requests) {
    read.refuse(prefix + "failures",
                std::to_string(window.failures) + " of " + std::to_string(window.requests) + " requests");
  }
  window.response_times = read_times(object, prefix, window.requests, read);
  return window;
}

void read_windows(const Json& object, Reader& read, LoadResult& result) {
  const auto found = object.find("windows");
  if (found == object.end() || !found->is_array()) return read.refuse("windows", "is not a list");
  if (found->empty()) return read.refuse("windows", "is empty: write at least one");
  if (found->size() > kMostWindows) {
    return read.refuse("windows", std::to_string(found->size()) + " are too many: write at most 240, longer ones");
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    const std::string prefix = "windows[" + std::to_string(i) + "]";
    if (!(*found)[i].is_object()) return read.refuse(prefix, "is not an object");
    result.windows.push_back(read_window((*found)[i], prefix + ".", read));
    if (i > 0 && result.windows[i].at < result.windows[i - 1].at + result.windows[i - 1].length) {
      read.refuse(prefix + ".at", "begins before the window ahead of it ends");
    }
  }
}

void read_errors(const Json& object, Reader& read, LoadResult& result) {
  const auto found = object.find("errors");
  if (found == object.end()) return;
  if (!found->is_array()) return read.refuse("errors", "is not a list");
  for (std::size_t i = 0; i < std::min(found->size(), kMostErrors); ++i) {
    const std::string prefix = "errors[" + std::to_string(i) + "]";
    const Json& entry = (*found)[i];
    if (!entry.is_object()) return read.refuse(prefix, "is not an object");
    result.errors.push_back({read.text(entry, prefix + ".", "what"), read.count(entry, prefix + ".", "count", {})});
  }
}

void read_generator(const Json& object, Reader& read, LoadResult& result) {
  const auto found = object.find("generator");
  if (found == object.end()) return;
  if (!found->is_object()) return read.refuse("generator", "is not an object");
  LoadGenerator& generator = result.generator;
  generator.tool = read.text(*found, "generator.", "tool");
  generator.workers = static_cast<int>(read.number(*found, "generator.", "workers", 0, 100'000, 1.0));
  generator.lost_workers = static_cast<int>(read.number(*found, "generator.", "lostWorkers", 0, 100'000, 0.0));
  generator.saturated = read.flag(*found, "generator.", "saturated");
  generator.why = read.text(*found, "generator.", "why");
}

// What one line says: a result, a problem with what claims to be one, or neither.
struct Line {
  std::optional<LoadResult> result;
  std::string problem;
};

Line read_line(const std::string& text) {
  Line line;
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object() || object.value("kind", Json()) != "LoadTestResult") {
    if (object.is_discarded() && text.find("\"LoadTestResult\"") != std::string::npos) {
      line.problem = "the line is no whole JSON: it must be one line, and all of it must be in the log";
    }
    return line;
  }
  LoadResult result;
  Reader read(line.problem);
  if (object.value("apiVersion", Json()) != "sluice.dev/v1alpha1") {
    read.refuse("apiVersion", "is not sluice.dev/v1alpha1");
  }
  result.started_at = Time(duration_of(read.number(object, "", "startedAt", 0.0, 1e11)));
  read_windows(object, read, result);
  read_errors(object, read, result);
  read_generator(object, read, result);
  if (line.problem.empty()) line.result = std::move(result);
  return line;
}

// Milliseconds as a key: six significant digits are more than a generator measures.
std::string key_of(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", seconds * 1000.0);
  return text;
}

double seconds_of(Duration duration) { return static_cast<double>(duration.count()) / 1000.0; }

}  // namespace

Result<LoadResult> parse_load_result(const std::string& log) {
  std::optional<Error> last;
  std::size_t end = log.size();
  while (end > 0) {
    const std::size_t newline = log.rfind('\n', end - 1);
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    const std::string text = log.substr(begin, end - begin);
    end = newline == std::string::npos ? 0 : newline;
    if (text.find("LoadTestResult") == std::string::npos) continue;
    if (text.size() > kMostResultBytes) {
      if (!last) last = Error{ErrorCode::TooLarge, "a LoadTestResult of " + std::to_string(text.size()) +
                              " bytes: at most 900000 are read; write fewer windows, or coarser response times", {}};
      continue;
    }
    Line line = read_line(text);
    if (line.result) return *std::move(line.result);
    if (!line.problem.empty() && !last) last = Error{ErrorCode::Invalid, "LoadTestResult: " + line.problem, {}};
  }
  if (last) return *last;
  return Error{ErrorCode::Invalid,
               "no line of the log is a LoadTestResult: the tool must print one as its last line of JSON", {}};
}

std::string format_load_result(const LoadResult& result) {
  nlohmann::ordered_json out;
  out["kind"] = "LoadTestResult";
  out["apiVersion"] = "sluice.dev/v1alpha1";
  out["startedAt"] = seconds_of(result.started_at.time_since_epoch());
  out["windows"] = Json::array();
  for (const LoadWindow& window : result.windows) {
    nlohmann::ordered_json entry = {{"at", seconds_of(window.at)},       {"seconds", seconds_of(window.length)},
                                    {"askedRate", window.asked_rate},    {"users", window.users},
                                    {"requests", window.requests},       {"failures", window.failures},
                                    {"responseTimes", Json::object()}};
    for (const ResponseTimes& times : window.response_times) {
      entry["responseTimes"][key_of(times.seconds)] = times.count;
    }
    out["windows"].push_back(std::move(entry));
  }
  out["errors"] = Json::array();
  for (const LoadErrorCount& error : result.errors) {
    out["errors"].push_back({{"what", error.what}, {"count", error.count}});
  }
  const LoadGenerator& generator = result.generator;
  out["generator"] = {{"tool", generator.tool},
                      {"workers", generator.workers},
                      {"lostWorkers", generator.lost_workers},
                      {"saturated", generator.saturated},
                      {"why", generator.why}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sluice::loadtest
