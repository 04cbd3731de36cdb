#include "runtime/list_watch.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "kube/object.h"

namespace sluice::runtime {
namespace {

// A watch that ends sooner than this without an event is a server or a proxy that does not really watch.
constexpr seconds kShortestWatch{1};
// How long a server may take for a streamed list when it is not known to make any. One that does not know of them
// watches for so long instead.
constexpr seconds kFirstStream{30};
// So many streamed lists that ended early, and none that was complete, are those of a server or a proxy that cannot.
constexpr int kMostUnfinished = 3;
// The version of whatever the server's cache holds.
constexpr const char* kAny = "0";

const char* advice(ErrorCode code) {
  switch (code) {
    case ErrorCode::Forbidden:
      return "the service account lacks the verbs list and watch on this resource; the operator is not "
             "ready until they are granted";
    case ErrorCode::Unauthorized:
      return "the API server does not accept the credentials";
    case ErrorCode::NotFound:
      return "the API server does not know this resource; is its CRD installed?";
    default:
      return "will try again";
  }
}

// Whether to give up the version that we hold and list anew: not for a server that is merely away, which will
// still know the version when it is back.
bool watch_needs_list(ErrorCode code) {
  switch (code) {
    case ErrorCode::Gone:
    case ErrorCode::Invalid:
    case ErrorCode::NotFound:
    case ErrorCode::TooLarge:
    case ErrorCode::Internal:
      return true;
    default:
      return false;
  }
}

}  // namespace

ListWatch::ListWatch(std::string name, ReflectorSink& sink, const ReflectorOptions& options,
                     Observer& observer)
    : name_(std::move(name)),
      sink_(sink),
      options_(options),
      observer_(observer),
      backoff_(options.backoff, options.seed),
      jitter_(options.seed == 0 ? 0 : options.seed + 1),
      streams_(options.stream),
      list_version_(options.latest ? "" : kAny) {}

void ListWatch::hurry() {
  backoff_.reset();
  not_before_ = asked_until_;
}

ListWatch::Request ListWatch::next() {
  not_before_ = asked_until_ = Instant{};
  if (listing_) {
    if (continue_.empty()) {
      sink_.list_started();
      items_ = 0;
    }
    if (streams_) return initial_watch();
    kube::ListOptions list;
    list.selector = options_.selector;
    list.limit = options_.page_size;
    list.continue_token = continue_;
    // A continue token carries its version; the server refuses both together. Of version 0 it makes no pages, so that
    // very many objects would come at once.
    if (continue_.empty() && list_version_ != kAny) list.resource_version = list_version_;
    return List{std::move(list)};
  }
  kube::WatchOptions watch;
  watch.selector = options_.selector;
  watch.resource_version = version_;
  const double shortened =
      static_cast<double>(options_.watch_timeout.count()) * (1 - 0.2 * jitter_.uniform());
  watch.timeout = std::max(seconds(1), seconds(static_cast<seconds::rep>(shortened)));
  return Watch{std::move(watch)};
}

ListWatch::Watch ListWatch::initial_watch() {
  kube::WatchOptions watch;
  watch.selector = options_.selector;
  watch.resource_version = list_version_;
  watch.initial_events = true;
  watch.timeout = stream_timeout();
  return Watch{std::move(watch)};
}

seconds ListWatch::stream_timeout() const {
  return streamed_ ? options_.watch_timeout : std::min(options_.watch_timeout, kFirstStream);
}

void ListWatch::listed(Result<kube::ListPage> page, Instant now) {
  if (!page) {
    observer_.listed(name_, false, 0);
    // "Gone" here is a continue token or a version that expired; "Timeout" for a version that this server has
    // not reached ("too large"), as after a restore. Both are cured by asking for the latest. After nonsense, or a sink
    // that threw, nobody knows what the sink has.
    const bool versioned = !continue_.empty() || (!list_version_.empty() && list_version_ != kAny);
    const ErrorCode code = page.error().code;
    if (code == ErrorCode::Gone || code == ErrorCode::Internal ||
        (versioned && (code == ErrorCode::Timeout || code == ErrorCode::Invalid))) {
      relist("");
    }
    fail("cannot list", page.error(), now);
    return;
  }
  for (nlohmann::json& object : page->items) {
    if (!options_.keep_managed_fields) kube::strip_managed_fields(object);
    sink_.list_item(object);
  }
  items_ += page->items.size();
  if (!page->continue_token.empty()) {
    continue_ = page->continue_token;
    return;
  }
  finish_list(page->resource_version);
}

void ListWatch::finish_list(std::string version) {
  sink_.list_finished();  // should it throw, the list is not complete
  observer_.listed(name_, true, items_);
  version_ = std::move(version);
  listing_ = false;
  continue_.clear();
  if (!synced_) log::info("cache filled", {{"resource", name_}, {"objects", items_}});
  synced_ = true;
}

void ListWatch::watch_started(Instant now) {
  watch_started_ = now;
  watch_events_ = 0;
  watch_broken_ = false;
}

bool ListWatch::watch_event(kube::WatchEvent event) {
  if (watch_broken_) return false;
  std::string version = kube::resource_version_of(event.object);
  const bool bookmark = event.type == kube::WatchEvent::Type::Bookmark;
  if (version.empty() || (!bookmark && kube::key_of(event.object).name.empty())) {
    watch_broken_ = true;
    return false;
  }
  if (!bookmark) {
    ++watch_events_;
    if (!options_.keep_managed_fields) kube::strip_managed_fields(event.object);
  }
  if (listing_) {
    initial_event(event);
    return true;
  }
  if (!bookmark) {
    if (event.type == kube::WatchEvent::Type::Deleted) {
      sink_.deleted(event.object);
    } else {
      sink_.applied(event.object);
    }
  }
  // Only now: should the sink throw, the event comes again.
  version_ = std::move(version);
  return true;
}

void ListWatch::initial_event(kube::WatchEvent& event) {
  switch (event.type) {
    case kube::WatchEvent::Type::Added:
      ++items_;
      sink_.list_item(event.object);
      break;
    case kube::WatchEvent::Type::Modified:
      sink_.list_item(event.object);
      break;
    case kube::WatchEvent::Type::Deleted:
      --items_;
      sink_.list_removed(event.object);
      break;
    case kube::WatchEvent::Type::Bookmark:
      // The versions of single objects, and of other bookmarks, say nothing about what is still to come.
      if (!kube::ends_initial_events(event)) break;
      streamed_ = true;
      finish_list(kube::resource_version_of(event.object));
      break;
  }
}

void ListWatch::initial_watch_ended(const Outcome& outcome, Instant now) {
  observer_.watch_ended(name_, outcome ? WatchEnd::Finished : WatchEnd::Failed);
  const bool refused = !outcome && outcome.error().code == ErrorCode::Invalid;
  // A server that streams may end one early, as when it is shut down: one that does not lasts to the end.
  const bool lasted = outcome && now - watch_started_ >= stream_timeout();
  const bool never_could = outcome && !streamed_ && ++unfinished_streams_ >= kMostUnfinished;
  if (refused || lasted || never_could) {
    streams_ = false;
    log::info("the API server does not stream lists; they are read in pages", {{"resource", name_}});
    return;
  }
  observer_.listed(name_, false, 0);
  if (outcome) {
    fail("cannot list",
         {.code = ErrorCode::Unavailable, .message = "the stream ended early", .retry_after = {}}, now);
    return;
  }
  const bool versioned = !list_version_.empty() && list_version_ != kAny;
  const ErrorCode code = outcome.error().code;
  if (code == ErrorCode::Gone || (versioned && code == ErrorCode::Timeout)) relist("");
  fail("cannot list", outcome.error(), now);
}

void ListWatch::watch_ended(const Outcome& outcome, Instant now) {
  if (watch_broken_) {
    observer_.watch_ended(name_, WatchEnd::Failed);
    if (!listing_) relist(version_);
    fail("cannot watch",
         {.code = ErrorCode::Internal,
          .message = "an event without name or resourceVersion",
          .retry_after = {}},
         now);
    return;
  }
  if (listing_) {
    initial_watch_ended(outcome, now);
    return;
  }
  if (outcome) {
    if (watch_events_ > 0 || now - watch_started_ >= kShortestWatch) {
      observer_.watch_ended(name_, WatchEnd::Finished);
      return;
    }
    observer_.watch_ended(name_, WatchEnd::TooShort);
    fail("cannot watch",
         {.code = ErrorCode::Unavailable,
          .message = "the watch ended at once, without an event",
          .retry_after = {}},
         now);
    return;
  }
  const ErrorCode code = outcome.error().code;
  observer_.watch_ended(name_, code == ErrorCode::Gone ? WatchEnd::Gone : WatchEnd::Failed);
  if (watch_needs_list(code)) relist(code == ErrorCode::Gone ? std::string() : version_);
  fail("cannot watch", outcome.error(), now);
}

void ListWatch::refresh() {
  relist("");
  not_before_ = Instant{};
}

void ListWatch::relist(std::string version) {
  listing_ = true;
  continue_.clear();
  list_version_ = std::move(version);
}

void ListWatch::fail(const char* what, const Error& error, Instant now) {
  Duration delay = backoff_.next(now);
  if (error.retry_after) delay = std::max<Duration>(delay, *error.retry_after);
  not_before_ = now + delay;
  asked_until_ = now + error.retry_after.value_or(Duration::zero());
  const log::Fields fields = {{"resource", name_},
                              {"error", to_string(error.code)},
                              {"cause", error.message},
                              {"hint", advice(error.code)},
                              {"retryIn", humane(delay)}};
  if (error.code == ErrorCode::Gone) {
    log::info(what, fields);  // ordinary: the server compacts its history
  } else {
    log::warn(what, fields);
  }
}

}  // namespace sluice::runtime
