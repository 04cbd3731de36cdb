#include "kube/user_agent.h"

namespace sluice::kube {

namespace {

// In the names that Go programs use, so that logs can be searched for one architecture.
#if defined(__x86_64__)
constexpr const char* kArchitecture = "amd64";
#elif defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#else
constexpr const char* kArchitecture = "unknown";
#endif

}  // namespace

std::string user_agent(const std::string& component) {
  const std::string out = std::string("sluice/" SLUICE_VERSION " (linux/") + kArchitecture + ")";
  return component.empty() ? out : out + " " + component;
}

}  // namespace sluice::kube
