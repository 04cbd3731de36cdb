// LeaderElector: at most one process of several acts, by a Lease of the API server.
//
// As in client-go: the holder renews every `retry`; a standby takes over when the record has not changed for
// `lease` (or for as long as the record itself says, if that is longer) by its own steady clock. Times in the
// record are never compared with a clock, so skewed clocks do no harm; clocks that run at different speeds
// would. A Lease that is deleted while another process holds it is such a change, not a free Lease.
//
// A Lease by itself does not fence: may_write() is false as soon as the last renewal that this process knows
// of was asked for `renew` ago, which is before another may start, and FencedClient asks it before every
// write. What was sent just before is bounded by the client's write_deadline, which is at most lease - renew.
//
// Guarantee: on_lost is called at most once, after may_write() became false for good; the process should then
// end.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/time.h"
#include "kube/client.h"
#include "runtime/backoff.h"
#include "runtime/instant.h"
#include "runtime/observer.h"

namespace sluice::runtime {

// Asked before every write.
class Fence {
 public:
  virtual ~Fence() = default;
  virtual bool may_write() const = 0;  // cheap, thread-safe
};

struct LeaseOptions {
  std::string ns;
  std::string name;
  std::string identity;  // unique among the candidates, e.g. the pod's name and a random part
  Duration lease = seconds(15);
  Duration renew = seconds(10);  // give up when no renewal succeeded for so long; below `lease`
  Duration retry = seconds(2);   // between two tries, at the most; below `renew`
};

class LeaderElector final : public Fence {
 public:
  // What is passed by reference outlives the elector.
  LeaderElector(kube::Client& client, LeaseOptions options, const Clock& clock,
                Observer& observer = no_observer());
  ~LeaderElector() override;

  // `on_leading` runs on a thread of its own, so that it may take its time while the Lease is renewed; `on_lost`
  // runs on the elector's, perhaps while on_leading still runs. start() and stop() belong to one thread.
  void start(std::function<void()> on_leading, std::function<void()> on_lost);
  // Waits for both threads and gives the Lease back, so that a standby need not wait. Call it when all writers
  // have stopped and on_leading is about to return.
  void stop();

  bool is_leader() const { return leading_.load(); }
  bool may_write() const override;

  // One try to acquire or renew; what the thread does every `retry`. Returns is_leader(). For harnesses too.
  bool step();
  // How long to wait before the next step(): up to a fifth less than `retry` at random, so that standbys do not
  // come in step, and not beyond the moment when the record of another holder expires.
  Duration until_next_step();

 private:
  Result<nlohmann::json> renew_held();
  Result<nlohmann::json> take();
  Result<nlohmann::json> create();
  Result<nlohmann::json> write(nlohmann::json lease);
  Result<nlohmann::json> confirmed(Result<nlohmann::json> answer, const nlohmann::json& sent);
  void note(const nlohmann::json& lease);
  bool expired() const;
  void set_leading(bool leading);
  void release();
  void run(const std::stop_token& stop, const std::function<void()>& on_leading,
           const std::function<void()>& on_lost);

  kube::Client& client_;
  const LeaseOptions options_;
  const Clock& clock_;
  Observer& observer_;

  // Of the thread that calls step().
  std::shared_ptr<const nlohmann::json> held_;  // the Lease as this process last wrote it, if it did last
  std::optional<std::string> record_;           // the spec as last seen, as text; empty: deleted
  Instant record_since_{};                      // when it was first seen so
  Duration record_lease_{};                     // how long it says that it is valid
  bool of_another_ = false;                     // somebody else holds it
  Jitter jitter_{0};

  std::atomic<bool> leading_{false};
  std::atomic<Instant::rep> renewed_{0};
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace sluice::runtime
