// Lists and watches.
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "case.h"
#include "kube/object.h"

namespace sluice::conformance {
namespace {

using nlohmann::json;
using Type = kube::WatchEvent::Type;

std::set<std::string> names(const kube::ListPage& page) {
  std::set<std::string> all;
  for (const json& item : page.items) all.insert(kube::name_of(item));
  return all;
}

json labelled(const Case& c, const std::string& name, const std::string& group, const std::string& kind) {
  json object = c.config(name);
  object["metadata"]["labels"] = {{"group", group}, {"kind", kind}};
  return object;
}

void selectors(Case& c) {
  for (const char* kind : {"a", "b", "c"}) c.made(kConfigMaps, labelled(c, std::string("sel-") + kind, "sel", kind));
  const auto expect = [&](const kube::Selector& selector, const std::set<std::string>& wanted) {
    kube::ListOptions options;
    options.selector = selector;
    const auto page = c.client.list(kConfigMaps, c.ns(), options);
    const std::string what = selector.labels + selector.fields;
    if (c.done(page, what)) c.that(names(*page) == wanted, "what is listed for " + what);
  };
  expect({.labels = "group=sel"}, {"sel-a", "sel-b", "sel-c"});
  expect({.labels = "group=sel,kind!=a"}, {"sel-b", "sel-c"});
  expect({.labels = "group=sel,kind in (a,b)"}, {"sel-a", "sel-b"});
  expect({.labels = "group=sel,kind notin (a,b)"}, {"sel-c"});
  expect({.labels = "group=sel,!absent"}, {"sel-a", "sel-b", "sel-c"});
  expect({.labels = "group=sel", .fields = "metadata.name=sel-a"}, {"sel-a"});
}

void pages(Case& c) {
  for (int i = 0; i < 5; ++i) c.made(kConfigMaps, labelled(c, "page-" + std::to_string(i), "page", "x"));
  kube::ListOptions options;
  options.selector.labels = "group=page";
  options.limit = 2;
  std::vector<std::string> found;
  std::set<std::string> versions;
  for (int page = 0; page < 4; ++page) {
    const auto got = c.client.list(kConfigMaps, c.ns(), options);
    if (!c.done(got, "a page")) return;
    // What comes to be between two pages belongs to neither.
    if (page == 0) c.made(kConfigMaps, labelled(c, "page-9", "page", "x"));
    for (const json& item : got->items) found.push_back(kube::name_of(item));
    versions.insert(got->resource_version);
    options.continue_token = got->continue_token;
    if (options.continue_token.empty()) break;
  }
  const std::vector<std::string> wanted = {"page-0", "page-1", "page-2", "page-3", "page-4"};
  c.that(found == wanted, "pages in order, complete");
  c.that(versions.size() == 1, "all pages are of one version");
}

// A watch on a thread of its own; what it has seen, as "Added name", and "complete" for the end of initial events.
class Watching {
 public:
  Watching(Case& c, const kube::Selector& selector, const std::string& version, bool initial_events = false)
      : thread_([this, &c, selector, version, initial_events](const std::stop_token& stop) {
          kube::WatchOptions options;
          options.selector = selector;
          options.resource_version = version;
          options.initial_events = initial_events;
          const Outcome end = c.client.watch(
              kConfigMaps, c.ns(), options, [this](kube::WatchEvent event) { note(event); }, stop);
          const std::lock_guard lock(mutex_);
          end_ = end;
          changed_.notify_all();
        }) {}

  // Waits for so many events.
  std::vector<std::string> events(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return events_.size() >= count || end_; });
    return events_;
  }
  // The version of the bookmark that made the initial events complete; empty: there was none yet.
  std::string complete_at() {
    const std::lock_guard lock(mutex_);
    return complete_at_;
  }
  std::optional<Outcome> end(bool stop) {
    if (stop) thread_.request_stop();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return end_.has_value(); });
    return end_;
  }

 private:
  void note(const kube::WatchEvent& event) {
    if (event.type == Type::Bookmark) {
      if (kube::ends_initial_events(event)) complete(kube::resource_version_of(event.object));
      return;
    }
    const bool added = event.type == Type::Added;
    const char* what = added ? "Added " : event.type == Type::Modified ? "Modified " : "Deleted ";
    const std::lock_guard lock(mutex_);
    events_.push_back(what + kube::name_of(event.object));
    changed_.notify_all();
  }

  void complete(std::string version) {
    const std::lock_guard lock(mutex_);
    complete_at_ = std::move(version);
    events_.emplace_back("complete");
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> events_;
  std::string complete_at_;
  std::optional<Outcome> end_;
  std::jthread thread_;  // last: it uses the others
};

std::string list_version(Case& c) {
  const auto page = c.client.list(kConfigMaps, c.ns(), {});
  return c.done(page, "list") ? page->resource_version : std::string("0");
}

void watch_from_a_list(Case& c) {
  Watching watching(c, {.labels = "group=watch"}, list_version(c));
  c.made(kConfigMaps, labelled(c, "watch-a", "watch", "x"));
  c.made(kConfigMaps, labelled(c, "watch-other", "other", "x"));
  c.done(c.client.patch(kConfigMaps, c.key("watch-a"), {{"data", {{"value", "2"}}}}, {}), "patch");
  c.done(c.client.remove(kConfigMaps, c.key("watch-a")), "delete");
  const std::vector<std::string> wanted = {"Added watch-a", "Modified watch-a", "Deleted watch-a"};
  c.that(watching.events(3) == wanted, "a watch tells what happened since the list, in order, and of no other object");
  const auto end = watching.end(true);
  c.that(end && end->ok(), "a watch that is stopped ends without an error");
}

void watch_of_what_stops_matching(Case& c) {
  c.made(kConfigMaps, labelled(c, "leaver", "leave", "x"));
  Watching watching(c, {.labels = "group=leave"}, list_version(c));
  const auto move = [&](const char* group) {
    const json body = {{"metadata", {{"labels", {{"group", group}}}}}};
    c.done(c.client.patch(kConfigMaps, c.key("leaver"), body, {}), "a label changes");
  };
  move("elsewhere");
  move("leave");
  c.that(watching.events(2) == std::vector<std::string>{"Deleted leaver", "Added leaver"},
         "what stops matching is seen as deleted, what matches again as added");
}

void watch_from_the_past(Case& c) {
  const std::string before = list_version(c);
  c.made(kConfigMaps, labelled(c, "past", "past", "x"));
  c.done(c.client.remove(kConfigMaps, c.key("past")), "delete");
  Watching watching(c, {.labels = "group=past"}, before);
  c.that(watching.events(2) == std::vector<std::string>{"Added past", "Deleted past"},
         "a watch from an earlier version tells what happened since");
}

void watch_from_a_forgotten_version(Case& c) {
  Watching watching(c, {}, "1");
  const auto end = watching.end(false);
  c.that(end && !end->ok() && end->error().code == ErrorCode::Gone, "a version that is too old is Gone");
}

void streamed_list(Case& c) {
  c.made(kConfigMaps, labelled(c, "stream-a", "stream", "x"));
  c.made(kConfigMaps, labelled(c, "stream-b", "stream", "x"));
  c.made(kConfigMaps, labelled(c, "stream-c", "stream", "x"));
  c.made(kConfigMaps, labelled(c, "stream-other", "other", "x"));
  c.done(c.client.remove(kConfigMaps, c.key("stream-b")), "delete");
  Watching watching(c, {.labels = "group=stream"}, "", true);
  auto seen = watching.events(3);
  if (seen.size() == 3) std::sort(seen.begin(), seen.begin() + 2);  // in any order
  c.that(seen == std::vector<std::string>{"Added stream-a", "Added stream-c", "complete"},
         "a stream has the objects that are there and match, then the bookmark");
  const auto end = watching.end(true);
  c.that(end && end->ok(), "a stream that is stopped ends without an error");
}

void streamed_list_goes_on(Case& c) {
  Watching watching(c, {.labels = "group=on"}, "", true);
  c.that(watching.events(1) == std::vector<std::string>{"complete"}, "an empty list is complete at once");
  c.made(kConfigMaps, labelled(c, "on-a", "on", "x"));
  c.done(c.client.remove(kConfigMaps, c.key("on-a")), "delete");
  c.that(watching.events(3) == std::vector<std::string>{"complete", "Added on-a", "Deleted on-a"},
         "after a streamed list the same watch tells of changes");
  // The version of the bookmark is one to watch from.
  Watching next(c, {.labels = "group=on"}, watching.complete_at());
  c.that(next.events(2) == std::vector<std::string>{"Added on-a", "Deleted on-a"},
         "a watch goes on from the bookmark of a streamed list");
}

void streamed_list_not_older(Case& c) {
  const json made = c.made(kConfigMaps, labelled(c, "young", "young", "x"));
  Watching watching(c, {.labels = "group=young"}, version_of(made), true);
  c.that(watching.events(2) == std::vector<std::string>{"Added young", "complete"},
         "a stream that is not to be older than a write shows that write");
}

void server_version(Case& c) {
  const auto version = c.client.server_version();
  if (c.done(version, "version")) c.that(version->starts_with("v1."), "the version is one of Kubernetes");
}

}  // namespace

std::vector<NamedCase> reading_cases() {
  return {{"selectors", selectors},
          {"pages of a list", pages},
          {"watch from a list", watch_from_a_list},
          {"watch of what stops matching", watch_of_what_stops_matching},
          {"watch from an earlier version", watch_from_the_past},
          {"watch from a forgotten version", watch_from_a_forgotten_version},
          {"streamed list", streamed_list},
          {"streamed list that goes on as a watch", streamed_list_goes_on},
          {"streamed list that is not older than a write", streamed_list_not_older},
          {"version of the server", server_version}};
}

}  // namespace sluice::conformance
