#include "runtime/events.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace sluice::runtime {

const kube::Resource kEvents{"events.k8s.io", "v1", "events", "Event", true};

namespace {

constexpr std::size_t kLongestNote = 1024;

// FNV-1a, 64 bits: a name, not a secret.
std::uint64_t hash_of(std::string_view text, std::uint64_t hash = 14695981039346656037ull) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return (hash ^ 0xffu) * 1099511628211ull;
}

const char* word(EventType type) { return type == EventType::Warning ? "Warning" : "Normal"; }

std::string name_of(const Event& event, const std::string& controller) {
  std::uint64_t hash = hash_of(controller);
  for (const std::string& part : {event.regarding.uid, std::string(word(event.type)), event.reason, event.note}) {
    hash = hash_of(part, hash);
  }
  std::array<char, 24> digits{};
  std::snprintf(digits.data(), digits.size(), ".%016llx", static_cast<unsigned long long>(hash));
  return event.regarding.key.name + digits.data();
}

std::string namespace_of(const Event& event) {
  return event.regarding.key.ns.empty() ? "default" : event.regarding.key.ns;
}

// Cut between characters, not within one.
std::string short_note(std::string note) {
  if (note.size() <= kLongestNote) return note;
  std::size_t end = kLongestNote;
  while (end > 0 && (static_cast<unsigned char>(note[end]) & 0xC0) == 0x80) --end;
  note.resize(end);
  return note;
}

}  // namespace

EventRecorder::EventRecorder(kube::Client& client, const Clock& clock, RecorderOptions options, Observer& observer)
    : client_(client), clock_(clock), options_(std::move(options)), observer_(observer) {}

EventRecorder::~EventRecorder() { stop(); }

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

void EventRecorder::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EventRecorder::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void EventRecorder::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, stop, [this] { return !waiting_.empty(); });
    }
    while (write_one()) {
    }
  }
  while (write_one()) {
  }
}

std::optional<EventRecorder::Waiting> EventRecorder::take() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

bool EventRecorder::write_one() {
  const auto waiting = take();
  if (!waiting) return false;
  write(*waiting);
  return true;
}

void EventRecorder::write(const Waiting& waiting) {
  const std::string name = name_of(waiting.event, options_.controller);
  const std::string key = namespace_of(waiting.event) + "/" + name;
  if (known_.size() >= options_.remembered) known_.clear();
  const auto found = known_.find(key);
  Outcome done = Ok{};
  if (found == known_.end()) {
    known_[key] = {1, waiting.happened, waiting.happened};
    done = create(waiting, name);
    if (!done && done.error().code == ErrorCode::AlreadyExists) {
      // An earlier process wrote it. Its count is not known here: at least this is the second time.
      known_[key].count = 2;
      done = write_series(waiting, name, known_[key]);
    }
  } else {
    Known& known = found->second;
    ++known.count;
    if (waiting.happened < known.written + options_.series_interval) return;  // told with the next one
    known.written = waiting.happened;
    done = write_series(waiting, name, known);
  }
  if (done) {
    observer_.event_written();
    return;
  }
  known_.erase(key);
  observer_.event_dropped();
  log::warn("an event could not be written", {{"object", waiting.event.regarding.key.str()},
                                              {"reason", waiting.event.reason},
                                              {"error", done.error().message}});
}

Outcome EventRecorder::create(const Waiting& waiting, const std::string& name) {
  const Event& event = waiting.event;
  const kube::Resource& kind = event.regarding.resource;
  const nlohmann::json object = {
      {"apiVersion", kEvents.api_version()},
      {"kind", kEvents.kind},
      {"metadata", {{"name", name}, {"namespace", namespace_of(event)}}},
      {"eventTime", format_micro_time(waiting.happened)},
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
  auto created = client_.create(kEvents, object);
  if (!created) return created.error();
  return Ok{};
}

Outcome EventRecorder::write_series(const Waiting& waiting, const std::string& name, const Known& known) {
  const nlohmann::json body = {
      {"series", {{"count", known.count}, {"lastObservedTime", format_micro_time(waiting.happened)}}}};
  auto patched = client_.patch(kEvents, {namespace_of(waiting.event), name}, body, {});
  if (!patched) return patched.error();
  return Ok{};
}

}  // namespace sluice::runtime
