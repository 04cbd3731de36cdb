#include "rollout/reconciler.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/json.h"
#include "base/log.h"
#include "kube/object.h"
#include "rollout/actuator.h"
#include "rollout/job_reading.h"
#include "rollout/report_writing.h"

namespace sluice::rollout {
namespace {

constexpr Duration kSafetyVisit = minutes(30);  // in case that something was missed
constexpr std::size_t kMostUnconfirmed = 8;     // later tries meet the same server that is away

// What the log lines of this visit are about.
void log_about(const api::RolloutStatus& status) {
  const std::string& candidate = status.candidate_revision;
  log::Context::add({"revision", candidate.empty() ? status.stable_revision : candidate});
  log::Context::add({"stage", status.stage ? status.stage->name : std::string()});
}

}  // namespace

RolloutReconciler::RolloutReconciler(kube::Client& client, const ClusterCache& cache, Looks& looks,
                                     runtime::EventSink& events, const Clock& clock, DecisionObserver* observer,
                                     ReconcilerOptions options)
    : client_(client),
      cache_(cache),
      looks_(looks),
      events_(events),
      clock_(clock),
      observer_(observer),
      options_(options) {}

Result<runtime::Requeue> RolloutReconciler::reconcile(const kube::Key& key, std::stop_token) {
  const auto cached = cache_.rollout(key);
  if (!cached) {
    forget(key);
    return runtime::Requeue{};
  }
  const std::shared_ptr<Memory> memory = recall(key, cached);
  if (auto done = catch_up(key, *cached, *memory); !done) return done.error();
  const auto known = newest(cached, *memory);
  const StatusPtr before = memory->status;
  log_about(*before);
  api::Rollout rollout = known->rollout;
  rollout.status = *before;

  Observation seen = cache_.observe(*known, *before);
  seen.look = take_finished(key);
  if (auto read = read_job(client_, cache_, rollout, seen); !read) {
    take_back(key, *memory, before, seen);
    return read.error();
  }
  seen.trouble = memory->trouble;
  seen.report_error = std::exchange(memory->report_error, "");
  const Time now = clock_.now();
  Decision decision = plan(rollout, seen, now);
  memory->status = decision.status == *memory->saved ? memory->saved
                                                     : std::make_shared<const api::RolloutStatus>(decision.status);
  log_about(decision.status);

  if (decision.report) {
    if (auto written = write_report(client_, cache_, rollout, *decision.report); !written) {
      memory->report_error = written.error().message;
      take_back(key, *memory, before, seen);
      return written.error();
    }
  }
  bool just_saved = false;
  if (!rollout.deleting) {
    if (must_save(*memory, now)) {
      if (auto saved = save_decision(key, *known, *memory, decision.events); !saved) {
        take_back(key, *memory, before, seen);  // nothing was done yet
        memory->outdated = saved.error().code != ErrorCode::Cancelled;  // that was not sent, or nobody comes back
        return saved.error();
      }
      just_saved = true;
    }
    publish(key, *known, decision.events);
  }
  const bool routed = seen.route.as_wanted && seen.route.acceptance == traffic::Acceptance::Accepted;
  if (observer_) observer_->decided(key, *before, *memory->status, routed);
  if (!rollout.deleting) {
    rollout.status = decision.status;
    auto done = actuate(client_, cache_, rollout, decision.wanted, known->wanted_revision, just_saved);
    memory->trouble = done ? "" : done.error().message;
    if (!done) return done.error();
  }

  if (decision.look) {
    looks_.schedule(key, decision.look->look, decision.look->due);
  } else {
    looks_.cancel(key);
  }
  Duration after = kSafetyVisit;
  if (decision.again) after = std::clamp(std::chrono::duration_cast<Duration>(*decision.again - now), Duration(0), after);
  const bool unsaved = !is_saved(*memory);
  if (unsaved) {
    const auto due = std::chrono::duration_cast<Duration>(memory->saved_at + options_.status_interval - now);
    after = std::clamp(due, Duration(0), after);
  }
  return runtime::Requeue{after, decision.again || unsaved ? runtime::Priority::Change : runtime::Priority::Resync};
}

void RolloutReconciler::look_finished(const kube::Key& key, metrics::LookResult result) {
  const std::lock_guard lock(mutex_);
  finished_.insert_or_assign(key, std::move(result));
}

void RolloutReconciler::take_back(const kube::Key& key, Memory& memory, StatusPtr before, Observation& seen) {
  memory.status = std::move(before);
  if (seen.look) look_finished(key, std::move(*seen.look));
}

std::optional<metrics::LookResult> RolloutReconciler::take_finished(const kube::Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = finished_.find(key);
  if (found == finished_.end()) return std::nullopt;
  std::optional<metrics::LookResult> result = std::move(found->second);
  finished_.erase(found);
  return result;
}

std::shared_ptr<RolloutReconciler::Memory> RolloutReconciler::recall(
    const kube::Key& key, const std::shared_ptr<const KnownRollout>& known) {
  const StatusPtr cached(known, &known->rollout.status);
  std::shared_ptr<Memory> memory;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Memory>& slot = memories_[key];
    if (!slot || slot->uid != known->rollout.uid) {
      slot = std::make_shared<Memory>();
      slot->uid = known->rollout.uid;
      slot->status = slot->saved = cached;
      slot->saved_at = clock_.now();
      slot->version = known->rollout.resource_version;
    }
    memory = slot;
  }
  if (memory->saved != cached && *memory->saved == *cached) {  // the watch has brought what was saved
    if (memory->status == memory->saved) memory->status = cached;
    memory->saved = cached;
  }
  return memory;
}

// After a save that failed the server may have another status than the cache and the memory: somebody else's after a
// Conflict, or the one of which only the answer was lost. From an older one nothing may be decided, for what follows
// without a save would be carried out unguarded.
Outcome RolloutReconciler::catch_up(const kube::Key& key, const KnownRollout& known, Memory& memory) {
  if (!memory.outdated) return Ok{};
  const auto found = client_.get(api::kRollouts, key);
  if (!found) return found.error().code == ErrorCode::NotFound ? Outcome(Ok{}) : Outcome(found.error());
  auto read = read_rollout(*found);
  if (!read || read->rollout.uid != memory.uid) return Ok{};  // another one of the same name: the cache will tell
  memory.read = std::make_shared<const KnownRollout>(*std::move(read));
  const api::Rollout& rollout = memory.read->rollout;
  memory.version = rollout.resource_version;
  memory.outdated = false;
  if (rollout.status == *memory.saved) return Ok{};  // what was learned since goes on to be saved later
  publish_confirmed(key, known, memory, rollout.status);
  memory.status = memory.saved = StatusPtr(memory.read, &rollout.status);
  memory.saved_at = clock_.now();
  memory.trouble.clear();
  return Ok{};
}

// The spec goes with the status: saves are guarded by the version that was read, which the cache may not have yet.
std::shared_ptr<const KnownRollout> RolloutReconciler::newest(std::shared_ptr<const KnownRollout> cached,
                                                              Memory& memory) {
  if (!memory.read) return cached;
  const std::string& version = memory.read->rollout.resource_version;
  if (kube::is_older_version(cached->rollout.resource_version, version)) return memory.read;
  memory.read.reset();
  return cached;
}

void RolloutReconciler::forget(const kube::Key& key) {
  looks_.cancel(key);
  if (observer_) observer_->forgotten(key);
  const std::lock_guard lock(mutex_);
  memories_.erase(key);
  finished_.erase(key);
}

bool RolloutReconciler::is_saved(const Memory& memory) {
  return memory.status == memory.saved || *memory.status == *memory.saved;
}

bool RolloutReconciler::must_save(const Memory& memory, Time now) const {
  if (is_saved(memory)) return false;
  if (noticeably_different(*memory.saved, *memory.status)) return true;
  return now >= memory.saved_at + options_.status_interval;
}

// A server-side apply of the whole status, guarded by the version at which the object had the status that this one
// follows from: that of the own last save, or a newer one from the watch that differs in other things only. A
// Conflict then means that the object was changed since, perhaps by another process; what it has become is read
// again before anything is decided.
Outcome RolloutReconciler::save(const kube::Key& key, const KnownRollout& known, Memory& memory) {
  const bool same_status = known.rollout.status == *memory.saved;
  const std::string version = same_status ? known.rollout.resource_version : memory.version;
  nlohmann::json body = {{"apiVersion", api::kRollouts.api_version()},
                         {"kind", api::kRollouts.kind},
                         {"metadata",
                          {{"name", key.name},
                           {"namespace", key.ns},
                           {"uid", known.rollout.uid},
                           {"resourceVersion", version}}},
                         {"status", api::status_to_json(*memory.status)}};
  kube::PatchOptions options;
  options.type = kube::PatchType::Apply;
  options.subresource = "status";
  options.field_manager = kFieldManager;
  options.force = true;
  auto written = client_.patch(api::kRollouts, key, body, options);
  if (!written) return written.error();
  note_saved(memory, kube::resource_version_of(*written));
  return Ok{};
}

void RolloutReconciler::note_saved(Memory& memory, std::string version) {
  memory.saved = memory.status;
  memory.saved_at = clock_.now();
  memory.version = std::move(version);
  memory.unconfirmed.clear();  // they were guarded by the version that this one has replaced
}

// A save that fails may have been done all the same: its answer was lost, or it was sent twice and refused the second
// time. A Conflict tells that something was saved; what it is tells whether it was one of ours.
Outcome RolloutReconciler::save_decision(const kube::Key& key, const KnownRollout& known, Memory& memory,
                                         const std::vector<Event>& events) {
  auto saved = save(key, known, memory);
  if (saved) return saved;
  const ErrorCode code = saved.error().code;
  if (code == ErrorCode::Conflict) {
    if (was_saved(key, known, memory)) return Ok{};
  } else if (code != ErrorCode::Cancelled && !events.empty()) {  // Cancelled: not sent, or the process ends
    if (memory.unconfirmed.size() < kMostUnconfirmed) memory.unconfirmed.push_back({*memory.status, events});
  }
  return saved;
}

// Whether the API server has the status that was just decided. If it has an earlier one of which that was not known,
// its events are published here.
bool RolloutReconciler::was_saved(const kube::Key& key, const KnownRollout& known, Memory& memory) {
  const auto live = client_.get(api::kRollouts, key);
  if (!live || kube::uid_of(*live) != memory.uid) return false;
  const api::Rollout rollout = api::read_rollout(*live).rollout;
  if (rollout.status == *memory.status) {
    note_saved(memory, rollout.resource_version);
    return true;
  }
  publish_confirmed(key, known, memory, rollout.status);
  return false;
}

void RolloutReconciler::publish_confirmed(const kube::Key& key, const KnownRollout& known, Memory& memory,
                                          const api::RolloutStatus& status) {
  const auto done = std::find_if(memory.unconfirmed.begin(), memory.unconfirmed.end(),
                                 [&](const Unconfirmed& save) { return save.status == status; });
  if (done == memory.unconfirmed.end()) return;
  publish(key, known, done->events);
  if (observer_) observer_->decided(key, *memory.saved, status, false);
  memory.unconfirmed.clear();  // the others were guarded by the version that this one has replaced
}

void RolloutReconciler::publish(const kube::Key& key, const KnownRollout& known, const std::vector<Event>& events) {
  for (const Event& event : events) {
    runtime::Event out;
    out.regarding = {.resource = api::kRollouts, .key = key, .uid = known.rollout.uid};
    out.type = event.type == Event::Type::Warning ? runtime::EventType::Warning : runtime::EventType::Normal;
    out.reason = event.reason;
    out.action = "Rollout";
    out.note = event.note;
    events_.record(std::move(out));
    log::info(event.note, {{"reason", event.reason}});
  }
}

void RolloutReconciler::save_all() {
  std::unordered_map<kube::Key, std::shared_ptr<Memory>, kube::KeyHash> memories;
  {
    const std::lock_guard lock(mutex_);
    memories = memories_;
  }
  for (auto& [key, memory] : memories) {
    const auto known = cache_.rollout(key);
    if (!known || known->rollout.uid != memory->uid || is_saved(*memory)) continue;
    if (auto saved = save(key, *known, *memory); !saved) {
      const log::Context about({{"rollout", key.str()}});
      log_about(*memory->status);
      log::warn("the last status could not be saved", {{"error", saved.error().message}});
    }
  }
}

}  // namespace sluice::rollout
