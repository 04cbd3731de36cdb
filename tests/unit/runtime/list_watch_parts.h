// What the tests of ListWatch share.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "recording_sink.h"

namespace sluice::runtime {

using nlohmann::json;
using Type = kube::WatchEvent::Type;

inline json object(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"resourceVersion", version}, {"managedFields", json::array({1})}}}};
}

// Counts how watches end and lists fare.
class Ends final : public Observer {
 public:
  void listed(std::string_view, bool ok, std::size_t items) override { ok ? listed_items = items : ++failed_lists; }
  void watch_ended(std::string_view, WatchEnd end) override { last_end = end; }

  std::size_t listed_items = 0;
  std::size_t failed_lists = 0;
  std::optional<WatchEnd> last_end;
};

// Pages of two, backoffs of 1 s, 2 s, 4 s ... without jitter.
inline ReflectorOptions test_options(bool stream) {
  ReflectorOptions made;
  made.selector.labels = "a=b";
  made.stream = stream;
  made.page_size = 2;
  made.seed = 7;
  made.backoff = {.initial = seconds(1), .ceiling = seconds(30), .jitter = 0, .reset_after = minutes(2)};
  return made;
}

}  // namespace sluice::runtime
