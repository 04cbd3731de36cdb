#include "runtime/fenced_client.h"

#include <gtest/gtest.h>

#include "support/faulty_client.h"
#include "support/memory_api_server.h"
#include "support/virtual_clock.h"

namespace sluice::runtime {
namespace {

using nlohmann::json;
using test::resources::kConfigMaps;
using test::resources::kPods;

class Gate final : public Fence {
 public:
  bool may_write() const override { return open; }
  bool open = true;
};

// Counts what gets through.
class Counts final : public test::Faults {
 public:
  std::optional<Error> before(const test::Call& call) override {
    ++(call.is_write() ? writes : reads);
    return std::nullopt;
  }
  int writes = 0;
  int reads = 0;
};

class FencedClientTest : public ::testing::Test {
 protected:
  FencedClientTest() {
    EXPECT_TRUE(server_.create(kPods, {{"metadata", {{"name", "a"}, {"namespace", "ml"}}}}));
    server_.write_log({"ml", "a"}, "done\n");
  }
  // One of each call; how many of the writes and of the reads succeeded.
  std::pair<int, int> try_all() {
    const kube::Key key{"ml", "a"};
    const std::stop_token no_stop;
    json object = {{"metadata", {{"name", "a"}, {"namespace", "ml"}}}, {"data", {{"v", "1"}}}};
    int written = 0;
    const auto wrote = [&](const auto& result) {
      written += result ? 1 : 0;
      if (!result) {
        EXPECT_EQ(result.error().code, ErrorCode::Cancelled) << result.error().message;
      }
    };
    wrote(client_.create(kConfigMaps, object));
    wrote(client_.patch(kConfigMaps, key, {{"data", {{"v", "2"}}}}, {}));
    const json applied = {{"apiVersion", "v1"},
                          {"kind", "ConfigMap"},
                          {"metadata", object["metadata"]},
                          {"data", {{"w", "3"}}}};
    wrote(client_.patch(kConfigMaps, key, applied,
                        {.type = kube::PatchType::Apply, .field_manager = "m", .force = true}));
    const auto live = client_.get(kConfigMaps, key);
    if (live) object = *live;
    object["data"]["v"] = "4";
    wrote(client_.update(kConfigMaps, object, ""));
    wrote(client_.remove(kConfigMaps, key, ""));
    int read = live.ok() ? 1 : 0;
    read += client_.list(kConfigMaps, "", {}).ok() ? 1 : 0;
    const auto words = client_.log(key, {});
    read += words && *words == "done\n" ? 1 : 0;
    read += client_.server_version().ok() ? 1 : 0;
    read += client_.watch(kConfigMaps, "", {.timeout = seconds(0)}, [](kube::WatchEvent) {}, no_stop).ok() ? 1 : 0;
    return {written, read};
  }

  test::VirtualClock clock_;
  test::MemoryApiServer server_{clock_};
  Counts counts_;
  test::FaultyClient inner_{server_, counts_};
  Gate gate_;
  FencedClient client_{inner_, gate_};
};

TEST_F(FencedClientTest, EverythingPassesWhileTheFenceIsOpen) {
  EXPECT_EQ(try_all(), (std::pair{5, 5}));
  EXPECT_EQ(counts_.writes, 5);
}

TEST_F(FencedClientTest, NoWritePassesOnceItIsClosedAndReadsStillDo) {
  ASSERT_TRUE(client_.create(kConfigMaps, {{"metadata", {{"name", "a"}, {"namespace", "ml"}}}}));
  counts_ = {};
  const auto writes = server_.writes();
  gate_.open = false;
  EXPECT_EQ(try_all(), (std::pair{0, 5}));
  EXPECT_EQ(counts_.writes, 0);
  EXPECT_EQ(counts_.reads, 5);
  EXPECT_EQ(server_.writes(), writes);
}

}  // namespace
}  // namespace sluice::runtime
