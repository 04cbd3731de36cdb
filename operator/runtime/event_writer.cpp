#include "runtime/event_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "kube/object.h"

namespace sluice::runtime {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestNote = 1024;

// Cuts to at most `limit` bytes without cutting a UTF-8 sequence.
std::string cut(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  text.resize(limit);
  return text;
}

// The Event of something without a namespace lives in "default".
kube::Key key_for(const EventSeries::Write& write) {
  const std::string& ns = write.event.regarding.key.ns;
  return {ns.empty() ? "default" : ns, write.name};
}

json series_json(const EventSeries::Write& write, std::int64_t count) {
  return {{"count", count}, {"lastObservedTime", format_micro_time(write.last)}};
}

}  // namespace

const kube::Resource& event_resource() {
  static const kube::Resource kEvents{"events.k8s.io", "v1", "events", "Event"};
  return kEvents;
}

EventWriter::EventWriter(kube::Client& client, EventWriterOptions options, Observer& observer)
    : client_(client),
      options_(std::move(options)),
      observer_(observer),
      series_(options_.controller, options_.series),
      backoff_(options_.backoff, options_.seed) {}

void EventWriter::take(const Event& event, Time wall, Instant now) {
  std::optional<EventSeries::Write> write = series_.observe(event, wall, now);
  if (!write) return;
  if (writes_.size() >= options_.capacity) {
    give_up(*write);
    return;
  }
  writes_.push_back(*std::move(write));
}

bool EventWriter::write_one(Instant now) {
  if (now < not_before_) return false;
  if (writes_.empty()) {
    std::optional<EventSeries::Write> due = series_.take_due(now);
    if (!due) return false;
    writes_.push_back(*std::move(due));
  }
  const Attempt outcome = attempt(writes_.front());
  if (outcome == Attempt::Retry && ++attempts_ < options_.attempts) {
    not_before_ = now + backoff_.next(now);
    return true;
  }
  if (outcome == Attempt::Done) {
    observer_.event_written();
    backoff_.reset();
  } else {
    give_up(writes_.front());
  }
  writes_.pop_front();
  attempts_ = 0;
  return true;
}

std::optional<Instant> EventWriter::next_due() const {
  if (!writes_.empty()) return not_before_;
  const std::optional<Instant> due = series_.next_due();
  if (!due) return std::nullopt;
  return std::max(*due, not_before_);
}

void EventWriter::give_up(const EventSeries::Write& write) {
  ++given_up_;
  observer_.event_dropped();
  if (write.create) series_.forget(write.name);
}

EventWriter::Attempt EventWriter::attempt(EventSeries::Write& write) {
  return write.create ? create(write) : patch(write);
}

EventWriter::Attempt EventWriter::create(EventSeries::Write& write) {
  const Event& event = write.event;
  const ObjectReference& about = event.regarding;
  const kube::Key key = key_for(write);
  json regarding = {{"apiVersion", about.resource.api_version()},
                    {"kind", about.resource.kind},
                    {"name", about.key.name},
                    {"uid", about.uid}};
  if (!about.key.ns.empty()) regarding["namespace"] = about.key.ns;
  const json object = {
      {"apiVersion", event_resource().api_version()},
      {"kind", event_resource().kind},
      {"metadata", {{"name", key.name}, {"namespace", key.ns}}},
      {"eventTime", format_micro_time(write.first)},
      {"reportingController", options_.controller},
      {"reportingInstance", cut(options_.instance, 128)},
      {"type", event.type == EventType::Normal ? "Normal" : "Warning"},
      {"reason", cut(event.reason, 128)},
      {"action", cut(event.action.empty() ? event.reason : event.action, 128)},
      {"note", cut(event.note, kLongestNote)},
      {"regarding", std::move(regarding)},
  };
  const Result<json> made = client_.create(event_resource(), object);
  if (made) return Attempt::Done;
  if (made.error().code == ErrorCode::AlreadyExists) return already_exists(write);
  return judge(made.error(), write);
}

// Either our own create was sent twice, or the same thing happened before, maybe to the process before us.
EventWriter::Attempt EventWriter::already_exists(EventSeries::Write& write) {
  const Result<json> stored = client_.get(event_resource(), key_for(write));
  if (!stored) {
    // Expired in between: try again to create it.
    if (stored.error().code == ErrorCode::NotFound) return Attempt::Retry;
    return judge(stored.error(), write);
  }
  const Result<Time> first = parse_time(kube::string_at(*stored, {"eventTime"}));
  if (!first || *first == write.first) return Attempt::Done;
  const std::int64_t before = std::max<std::int64_t>(1, kube::int_at(*stored, {"series", "count"}));
  series_.adopt(write.name, before, *first);
  write.create = false;
  for (EventSeries::Write& waiting : writes_) {
    if (waiting.name == write.name) waiting.count += before;  // `write` is one of them
  }
  return patch(write);
}

EventWriter::Attempt EventWriter::patch(EventSeries::Write& write) {
  const json body = {{"series", series_json(write, write.count)}};
  const Result<json> patched =
      client_.patch(event_resource(), key_for(write), body, {.type = kube::PatchType::Merge});
  if (patched) return Attempt::Done;
  if (patched.error().code == ErrorCode::NotFound) {
    // Events live for an hour. The series goes on in a new one, which begins now.
    write.create = true;
    write.first = write.last;
    return Attempt::Retry;
  }
  return judge(patched.error(), write);
}

EventWriter::Attempt EventWriter::judge(const Error& error, const EventSeries::Write& write) {
  switch (error.code) {
    case ErrorCode::Timeout:
    case ErrorCode::Unavailable:
    case ErrorCode::TooManyRequests:
    case ErrorCode::Unauthorized:
    case ErrorCode::Conflict:
    case ErrorCode::Internal: return Attempt::Retry;
    default:
      log::warn("event not written", {{"object", write.event.regarding.key.str()},
                                      {"reason", write.event.reason},
                                      {"error", to_string(error.code)},
                                      {"cause", error.message}});
      return Attempt::GiveUp;
  }
}

}  // namespace sluice::runtime
