#include "rollout/queries.h"

#include "metrics/placeholders.h"
#include "workload/revision.h"

namespace sluice::rollout {

std::map<std::string, std::string> placeholders(const kube::Key& rollout, const std::string& revision) {
  return {{"pods", metrics::pods_regex(rollout.name, revision)},
          {"service", workload::deployment_name(rollout.name, revision)},
          {"revision", revision},
          {"namespace", rollout.ns},
          {"rollout", rollout.name}};
}

std::string filled(const std::string& query, const std::map<std::string, std::string>& values) {
  auto text = metrics::fill(query, values);
  return text ? std::move(text).take() : query;
}

}  // namespace sluice::rollout
