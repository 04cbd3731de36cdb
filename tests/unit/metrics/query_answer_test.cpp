#include "metrics/query_answer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "unit/metrics/memory_source.h"

namespace sluice::metrics {
namespace {

TEST(ParseAnswer, ReadsAMatrix) {
  const auto answer = parse_answer(R"({"status":"success","data":{"resultType":"matrix","result":[
      {"metric":{"__name__":"m","pod":"a","note":"quote \" and \u00fc"},"values":[[1700000000.123,"5"],[1700000015,"7.5e+06"]]},
      {"metric":{"pod":"b"},"values":[[1700000000,"NaN"],[1700000001,"+Inf"],[1700000002,"-Inf"]],
       "histograms":[[1700000000.1,{"count":"3","sum":"2","buckets":[[0,"1","2","3"]]}]]}],
      "stats":{"timings":[1,2,{"x":[]}]}},"warnings":["w1","w2"],"infos":["i"]})");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, "success");
  EXPECT_EQ(answer->result_type, "matrix");
  EXPECT_EQ(answer->warnings, (std::vector<std::string>{"w1", "w2"}));
  ASSERT_EQ(answer->matrix.size(), 2u);
  EXPECT_EQ(answer->matrix[0].labels, (Labels{{"__name__", "m"}, {"pod", "a"}, {"note", "quote \" and ü"}}));
  EXPECT_EQ(answer->matrix[0].samples, (std::vector<Sample>{{Time(Duration(1700000000123)), 5},
                                                            {Time(Duration(1700000015000)), 7.5e6}}));
  const auto& odd = answer->matrix[1].samples;
  ASSERT_EQ(odd.size(), 3u);
  EXPECT_TRUE(std::isnan(odd[0].value));
  EXPECT_EQ(odd[1].value, INFINITY);
  EXPECT_EQ(odd[2].value, -INFINITY);
}

TEST(ParseAnswer, ReadsAnError) {
  const auto answer = parse_answer(R"({"status":"error","errorType":"bad_data","error":"1:3: parse error"})");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->error_type, "bad_data");
  EXPECT_EQ(answer->error, "1:3: parse error");
}

TEST(ParseAnswer, OtherTypesGiveNoMatrix) {
  const auto answer = parse_answer(
      R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"2"]}]}})");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->result_type, "vector");
  const auto scalar = parse_answer(R"({"status":"success","data":{"resultType":"scalar","result":[1,"2"]}})");
  EXPECT_TRUE(scalar.ok());
}

TEST(ParseAnswer, RefusesWhatIsNoAnswer) {
  const std::string head =
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[)";
  const std::string tail = "]}]}}";
  for (const std::string& body : {std::string(),
                                 std::string("<html>"),
                                 std::string("[]"),
                                 std::string("{}"),
                                 std::string("null"),
                                 head,
                                 head + R"([1,"2"])",
                                 head + R"([1])" + tail,
                                 head + R"(["2"])" + tail,
                                 head + R"([1,"x"])" + tail,
                                 head + R"([1,2])" + tail,
                                 head + R"([1,"2",3])" + tail,
                                 head + R"([1e40,"2"])" + tail,
                                 head + R"([null,"2"])" + tail,
                                 head + R"([1,["2"]])" + tail,
                                 head + R"([1,{"a":"2"}])" + tail,
                                 head + R"([true,"2"])" + tail,
                                 head + R"([1,"2 "])" + tail,
                                 head + R"([1,""])" + tail,
                                 std::string("{\"status\":\"success\"} x"),
                                 std::string("{\"status\":\"\xff\"}")}) {
    const auto answer = parse_answer(body);
    ASSERT_FALSE(answer.ok()) << body;
    EXPECT_EQ(answer.error().code, ErrorCode::Invalid);
    EXPECT_FALSE(answer.error().message.empty()) << body;
  }
}

TEST(ParseAnswer, DeepNestingIsNoDanger) {
  std::string body = R"({"status":"success","x":)";
  body.append(200000, '[').append(200000, ']').append("}");
  EXPECT_TRUE(parse_answer(body).ok());
}

// Any cut of a good answer is refused, and none crashes.
TEST(ParseAnswer, EveryCutIsRefused) {
  const std::string body =
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1.5,"2"]]}]}})";
  for (std::size_t i = 0; i < body.size(); ++i) EXPECT_FALSE(parse_answer(body.substr(0, i)).ok()) << i;
  EXPECT_TRUE(parse_answer(body).ok());
}

}  // namespace
}  // namespace sluice::metrics
