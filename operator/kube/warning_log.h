// The API server's warnings ("v1beta1 is deprecated, use v1"), logged once each.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "http/transport.h"

namespace sluice::kube {

// The texts of a Warning header, which may hold several: `299 - "a", 299 - "b"`.
std::vector<std::string> parse_warnings(std::string_view header);

class WarningLog {
 public:
  // Logs those that are new. Remembers a bounded number; thread-safe.
  void note(const http::Headers& headers);

 private:
  static constexpr std::size_t kRemembered = 1000;

  std::mutex mutex_;
  std::unordered_set<std::string> seen_;
};

}  // namespace sluice::kube
