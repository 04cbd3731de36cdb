// How we name ourselves to the API server: in its audit log, its flow control and as the default field
// manager.
#pragma once

#include <string>

namespace sluice::kube {

// "sluice/0.1.0 (linux/amd64)", or "sluice/0.1.0 (linux/amd64) leader-election" for a component.
std::string user_agent(const std::string& component = "");

}  // namespace sluice::kube
