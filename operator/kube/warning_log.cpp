#include "kube/warning_log.h"

#include "base/log.h"

namespace sluice::kube {

std::vector<std::string> parse_warnings(std::string_view header) {
  std::vector<std::string> out;
  std::string text;
  bool quoted = false;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const char c = header[i];
    if (!quoted) {
      quoted = c == '"';
    } else if (c == '\\' && i + 1 < header.size()) {
      text += header[++i];
    } else if (c == '"') {
      quoted = false;
      if (!text.empty()) out.push_back(std::exchange(text, {}));
    } else {
      text += c;
    }
  }
  return out;
}

void WarningLog::note(const http::Headers& headers) {
  const auto header = http::find_header(headers, "Warning");
  if (!header) return;
  for (std::string& warning : parse_warnings(*header)) {
    {
      const std::lock_guard lock(mutex_);
      if (seen_.size() >= kRemembered) seen_.clear();
      if (!seen_.insert(warning).second) continue;
    }
    log::warn("the API server warns", {{"warning", std::move(warning)}});
  }
}

}  // namespace sluice::kube
