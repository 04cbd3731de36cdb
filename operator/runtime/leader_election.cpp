#include "runtime/leader_election.h"

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace sluice::runtime {
namespace {

const kube::Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};

std::string holder_of(const nlohmann::json& lease) {
  const auto spec = lease.find("spec");
  if (spec == lease.end() || !spec->is_object()) return "";
  const auto holder = spec->find("holderIdentity");
  return holder != spec->end() && holder->is_string() ? holder->get<std::string>() : "";
}

std::int64_t transitions_of(const nlohmann::json& lease) {
  const auto spec = lease.find("spec");
  if (spec == lease.end() || !spec->is_object()) return 0;
  const auto count = spec->find("leaseTransitions");
  return count != spec->end() && count->is_number_integer() ? count->get<std::int64_t>() : 0;
}

}  // namespace

LeaderElector::LeaderElector(kube::Client& client, LeaseOptions options, const Clock& clock, Observer& observer)
    : client_(client), options_(std::move(options)), clock_(clock), observer_(observer) {
  observer_.leader(options_.name, false);
}

LeaderElector::~LeaderElector() { stop(); }

bool LeaderElector::may_write() const {
  const Instant renewed{Instant::duration(renewed_.load())};
  return leading_.load() && clock_.steady() - renewed < options_.renew;
}

void LeaderElector::note(const nlohmann::json& lease) {
  const auto spec = lease.find("spec");
  const std::string text = spec == lease.end() ? "" : spec->dump();
  if (text == record_ && record_since_ != Instant{}) return;
  record_ = text;
  record_since_ = clock_.steady();
}

Result<nlohmann::json> LeaderElector::take_or_renew(nlohmann::json lease) {
  const std::string holder = holder_of(lease);
  const std::string now = format_micro_time(clock_.now());
  nlohmann::json& spec = lease["spec"];
  if (!spec.is_object()) spec = nlohmann::json::object();
  if (holder != options_.identity) {
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = transitions_of(lease) + (holder.empty() ? 0 : 1);
  }
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] = std::chrono::duration_cast<seconds>(options_.lease).count();
  spec["renewTime"] = now;
  return client_.update(kLeases, lease);
}

bool LeaderElector::step() {
  // The renewal counts from before it was sent: another process counts from when it saw the record at the earliest.
  const Instant asked = clock_.steady();
  const auto written = [&](const Result<nlohmann::json>& lease) {
    if (!lease) return;
    note(*lease);
    renewed_ = asked.time_since_epoch().count();
    if (!leading_.exchange(true)) observer_.leader(options_.name, true);
  };

  auto lease = client_.get(kLeases, {options_.ns, options_.name});
  if (!lease && lease.error().code == ErrorCode::NotFound) {
    const nlohmann::json fresh = {{"apiVersion", kLeases.api_version()},
                                  {"kind", kLeases.kind},
                                  {"metadata", {{"name", options_.name}, {"namespace", options_.ns}}},
                                  {"spec",
                                   {{"holderIdentity", options_.identity},
                                    {"leaseDurationSeconds", std::chrono::duration_cast<seconds>(options_.lease).count()},
                                    {"acquireTime", format_micro_time(clock_.now())},
                                    {"renewTime", format_micro_time(clock_.now())},
                                    {"leaseTransitions", 0}}}};
    written(client_.create(kLeases, fresh));
  } else if (lease) {
    note(*lease);
    const std::string holder = holder_of(*lease);
    const bool expired = clock_.steady() - record_since_ >= options_.lease;
    if (holder == options_.identity || holder.empty() || expired) {
      // A conflict says that somebody was quicker, or that an answer was lost: the next try reads again.
      written(take_or_renew(std::move(lease).take()));
    } else if (leading_.exchange(false)) {
      observer_.leader(options_.name, false);
    }
  }
  if (leading_.load() && !may_write()) {
    leading_ = false;
    observer_.leader(options_.name, false);
  }
  return leading_.load();
}

void LeaderElector::start(std::function<void()> on_leading, std::function<void()> on_lost) {
  thread_ = std::jthread([this, on_leading = std::move(on_leading), on_lost = std::move(on_lost)](
                             const std::stop_token& stop) { run(stop, on_leading, on_lost); });
}

void LeaderElector::run(const std::stop_token& stop, const std::function<void()>& on_leading,
                        const std::function<void()>& on_lost) {
  bool led = false;
  while (!stop.stop_requested()) {
    const bool leads = step();
    if (leads && !led) {
      log::info("this process leads", {{"lease", options_.name}, {"identity", options_.identity}});
      led = true;
      on_leading();
    } else if (!leads && led) {
      log::error("the lead was lost", {{"lease", options_.name}});
      on_lost();
      return;
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, options_.retry, [] { return false; });
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
