// The queries of the spec, with their placeholders filled in for one revision. Private to rollout/.
#pragma once

#include <map>
#include <string>

#include "kube/resource.h"

namespace sluice::rollout {

std::map<std::string, std::string> placeholders(const kube::Key& rollout, const std::string& revision);

// Unknown placeholders were refused by validate(), so that filling in cannot fail here.
std::string filled(const std::string& query, const std::map<std::string, std::string>& values);

}  // namespace sluice::rollout
