#include "kube/rest_client.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fakes.h"
#include "kube/object.h"
#include "support/http_server.h"
#include "support/virtual_clock.h"

namespace sluice::kube {
namespace {

using nlohmann::json;

const Resource kRollouts{"sluice.dev", "v1alpha1", "rollouts", "Rollout"};
const Resource kPods{"", "v1", "pods", "Pod"};

class RestClientTest : public ::testing::Test {
 protected:
  std::unique_ptr<Client> client(ClientOptions options = {}) {
    if (!options.clock) options.clock = clock_;
    return make_client(std::make_unique<FakeTransport>(script_), fixed_credentials("Bearer t"), options);
  }
  const http::Request& sent() const { return script_->requests.back(); }
  std::string sent_header(const char* name) const {
    return http::find_header(sent().headers, name).value_or("");
  }

  std::shared_ptr<test::VirtualClock> clock_ = std::make_shared<test::VirtualClock>();
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  const json object_ = {{"metadata", {{"name", "a"}, {"namespace", "ml"}, {"resourceVersion", "7"}}}};
};

TEST_F(RestClientTest, Get) {
  script_->answer(200, object_.dump());
  const auto got = client()->get(kRollouts, {"ml", "a"});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, object_);
  EXPECT_EQ(sent().method, http::Method::Get);
  EXPECT_EQ(sent().path, "/apis/sluice.dev/v1alpha1/namespaces/ml/rollouts/a");
  EXPECT_EQ(sent_header("Authorization"), "Bearer t");
  EXPECT_EQ(sent_header("Accept"), "application/json");
  EXPECT_LE(sent().deadline, seconds(10));
  EXPECT_GT(sent().deadline, seconds(9));
}

TEST_F(RestClientTest, LogIsTheTextAsItIs) {
  script_->answer(200, "step 1\nnot { JSON \xff\n");
  const auto log = client()->log({"ml", "a"}, {.container = "test", .tail_lines = 3, .limit_bytes = 100});
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(*log, "step 1\nnot { JSON \xff\n");
  EXPECT_EQ(sent().path, "/api/v1/namespaces/ml/pods/a/log?container=test&tailLines=3&limitBytes=100");
}

TEST_F(RestClientTest, ALogThatCannotBeReadIsAnErrorWithTheServersWords) {
  script_->answer(400, R"({"kind":"Status","status":"Failure","reason":"BadRequest","code":400,
                           "message":"container \"test\" in pod \"a\" is waiting to start"})");
  const auto log = client()->log({"ml", "a"}, {});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::Invalid);
  EXPECT_NE(log.error().message.find("is waiting to start"), std::string::npos) << log.error().message;
}

TEST_F(RestClientTest, ListFillsInWhatItemsLack) {
  script_->answer(200,
                  R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"more"},
                           "items":[{"metadata":{"name":"a","managedFields":[1]}},{"metadata":{"name":"b"}}]})");
  ListOptions options;
  options.selector = {"app=x", "spec.nodeName=n"};
  options.resource_version = "0";
  const auto page = client()->list(kPods, "ml", options);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->resource_version, "9");
  EXPECT_EQ(page->continue_token, "more");
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(page->items[0]["kind"], "Pod");
  EXPECT_EQ(page->items[0]["apiVersion"], "v1");
  EXPECT_TRUE(page->items[0]["metadata"].contains("managedFields"));
  EXPECT_EQ(sent().path,
            "/api/v1/namespaces/ml/pods?labelSelector=app%3Dx&fieldSelector=spec.nodeName%3Dn&limit=500"
            "&resourceVersion=0");
}

TEST_F(RestClientTest, ListContinuesWithoutAResourceVersion) {
  script_->answer(200, R"({"metadata":{"resourceVersion":"9"},"items":null})");
  ListOptions options;
  options.resource_version = "0";
  options.continue_token = "a/b==";
  options.limit = 0;
  const auto page = client()->list(kPods, "", options);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->items.empty());
  EXPECT_EQ(sent().path, "/api/v1/pods?continue=a%2Fb%3D%3D");
}

TEST_F(RestClientTest, Writes) {
  const auto c = client();
  script_->answer(201, object_.dump());
  ASSERT_TRUE(c->create(kRollouts, object_));
  EXPECT_EQ(sent().method, http::Method::Post);
  EXPECT_EQ(sent().path, "/apis/sluice.dev/v1alpha1/namespaces/ml/rollouts?fieldValidation=Strict&timeout=5000ms");
  EXPECT_EQ(json::parse(sent().body), object_);
  EXPECT_EQ(sent_header("Content-Type"), "application/json");
  EXPECT_TRUE(sent().repeatable);

  script_->answer(200, object_.dump());
  ASSERT_TRUE(c->update(kRollouts, object_, "status"));
  EXPECT_EQ(sent().method, http::Method::Put);
  EXPECT_EQ(sent().path, "/apis/sluice.dev/v1alpha1/namespaces/ml/rollouts/a/status?fieldValidation=Strict&timeout=5000ms");

  script_->answer(200, object_.dump());
  ASSERT_TRUE(c->patch(kRollouts, {"ml", "a"}, object_, {PatchType::Merge, "status", "", false}));
  EXPECT_EQ(sent().method, http::Method::Patch);
  EXPECT_EQ(sent().path, "/apis/sluice.dev/v1alpha1/namespaces/ml/rollouts/a/status?fieldValidation=Strict&timeout=5000ms");
  EXPECT_EQ(sent_header("Content-Type"), "application/merge-patch+json");

  script_->answer(200, object_.dump());
  ASSERT_TRUE(c->patch(kRollouts, {"ml", "a"}, json::array(), {PatchType::Json, "", "", true}));
  EXPECT_EQ(sent_header("Content-Type"), "application/json-patch+json");
  EXPECT_EQ(sent().path.find("force"), std::string::npos);

  script_->answer(200, object_.dump());
  ASSERT_TRUE(c->patch(kRollouts, {"ml", "a"}, {{"x", "\x7F"}}, {PatchType::Apply, "", "sluice/x", true}));
  EXPECT_EQ(sent_header("Content-Type"), "application/apply-patch+yaml");
  EXPECT_EQ(
      sent().path,
      "/apis/sluice.dev/v1alpha1/namespaces/ml/rollouts/a?fieldValidation=Strict&fieldManager=sluice%2Fx"
      "&force=true&timeout=5000ms");
  EXPECT_EQ(sent().body, R"({"x":"\u007f"})");
}

TEST_F(RestClientTest, Remove) {
  const auto c = client();
  script_->answer(200, R"({"kind":"Status","status":"Success"})");
  ASSERT_TRUE(c->remove(kPods, {"ml", "a"}, "u-1"));
  EXPECT_EQ(sent().method, http::Method::Delete);
  EXPECT_EQ(sent().path, "/api/v1/namespaces/ml/pods/a?timeout=5000ms");
  EXPECT_EQ(json::parse(sent().body),
            json::parse(R"({"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background",
                            "preconditions":{"uid":"u-1"}})"));
  script_->answer(200, "{}");
  ASSERT_TRUE(c->remove(kPods, {"ml", "a"}));
  EXPECT_FALSE(json::parse(sent().body).contains("preconditions"));
}

TEST_F(RestClientTest, ServerVersion) {
  script_->answer(200, R"({"gitVersion":"v1.35.8"})");
  EXPECT_EQ(*client()->server_version(), "v1.35.8");
  EXPECT_EQ(sent().path, "/version");
  script_->answer(200, "{}");
  EXPECT_FALSE(client()->server_version());
}

TEST_F(RestClientTest, WhatCannotBeRightIsNotSent) {
  const auto c = client();
  const Key nameless{"ml", ""};
  EXPECT_FALSE(c->get(kPods, nameless));
  EXPECT_FALSE(c->create(kPods, json::object()));
  EXPECT_FALSE(c->update(kPods, json::object()));
  EXPECT_FALSE(c->update(kPods, {{"metadata", {{"name", "a"}}}}));  // no resourceVersion
  EXPECT_FALSE(c->patch(kPods, nameless, {}, {}));
  EXPECT_FALSE(c->patch(kPods, {"ml", "a"}, {}, {PatchType::Apply, "", "", true}));
  EXPECT_FALSE(c->remove(kPods, nameless));  // would be the whole collection
  EXPECT_TRUE(script_->requests.empty());
}

TEST_F(RestClientTest, AnswersThatAreNotObjects) {
  for (const char* body : {"", "null", "[]", "{\"cut", "<html>"}) {
    script_->answer(200, body);
    const auto got = client()->get(kPods, {"ml", "a"});
    ASSERT_FALSE(got) << body;
    EXPECT_EQ(got.error().code, ErrorCode::Internal);
  }
  for (const char* body : {R"({"items":{}})", R"({"items":[7]})"}) {
    script_->answer(200, body);
    EXPECT_FALSE(client()->list(kPods, "", {})) << body;
  }
}

TEST_F(RestClientTest, TheObserverSeesEachExchange) {
  std::vector<std::string> seen;
  ClientOptions options;
  options.observer = [&](const RequestRecord& r) {
    seen.push_back(r.verb + " " + r.method + " " + r.resource + " " + std::to_string(r.status));
  };
  const auto c = client(options);
  script_->answer(404, "");
  script_->fail(ErrorCode::Unavailable);
  script_->answer(200, object_.dump());
  script_->answer(200, "");
  (void)c->get(kPods, {"ml", "a"});
  (void)c->list(kPods, "", {});
  (void)c->patch(kRollouts, {"ml", "a"}, {}, {PatchType::Apply, "status", "m", true});
  (void)c->watch(kPods, "", {}, [](WatchEvent) {}, {});
  EXPECT_EQ(seen, (std::vector<std::string>{"get GET pods 404", "list GET pods 0", "apply PATCH rollouts/status 200",
                                            "watch GET pods 200"}));
}

TEST_F(RestClientTest, TellsWhetherTheServerWasReached) {
  std::vector<std::string> told;
  ClientOptions options;
  options.reached = [&](bool answered) { told.emplace_back(answered ? "yes" : "no"); };
  const auto c = client(options);
  script_->fail(ErrorCode::Unavailable);
  script_->answer(503, "");
  script_->fail(ErrorCode::Timeout);
  (void)c->list(kPods, "", {});
  (void)c->get(kPods, {"ml", "a"});
  (void)c->watch(kPods, "", {}, [](WatchEvent) {}, {});
  EXPECT_EQ(told, (std::vector<std::string>{"no", "yes", "no"}));

  told.clear();
  script_->answer(200, "");
  script_->pieces = {R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12"}}})"
                     "\n"};
  (void)c->watch(kPods, "", {}, [&](WatchEvent) { told.emplace_back("event"); }, {});
  EXPECT_EQ(told, (std::vector<std::string>{"yes", "event"})) << "a watch says so when it begins";

  told.clear();
  script_->answer(200, "");
  script_->pieces = {R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
                     "\n"};
  EXPECT_FALSE(c->watch(kPods, "", {}, [](WatchEvent) {}, {}).ok());
  EXPECT_EQ(told, (std::vector<std::string>{"yes"})) << "a server that has forgotten a version has answered";
}

TEST_F(RestClientTest, SendsNothingThatIsNotAdmitted) {
  bool admitted = false;
  ClientOptions options;
  options.admits = [&] { return admitted; };
  const auto c = client(options);
  const auto refused = c->get(kPods, {"ml", "a"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Unavailable);
  EXPECT_TRUE(script_->requests.empty());
  admitted = true;
  script_->answer(200, R"({"kind":"Pod"})");
  EXPECT_TRUE(c->get(kPods, {"ml", "a"}));
}

// --- watches
// ------------------------------------------------------------------------------------------------------

TEST_F(RestClientTest, WatchGivesEventsUntilItsEnd) {
  script_->answer(200, "");
  script_->pieces = {R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})"
                     "\n"
                     R"({"type":"BOOK)",
                     R"(MARK","object":{"metadata":{"resourceVersion":"12"}}})"
                     "\n"};
  WatchOptions options;
  options.selector.labels = "a=b";
  options.resource_version = "10";
  std::vector<WatchEvent::Type> types;
  std::string version;
  const Outcome end = client()->watch(kPods, "ml", options,
                                      [&](WatchEvent event) {
                                        types.push_back(event.type);
                                        version = resource_version_of(event.object);
                                      },
                                      {});
  EXPECT_TRUE(end) << end.error().message;
  EXPECT_EQ(types, (std::vector<WatchEvent::Type>{WatchEvent::Type::Added, WatchEvent::Type::Bookmark}));
  EXPECT_EQ(version, "12");
  EXPECT_EQ(
      sent().path,
      "/api/v1/namespaces/ml/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion=10"
      "&labelSelector=a%3Db");
}

TEST_F(RestClientTest, AListAsAStreamEndsWithAMarkedBookmark) {
  script_->answer(200, "");
  script_->pieces = {R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"11"}}})"
                     "\n"
                     R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12",)"
                     R"("annotations":{"k8s.io/initial-events-end":"true"}}}})"
                     "\n"};
  WatchOptions options;
  options.initial_events = true;
  std::vector<bool> ends;
  EXPECT_TRUE(client()->watch(kPods, "", options, [&](WatchEvent e) { ends.push_back(ends_initial_events(e)); }, {}));
  EXPECT_EQ(ends, (std::vector<bool>{false, true}));
  EXPECT_EQ(sent().path, "/api/v1/pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true"
                         "&resourceVersionMatch=NotOlderThan&timeoutSeconds=290");
}

// The server ends a watch itself after its timeout, so that silence beyond it is a connection that is half open.
TEST_F(RestClientTest, WatchSilenceBeyondTheServersTimeoutIsAnError) {
  script_->answer(200, "");
  WatchOptions options;
  options.timeout = seconds(240);
  EXPECT_TRUE(client()->watch(kPods, "", options, [](WatchEvent) {}, {}));
  EXPECT_NE(sent().path.find("timeoutSeconds=240"), std::string::npos);
  EXPECT_EQ(script_->idles, std::vector<Duration>{seconds(245)});
  script_->fail(ErrorCode::Timeout);
  const Outcome silent = client()->watch(kPods, "", options, [](WatchEvent) {}, {});
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::Timeout);
}

TEST_F(RestClientTest, EveryAnswerHasALargestSize) {
  const auto c = client();
  script_->answer(200, object_.dump());
  (void)c->get(kPods, {"ml", "a"});
  EXPECT_EQ(sent().max_body, 64u << 20);
  script_->answer(200, object_.dump());
  (void)c->update(kPods, object_);
  EXPECT_EQ(sent().max_body, 64u << 20);
  script_->answer(200, R"({"items":[]})");
  (void)c->list(kPods, "", {});
  EXPECT_EQ(sent().max_body, 512u << 20);  // a server may ignore the limit of a page
  script_->answer(200, "");
  (void)c->watch(kPods, "", {}, [](WatchEvent) {}, {});
  EXPECT_EQ(sent().max_body, 64u << 10);  // of a refusal; lines have a limit of their own
}

TEST_F(RestClientTest, AWatchLineThatNeverEndsIsAnError) {
  script_->answer(200, "");
  script_->pieces.assign(9, std::string(1u << 20, 'x'));
  const Outcome end = client()->watch(kPods, "", {}, [](WatchEvent) {}, {});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::TooLarge);
}

TEST_F(RestClientTest, AWarningIsLoggedOnceWhateverTheAnswer) {
  const auto c = client();
  const auto logged = [&](const char* warning, int status) {
    script_->answer(status, object_.dump(), {{"Warning", "299 - \"" + std::string(warning) + "\""}});
    ::testing::internal::CaptureStderr();
    if (status == 200) {
      (void)c->get(kPods, {"ml", "a"});
    } else {
      (void)c->watch(kPods, "", {}, [](WatchEvent) {}, {});
    }
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_NE(logged("v1beta1 is old", 200).find("v1beta1 is old"), std::string::npos);
  EXPECT_EQ(logged("v1beta1 is old", 200), "");
  EXPECT_EQ(logged("v1beta1 is old", 404), "");
  EXPECT_NE(logged("another", 404).find("another"), std::string::npos);
  EXPECT_EQ(logged("another", 200), "");
}

TEST_F(RestClientTest, WatchErrorsByStatusAndByEvent) {
  const auto c = client();
  const std::string expired = R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})";
  script_->answer(410, expired);
  const Outcome by_status = c->watch(kPods, "", {}, [](WatchEvent) {}, {});
  ASSERT_FALSE(by_status);
  EXPECT_EQ(by_status.error().code, ErrorCode::Gone);

  script_->answer(200, "");
  script_->pieces = {R"({"type":"ERROR","object":)" + expired + "}\n"};
  const Outcome by_event = c->watch(kPods, "", {}, [](WatchEvent) {}, {});
  ASSERT_FALSE(by_event);
  EXPECT_EQ(by_event.error().code, ErrorCode::Gone);
  EXPECT_EQ(by_event.error().message, "too old");

  script_->answer(200, "");
  script_->pieces = {"{\"type\":"};
  EXPECT_EQ(c->watch(kPods, "", {}, [](WatchEvent) {}, {}).error().code, ErrorCode::Unavailable);

  script_->fail(ErrorCode::Timeout);
  EXPECT_EQ(c->watch(kPods, "", {}, [](WatchEvent) {}, {}).error().code, ErrorCode::Timeout);

  script_->answer(429, "", {{"Retry-After", "3"}});
  EXPECT_EQ(c->watch(kPods, "", {}, [](WatchEvent) {}, {}).error().retry_after, seconds(3));
}

TEST_F(RestClientTest, WatchThatIsStoppedIsASuccessWithoutFurtherEvents) {
  script_->answer(200, "");
  const std::string event = R"({"type":"ADDED","object":{}})"
                            "\n";
  script_->pieces = {event + event + event, event};
  std::stop_source stop;
  int seen = 0;
  const Outcome end = client()->watch(
      kPods, "", {},
      [&](WatchEvent) {
        if (++seen == 2) stop.request_stop();
      },
      stop.get_token());
  EXPECT_TRUE(end);
  EXPECT_EQ(seen, 2);
}

TEST_F(RestClientTest, WatchHandlerThatThrowsIsAnError) {
  script_->answer(200, "");
  script_->pieces = {R"({"type":"ADDED","object":{}})"
                     "\n"};
  const Outcome end = client()->watch(kPods, "", {}, [](WatchEvent) { throw std::runtime_error("bug"); }, {});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::Internal);
  EXPECT_NE(end.error().message.find("bug"), std::string::npos);
}

// --- over the network
// ---------------------------------------------------------------------------------------------

TEST(RestClientOverHttp, AWatchCutByteByByteAndAGet) {
  test::HttpServer server([](test::HttpExchange& http) {
    if (http.request().target == "/version") {
      return http.respond_json(200, R"({"gitVersion":"v1.35.8"})", {{"Warning", R"(299 - "old")"}});
    }
    http.begin_chunked(200, {{"Content-Type", "application/json"}});
    const std::string body = R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})"
                             "\n"
                             R"({"type":"DELETED","object":{"metadata":{"name":"a"}}})"
                             "\n";
    for (const char c : body) http.chunk(std::string(1, c));
    http.end_chunked();
  });
  Config config;
  config.server = server.url();
  auto c = connect(config);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(*(*c)->server_version(), "v1.35.8");
  EXPECT_TRUE(server.requests().back().header("User-Agent").starts_with("sluice/"));
  std::vector<WatchEvent::Type> types;
  EXPECT_TRUE((*c)->watch(kPods, "", {}, [&](WatchEvent event) { types.push_back(event.type); }, {}));
  EXPECT_EQ(types, (std::vector<WatchEvent::Type>{WatchEvent::Type::Added, WatchEvent::Type::Deleted}));
}

TEST(RestClientOverHttp, ABadAddressIsToldAtOnce) {
  Config config;
  config.server = "https://[fd00::1]:443";
  const auto c = connect(config);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, ErrorCode::Invalid);
  EXPECT_NE(c.error().message.find("IPv6"), std::string::npos);
}

}  // namespace
}  // namespace sluice::kube
