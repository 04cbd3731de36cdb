#include "kube/status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::kube {
namespace {

std::string status_body(int code, const std::string& reason, const std::string& message) {
  return nlohmann::json{{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", message}}.dump();
}

TEST(Status, ReasonsAreWorthMoreThanNumbers) {
  const struct {
    int http;
    const char* reason;
    ErrorCode code;
  } cases[] = {
      {400, "BadRequest", ErrorCode::Invalid},
      {401, "Unauthorized", ErrorCode::Unauthorized},
      {403, "Forbidden", ErrorCode::Forbidden},
      {404, "NotFound", ErrorCode::NotFound},
      {405, "MethodNotAllowed", ErrorCode::Invalid},
      {409, "AlreadyExists", ErrorCode::AlreadyExists},
      {409, "Conflict", ErrorCode::Conflict},
      {410, "Gone", ErrorCode::Gone},
      {410, "Expired", ErrorCode::Gone},
      {413, "RequestEntityTooLarge", ErrorCode::Invalid},
      {415, "UnsupportedMediaType", ErrorCode::Invalid},
      {422, "Invalid", ErrorCode::Invalid},
      {429, "TooManyRequests", ErrorCode::TooManyRequests},
      {500, "InternalError", ErrorCode::Unavailable},
      {500, "ServerTimeout", ErrorCode::Unavailable},
      {503, "ServiceUnavailable", ErrorCode::Unavailable},
      {504, "Timeout", ErrorCode::Timeout},
      // A reason that we have never heard of: the number decides.
      {409, "Peculiar", ErrorCode::Conflict},
      {422, "", ErrorCode::Invalid},
      {500, "", ErrorCode::Unavailable},
  };
  for (const auto& c : cases) {
    const Error error = error_from_answer(c.http, {}, status_body(c.http, c.reason, "because"));
    EXPECT_EQ(error.code, c.code) << c.http << " " << c.reason;
    EXPECT_EQ(error.message, "because");
    EXPECT_EQ(error.retry_after, std::nullopt);
  }
}

TEST(Status, AStatusWithoutANumberIsJudgedByTheAnswers) {
  EXPECT_EQ(error_from_answer(409, {}, R"({"kind":"Status","message":"m"})").code, ErrorCode::Conflict);
  EXPECT_EQ(error_from_answer(410, {}, R"({"kind":"Status"})").code, ErrorCode::Gone);
}

TEST(Status, ForeignBodiesKeepTheirWords) {
  const Error proxy = error_from_answer(502, {}, "<html>\n<b>Bad gateway</b>\r\n");
  EXPECT_EQ(proxy.code, ErrorCode::Unavailable);
  EXPECT_EQ(proxy.message, "the server answered 502: <html> <b>Bad gateway</b>");
  EXPECT_EQ(error_from_answer(404, {}, "").message, "the server answered 404");
  EXPECT_EQ(error_from_answer(404, {}, "{\"kind\":\"Pod\"}").code, ErrorCode::NotFound);
  EXPECT_EQ(error_from_answer(301, {}, "").code, ErrorCode::Invalid);
  EXPECT_LT(error_from_answer(500, {}, std::string(100'000, 'x')).message.size(), 300u);
}

TEST(Status, RetryAfter) {
  const std::string details = R"({"kind":"Status","code":429,"details":{"retryAfterSeconds":7}})";
  EXPECT_EQ(error_from_answer(429, {}, details).retry_after, seconds(7));
  EXPECT_EQ(error_from_answer(429, {{"retry-after", "2"}}, details).retry_after, seconds(2));
  for (const char* odd :
       {"", "x", "-1", "0", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999999999999"}) {
    EXPECT_EQ(error_from_answer(429, {{"Retry-After", odd}}, "").retry_after, std::nullopt) << odd;
  }
  EXPECT_EQ(error_from_answer(429, {{"Retry-After", "9223372036854775807"}}, "").retry_after, minutes(2));
}

TEST(Status, OfAWatchEvent) {
  const Error error = error_from_status(nlohmann::json::parse(
      R"({"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"})"));
  EXPECT_EQ(error.code, ErrorCode::Gone);
  EXPECT_EQ(error.message, "too old resource version");
  EXPECT_EQ(error_from_status(nlohmann::json::parse("{}")).code, ErrorCode::Internal);
}

}  // namespace
}  // namespace sluice::kube
