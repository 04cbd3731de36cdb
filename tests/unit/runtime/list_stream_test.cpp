// Lists that are the beginning of a watch: when they are complete, and what is done where a server makes none.
#include <gtest/gtest.h>

#include <variant>

#include "list_watch_parts.h"
#include "runtime/list_watch.h"

namespace sluice::runtime {
namespace {

class StreamedListTest : public ::testing::Test {
 protected:
  kube::WatchOptions next_watch() {
    const auto request = stream_.next();
    EXPECT_TRUE(std::holds_alternative<ListWatch::Watch>(request));
    stream_.watch_started(now_);
    return std::get<ListWatch::Watch>(request).options;
  }
  kube::ListOptions next_list() {
    const auto request = stream_.next();
    EXPECT_TRUE(std::holds_alternative<ListWatch::List>(request));
    return std::get<ListWatch::List>(request).options;
  }
  bool event(Type type, json what) { return stream_.watch_event({type, what}); }
  bool bookmark(const std::string& version, const json& annotations = json::object()) {
    return event(Type::Bookmark, {{"metadata", {{"resourceVersion", version}, {"annotations", annotations}}}});
  }
  bool end_mark(const std::string& version) { return bookmark(version, {{"k8s.io/initial-events-end", "true"}}); }
  void ends(const Outcome& outcome) { stream_.watch_ended(outcome, now_); }
  void ends(ErrorCode code) { stream_.watch_ended(Error{code, "no", {}}, now_); }
  Duration delay() const { return std::chrono::duration_cast<Duration>(stream_.not_before() - now_); }

  RecordingSink sink_;
  Ends ends_;
  ListWatch stream_{"things", sink_, test_options(true), ends_};
  Instant now_{hours(1)};
};

TEST_F(StreamedListTest, IsCompleteWithItsBookmarkAndGoesOnAsAWatch) {
  const kube::WatchOptions watch = next_watch();
  EXPECT_TRUE(watch.initial_events);
  EXPECT_EQ(watch.resource_version, "0");
  EXPECT_EQ(watch.selector.labels, "a=b");
  EXPECT_EQ(watch.timeout, seconds(30));  // a server that does not know of it just watches
  EXPECT_TRUE(event(Type::Added, object("a", "5")));
  EXPECT_FALSE(sink_.last["metadata"].contains("managedFields"));
  EXPECT_TRUE(event(Type::Added, object("b", "6")));
  EXPECT_FALSE(stream_.synced());
  EXPECT_TRUE(end_mark("10"));
  EXPECT_TRUE(stream_.synced());
  EXPECT_EQ(ends_.listed_items, 2u);
  EXPECT_TRUE(event(Type::Deleted, object("a", "11")));
  EXPECT_EQ(sink_.told(), "[ a b ] -a");
  ends(Ok{});
  const kube::WatchOptions next = next_watch();
  EXPECT_FALSE(next.initial_events);
  EXPECT_EQ(next.resource_version, "11");
  EXPECT_GT(next.timeout, seconds(30));
}

TEST_F(StreamedListTest, ChangesMayComeAmongTheObjects) {
  next_watch();
  EXPECT_TRUE(event(Type::Added, object("a", "5")));
  EXPECT_TRUE(event(Type::Added, object("b", "6")));
  EXPECT_TRUE(event(Type::Modified, object("a", "11")));
  EXPECT_TRUE(event(Type::Deleted, object("b", "12")));
  EXPECT_TRUE(bookmark("12"));  // any other bookmark completes nothing
  EXPECT_TRUE(bookmark("12", {{"k8s.io/initial-events-end", "false"}}));
  EXPECT_FALSE(stream_.synced());
  EXPECT_TRUE(end_mark("13"));
  EXPECT_EQ(sink_.told(), "[ a b a -b ]");
  EXPECT_EQ(ends_.listed_items, 1u);
}

TEST_F(StreamedListTest, WhatBreaksBeforeTheBookmarkIsAskedForAgainFromTheBeginning) {
  next_watch();
  EXPECT_TRUE(event(Type::Added, object("a", "5")));
  ends(ErrorCode::Unavailable);
  EXPECT_FALSE(stream_.synced());
  EXPECT_EQ(delay(), seconds(1));
  EXPECT_EQ(ends_.failed_lists, 1u);
  const kube::WatchOptions again = next_watch();
  EXPECT_TRUE(again.initial_events);
  EXPECT_EQ(again.resource_version, "0");  // not the version of an object
  EXPECT_FALSE(event(Type::Added, object("", "6")));
  ends(Ok{});
  EXPECT_EQ(delay(), seconds(2));
  EXPECT_TRUE(next_watch().initial_events);
  EXPECT_EQ(sink_.told(), "[ a [ [");
}

TEST_F(StreamedListTest, AForgottenVersionLeadsToAConsistentStream) {
  next_watch();
  EXPECT_TRUE(end_mark("10"));
  ends(ErrorCode::Gone);
  kube::WatchOptions again = next_watch();
  EXPECT_TRUE(again.initial_events);
  EXPECT_EQ(again.resource_version, "");
  EXPECT_GT(again.timeout, seconds(30));  // it is known to stream
  EXPECT_TRUE(end_mark("20"));
  ends(ErrorCode::Internal);
  EXPECT_EQ(next_watch().resource_version, "20");
  ends(ErrorCode::Timeout);  // the server has not got so far, as after a restore
  EXPECT_EQ(next_watch().resource_version, "");
}

TEST_F(StreamedListTest, AServerThatRefusesIsAskedForPagesFromThenOn) {
  next_watch();
  ends(ErrorCode::Invalid);
  EXPECT_LE(stream_.not_before(), now_);  // at once
  EXPECT_EQ(next_list().resource_version, "");
  stream_.listed(kube::ListPage{{object("a", "5")}, "10", ""}, now_);
  EXPECT_EQ(sink_.told(), "[ [ a ]");
  EXPECT_FALSE(next_watch().initial_events);
  ends(ErrorCode::Gone);
  EXPECT_EQ(next_list().resource_version, "");
}

TEST_F(StreamedListTest, AServerThatNeverSendsTheBookmarkIsAskedForPagesFromThenOn) {
  next_watch();
  EXPECT_TRUE(event(Type::Added, object("a", "5")));
  EXPECT_TRUE(bookmark("10"));
  now_ += seconds(30);
  ends(Ok{});
  EXPECT_FALSE(stream_.synced());
  EXPECT_EQ(next_list().resource_version, "");
  stream_.listed(kube::ListPage{{object("b", "5")}, "10", ""}, now_);
  EXPECT_EQ(sink_.told(), "[ a [ b ]");
}

TEST_F(StreamedListTest, AStreamThatEndsEarlyIsAskedForAgain) {
  next_watch();
  EXPECT_TRUE(event(Type::Added, object("a", "5")));
  now_ += seconds(29);
  ends(Ok{});  // a server that is shut down
  EXPECT_EQ(delay(), seconds(1));
  EXPECT_EQ(ends_.failed_lists, 1u);
  EXPECT_TRUE(next_watch().initial_events);
  EXPECT_TRUE(end_mark("10"));
  ends(ErrorCode::Gone);
  for (int ended = 0; ended < 10; ++ended) {
    EXPECT_TRUE(next_watch().initial_events) << "it is known to stream";
    ends(Ok{});
  }
}

TEST_F(StreamedListTest, AServerWhoseStreamsAllEndEarlyIsAskedForPages) {
  for (int ended = 0; ended < 3; ++ended) {
    EXPECT_TRUE(next_watch().initial_events);
    ends(Ok{});
  }
  EXPECT_EQ(next_list().resource_version, "");
}

TEST_F(StreamedListTest, AVersionThatIsForgottenAfterAnOutageDoesNotWaitForItsBackoff) {
  next_watch();
  EXPECT_TRUE(end_mark("10"));
  for (int failed = 0; failed < 10; ++failed) {
    ends(ErrorCode::Unavailable);
    now_ += delay();
    next_watch();
  }
  ends(ErrorCode::Unavailable);
  EXPECT_GT(delay(), seconds(20));
  stream_.hurry();
  EXPECT_LE(stream_.not_before(), now_);
  next_watch();
  ends(ErrorCode::Gone);
  EXPECT_EQ(delay(), seconds(1));
  next_watch();
  EXPECT_TRUE(end_mark("20"));
  EXPECT_LE(stream_.not_before(), now_) << "what was waited for is over with its request";
}

}  // namespace
}  // namespace sluice::runtime
