#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "traffic/provider.h"

namespace sluice::traffic {
namespace {

TEST(Manual, HasNothingInTheClusterAndHoldsAtOnce) {
  const Provider& manual = provider_for(api::ManualTraffic{});
  EXPECT_EQ(manual.resource(), std::nullopt);
  EXPECT_FALSE(manual.capabilities().shifts_traffic);
  EXPECT_FALSE(manual.capabilities().marks_responses);
  EXPECT_FALSE(manual.capabilities().mirrors);
  EXPECT_FALSE(manual.capabilities().assigns);
  const Split split{"a", "b", 25};
  EXPECT_TRUE(manual.desired(api::Rollout{}, split).is_null());
  EXPECT_EQ(manual.instead_of_refused(api::Rollout{}, nullptr, split, Error{}), std::nullopt);
  const RouteState state = manual.observe(api::Rollout{}, nullptr, split);
  EXPECT_TRUE(state.exists);
  EXPECT_TRUE(state.as_wanted);
  EXPECT_EQ(state.live, split);
  EXPECT_EQ(state.acceptance, Acceptance::Accepted);
  EXPECT_FALSE(state.owned_by_other);
  EXPECT_EQ(state.foreign_writer, "");
}

TEST(Providers, EachKindOfTrafficHasItsOwn) {
  EXPECT_NE(&provider_for(api::ManualTraffic{}), &provider_for(api::GatewayApiTraffic{}));
  EXPECT_EQ(&provider_for(api::ManualTraffic{}), &provider_for(api::ManualTraffic{}));
}

}  // namespace
}  // namespace sluice::traffic
