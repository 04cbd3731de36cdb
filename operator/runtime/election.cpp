#include "runtime/election.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "kube/object.h"

namespace sluice::runtime {
namespace {

using nlohmann::json;

constexpr double kLeaderJitter = 0.2;
constexpr int kReleaseTries = 4;

std::string holder_of(const json& lease) { return kube::string_at(lease, {"spec", "holderIdentity"}); }

Duration scaled(Duration duration, double factor) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor));
}

}  // namespace

Outcome check(const ElectionOptions& options) {
  const auto invalid = [](const char* why) {
    return Error{.code = ErrorCode::Invalid, .message = why, .retry_after = {}};
  };
  if (options.identity.empty()) return invalid("leader election needs an identity");
  if (options.lease.name.empty() || options.lease.ns.empty()) {
    return invalid("leader election needs the name and the namespace of a Lease");
  }
  if (options.lease_duration < seconds(1)) return invalid("the lease duration must be at least 1s");
  if (options.lease_duration <= options.renew_deadline) {
    return invalid("the lease duration must be longer than the renew deadline");
  }
  if (options.renew_deadline <= scaled(options.retry_period, 1 + kLeaderJitter)) {
    return invalid("the renew deadline must be longer than 1.2 times the retry period");
  }
  if (options.retry_period < milliseconds(10)) return invalid("the retry period must be at least 10ms");
  return Ok{};
}

const kube::Resource& lease_resource() {
  static const kube::Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
  return kLeases;
}

Election::Election(kube::Client& client, const Clock& clock, ElectionOptions options, Observer& observer)
    : client_(client),
      clock_(clock),
      options_(std::move(options)),
      observer_(observer),
      jitter_(options_.seed),
      next_due_(clock.steady()) {
  observer_.leader(options_.lease.name, false);
}

Election::~Election() = default;

bool Election::may_write() const { return clock_.steady().time_since_epoch().count() < may_write_until_.load(); }

Election::State Election::tick() {
  if (state_ == State::Lost || state_ == State::Released || clock_.steady() < next_due_) return state_;
  const bool led = state_ == State::Leader;
  const Attempt result = attempt();
  if (result == Attempt::Held && may_write()) {
    if (!led) {
      state_ = State::Leader;
      observer_.leader(options_.lease.name, true);
      log::info("leading", {{"lease", options_.lease.str()}, {"identity", options_.identity}});
    }
  } else if (led && result == Attempt::HeldByOther) {
    lose("another process took the lease: " + leader_);
  } else if (led && !may_write()) {
    lose("the lease could not be renewed within " + format_duration(options_.renew_deadline) + ": " + last_error_);
  }
  schedule(result);
  return state_;
}

void Election::schedule(Attempt result) {
  const Instant now = clock_.steady();
  if (state_ == State::Leader) {
    const Instant fence{Instant::duration(may_write_until_.load())};
    const Duration pause = scaled(options_.retry_period, 1 + kLeaderJitter * jitter_.uniform());
    // Not beyond the fence: losing must be noticed when it happens.
    next_due_ = std::min(now + pause, std::max(now, fence));
    return;
  }
  // A candidate looks more often than the leader renews: what it sees late, it takes over late.
  next_due_ = now + scaled(options_.retry_period, 0.5 + 0.25 * jitter_.uniform());
  if (result == Attempt::HeldByOther) {
    next_due_ = std::min(next_due_, expiry() + scaled(options_.retry_period, 0.1 * jitter_.uniform()));
  }
}

Election::Attempt Election::attempt() {
  if (state_ == State::Leader && lease_) {
    const Attempt renewed = update(*lease_);
    if (renewed == Attempt::Held || last_code_ != ErrorCode::Conflict) return renewed;
  }
  const Result<json> stored = client_.get(lease_resource(), options_.lease);
  if (!stored) {
    if (stored.error().code == ErrorCode::NotFound) return create();
    return failed(stored.error());
  }
  observe(*stored);
  const std::string holder = holder_of(*stored);
  const bool others = !holder.empty() && holder != options_.identity;
  // A leader that finds another's name has lost, however old that name is.
  if (others && (state_ == State::Leader || clock_.steady() < expiry())) return Attempt::HeldByOther;
  return update(*stored);
}

Election::Attempt Election::create() {
  const json lease = {{"apiVersion", lease_resource().api_version()},
                      {"kind", lease_resource().kind},
                      {"metadata", {{"name", options_.lease.name}, {"namespace", options_.lease.ns}}}};
  const Instant sent = clock_.steady();
  const Result<json> made = client_.create(lease_resource(), record(lease));
  // AlreadyExists: somebody was quicker, or this was sent twice; the next look tells.
  if (!made) return failed(made.error());
  remember(*made, sent);
  return Attempt::Held;
}

Election::Attempt Election::update(const json& stored) {
  const Instant sent = clock_.steady();
  const Result<json> updated = client_.update(lease_resource(), record(stored));
  if (!updated) return failed(updated.error());
  remember(*updated, sent);
  return Attempt::Held;
}

Election::Attempt Election::failed(const Error& error) {
  last_code_ = error.code;
  last_error_ = error.message;
  if (error.code != ErrorCode::Conflict && error.code != ErrorCode::AlreadyExists) {
    log::warn("lease not reached", {{"lease", options_.lease.str()},
                                    {"error", to_string(error.code)},
                                    {"cause", error.message}});
  }
  return Attempt::Failed;
}

// The lease as it is to be stored: ours, renewed now.
json Election::record(const json& stored) const {
  json lease = stored;
  const bool ours = holder_of(stored) == options_.identity;
  json& spec = lease["spec"];
  if (!spec.is_object()) spec = json::object();
  const std::string now = format_micro_time(clock_.now());
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] = std::chrono::ceil<seconds>(options_.lease_duration).count();
  spec["renewTime"] = now;
  if (!ours) {
    spec["acquireTime"] = now;
    const std::int64_t transitions = kube::int_at(stored, {"spec", "leaseTransitions"});
    // The first holder of a new lease is no transition.
    spec["leaseTransitions"] = stored.contains("spec") ? transitions + 1 : 0;
  }
  return lease;
}

void Election::remember(const json& stored, Instant sent) {
  observe(stored);
  may_write_until_ = (sent + options_.renew_deadline).time_since_epoch().count();
}

void Election::observe(const json& stored) {
  const json spec = stored.value("spec", json::object());
  const bool changed = !lease_ || lease_->value("spec", json::object()) != spec;
  if (changed) observed_ = clock_.steady();
  lease_ = std::make_unique<json>(stored);
  std::string holder = holder_of(stored);
  if (holder == leader_) return;
  leader_ = std::move(holder);
  if (!leader_.empty() && leader_ != options_.identity) {
    log::info("another process leads", {{"lease", options_.lease.str()}, {"leader", leader_}});
  }
}

// When the lease of another, as observed, has run out. What its holder promised counts, not what we would.
Instant Election::expiry() const {
  const std::int64_t promised = lease_ ? kube::int_at(*lease_, {"spec", "leaseDurationSeconds"}) : 0;
  const Duration duration = promised > 0 ? Duration(seconds(promised)) : options_.lease_duration;
  return observed_ + duration;
}

void Election::lose(std::string cause) {
  may_write_until_ = 0;
  state_ = State::Lost;
  cause_ = std::move(cause);
  observer_.leader(options_.lease.name, false);
  log::error("leadership lost", {{"lease", options_.lease.str()}, {"cause", cause_}});
}

void Election::release() {
  may_write_until_ = 0;
  if (state_ != State::Leader) return;
  state_ = State::Released;
  observer_.leader(options_.lease.name, false);
  for (int tries = 0; tries < kReleaseTries; ++tries) {
    json lease = *lease_;
    const std::string now = format_micro_time(clock_.now());
    lease["spec"]["holderIdentity"] = "";
    lease["spec"]["leaseDurationSeconds"] = 1;
    lease["spec"]["renewTime"] = now;
    lease["spec"]["acquireTime"] = now;
    if (client_.update(lease_resource(), lease)) {
      log::info("lease released", {{"lease", options_.lease.str()}});
      return;
    }
    // A renewal of ours that was given up may have been stored after all: look, and try again.
    const Result<json> stored = client_.get(lease_resource(), options_.lease);
    if (!stored) continue;
    if (holder_of(*stored) != options_.identity) return;
    *lease_ = *stored;
  }
  log::warn("lease not released; it runs out by itself", {{"lease", options_.lease.str()}});
}

}  // namespace sluice::runtime
