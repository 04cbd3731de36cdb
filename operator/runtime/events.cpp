#include "runtime/events.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "kube/object.h"

namespace sluice::runtime {

const kube::Resource kEvents{"events.k8s.io", "v1", "events", "Event", true};

namespace {

constexpr std::size_t kLongestNote = 1024;
constexpr std::size_t kLongestName = 253;

// FNV-1a, 64 bits: a name, not a secret.
std::uint64_t hash_of(std::string_view text, std::uint64_t hash = 14695981039346656037ull) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return (hash ^ 0xffu) * 1099511628211ull;
}

const char* word(EventType type) {
  return type == EventType::Warning ? "Warning" : "Normal";
}

std::string namespace_of(const Event& event) {
  return event.regarding.key.ns.empty() ? "default" : event.regarding.key.ns;
}

// What is written at most once in an interval.
std::string id_of(const Event& event) {
  return event.regarding.uid + "/" + event.regarding.key.str() + "/" + word(event.type) + "/" + event.reason;
}

// The name of the object that stands for this event and its repeats: "digits.0123456789abcdef".
std::string name_of(const Event& event, const std::string& controller) {
  std::uint64_t hash = hash_of(controller);
  for (const std::string_view part : {std::string_view(event.regarding.uid), std::string_view(word(event.type)),
                                      std::string_view(event.reason), std::string_view(event.note)}) {
    hash = hash_of(part, hash);
  }
  std::array<char, 24> digits{};
  std::snprintf(digits.data(), digits.size(), ".%016llx", static_cast<unsigned long long>(hash));
  const std::string tail = digits.data();
  std::string name = event.regarding.key.name.substr(0, kLongestName - tail.size());
  // A part of a name ends with a letter or a digit.
  while (!name.empty() && std::isalnum(static_cast<unsigned char>(name.back())) == 0) name.pop_back();
  return name + tail;
}

nlohmann::json series_of(Time last, std::int64_t count) {
  return {{"count", count}, {"lastObservedTime", format_micro_time(last)}};
}

// Whether the server may take the same request later.
bool is_passing(ErrorCode code) {
  switch (code) {
    case ErrorCode::Conflict:
    case ErrorCode::Unauthorized:
    case ErrorCode::TooManyRequests:
    case ErrorCode::Timeout:
    case ErrorCode::Unavailable:
      return true;
    default:
      return false;
  }
}

// Cut between characters, not within one.
std::string short_note(std::string note) {
  if (note.size() <= kLongestNote) return note;
  std::size_t end = kLongestNote;
  while (end > 0 && (static_cast<unsigned char>(note[end]) & 0xC0) == 0x80) --end;
  note.resize(end);
  return note;
}

// A kind as the name of a log field: "Rollout" is "rollout".
std::string as_field(std::string kind) {
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return kind;
}

}  // namespace

EventRecorder::EventRecorder(kube::Client& client, const Clock& clock, RecorderOptions options,
                             Observer& observer)
    : client_(client),
      clock_(clock),
      options_(std::move(options)),
      observer_(observer),
      // One writer: there is nobody to keep apart by jitter.
      backoff_({.initial = seconds(1), .ceiling = seconds(30), .jitter = 0, .reset_after = minutes(2)}, 1) {}

EventRecorder::~EventRecorder() {
  stop();
}

void EventRecorder::record(Event event) {
  event.note = short_note(std::move(event.note));
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.capacity) {
      ++dropped_;
      observer_.event_dropped();
      return;
    }
    waiting_.push_back({std::move(event), clock_.now()});
  }
  arrived_.notify_one();
}

std::uint64_t EventRecorder::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void EventRecorder::drop(std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  dropped_ += count;
  for (std::uint64_t i = 0; i < count; ++i) observer_.event_dropped();
}

void EventRecorder::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EventRecorder::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void EventRecorder::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    while (!stop.stop_requested() && write_one()) {
    }
    std::unique_lock lock(mutex_);
    const auto news = [this] { return !waiting_.empty() && clock_.steady() >= not_before_; };
    if (const auto due = due_when(!waiting_.empty())) {
      arrived_.wait_for(lock, stop, *due - clock_.steady(), news);
    } else {
      arrived_.wait(lock, stop, news);
    }
  }
  while (write_one()) {
  }
  give_up();
}

std::optional<Instant> EventRecorder::next_due() const {
  const std::lock_guard lock(mutex_);
  return due_when(!waiting_.empty());
}

// The same, for a caller that holds the lock or has looked whether some wait.
std::optional<Instant> EventRecorder::due_when(bool waiting) const {
  if (waiting) return not_before_;
  if (due_.empty()) return std::nullopt;
  return std::max(not_before_, due_.begin()->first);
}

std::optional<EventRecorder::Waiting> EventRecorder::take() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

bool EventRecorder::write_one() {
  const Instant now = clock_.steady();
  if (now < not_before_) return false;
  while (due_.empty() || due_.begin()->first > now) {
    std::optional<Waiting> next = take();
    if (!next) return false;
    accept(*std::move(next), now);
  }
  const std::string id = due_.begin()->second;
  due_.erase(due_.begin());
  tell(id, now);
  return true;
}

// Puts an event where it is to be told from, now or when the time of its series has come.
void EventRecorder::accept(Waiting waiting, Instant now) {
  const std::string id = id_of(waiting.event);
  auto found = series_.find(id);
  if (found == series_.end()) {
    if (!make_room(now)) return drop(1);
    found = series_.emplace(id, Series{}).first;
  }
  Series& series = found->second;
  if (!series.held) {
    due_.insert({series.name.empty() ? now : std::max(now, series.written + options_.series_interval), id});
  } else if (series.held->event.note != waiting.event.note) {
    drop(static_cast<std::uint64_t>(series.repeats));
    series.repeats = 0;
  }
  if (series.repeats == 0) series.first = waiting.happened;
  series.held = std::move(waiting);
  ++series.repeats;
}

// Forgets series that are over. False: all are needed to keep the interval.
bool EventRecorder::make_room(Instant now) {
  if (series_.size() < options_.remembered) return true;
  std::erase_if(series_, [&](const auto& entry) {
    return !entry.second.held && now >= entry.second.written + options_.series_interval;
  });
  return series_.size() < options_.remembered;
}

void EventRecorder::tell(const std::string& id, Instant now) {
  Series& series = series_.at(id);
  const Event& event = series.held->event;
  const log::Context about({{as_field(event.regarding.resource.kind), event.regarding.key.str()}});
  const std::string name = name_of(event, options_.controller);
  const Outcome done = write(series, name);
  if (!done && is_passing(done.error().code)) {
    Duration wait = backoff_.next(now);
    if (done.error().retry_after) wait = std::max<Duration>(wait, *done.error().retry_after);
    not_before_ = now + wait;
    due_.insert({not_before_, id});
    log::info("an event has to wait", {{"cause", done.error().message}, {"retryIn", humane(wait)}});
    return;
  }
  if (done) {
    observer_.event_written();
  } else {
    log::warn("an event could not be written", {{"reason", event.reason}, {"error", done.error().message}});
    drop(static_cast<std::uint64_t>(series.repeats));
  }
  // Also what was refused is not tried again before its time.
  series.name = name;
  if (!done) series.count = 0;
  series.written = now;
  series.held.reset();
  series.repeats = 0;
}

Outcome EventRecorder::write(Series& series, const std::string& name) {
  if (series.name == name && series.count > 0) {
    const std::int64_t count = series.count + series.repeats;
    const Outcome done = write_series(*series.held, name, count);
    if (done) series.count = count;
    // The server forgets Events after an hour.
    if (done || done.error().code != ErrorCode::NotFound) return done;
  }
  const Outcome done = create(series, name);
  if (done) series.count = series.repeats;
  if (done || done.error().code != ErrorCode::AlreadyExists) return done;
  return continue_existing(series, name);
}

Outcome EventRecorder::create(const Series& series, const std::string& name) {
  const auto created = client_.create(kEvents, body_of(series, name));
  if (!created) return created.error();
  return Ok{};
}

// The Event exists: from our own create, whose answer was lost, or from an earlier process.
Outcome EventRecorder::continue_existing(Series& series, const std::string& name) {
  // A patch that changes nothing answers with the object, and needs no permission to read.
  const auto live = client_.patch(kEvents, {namespace_of(series.held->event), name}, nlohmann::json::object(), {});
  if (!live) return live.error();
  const nlohmann::json ours = body_of(series, name);
  const auto same = [&](std::string_view field) {
    return kube::string_at(*live, {field}) == kube::string_at(ours, {field});
  };
  if (same("reportingInstance") && same("eventTime")) {
    series.count = series.repeats;
    return Ok{};
  }
  const std::int64_t count = std::max<std::int64_t>(1, kube::int_at(*live, {"series", "count"})) + series.repeats;
  const Outcome done = write_series(*series.held, name, count);
  if (done) series.count = count;
  return done;
}

Outcome EventRecorder::write_series(const Waiting& waiting, const std::string& name, std::int64_t count) {
  const nlohmann::json body = {{"series", series_of(waiting.happened, count)}};
  const auto patched = client_.patch(kEvents, {namespace_of(waiting.event), name}, body, {});
  if (!patched) return patched.error();
  return Ok{};
}

nlohmann::json EventRecorder::body_of(const Series& series, const std::string& name) const {
  const Event& event = series.held->event;
  const kube::Resource& kind = event.regarding.resource;
  nlohmann::json object = {{"apiVersion", kEvents.api_version()},
                           {"kind", kEvents.kind},
                           {"metadata", {{"name", name}, {"namespace", namespace_of(event)}}},
                           {"eventTime", format_micro_time(series.first)},
                           {"reportingController", options_.controller},
                           {"reportingInstance", options_.instance.substr(0, 128)},
                           {"action", event.action.empty() ? event.reason : event.action},
                           {"reason", event.reason},
                           {"type", word(event.type)},
                           {"note", event.note},
                           {"regarding",
                            {{"apiVersion", kind.api_version()},
                             {"kind", kind.kind},
                             {"name", event.regarding.key.name},
                             {"namespace", event.regarding.key.ns},
                             {"uid", event.regarding.uid}}}};
  if (series.repeats > 1) object["series"] = series_of(series.held->happened, series.repeats);
  return object;
}

// The process ends: what is held back for its interval, or cannot be written, is lost.
void EventRecorder::give_up() {
  std::uint64_t lost = 0;
  for (const auto& [due, id] : due_) lost += static_cast<std::uint64_t>(series_.at(id).repeats);
  due_.clear();
  while (take()) ++lost;
  if (lost == 0) return;
  drop(lost);
  log::info("events were not written before the end", {{"events", lost}});
}

}  // namespace sluice::runtime
