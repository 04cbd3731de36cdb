#include "runtime/leader_election.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "kube/object.h"

namespace sluice::runtime {
namespace {

const kube::Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};

std::string holder_of(const nlohmann::json& lease) {
  return kube::string_at(lease, {"spec", "holderIdentity"});
}

std::int64_t whole_seconds(Duration duration) {
  return std::chrono::ceil<seconds>(duration).count();
}

Error held_by_another(const std::string& holder) {
  return {ErrorCode::Conflict, "the Lease is held by " + (holder.empty() ? "somebody" : holder), {}};
}

}  // namespace

LeaderElector::LeaderElector(kube::Client& client, LeaseOptions options, const Clock& clock, Observer& observer)
    : client_(client), options_(std::move(options)), clock_(clock), observer_(observer) {
  observer_.leader(options_.name, false);
}

LeaderElector::~LeaderElector() {
  stop();
}

bool LeaderElector::may_write() const {
  const Instant renewed{Instant::duration(renewed_.load())};
  return leading_.load() && clock_.steady() - renewed < options_.renew;
}

void LeaderElector::set_leading(bool leading) {
  if (leading_.exchange(leading) != leading) observer_.leader(options_.name, leading);
}

// Remembers since when the record has been as it is. An empty object stands for a Lease that is not there.
void LeaderElector::note(const nlohmann::json& lease) {
  const nlohmann::json* const spec = kube::find(lease, {"spec"});
  std::string text = spec == nullptr ? "" : spec->dump();
  if (record_ == text) return;
  record_ = std::move(text);
  record_since_ = clock_.steady();
  if (spec == nullptr) return;  // whoever held it counts on what it last said
  record_lease_ = seconds(std::clamp<std::int64_t>(kube::int_at(lease, {"spec", "leaseDurationSeconds"}), 0, 3600));
}

bool LeaderElector::expired() const {
  return clock_.steady() - record_since_ >= std::max(options_.lease, record_lease_);
}

Result<nlohmann::json> LeaderElector::write(nlohmann::json lease) {
  const std::string holder = holder_of(lease);
  const std::string now = format_micro_time(clock_.now());
  const std::int64_t transitions = kube::int_at(lease, {"spec", "leaseTransitions"});
  nlohmann::json& spec = lease["spec"];
  if (!spec.is_object()) spec = nlohmann::json::object();
  if (holder != options_.identity) {
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = transitions + 1;
  }
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] = whole_seconds(options_.lease);
  spec["renewTime"] = now;
  return confirmed(client_.update(kLeases, lease), lease);
}

Result<nlohmann::json> LeaderElector::create() {
  const std::string now = format_micro_time(clock_.now());
  const nlohmann::json lease = {{"apiVersion", kLeases.api_version()},
                                {"kind", kLeases.kind},
                                {"metadata", {{"name", options_.name}, {"namespace", options_.ns}}},
                                {"spec",
                                 {{"holderIdentity", options_.identity},
                                  {"leaseDurationSeconds", whole_seconds(options_.lease)},
                                  {"acquireTime", now},
                                  {"renewTime", now},
                                  {"leaseTransitions", 0}}}};
  return confirmed(client_.create(kLeases, lease), lease);
}

// A write that was sent twice is refused the second time, though the first has won: then what is stored is what
// was sent.
Result<nlohmann::json> LeaderElector::confirmed(Result<nlohmann::json> answer, const nlohmann::json& sent) {
  if (answer) return answer;
  const ErrorCode code = answer.error().code;
  if (code != ErrorCode::Conflict && code != ErrorCode::AlreadyExists) return answer;
  auto live = client_.get(kLeases, {options_.ns, options_.name});
  if (!live) return answer;
  const nlohmann::json* const stored = kube::find(*live, {"spec"});
  return stored != nullptr && *stored == sent.at("spec") ? std::move(live) : std::move(answer);
}

// Reads the Lease, and writes it if this process may. A conflict in the write says that somebody was quicker:
// the next try reads again.
Result<nlohmann::json> LeaderElector::take() {
  auto lease = client_.get(kLeases, {options_.ns, options_.name});
  if (!lease && lease.error().code == ErrorCode::NotFound) {
    // Somebody who held it until it was deleted may still act.
    const bool first = !record_;
    note(nlohmann::json::object());
    if (first || leading_.load() || !of_another_ || expired()) return create();
    return held_by_another("");
  }
  if (!lease) return lease;
  note(*lease);
  const std::string holder = holder_of(*lease);
  of_another_ = !holder.empty() && holder != options_.identity;
  if (!of_another_ || expired()) return write(std::move(lease).take());
  set_leading(false);
  return held_by_another(holder);
}

// Without reading it first: nobody else writes it while it is held, as a rule.
Result<nlohmann::json> LeaderElector::renew_held() {
  auto written = write(*held_);
  if (written) return written;
  const ErrorCode code = written.error().code;
  if (code == ErrorCode::Conflict || code == ErrorCode::NotFound) return take();
  return written;
}

bool LeaderElector::step() {
  // A renewal counts from before it was sent: another process counts from when it saw the record, at the
  // earliest.
  const Instant asked = clock_.steady();
  const auto written = leading_.load() && held_ ? renew_held() : take();
  held_.reset();
  if (written) {
    held_ = std::make_shared<const nlohmann::json>(*written);
    note(*written);
    of_another_ = false;
    renewed_ = asked.time_since_epoch().count();
    set_leading(true);
  }
  if (!may_write()) set_leading(false);
  return leading_.load();
}

Duration LeaderElector::until_next_step() {
  auto wait = std::chrono::duration_cast<Duration>(options_.retry * (1 - 0.2 * jitter_.uniform()));
  if (of_another_ && !leading_.load()) {
    const auto left = record_since_ + std::max(options_.lease, record_lease_) - clock_.steady();
    // Beyond that moment somebody else may be quicker: go on at the usual pace.
    if (left > Instant::duration::zero()) wait = std::min(wait, std::chrono::ceil<Duration>(left));
  }
  return wait;
}

void LeaderElector::start(std::function<void()> on_leading, std::function<void()> on_lost) {
  thread_ = std::jthread([this, on_leading = std::move(on_leading), on_lost = std::move(on_lost)](
                             const std::stop_token& stop) { run(stop, on_leading, on_lost); });
}

void LeaderElector::run(const std::stop_token& stop, const std::function<void()>& on_leading,
                        const std::function<void()>& on_lost) {
  std::jthread work;  // joined when this function ends
  while (!stop.stop_requested()) {
    const bool leads = step();
    if (leads && !work.joinable()) {
      log::info("this process leads", {{"lease", options_.name}, {"identity", options_.identity}});
      work = std::jthread([&on_leading] { on_leading(); });
    } else if (!leads && work.joinable()) {
      log::error("the lead was lost", {{"lease", options_.name}});
      on_lost();
      return;
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, until_next_step(), [] { return false; });
  }
}

void LeaderElector::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  release();
}

void LeaderElector::release() {
  if (!leading_.exchange(false)) return;
  observer_.leader(options_.name, false);
  for (int attempt = 0; attempt < 3; ++attempt) {
    auto lease = client_.get(kLeases, {options_.ns, options_.name});
    if (!lease || holder_of(*lease) != options_.identity) return;
    nlohmann::json& spec = (*lease)["spec"];
    spec["holderIdentity"] = "";
    spec["leaseDurationSeconds"] = 1;
    auto done = client_.update(kLeases, *lease);
    if (done || done.error().code != ErrorCode::Conflict) return;
  }
}

}  // namespace sluice::runtime
