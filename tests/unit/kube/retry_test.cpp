// What the REST client does by itself when the server says no: 401, 429, 5xx, its own rate limit, time
// running out.
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "fakes.h"
#include "kube/rest_client.h"
#include "support/virtual_clock.h"

namespace sluice::kube {
namespace {

const Resource kPods{"", "v1", "pods", "Pod"};
const Key kKey{"ml", "a"};

// A new token each time that the last one was forgotten.
class CountingCredentials final : public Credentials {
 public:
  Result<std::string> authorization() override {
    if (broken) return Error{ErrorCode::Unauthorized, "no token", {}};
    return "Bearer " + std::to_string(token);
  }
  bool forget(const std::string& refused) override {
    if (refused == "Bearer " + std::to_string(token)) ++token;
    return renewable;
  }
  int token = 1;
  bool renewable = true;
  bool broken = false;
};

class RetryTest : public ::testing::Test {
 protected:
  RetryTest() {
    options_.clock = clock_;
    options_.pause = [this](Duration duration, const std::stop_token&) {
      pauses_.push_back(duration);
      clock_->advance(duration);
    };
  }
  std::unique_ptr<Client> client() {
    return make_client(std::make_unique<FakeTransport>(script_), credentials_, options_);
  }
  std::string token_of(std::size_t request) const {
    return http::find_header(script_->requests.at(request).headers, "Authorization").value_or("");
  }

  std::shared_ptr<test::VirtualClock> clock_ = std::make_shared<test::VirtualClock>();
  std::shared_ptr<CountingCredentials> credentials_ = std::make_shared<CountingCredentials>();
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::vector<Duration> pauses_;
  ClientOptions options_;
};

TEST_F(RetryTest, UnauthorizedRenewsTheTokenOnce) {
  script_->answer(401, "");
  script_->answer(200, "{}");
  EXPECT_TRUE(client()->get(kPods, kKey));
  ASSERT_EQ(script_->requests.size(), 2u);
  EXPECT_EQ(token_of(0), "Bearer 1");
  EXPECT_EQ(token_of(1), "Bearer 2");
  EXPECT_FALSE(script_->requests[0].fresh_connection);
  EXPECT_TRUE(script_->requests[1].fresh_connection);  // for credentials that are a certificate

  script_->answer(401, "");
  script_->answer(401, "");
  const auto refused = client()->get(kPods, kKey);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Unauthorized);
  EXPECT_EQ(script_->requests.size(), 4u);
}

TEST_F(RetryTest, UnauthorizedIsFinalWhenThereIsNothingToRenew) {
  credentials_->renewable = false;
  script_->answer(401, "");
  EXPECT_FALSE(client()->get(kPods, kKey));
  EXPECT_EQ(script_->requests.size(), 1u);
}

TEST_F(RetryTest, UnauthorizedWatchesRenewToo) {
  script_->answer(401, "");
  script_->answer(200, "");
  EXPECT_TRUE(client()->watch(kPods, "", {}, [](WatchEvent) {}, {}));
  EXPECT_EQ(token_of(1), "Bearer 2");
  script_->answer(401, "");
  script_->answer(401, "");
  EXPECT_EQ(client()->watch(kPods, "", {}, [](WatchEvent) {}, {}).error().code, ErrorCode::Unauthorized);
  EXPECT_EQ(script_->requests.size(), 4u);
}

TEST_F(RetryTest, WithoutCredentialsNothingIsSent) {
  credentials_->broken = true;
  EXPECT_EQ(client()->get(kPods, kKey).error().code, ErrorCode::Unauthorized);
  EXPECT_TRUE(script_->requests.empty());
}

TEST_F(RetryTest, TheServerIsToldHowLongAWriteMayTake) {
  script_->answer(429, "", {{"Retry-After", "2"}});
  script_->answer(200, "{}");
  ASSERT_TRUE(client()->remove(kPods, kKey, ""));
  ASSERT_EQ(script_->requests.size(), 2u);
  EXPECT_EQ(script_->requests[0].path, "/api/v1/namespaces/ml/pods/a?timeout=5000ms");
  EXPECT_EQ(script_->requests[1].path, "/api/v1/namespaces/ml/pods/a?timeout=3000ms");
}

TEST_F(RetryTest, RetryAfterIsObeyed) {
  script_->answer(429, "", {{"Retry-After", "1"}});
  script_->answer(503, "", {{"Retry-After", "2"}});
  script_->answer(200, "{}");
  EXPECT_TRUE(client()->get(kPods, kKey));
  EXPECT_EQ(pauses_, (std::vector<Duration>{seconds(1), seconds(2)}));
  // Each try has what is left of the whole.
  EXPECT_EQ(script_->requests[0].deadline, seconds(10));
  EXPECT_EQ(script_->requests[2].deadline, seconds(7));
}

TEST_F(RetryTest, AWaitBeyondTheDeadlineIsNotBegun) {
  script_->answer(429, R"({"kind":"Status","code":429,"reason":"TooManyRequests","message":"slow down"})",
                  {{"Retry-After", "10"}});
  const auto refused = client()->get(kPods, kKey);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::TooManyRequests);
  EXPECT_EQ(refused.error().retry_after, seconds(10));
  EXPECT_EQ(refused.error().message, "slow down");
  EXPECT_TRUE(pauses_.empty());
}

// A write that waits for its turn must not be sent when another process may have taken over.
TEST_F(RetryTest, WritesEndSoonerWithAllTheirTries) {
  const nlohmann::json object = {{"metadata", {{"name", "a"}, {"namespace", "ml"}, {"resourceVersion", "7"}}}};
  const auto c = client();
  const std::function<bool()> writes[] = {[&] { return c->create(kPods, object).ok(); },
                                          [&] { return c->update(kPods, object).ok(); },
                                          [&] { return c->patch(kPods, kKey, object, {}).ok(); },
                                          [&] { return c->remove(kPods, kKey).ok(); }};
  for (const auto& write : writes) {
    script_->requests.clear();
    script_->answer(429, "", {{"Retry-After", "3"}});
    script_->answer(429, "", {{"Retry-After", "3"}});
    EXPECT_FALSE(write());
    ASSERT_EQ(script_->requests.size(), 2u);  // a third try would begin after 6 s
    EXPECT_EQ(script_->requests[0].deadline, seconds(5));
    EXPECT_EQ(script_->requests[1].deadline, seconds(2));
  }
}

TEST_F(RetryTest, TriesAreBounded) {
  options_.deadline = hours(1);
  for (int i = 0; i < 20; ++i) script_->answer(429, "", {{"Retry-After", "1"}});
  EXPECT_EQ(client()->get(kPods, kKey).error().code, ErrorCode::TooManyRequests);
  EXPECT_EQ(script_->requests.size(), 5u);
}

TEST_F(RetryTest, OtherRefusalsAreFinal) {
  const std::pair<int, http::Headers> refusals[] = {
      {429, {}}, {500, {}}, {503, {}}, {404, {{"Retry-After", "1"}}}, {409, {{"Retry-After", "1"}}}};
  for (const auto& [status, headers] : refusals) {
    script_->requests.clear();
    script_->answer(status, "", headers);
    EXPECT_FALSE(client()->get(kPods, kKey));
    EXPECT_EQ(script_->requests.size(), 1u) << status;
  }
  script_->requests.clear();
  for (const ErrorCode code :
       {ErrorCode::Timeout, ErrorCode::Unavailable, ErrorCode::Invalid, ErrorCode::TooLarge}) {
    script_->fail(code);
    EXPECT_EQ(client()->get(kPods, kKey).error().code, code);
  }
  EXPECT_EQ(script_->requests.size(), 4u);
}

TEST_F(RetryTest, TheOwnRateLimitWaits) {
  options_.requests_per_second = 10;
  options_.burst = 2;
  const auto c = client();
  for (int i = 0; i < 4; ++i) {
    script_->answer(200, "{}");
    EXPECT_TRUE(c->get(kPods, kKey));
  }
  EXPECT_EQ(pauses_, (std::vector<Duration>{milliseconds(100), milliseconds(100)}));
}

TEST_F(RetryTest, TheOwnRateLimitRespectsTheDeadline) {
  options_.requests_per_second = 0.01;
  options_.burst = 1;
  const auto c = client();
  script_->answer(200, "{}");
  EXPECT_TRUE(c->get(kPods, kKey));
  EXPECT_EQ(c->get(kPods, kKey).error().code, ErrorCode::Timeout);
  EXPECT_EQ(script_->requests.size(), 1u);
}

TEST_F(RetryTest, StoppingEndsAWait) {
  std::stop_source stop;
  options_.stop = stop.get_token();
  options_.pause = [&](Duration, const std::stop_token&) { stop.request_stop(); };
  script_->answer(429, "", {{"Retry-After", "1"}});
  const auto c = client();
  EXPECT_FALSE(c->get(kPods, kKey));
  EXPECT_EQ(script_->requests.size(), 1u);
  EXPECT_EQ(c->get(kPods, kKey).error().code, ErrorCode::Cancelled);
}

// With the real clock: the pause itself can be cut short.
TEST(RetryForReal, APauseEndsWithItsStopToken) {
  auto script = std::make_shared<Script>();
  std::stop_source stop;
  ClientOptions options;
  options.stop = stop.get_token();
  options.deadline = minutes(1);
  script->answer(429, "", {{"Retry-After", "30"}});
  std::jthread stopper;
  // Once the server has said no: nothing but the pause is left that could be cut short.
  options.observer = [&](const RequestRecord& record) {
    EXPECT_EQ(record.status, 429);
    stopper = std::jthread([&] { stop.request_stop(); });
  };
  const auto client = make_client(std::make_unique<FakeTransport>(script), nullptr, options);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(client->get(kPods, kKey).error().code, ErrorCode::TooManyRequests);
  EXPECT_EQ(script->requests.size(), 1u);
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(10));
}

}  // namespace
}  // namespace sluice::kube
