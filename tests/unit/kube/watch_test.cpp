#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "kube/object.h"
#include "kube/watch_decoder.h"

namespace sluice::kube {
namespace {

using nlohmann::json;

struct Seen {
  WatchEvent::Type type;
  std::string name;
  bool operator==(const Seen&) const = default;
};

// Decodes with the events noted.
class Recorder {
 public:
  explicit Recorder(std::size_t longest = WatchDecoder::kLongestLine)
      : decoder_(
            [this](WatchEvent event) {
              seen.push_back({event.type, name_of(event.object)});
            },
            longest) {}
  WatchDecoder& decoder() { return decoder_; }
  std::vector<Seen> seen;

 private:
  WatchDecoder decoder_;
};

std::string line(const std::string& type, const std::string& name, const std::string& filler = "") {
  return json{{"type", type}, {"object", {{"metadata", {{"name", name}}}, {"data", filler}}}}.dump() + "\n";
}

TEST(WatchDecoder, KnowsTheEventTypes) {
  Recorder r;
  EXPECT_TRUE(r.decoder().feed(line("ADDED", "a") + line("MODIFIED", "b") + line("DELETED", "c") +
                               line("BOOKMARK", "") + "\r\n\n"));
  EXPECT_TRUE(r.decoder().finish());
  EXPECT_EQ(r.seen, (std::vector<Seen>{{WatchEvent::Type::Added, "a"},
                                       {WatchEvent::Type::Modified, "b"},
                                       {WatchEvent::Type::Deleted, "c"},
                                       {WatchEvent::Type::Bookmark, ""}}));
}

TEST(WatchDecoder, TheHandlerMayMoveTheObject) {
  std::vector<json> objects;
  WatchDecoder decoder([&](WatchEvent event) { objects.push_back(std::move(event.object)); });
  EXPECT_TRUE(decoder.feed(line("ADDED", "a") + line("ADDED", "b")));
  EXPECT_EQ(name_of(objects.at(1)), "b");
}

// The property: however the bytes are cut, the events are the same.
TEST(WatchDecoder, CutsMakeNoDifference) {
  std::mt19937 random(20260102);
  std::string body;
  std::vector<Seen> expected;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "n" + std::to_string(i);
    // With line ends inside strings (escaped in JSON) and characters of several bytes.
    body +=
        line(i % 3 == 0 ? "ADDED" : "MODIFIED", name, std::string(random() % 300, 'x') + "\n\xE2\x82\xAC{}");
    expected.push_back({i % 3 == 0 ? WatchEvent::Type::Added : WatchEvent::Type::Modified, name});
  }
  for (std::size_t at = 0; at < body.size(); at += 7) {
    Recorder r;
    ASSERT_TRUE(r.decoder().feed(body.substr(0, at)));
    ASSERT_TRUE(r.decoder().feed(body.substr(at)));
    ASSERT_EQ(r.seen, expected) << "cut at " << at;
  }
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t longest = 1 + random() % (trial % 2 == 0 ? 5 : 2000);
    Recorder r;
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t size = 1 + random() % longest;
      ASSERT_TRUE(r.decoder().feed(std::string_view(body).substr(at, size)));
      at += size;
    }
    ASSERT_EQ(r.seen, expected) << "trial " << trial;
    ASSERT_TRUE(r.decoder().finish());
  }
}

TEST(WatchDecoder, AnErrorEventIsTheErrorThatItCarries) {
  Recorder r;
  EXPECT_FALSE(r.decoder().feed(
      line("ADDED", "a") +
      R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}})"
      "\n" +
      line("ADDED", "never")));
  EXPECT_EQ(r.seen.size(), 1u);
  ASSERT_TRUE(r.decoder().error());
  EXPECT_EQ(r.decoder().error()->code, ErrorCode::Gone);
  EXPECT_EQ(r.decoder().error()->message, "too old");
  EXPECT_FALSE(r.decoder().finish());
  EXPECT_FALSE(r.decoder().feed(line("ADDED", "never")));
  EXPECT_EQ(r.seen.size(), 1u);
}

TEST(WatchDecoder, WhatIsNoEventFails) {
  for (const char* bad : {"rubbish\n", "[]\n", "7\n", "{}\n",
                          R"({"type":"ADDED"})"
                          "\n",
                          R"({"type":"ADDED","object":7})"
                          "\n",
                          R"({"type":"NEW","object":{}})"
                          "\n",
                          R"({"type":7,"object":{}})"
                          "\n",
                          "{\"type\":\"ADDED\"\n"}) {
    Recorder r;
    EXPECT_FALSE(r.decoder().feed(bad)) << bad;
    ASSERT_TRUE(r.decoder().error()) << bad;
    EXPECT_EQ(r.decoder().error()->code, ErrorCode::Internal) << bad;
    EXPECT_TRUE(r.seen.empty());
  }
}

TEST(WatchDecoder, LinesHaveALimitInOnePieceOrMany) {
  const std::string long_line = line("ADDED", "a", std::string(500, 'x'));
  for (const std::size_t step : {long_line.size(), std::size_t{1}, std::size_t{100}}) {
    Recorder fits(long_line.size() - 1);
    Recorder too_short(long_line.size() - 2);
    bool all = true;
    for (std::size_t at = 0; at < long_line.size(); at += step) {
      EXPECT_TRUE(fits.decoder().feed(long_line.substr(at, step)));
      all = all && too_short.decoder().feed(long_line.substr(at, step));
    }
    EXPECT_EQ(fits.seen.size(), 1u);
    EXPECT_FALSE(all);
    EXPECT_EQ(too_short.decoder().error()->code, ErrorCode::TooLarge);
  }
}

TEST(WatchDecoder, EndingWithinALineIsAnError) {
  Recorder r;
  EXPECT_TRUE(r.decoder().feed(line("ADDED", "a") + R"({"type":"ADD)"));
  const Outcome end = r.decoder().finish();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::Unavailable);
}

}  // namespace
}  // namespace sluice::kube
