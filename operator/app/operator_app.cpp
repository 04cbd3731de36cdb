#include "app/operator_app.h"

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <stop_token>
#include <thread>
#include <utility>

#include "app/own_metrics.h"
#include "app/reachability.h"
#include "app/web_server.h"
#include "base/log.h"
#include "base/pause.h"
#include "http/transport.h"
#include "kube/config.h"
#include "kube/rest_client.h"
#include "kube/user_agent.h"
#include "metrics/prometheus.h"
#include "metrics/scheduler.h"
#include "rollout/cluster_cache.h"
#include "rollout/reconciler.h"
#include "runtime/controller.h"
#include "runtime/events.h"
#include "runtime/fenced_client.h"
#include "runtime/leader_election.h"

namespace sluice::app {
namespace {

// After the grace for reconciles: for the last statuses and events. The chart's terminationGracePeriodSeconds is longer
// than both and a request for the Lease.
constexpr Duration kForLastWrites = seconds(10);
// All that a reconcile asks for has a deadline of seconds.
constexpr Duration kLongestReconcile = minutes(5);
constexpr const char* kController = "sluice.dev/operator";

// For one process that runs alone.
class AlwaysLeads final : public runtime::Fence {
 public:
  bool may_write() const override { return true; }
};

// Looks by the scheduler; the reconciler knows only the interface.
class ScheduledLooks final : public rollout::Looks {
 public:
  explicit ScheduledLooks(metrics::LookScheduler& scheduler) : scheduler_(scheduler) {}
  void schedule(const kube::Key& key, const metrics::Look& look, Time due) override {
    scheduler_.schedule(key, look, due);
  }
  void cancel(const kube::Key& key) override { scheduler_.cancel(key); }

 private:
  metrics::LookScheduler& scheduler_;
};

// The pod's name inside a cluster, the machine's otherwise; unique by a random part.
std::string identity() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  std::random_device random;
  return std::string(host.data()) + "_" + std::to_string(random() % 1'000'000);
}

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

class App {
 public:
  // `instance` tells this process from others of its kind; `calls` ends those of `client`.
  App(const OperatorOptions& options, const std::string& instance, const kube::Config& config,
      std::unique_ptr<kube::Client> client, std::stop_source calls, std::unique_ptr<kube::Client> lease_client,
      OwnMetrics& metrics, Reachability& server)
      : options_(options),
        calls_(std::move(calls)),
        server_(server),
        metrics_(metrics),
        client_(std::move(client)),
        lease_client_(std::move(lease_client)),
        elector_(*lease_client_,
                 {.ns = options.lease_namespace.empty() ? config.ns : options.lease_namespace,
                  .name = lease_name(options),
                  .identity = instance,
                  .lease = options.lease_duration,
                  .renew = options.renew_deadline,
                  .retry = options.retry_period},
                 clock_, metrics),
        writer_(*client_, fence()),
        recorder_(*client_, clock_, {.controller = kController, .instance = instance}, metrics),
        cache_(options.scope),
        scheduler_({.threads = options.look_threads}, clock_,
                   [](const std::string& address) { return metrics::connect_prometheus(address); },
                   [this](const kube::Key& key, metrics::LookResult result) { look_finished(key, std::move(result)); },
                   [this](const metrics::LookResult& result, std::chrono::steady_clock::duration took) {
                     metrics_.look_taken(result, took);
                   }),
        looks_(scheduler_),
        reconciler_(writer_, cache_, looks_, recorder_, clock_, &metrics, {.status_interval = options.status_interval}),
        controller_({.name = "rollout", .workers = options.workers}, reconciler_, clock_, metrics) {}

  int run() {
    cache_.watch(*client_, clock_, metrics_);
    cache_.on_change([this](const kube::Key& key) {
      if (acts_) controller_.queue().add(key);
    });
    if (auto served = serve_pages(); !served) {  // they read the caches
      log::error(served.error().message);
      return 1;
    }
    recorder_.start();
    cache_.start();
    server_.on_return([this] {
      log::info("the API server answers again");
      cache_.retry_now();
      controller_.queue().retry_now();
    });
    if (options_.leader_elect) {
      elector_.start([this] { lead(); }, [this] {
        lost_ = true;
        kill(getpid(), SIGTERM);
      });
    } else {
      alone_thread_ = std::jthread([this] { lead(); });
    }
    int signal = 0;
    const sigset_t signals = stop_signals();
    sigwait(&signals, &signal);
    log::info(lost_ ? "stopping: the lead was lost" : "stopping", {{"signal", signal}});
    // What is left runs in threads that cannot be ended: to destroy this would wait for them, and then give the Lease
    // back. It expires instead, when the write has long been carried out or refused.
    if (!stop()) std::_Exit(1);
    return lost_ ? 1 : 0;
  }

 private:
  const runtime::Fence& fence() const {
    if (options_.leader_elect) return elector_;
    return alone_;
  }

  Outcome serve_pages() {
    if (options_.bind.empty()) return Ok{};
    WebPages pages;
    pages.healthz = [this] { return health(controller_.queue().longest_running()); };
    pages.readyz = [this] {
      return readiness(cache_.unsynced(), !options_.leader_elect || elector_.is_leader());
    };
    pages.metrics = [this] {
      const runtime::WorkQueue& queue = controller_.queue();
      metrics_.queue_unfinished(controller_.name(), queue.unfinished(), queue.longest_running());
      return metrics_.text();
    };
    auto server = serve(options_.bind, std::move(pages));
    if (!server) return server.error();
    pages_ = std::move(server).take();
    log::info("serving /healthz, /readyz and /metrics", {{"port", pages_->port()}});
    return Ok{};
  }

  // Work starts when the caches are complete: a plan from half a picture would undo what is right.
  void lead() {
    for (int waited = 1; !stopping_ && !cache_.wait_synced(seconds(1)); ++waited) {
      if (waited % 5 != 0) continue;
      log::warn("still waiting for a complete copy of the cluster", {{"resource", cache_.unsynced()}});
    }
    if (options_.leader_elect) catch_up();
    const std::lock_guard lock(starting_);
    if (stopping_) return;
    malloc_trim(0);  // the first lists were read as trees, a multiple of what is kept of them
    acts_ = true;    // first: what changes from here on, its watch tells
    for (const auto& [key, priority] : cache_.first_visits()) controller_.queue().add(key, priority);
    controller_.start();
    log::info("reconciling", {{"rollouts", cache_.size()}});
  }

  // Whoever led before may have written what no watch has brought yet, and it may not come soon: a watch can lag
  // unnoticed. A plan from the status of before would set the route back, though no status were saved. So all is read
  // once more, after the Lease was taken: from here on nobody else writes.
  void catch_up() {
    const auto began = clock_.steady();
    cache_.refresh();
    while (!stopping_ && !cache_.wait_fresh(seconds(1))) log::warn("still reading what the leader before has written");
    const auto took = std::chrono::duration_cast<Duration>(clock_.steady() - began);
    log::info("caught up with the leader before", {{"took", format_duration(took)}});
  }

  void look_finished(const kube::Key& key, metrics::LookResult result) {
    reconciler_.look_finished(key, std::move(result));
    controller_.queue().add(key, runtime::Priority::Urgent);  // a candidate may be doing harm
  }

  // False: what was under way has not ended in time, and may still be carried out.
  bool stop() {
    {
      const std::lock_guard lock(starting_);
      stopping_ = true;
    }
    const std::jthread limit([this](const std::stop_token& over) {
      pause_for(options_.grace + kForLastWrites, over);
      if (!over.stop_requested()) calls_.request_stop();
    });
    server_.on_return({});
    scheduler_.stop();
    const bool drained = controller_.stop(options_.grace);
    if (drained) reconciler_.save_all();
    const bool over = drained && !calls_.stop_requested();  // a save that was cut off may still be carried out
    if (over) elector_.stop();
    recorder_.stop();
    if (!over) {
      log::warn("what was under way did not end in time; the Lease, if there is one, is left to expire");
      return false;
    }
    calls_.request_stop();  // nobody needs the page of a list that is still to come
    cache_.stop();
    pages_.reset();
    return true;
  }

  const OperatorOptions options_;
  std::stop_source calls_;
  Reachability& server_;
  OwnMetrics& metrics_;
  SystemClock clock_;
  AlwaysLeads alone_;
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<kube::Client> lease_client_;
  runtime::LeaderElector elector_;
  runtime::FencedClient writer_;
  runtime::EventRecorder recorder_;
  rollout::ClusterCache cache_;
  metrics::LookScheduler scheduler_;
  ScheduledLooks looks_;
  rollout::RolloutReconciler reconciler_;
  runtime::Controller controller_;
  std::unique_ptr<WebServer> pages_;
  std::mutex starting_;  // held to start the workers, and to say that they must not be started any more
  std::atomic<bool> stopping_{false};
  std::atomic<bool> acts_{false};  // before, changes need no visit: all Rollouts get one then
  std::atomic<bool> lost_{false};
  std::jthread alone_thread_;  // what the elector's thread is to one of several
};

}  // namespace

std::string lease_name(const OperatorOptions& options) {
  return options.lease_name.empty() ? "sluice" + options.scope.lease_suffix() : options.lease_name;
}

CheckResult health(std::chrono::nanoseconds longest_reconcile) {
  if (longest_reconcile <= kLongestReconcile) return {};
  const auto lasts = std::chrono::duration_cast<seconds>(longest_reconcile);
  return {false, "a reconcile hangs: it has been running for " + format_duration(lasts)};
}

CheckResult readiness(const std::string& unsynced, bool leads) {
  if (!unsynced.empty()) return {false, "the cache of " + unsynced + " is not complete yet"};
  return {true, leads ? "ok: leads" : "ok: stands by"};
}

std::string problem_of(const OperatorOptions& options) {
  if (const std::string problem = rollout::label_selector_problem(options.scope.selector); !problem.empty()) {
    return "--selector: " + problem;
  }
  const double qps = options.requests_per_second;
  if (qps != 0 && !(qps >= 1 && std::isfinite(qps))) return "--kube-api-qps must be 0, for no limit, or at least 1";
  if (options.burst < 1) return "--kube-api-burst must be at least 1";
  if (!options.leader_elect) return "";
  const bool ordered = options.retry_period > Duration::zero() && options.retry_period < options.renew_deadline &&
                       options.renew_deadline < options.lease_duration;
  if (!ordered) return "--retry-period must be above 0s and below --renew-deadline, and that below --lease-duration";
  // The Lease names its duration in whole seconds.
  if (options.lease_duration < seconds(1)) return "--lease-duration must be at least 1s";
  return "";
}

int run_operator(const OperatorOptions& options) {
  if (const std::string problem = problem_of(options); !problem.empty()) {
    log::error(problem);
    return 1;
  }
  // Blocked before any thread starts, so that only the waiting one receives them: a thread without this mask, such as
  // one of the network's, would take SIGTERM as it is by default, and the process would end on the spot.
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  http::prepare_network();

  kube::ConfigSource source;
  source.kubeconfig = options.kubeconfig;
  source.context = options.context;
  auto config = kube::load_config(source);
  if (!config) {
    log::error(config.error().message);
    return 1;
  }
  const SystemClock clock;
  OwnMetrics metrics(clock, config->server);
  const std::string instance = identity();
  Reachability server;  // outlives the clients
  kube::ClientOptions client_options;
  client_options.user_agent = kube::user_agent(instance);  // the API server's audit log tells replicas apart
  client_options.observer = [&metrics](const kube::RequestRecord& record) { metrics.api_request(record); };
  client_options.reached = [&server, &clock](bool answered) { server.reached(answered, clock.steady()); };
  if (options.leader_elect) {  // no write may be under way when another process leads
    client_options.write_deadline =
        std::min(client_options.write_deadline, options.lease_duration - options.renew_deadline);
  }
  client_options.admits = [&server, &clock] { return server.may_try(clock.steady()); };
  std::stop_source calls;
  client_options.stop = calls.get_token();
  client_options.requests_per_second = options.requests_per_second;
  client_options.burst = options.burst;
  auto client = kube::connect(*config, client_options);
  client_options.admits = nullptr;  // a lead is not lost for the sake of others' requests
  client_options.requests_per_second = 0;
  client_options.stop = {};         // the Lease is given back in any case
  // One request for the Lease that hangs must not cost the lead.
  client_options.deadline = client_options.write_deadline = options.renew_deadline / 2;
  auto lease_client = kube::connect(*config, client_options);
  if (!client || !lease_client) {
    log::error((client ? lease_client : client).error().message);
    return 1;
  }
  const rollout::Shard& shard = options.scope.shard;
  log::info("sluice operator", {{"version", SLUICE_VERSION},
                                {"server", config->server},
                                {"config", config->origin},
                                {"namespace", options.scope.ns.empty() ? "all" : options.scope.ns},
                                {"selector", options.scope.selector},
                                {"shard", std::to_string(shard.index) + "/" + std::to_string(shard.count)}});
  App app(options, instance, *config, std::move(client).take(), std::move(calls), std::move(lease_client).take(),
          metrics, server);
  return app.run();
}

}  // namespace sluice::app
