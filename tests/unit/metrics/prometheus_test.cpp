// The client against a real HTTP server that answers as Prometheus does, and as broken proxies do.
#include "metrics/prometheus.h"

#include <gtest/gtest.h>

#include <atomic>

#include "metrics/collector.h"
#include "support/http_server.h"
#include "support/virtual_clock.h"
#include "unit/metrics/memory_source.h"

namespace sluice::metrics {
namespace {

using test::HttpExchange;
using test::HttpServer;

constexpr const char* kEmpty = R"({"status":"success","data":{"resultType":"matrix","result":[]}})";

std::unique_ptr<SampleSource> connect(const std::string& address, PrometheusOptions options = {}) {
  auto source = connect_prometheus(address, options);
  EXPECT_TRUE(source.ok()) << (source.ok() ? "" : source.error().message);
  return std::move(source).take();
}

Result<Matrix> ask(SampleSource& source, Duration deadline = seconds(5)) {
  return source.samples(R"(m{pod=~"a&b+c"})", at(1700000000.25), seconds(90), deadline, {});
}

TEST(Prometheus, AsksAnInstantQueryOfARangeSelector) {
  HttpServer server([](HttpExchange& http) {
    http.respond_json(200, R"({"status":"success","data":{"resultType":"matrix","result":[
      {"metric":{"pod":"a"},"values":[[1699999999.5,"3"]]}]}})");
  });
  const auto source = connect(server.url() + "/prom/");
  const auto answer = ask(*source);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(*answer, (Matrix{{{{"pod", "a"}}, {{at(1699999999.5), 3}}}}));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/prom/api/v1/query");
  EXPECT_EQ(requests[0].header("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(requests[0].body,
            "query=m%7Bpod%3D~%22a%26b%2Bc%22%7D%5B90000ms%5D&time=1700000000.250&timeout=5.000");
}

TEST(Prometheus, AsksAnyExpressionBySubquery) {
  HttpServer server([](HttpExchange& http) { http.respond_json(200, kEmpty); });
  const auto source = connect(server.url());
  ASSERT_TRUE(source->values("sum(m)", at(1700000000), seconds(90), seconds(15), seconds(5), {}).ok());
  EXPECT_EQ(server.requests().at(0).body,
            "query=%28sum%28m%29%29%5B90000ms%3A15000ms%5D&time=1700000000.000&timeout=5.000");
}

TEST(Prometheus, ALookAtASeriesAddsWhatThereIs) {
  HttpServer server([](HttpExchange& http) {
    http.respond_json(200, R"({"status":"success","data":{"resultType":"matrix","result":[
      {"metric":{"pod":"a"},"values":[[100,"3"],[115,"4"]]}, {"metric":{"pod":"b"},"values":[[115,"5"]]}]}})");
  });
  const auto source = connect(server.url());
  test::VirtualClock clock;
  Look look;
  look.from = at(90);
  look.to = at(120);
  look.series = SeriesQuery{"memory", seconds(15)};
  const LookResult result = take(look, *source, clock, {});
  ASSERT_FALSE(result.error);
  EXPECT_EQ(result.look, look);
  EXPECT_EQ(result.series, (std::vector<Sample>{{at(100), 3}, {at(115), 9}}));
}

struct StatusCase {
  int status;
  std::string body;
  ErrorCode code;
  std::string words;
};

TEST(Prometheus, TellsErrorsApart) {
  const StatusCase cases[] = {
      {400, R"({"status":"error","errorType":"bad_data","error":"1:8: parse error: unexpected }"})",
       ErrorCode::Invalid, "bad_data: 1:8: parse error: unexpected }"},
      {422,
       R"({"status":"error","errorType":"execution","error":"query processing would load too many samples"})",
       ErrorCode::Invalid, "too many samples"},
      {503, R"({"status":"error","errorType":"timeout","error":"query timed out"})", ErrorCode::Timeout,
       "timed out"},
      {503, "no healthy upstream", ErrorCode::Unavailable, "no healthy upstream"},
      {500, R"({"status":"error","errorType":"internal","error":"tsdb"})", ErrorCode::Unavailable, "tsdb"},
      {429, "slow down", ErrorCode::TooManyRequests, "429"},
      {401, "", ErrorCode::Unauthorized, "401"},
      {403, "", ErrorCode::Forbidden, "403"},
      {404, "<html>not\nhere</html>", ErrorCode::NotFound, "is the path of the address right?"},
      {302, "", ErrorCode::Invalid, "redirects to http://login.example"},
      {200, "<html>please log in</html>", ErrorCode::Invalid, "not an answer"},
      {200, R"({"status":"error","errorType":"bad_data","error":"odd"})", ErrorCode::Invalid, "odd"},
      {200, R"({"status":"success","data":{"resultType":"scalar","result":[1,"2"]}})", ErrorCode::Invalid,
       "scalar"},
  };
  for (const auto& c : cases) {
    HttpServer server([&](HttpExchange& http) {
      http.respond(c.status, c.body, {{"Location", "http://login.example"}, {"Retry-After", "7"}});
    });
    const auto answer = ask(*connect(server.url()));
    ASSERT_FALSE(answer.ok()) << c.status;
    EXPECT_EQ(answer.error().code, c.code) << c.status << " " << answer.error().message;
    EXPECT_NE(answer.error().message.find(c.words), std::string::npos) << answer.error().message;
    EXPECT_NE(answer.error().message.find(server.url()), std::string::npos) << answer.error().message;
    EXPECT_EQ(answer.error().message.find('\n'), std::string::npos);
    if (c.status != 200) {
      EXPECT_EQ(answer.error().retry_after, seconds(7)) << c.status;
    }
    EXPECT_EQ(server.request_count(), 1u) << "an answer is an answer";
  }
}

TEST(Prometheus, RetryAfterInOtherFormsIsNoNumber) {
  for (const char* value : {"Wed, 21 Oct 2026 07:28:00 GMT", "-5", "", "1e3"}) {
    HttpServer server([&](HttpExchange& http) { http.respond(503, "", {{"Retry-After", value}}); });
    EXPECT_EQ(ask(*connect(server.url())).error().retry_after, std::nullopt) << value;
  }
}

TEST(Prometheus, LimitsTheBody) {
  HttpServer server([](HttpExchange& http) { http.respond_json(200, std::string(100000, ' ') + kEmpty); });
  PrometheusOptions options;
  options.max_body = 50000;
  EXPECT_EQ(ask(*connect(server.url(), options)).error().code, ErrorCode::TooLarge);
  EXPECT_TRUE(ask(*connect(server.url())).ok());
}

TEST(Prometheus, SilenceEndsAtTheDeadline) {
  HttpServer server([](HttpExchange& http) { http.wait_for_close(); });
  const auto answer = ask(*connect(server.url()), milliseconds(200));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::Timeout) << answer.error().message;
}

TEST(Prometheus, ALostQueryIsSentOnceMore) {
  std::atomic<int> count{0};
  HttpServer server([&](HttpExchange& http) {
    if (++count == 1) return http.reset();
    http.respond_json(200, kEmpty);
  });
  EXPECT_TRUE(ask(*connect(server.url())).ok());
  EXPECT_EQ(count, 2);
}

TEST(Prometheus, NobodyThereIsUnavailable) {
  std::string address;
  {
    HttpServer gone([](HttpExchange&) {});
    address = gone.url();
  }
  const auto answer = ask(*connect(address));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::Unavailable);
}

TEST(Prometheus, CanBeCancelled) {
  std::stop_source stop;
  HttpServer server([&](HttpExchange& http) {
    stop.request_stop();
    http.wait_for_close();
  });
  const auto answer = connect(server.url())->samples("m", at(1), seconds(1), seconds(20), stop.get_token());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::Cancelled) << answer.error().message;
}

TEST(Prometheus, WarningsAreLoggedOnce) {
  HttpServer server([](HttpExchange& http) {
    http.respond_json(
        200, R"({"status":"success","warnings":["store gone"],"data":{"resultType":"matrix","result":[]}})");
  });
  const auto source = connect(server.url());
  testing::internal::CaptureStderr();
  EXPECT_TRUE(ask(*source).ok());
  EXPECT_TRUE(ask(*source).ok());
  const std::string log = testing::internal::GetCapturedStderr();
  const auto first = log.find("store gone");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("store gone", first + 1), std::string::npos) << log;
}

TEST(Prometheus, ALookOverHttp) {
  HttpServer server([](HttpExchange& http) {
    const bool errors = http.request().body.find("errors") != std::string::npos;
    http.respond_json(
        200, std::string(R"({"status":"success","data":{"resultType":"matrix","result":[)") +
                 (errors ? "" : R"({"metric":{"pod":"a"},"values":[[50,"10"],[80,"30"],[119,"45"]]})") +
                 "]}}");
  });
  Look look{server.url(),
            {{"errors", CounterQuery{"errors", "total"}, CounterQuery{"errors", "total"}}},
            at(60),
            at(120)};
  const auto source = connect(server.url());
  const LookResult result = take(look, *source, test::VirtualClock(), {});
  ASSERT_FALSE(result.error) << result.error->message;
  EXPECT_EQ(result.metrics[0].stable, (Counts{0, 35}));
  EXPECT_EQ(result.metrics[0].gap, std::nullopt);
  EXPECT_EQ(server.request_count(), 2u) << "both arms ask the same";
}

TEST(CheckAddress, AcceptsWhatUsersWrite) {
  EXPECT_EQ(*check_address("http://prometheus.monitoring:9090"), "http://prometheus.monitoring:9090");
  EXPECT_EQ(*check_address("https://metrics.example.com/prom//"), "https://metrics.example.com/prom");
  for (const char* bad :
       {"", "prometheus:9090", "ftp://x", "http://", "http:///x", "http://:9090", "http://a b",
        "http://user:secret@x", "http://x?y=z", "http://x/#f", "HTTP//x", "http://x\n"}) {
    const auto checked = check_address(bad);
    ASSERT_FALSE(checked.ok()) << bad;
    EXPECT_EQ(checked.error().code, ErrorCode::Invalid);
    EXPECT_FALSE(connect_prometheus(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace sluice::metrics
