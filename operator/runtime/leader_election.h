// LeaderElector: at most one process of several acts, by a Lease of the API server.
//
// As in client-go: the holder renews every `retry`; a standby takes over when the record has not changed for
// `lease` by its own steady clock. Times in the record are never compared with a clock, so skewed clocks do no
// harm; clocks that run at different speeds would. A Lease by itself does not fence: may_write() is false as soon
// as the last renewal that this process knows of is older than `renew`, which is well before another may start,
// and FencedClient asks it before every write.
//
// Guarantee: on_lost is called at most once, after may_write() became false for good; the process should then end.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/time.h"
#include "kube/client.h"
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
  std::string identity;             // unique among the candidates, e.g. the pod's name and a random part
  Duration lease = seconds(15);
  Duration renew = seconds(10);     // give up when no renewal succeeded for so long; below `lease`
  Duration retry = seconds(2);      // between two tries; below `renew`
};

class LeaderElector final : public Fence {
 public:
  LeaderElector(kube::Client& client, LeaseOptions options, const Clock& clock, Observer& observer = no_observer());
  ~LeaderElector() override;

  // The callbacks run on the elector's thread.
  void start(std::function<void()> on_leading, std::function<void()> on_lost);
  // Ends the thread and gives the Lease back, so that a standby need not wait. Call when all writers have stopped.
  void stop();

  bool is_leader() const { return leading_.load(); }
  bool may_write() const override;

  // One try to acquire or renew; what the thread does every `retry`. Returns is_leader(). For harnesses too.
  bool step();

 private:
  Result<nlohmann::json> take_or_renew(nlohmann::json lease);
  void note(const nlohmann::json& lease);
  void release();
  void run(const std::stop_token& stop, const std::function<void()>& on_leading, const std::function<void()>& on_lost);

  kube::Client& client_;
  const LeaseOptions options_;
  const Clock& clock_;
  Observer& observer_;
  std::string record_;             // the spec as last seen, as text
  Instant record_since_{};         // when it was first seen so
  std::atomic<bool> leading_{false};
  std::atomic<Instant::rep> renewed_{0};
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace sluice::runtime
