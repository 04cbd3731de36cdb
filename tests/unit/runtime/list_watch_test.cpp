// The state machine of a reflector, answer by answer. How it fares against a server that forgets, lags and
// breaks is in reflector_test.cpp; lists as streams are in list_stream_test.cpp.
#include "runtime/list_watch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "list_watch_parts.h"

namespace sluice::runtime {
namespace {

class ListWatchTest : public ::testing::Test {
 protected:
  static ReflectorOptions options() { return test_options(false); }

  kube::ListOptions next_list() {
    const auto request = machine_.next();
    EXPECT_TRUE(std::holds_alternative<ListWatch::List>(request));
    return std::get<ListWatch::List>(request).options;
  }
  kube::WatchOptions next_watch() {
    const auto request = machine_.next();
    EXPECT_TRUE(std::holds_alternative<ListWatch::Watch>(request));
    return std::get<ListWatch::Watch>(request).options;
  }
  void listed(std::vector<json> items, const std::string& version, const std::string& more = "") {
    machine_.listed(kube::ListPage{std::move(items), version, more}, now_);
  }
  void list_fails(ErrorCode code) { machine_.listed(Error{code, "no", {}}, now_); }
  bool event(Type type, json what) { return machine_.watch_event({type, what}); }
  void watch_fails(ErrorCode code) {
    machine_.watch_started(now_);
    machine_.watch_ended(Error{code, "no", {}}, now_);
  }
  // Fills the copy, so that the next request is a watch from version 10.
  void fill() {
    next_list();
    listed({object("a", "5")}, "10");
    sink_.told();
  }
  Duration delay() const { return std::chrono::duration_cast<Duration>(machine_.not_before() - now_); }

  RecordingSink sink_;
  Ends ends_;
  ListWatch machine_{"things", sink_, options(), ends_};
  Instant now_{hours(1)};
};

TEST_F(ListWatchTest, AListComesInPagesAndShowsWhenItIsComplete) {
  kube::ListOptions list = next_list();
  EXPECT_EQ(list.selector.labels, "a=b");
  EXPECT_EQ(list.limit, 2);
  EXPECT_EQ(list.resource_version, "");  // of version 0 the server would send all at once
  EXPECT_EQ(list.continue_token, "");
  listed({object("a", "5"), object("b", "6")}, "10", "more");
  EXPECT_FALSE(machine_.synced());
  list = next_list();
  EXPECT_EQ(list.continue_token, "more");
  EXPECT_EQ(list.resource_version, "");  // the token carries it
  listed({object("c", "7")}, "10");
  EXPECT_TRUE(machine_.synced());
  EXPECT_EQ(sink_.told(), "[ a b c ]");
  EXPECT_EQ(ends_.listed_items, 3u);
  EXPECT_FALSE(sink_.last["metadata"].contains("managedFields"));
  const kube::WatchOptions watch = next_watch();
  EXPECT_EQ(watch.resource_version, "10");  // the list's, not that of an item
  EXPECT_EQ(watch.selector.labels, "a=b");
}

TEST_F(ListWatchTest, WatchesGoOnFromTheLastEventOrBookmark) {
  fill();
  next_watch();
  machine_.watch_started(now_);
  EXPECT_TRUE(event(Type::Added, object("b", "11")));
  EXPECT_FALSE(sink_.last["metadata"].contains("managedFields"));
  EXPECT_TRUE(event(Type::Modified, object("a", "opaque")));
  EXPECT_TRUE(event(Type::Deleted, object("b", "13")));
  machine_.watch_ended(Ok{}, now_);
  EXPECT_EQ(sink_.told(), "+b +a -b");
  EXPECT_EQ(ends_.last_end, WatchEnd::Finished);
  EXPECT_LE(machine_.not_before(), now_);  // at once
  EXPECT_EQ(next_watch().resource_version, "13");
  machine_.watch_started(now_);
  EXPECT_TRUE(event(Type::Bookmark, {{"metadata", {{"resourceVersion", "20"}}}}));
  machine_.watch_ended(Ok{}, now_ + minutes(1));
  EXPECT_EQ(sink_.told(), "");
  EXPECT_EQ(next_watch().resource_version, "20");
}

TEST_F(ListWatchTest, WatchesEndAtDifferentTimes) {
  fill();
  std::set<seconds> timeouts;
  for (int i = 0; i < 50; ++i) {
    const seconds timeout = next_watch().timeout;
    EXPECT_GE(timeout, seconds(232));
    EXPECT_LE(timeout, seconds(290));
    timeouts.insert(timeout);
  }
  EXPECT_GT(timeouts.size(), 20u);
}

TEST_F(ListWatchTest, AForgottenVersionLeadsToAConsistentList) {
  fill();
  next_watch();
  watch_fails(ErrorCode::Gone);
  EXPECT_EQ(ends_.last_end, WatchEnd::Gone);
  EXPECT_EQ(delay(), seconds(1));  // no storm of lists after a compaction
  EXPECT_EQ(next_list().resource_version, "");
  EXPECT_TRUE(machine_.synced());  // the copy is old, not gone
  listed({object("c", "50")}, "60");
  EXPECT_EQ(sink_.told(), "[ c ]");
  EXPECT_EQ(next_watch().resource_version, "60");
}

TEST_F(ListWatchTest, AServerThatIsAwayKeepsTheVersion) {
  fill();
  for (const ErrorCode code : {ErrorCode::Unavailable, ErrorCode::Timeout, ErrorCode::TooManyRequests,
                               ErrorCode::Unauthorized, ErrorCode::Forbidden}) {
    EXPECT_EQ(next_watch().resource_version, "10") << to_string(code);
    watch_fails(code);
    EXPECT_EQ(ends_.last_end, WatchEnd::Failed);
  }
  EXPECT_EQ(delay(), seconds(16));  // 1, 2, 4, 8, 16
  EXPECT_EQ(next_watch().resource_version, "10");
}

TEST_F(ListWatchTest, AnUnintelligibleWatchLeadsToAListThatIsNotOlder) {
  for (const ErrorCode code :
       {ErrorCode::Invalid, ErrorCode::NotFound, ErrorCode::TooLarge, ErrorCode::Internal}) {
    RecordingSink sink;
    ListWatch machine("things", sink, options());
    machine.next();
    machine.listed(kube::ListPage{{}, "10", ""}, now_);
    machine.next();
    machine.watch_started(now_);
    machine.watch_ended(Error{code, "no", {}}, now_);
    const auto request = machine.next();
    ASSERT_TRUE(std::holds_alternative<ListWatch::List>(request)) << to_string(code);
    EXPECT_EQ(std::get<ListWatch::List>(request).options.resource_version, "10");
  }
}

TEST_F(ListWatchTest, AnEventThatMakesNoSenseEndsTheWatch) {
  const std::pair<Type, json> nonsense[] = {{Type::Added, object("a", "")},
                                            {Type::Modified, object("", "11")},
                                            {Type::Deleted, json::object()},
                                            {Type::Bookmark, json::object()}};
  for (const auto& [type, what] : nonsense) {
    RecordingSink sink;
    ListWatch machine("things", sink, options());
    machine.next();
    machine.listed(kube::ListPage{{}, "10", ""}, now_);
    sink.told();
    machine.watch_started(now_);
    json sane = object("x", "11");
    json bad = what;
    EXPECT_TRUE(machine.watch_event({Type::Added, sane}));
    EXPECT_FALSE(machine.watch_event({type, bad}));
    json late = object("y", "12");
    EXPECT_FALSE(machine.watch_event({Type::Added, late}));  // nothing after it counts
    machine.watch_ended(Ok{}, now_);
    EXPECT_EQ(sink.told(), "+x");
    EXPECT_GT(machine.not_before(), now_);
    const auto request = machine.next();
    ASSERT_TRUE(std::holds_alternative<ListWatch::List>(request));
    EXPECT_EQ(std::get<ListWatch::List>(request).options.resource_version, "11");
  }
}

TEST_F(ListWatchTest, AWatchThatEndsAtOnceWithoutNewsBacksOff) {
  fill();
  next_watch();
  machine_.watch_started(now_);
  // A bookmark is no news: a proxy that cuts each watch after it must not make us spin.
  EXPECT_TRUE(event(Type::Bookmark, {{"metadata", {{"resourceVersion", "20"}}}}));
  machine_.watch_ended(Ok{}, now_ + milliseconds(999));
  EXPECT_EQ(ends_.last_end, WatchEnd::TooShort);
  now_ += milliseconds(999);
  EXPECT_EQ(delay(), seconds(1));
  EXPECT_EQ(next_watch().resource_version, "20");
  machine_.watch_started(now_);
  machine_.watch_ended(Ok{}, now_ + seconds(1));
  EXPECT_EQ(ends_.last_end, WatchEnd::Finished);
}

TEST_F(ListWatchTest, AListThatFailsBeginsAnewAfterABackoff) {
  for (const int expected : {1, 2, 4}) {
    EXPECT_EQ(next_list().resource_version, "");
    list_fails(ErrorCode::Unavailable);
    EXPECT_EQ(delay(), seconds(expected));
  }
  EXPECT_EQ(ends_.failed_lists, 3u);
  EXPECT_FALSE(machine_.synced());
  next_list();
  listed({}, "10");
  EXPECT_EQ(sink_.told(), "[ [ [ [ ]");
}

TEST_F(ListWatchTest, APageThatFailsIsAskedForAgain) {
  next_list();
  listed({object("a", "5")}, "10", "more");
  next_list();
  list_fails(ErrorCode::Unavailable);
  EXPECT_EQ(next_list().continue_token, "more");
  listed({object("b", "6")}, "10");
  EXPECT_EQ(sink_.told(), "[ a b ]");
}

TEST_F(ListWatchTest, AnExpiredPageStartsTheListAnew) {
  for (const ErrorCode code : {ErrorCode::Gone, ErrorCode::Invalid}) {
    next_list();
    listed({object("a", "5")}, "10", "more");
    next_list();
    list_fails(code);
    const kube::ListOptions again = next_list();
    EXPECT_EQ(again.continue_token, "");
    EXPECT_EQ(again.resource_version, "");
    listed({object("c", "7")}, "11");
    EXPECT_EQ(sink_.told(), "[ a [ c ]") << to_string(code);
    watch_fails(ErrorCode::Gone);  // back to the beginning
  }
}

TEST_F(ListWatchTest, AVersionThatTheServerHasNotReachedIsGivenUp) {
  fill();
  next_watch();
  watch_fails(ErrorCode::Internal);
  EXPECT_EQ(next_list().resource_version, "10");
  list_fails(ErrorCode::Timeout);  // "too large resource version", as after a restore
  EXPECT_EQ(next_list().resource_version, "");
}

TEST_F(ListWatchTest, RetryAfterIsObeyed) {
  const auto after = [&](Duration asked) {
    machine_.next();
    machine_.listed(Error{ErrorCode::TooManyRequests, "slow down", asked}, now_);
    const Duration waits = delay();
    EXPECT_EQ(machine_.asked_until(), now_ + asked);
    now_ += hours(1);  // quiet: the backoff begins anew
    return waits;
  };
  EXPECT_EQ(after(seconds(20)), seconds(20));
  EXPECT_EQ(after(milliseconds(1)), seconds(1));
}

TEST_F(ListWatchTest, ASinkThatThrowsGetsTheEventAgain) {
  class Throwing final : public ReflectorSink {
   public:
    void list_started() override {}
    void list_item(json&) override {}
    void list_removed(json&) override {}
    void list_finished() override {}
    void applied(json&) override { throw std::runtime_error("full"); }
    void deleted(json&) override {}
  } sink;
  ListWatch machine("things", sink, options());
  machine.next();
  machine.listed(kube::ListPage{{}, "10", ""}, now_);
  machine.watch_started(now_);
  json what = object("a", "11");
  EXPECT_THROW((void)machine.watch_event({Type::Added, what}), std::runtime_error);
  machine.watch_ended(Error{ErrorCode::Unavailable, "", {}}, now_);
  EXPECT_EQ(std::get<ListWatch::Watch>(machine.next()).options.resource_version, "10");
}

TEST_F(ListWatchTest, ManagedFieldsAreKeptOnlyOnDemand) {
  ReflectorOptions keep = options();
  keep.keep_managed_fields = true;
  ListWatch machine("things", sink_, keep);
  machine.next();
  machine.listed(kube::ListPage{{object("a", "5")}, "10", ""}, now_);
  EXPECT_TRUE(sink_.last["metadata"].contains("managedFields"));
  machine.watch_started(now_);
  json what = object("b", "11");
  EXPECT_TRUE(machine.watch_event({Type::Added, what}));
  EXPECT_TRUE(sink_.last["metadata"].contains("managedFields"));
}

}  // namespace
}  // namespace sluice::runtime
