// Election: which of several processes leads, by a Lease of coordination.k8s.io/v1. The part without a thread.
//
// Whoever is named in the Lease leads as long as it goes on renewing. The others take over when they have seen
// the same record, unchanged, for as long as the record says; they measure that on their own monotonic clock from
// when they saw the record change, and never look at the times that are written in it. Clocks may therefore differ
// by any amount; they must only run at about the same rate.
//
// The leader stops writing (may_write()) when it has not been able to renew for `renew_deadline`, measured from
// before it sent its last successful renewal; that is earlier than any other process may take over. It has then
// lost for good: the process is to exit.
//
// A lost answer proves nothing, so any conflict leads to a look at what is stored before it is judged: a renewal
// that timed out may have been stored, and one that was sent twice meets its own first copy.
//
// The monotonic clock of Linux stands still while a machine is suspended; a leader that was suspended can believe
// in its lease for up to `renew_deadline` after it woke up. Writes therefore also carry resourceVersions.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kube/client.h"
#include "runtime/backoff.h"
#include "runtime/fence.h"
#include "runtime/observer.h"

namespace sluice::runtime {

struct ElectionOptions {
  kube::Key lease;       // created when it does not exist
  std::string identity;  // unique to this process, e.g. "<pod name>_<random>"
  Duration lease_duration{15'000};
  Duration renew_deadline{10'000};
  Duration retry_period{2'000};
  std::uint64_t seed = 0;  // of the jitter; 0: random
};

// Invalid, with a sentence, unless lease_duration > renew_deadline > 1.2 x retry_period >= 12 ms.
Outcome check(const ElectionOptions& options);

const kube::Resource& lease_resource();

// may_write() is thread-safe; the rest belongs to one thread.
class Election final : public Fence {
 public:
  enum class State { Candidate, Leader, Lost, Released };

  // `client` should be one of its own, with a deadline of 4 to 5 s per call: another's slow requests must not
  // delay a renewal. Precondition: check(options).
  Election(kube::Client& client, const Clock& clock, ElectionOptions options, Observer& observer = no_observer());
  ~Election() override;
  Election(const Election&) = delete;
  Election& operator=(const Election&) = delete;

  // Tries to acquire or to renew, if that is due.
  State tick();
  Instant next_due() const { return next_due_; }
  State state() const { return state_; }
  // Why leadership was lost.
  const std::string& cause() const { return cause_; }
  // Who leads as far as is known; empty at first.
  const std::string& leader() const { return leader_; }

  // Gives the Lease up, so that another need not wait for it to expire. Only when everything that writes has
  // stopped. Closes the fence first; does nothing unless leading.
  void release();

  bool may_write() const override;

 private:
  enum class Attempt { Held, HeldByOther, Failed };

  Attempt attempt();
  Attempt create();
  Attempt update(const nlohmann::json& stored);
  Attempt failed(const Error& error);
  void observe(const nlohmann::json& stored);
  nlohmann::json record(const nlohmann::json& stored) const;
  void remember(const nlohmann::json& stored, Instant sent);
  Instant expiry() const;
  void lose(std::string cause);
  void schedule(Attempt attempt);

  kube::Client& client_;
  const Clock& clock_;
  const ElectionOptions options_;
  Observer& observer_;
  Jitter jitter_;

  State state_ = State::Candidate;
  std::string cause_;
  std::string leader_;
  ErrorCode last_code_ = ErrorCode::Internal;
  std::string last_error_;
  Instant next_due_{};

  std::unique_ptr<nlohmann::json> lease_;  // as last seen, null before
  Instant observed_{};                     // when its spec was first seen as it is
  std::atomic<Instant::rep> may_write_until_{0};
};

}  // namespace sluice::runtime
