// manual: the weights are published in the Rollout's status and somebody else's router follows them. There is
// nothing in the cluster to write or to wait for, so a split holds as soon as it is asked for.
#include <nlohmann/json.hpp>

#include "traffic/provider.h"

namespace sluice::traffic {
namespace {

class Manual final : public Provider {
 public:
  std::optional<kube::Resource> resource() const override { return std::nullopt; }
  Capabilities capabilities() const override { return {}; }
  nlohmann::json desired(const api::Rollout&, const Split&) const override { return nullptr; }
  std::optional<nlohmann::json> next_write(const api::Rollout&, const RouteView*, const Split&) const override {
    return std::nullopt;
  }
  std::optional<nlohmann::json> instead_of_refused(const api::Rollout&, const RouteView*, const Split&,
                                                   const Error&) const override {
    return std::nullopt;
  }

  RouteState observe(const api::Rollout&, const RouteView*, const Split& wanted) const override {
    RouteState state;
    state.exists = true;
    state.as_wanted = true;
    state.live = wanted;
    state.acceptance = Acceptance::Accepted;
    state.reason = "Published";
    state.message = "the weights are published in status.traffic; Sluice does not route";
    return state;
  }
};

}  // namespace

const Provider& provider_of(const api::ManualTraffic&) {
  static const Manual provider;
  return provider;
}

}  // namespace sluice::traffic
