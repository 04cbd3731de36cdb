#include "runtime/store.h"

#include "base/log.h"

namespace sluice::runtime {
namespace {

// Beyond this many, objects are logged again now and then; better than to grow without bound.
constexpr std::size_t kRemembered = 1000;

}  // namespace

void SkipLog::skipped(const kube::Key& key, const std::string& cause) {
  if (skipped_.size() >= kRemembered) skipped_.clear();
  if (!skipped_.insert(key).second) return;
  if (cause.empty()) {
    log::debug("object left out of the cache", {{"store", store_}, {"object", key.str()}});
  } else {
    log::warn("object cannot be read and is ignored",
              {{"store", store_}, {"object", key.str()}, {"cause", cause}});
  }
}

}  // namespace sluice::runtime
