// The operator as a whole: makes the parts, starts them in order, waits, and stops them in the reverse order.
//
// Start: pages (probes and metrics are there for leaders and standbys) -> caches -> lead -> caches read once more ->
//        workers and looks.
// Stop:  looks -> workers -> last statuses saved -> the Lease is given back -> events -> caches -> pages.
//        When a worker does not end in time the Lease is not given back: its write may still be under way.
#pragma once

#include <chrono>
#include <string>

#include "app/web_server.h"
#include "base/time.h"
#include "rollout/scope.h"

namespace sluice::app {

struct OperatorOptions {
  std::string kubeconfig;              // empty: as kubectl finds it, or the pod's service account
  std::string context;
  rollout::Scope scope;                // which Rollouts are looked after
  std::string bind = ":8080";          // of /healthz, /readyz and /metrics; empty: none
  unsigned workers = 2;
  int look_threads = 4;
  Duration status_interval = minutes(1);
  Duration grace = seconds(20);        // for the reconciles that run when it is to stop
  double requests_per_second = 0;      // at most, to the API server, those for the Lease not counted; 0: no limit
  int burst = 20;                      // so many of them at once
  bool leader_elect = false;
  std::string lease_name;              // empty: "sluice", and what tells its scope from others
  std::string lease_namespace;         // empty: of the context or the pod
  Duration lease_duration = seconds(15);  // runtime::LeaseOptions says what each of these is
  Duration renew_deadline = seconds(10);
  Duration retry_period = seconds(2);
};

// The Lease by which one of the processes with the same scope leads.
std::string lease_name(const OperatorOptions& options);

// What /healthz says when the oldest reconcile under way has been running for so long; 0: none is.
CheckResult health(std::chrono::nanoseconds longest_reconcile);

// What /readyz says. `unsynced`: a resource of which there is no complete copy yet; empty: all are there.
CheckResult readiness(const std::string& unsynced, bool leads);

// Why these options cannot be used, in words for a person; empty: they can.
std::string problem_of(const OperatorOptions& options);

// Blocks until SIGTERM or SIGINT, or until the lead is lost. Returns the process's exit status: 0 after a clean
// stop, 1 otherwise.
// Precondition: no thread was started yet, because all of them must leave the signals to this one.
int run_operator(const OperatorOptions& options);

}  // namespace sluice::app
