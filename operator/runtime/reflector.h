// Reflector: keeps a copy of one resource of the API server in a sink, on a thread of its own.
//
//   Store<Deployment> deployments("deployments", parse);
//   Reflector reflector(client, kDeployments, deployments, clock,
//                       {.selector = {.labels = "sluice.dev/rollout"}});
//   reflector.start();
//   reflector.wait_synced(seconds(60));
//
// How it behaves when requests fail is told in list_watch.h; this class is the thread around that machine.
// A watch is stopped at once; a page of a list that is under way when stop() is called is waited for, which the
// deadline of the client bounds.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "runtime/list_watch.h"

namespace sluice::runtime {

// Public functions are thread-safe, except that start() and stop() belong to one thread.
class Reflector {
 public:
  // Everything passed by reference outlives the reflector. Nothing is asked before start().
  Reflector(kube::Client& client, kube::Resource resource, ReflectorSink& sink, const Clock& clock,
            const ReflectorOptions& options = {}, Observer& observer = no_observer());
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  void start();
  // Ends the watch and joins the thread. The sink is not called any more. May be called again.
  void stop();

  const std::string& name() const { return resource_.plural; }

  // The sink holds a complete copy. Stays true while the server is away: the copy is then old, not gone.
  bool synced() const { return synced_.load(); }
  // Waits until synced, at most for `timeout`. Returns synced().
  bool wait_synced(Duration timeout);

  // Asks for a copy that is at least as new as this moment: the watch is ended, and the latest is listed. What has
  // not changed costs no memory. For a process that has stood by and begins to act.
  void refresh();
  // Ends the backoff that it may be in, or come to next: the server is known to answer again. What the server asked to
  // wait for is waited for.
  void retry_now();
  // Waits until the copy is as new as the last refresh(), at most for `timeout`. Without one it is at once.
  bool wait_fresh(Duration timeout);

 private:
  void run(const std::stop_token& stop);
  void begin_refresh();
  void list(const kube::ListOptions& options);
  void note_progress();
  void watch(const kube::WatchOptions& options, const std::stop_token& stop);
  bool wait_for_turn(const std::stop_token& stop);

  kube::Client& client_;
  kube::Resource resource_;
  const Clock& clock_;
  std::string ns_;
  ListWatch machine_;  // used by thread_ only

  std::atomic<bool> synced_{false};
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::uint64_t refreshes_asked_ = 0;  // guarded by mutex_
  std::uint64_t refreshes_done_ = 0;   // guarded by mutex_
  bool hurry_ = false;                 // no backoff before the next request; guarded by mutex_
  std::stop_source watch_end_;         // of the watch under way; guarded by mutex_
  std::uint64_t refreshes_begun_ = 0;  // of thread_; the list since then is as new as that one
  std::jthread thread_;
};

}  // namespace sluice::runtime
