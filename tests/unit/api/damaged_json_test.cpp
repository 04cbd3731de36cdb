// Whatever is stored, reading it must not throw: one bad object would stop all the others.
#include <gtest/gtest.h>

#include "api/json.h"
#include "api/validate.h"
#include "manifest.h"
#include "random_json.h"
#include "random_status.h"

namespace sluice::api {
namespace {

using nlohmann::json;

void use(const json& object) {
  const RolloutReading reading = read_rollout(object);
  for (const FieldError& problem : reading.problems) EXPECT_FALSE(problem.message.empty()) << problem.path;
  for (const FieldError& finding : validate(reading.rollout)) {
    EXPECT_FALSE(finding.path.empty());
    EXPECT_FALSE(finding.message.empty()) << finding.path;
  }
  EXPECT_EQ(rollout_from_json(object).ok(), reading.problems.empty());
  // What was read can be written, to a text too, and comes back the same.
  const json written = status_to_json(reading.rollout.status);
  EXPECT_FALSE(written.dump(-1, ' ', false, json::error_handler_t::replace).empty());
  EXPECT_EQ(status_from_json(written), reading.rollout.status);
}

TEST(DamagedJson, NothingOfAnyShapeThrows) {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) ASSERT_NO_THROW(use(random_json(random, 6))) << i;
}

TEST(DamagedJson, AManifestWithBadPartsIsReadAsFarAsItGoes) {
  std::mt19937 random(2);
  json good = full_manifest();
  for (int i = 0; i < 3000; ++i) {
    if (i % 10 == 0) good["status"] = status_to_json(random_status(random));
    ASSERT_NO_THROW(use(damaged(good, random))) << i;
  }
}

TEST(DamagedJson, ADamagedStatusDoesNotTouchTheSpec) {
  std::mt19937 random(3);
  const json good = full_manifest();
  const Spec spec = read_good(good).spec;
  for (int i = 0; i < 500; ++i) {
    json object = good;
    object["status"] = damaged(status_to_json(random_status(random)), random);
    const RolloutReading reading = read_rollout(object);
    EXPECT_TRUE(reading.problems.empty());
    ASSERT_EQ(reading.rollout.spec, spec) << object["status"].dump();
  }
}

}  // namespace
}  // namespace sluice::api
