#include "app/own_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "api/names.h"

namespace sluice::app {
namespace {

using Labels = std::map<std::string, std::string>;
using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kDelays{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
const Histogram::BucketBoundaries kSeconds{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60};

double seconds_of(std::chrono::nanoseconds took) { return std::chrono::duration<double>(took).count(); }

prometheus::Family<Counter>& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
prometheus::Family<Gauge>& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
prometheus::Family<Histogram>& histogram(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

const char* word(runtime::ReconcileResult result) {
  switch (result) {
    case runtime::ReconcileResult::Success: return "success";
    case runtime::ReconcileResult::RequeueAfter: return "requeue_after";
    case runtime::ReconcileResult::Error: return "error";
  }
  return "error";
}

const char* word(runtime::WatchEnd end) {
  switch (end) {
    case runtime::WatchEnd::Finished: return "finished";
    case runtime::WatchEnd::Failed: return "failed";
    case runtime::WatchEnd::TooShort: return "too_short";
    case runtime::WatchEnd::Gone: return "gone";
  }
  return "failed";
}

}  // namespace

struct OwnMetrics::Families {
  prometheus::Registry registry;
  prometheus::Family<Counter>& requests = counter(registry, "rest_client_requests_total",
      "Requests to the API server, by HTTP status (<error>: no answer), method and host; and by verb and resource.");
  prometheus::Family<Histogram>& request_seconds = histogram(registry, "rest_client_request_duration_seconds",
      "How long requests to the API server took, watches excepted.");
  prometheus::Family<Gauge>& depth = gauge(registry, "workqueue_depth", "Keys that wait.");
  prometheus::Family<Counter>& adds = counter(registry, "workqueue_adds_total", "Keys that were added.");
  prometheus::Family<Counter>& retries = counter(registry, "workqueue_retries_total",
      "Keys that were added again after an error.");
  prometheus::Family<Histogram>& waited = histogram(registry, "workqueue_queue_duration_seconds",
      "How long keys waited.");
  prometheus::Family<Histogram>& worked = histogram(registry, "workqueue_work_duration_seconds",
      "How long keys were worked on.");
  prometheus::Family<Gauge>& unfinished = gauge(registry, "workqueue_unfinished_work_seconds",
      "How long keys have been worked on that are not done yet, added up.");
  prometheus::Family<Gauge>& longest = gauge(registry, "workqueue_longest_running_processor_seconds",
      "How long the key that takes longest has been worked on.");
  prometheus::Family<Counter>& reconciles = counter(registry, "controller_runtime_reconcile_total",
      "Reconciles, by result.");
  prometheus::Family<Counter>& errors = counter(registry, "controller_runtime_reconcile_errors_total",
      "Reconciles that ended with an error.");
  prometheus::Family<Counter>& terminal = counter(registry, "controller_runtime_terminal_reconcile_errors_total",
      "Reconciles that ended with an error that trying again alone does not mend.");
  prometheus::Family<Counter>& panics = counter(registry, "controller_runtime_reconcile_panics_total",
      "Reconciles that ended with a bug.");
  prometheus::Family<Histogram>& reconcile_seconds = histogram(registry, "controller_runtime_reconcile_time_seconds",
      "How long reconciles took.");
  prometheus::Family<Gauge>& active = gauge(registry, "controller_runtime_active_workers", "Workers that are busy.");
  prometheus::Family<Gauge>& workers = gauge(registry, "controller_runtime_max_concurrent_reconciles", "Workers.");
  prometheus::Family<Counter>& lists = counter(registry, "reflector_lists_total", "Lists of a whole resource.");
  prometheus::Family<Counter>& list_errors = counter(registry, "reflector_list_errors_total", "Lists that failed.");
  prometheus::Family<Gauge>& items = gauge(registry, "reflector_items", "Objects in the last complete list.");
  prometheus::Family<Counter>& watches = counter(registry, "sluice_watch_restarts_total",
      "Watches that ended and were begun again, by reason.");
  prometheus::Family<Gauge>& leading = gauge(registry, "leader_election_master_status",
      "1 while this process leads.");
  prometheus::Family<Counter>& written = counter(registry, "sluice_events_written_total",
      "Kubernetes Events that were written.");
  prometheus::Family<Counter>& dropped = counter(registry, "sluice_events_dropped_total",
      "Kubernetes Events that could not be written.");
  prometheus::Family<Counter>& looks = counter(registry, "sluice_looks_total", "Looks at Prometheus, by result.");
  prometheus::Family<Histogram>& look_seconds = histogram(registry, "sluice_look_duration_seconds",
      "How long looks took, queries included.");
  prometheus::Family<Counter>& rollouts = counter(registry, "sluice_rollouts_finished_total",
      "Rollouts that ended, by outcome and reason.");
  prometheus::Family<Histogram>& traffic_seconds = histogram(registry, "sluice_decision_to_traffic_seconds",
      "From the decision on another weight until the gateway has accepted the route that has it.");
  prometheus::Family<Gauge>& weight = gauge(registry, "sluice_rollout_candidate_weight",
      "Percent of the traffic that the candidate is given.");
};

// "https://10.0.0.1:6443/prefix" is the host "10.0.0.1:6443".
std::string host_of(const std::string& server) {
  const auto scheme = server.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  return server.substr(begin, server.find('/', begin) - begin);
}

OwnMetrics::OwnMetrics(const Clock& clock, const std::string& server)
    : clock_(clock), host_(host_of(server)), families_(std::make_unique<Families>()) {
  // Label values that alerts divide by exist from the start.
  for (const char* result : {"success", "requeue_after", "error"}) {
    families_->reconciles.Add(Labels{{"controller", "rollout"}, {"result", result}});
  }
  for (auto* family : {&families_->errors, &families_->terminal, &families_->panics}) {
    family->Add(Labels{{"controller", "rollout"}});
  }
  families_->retries.Add(Labels{{"name", "rollout"}});
  families_->traffic_seconds.Add(Labels{}, kDelays);
  for (const char* result : {"ok", "error"}) families_->looks.Add(Labels{{"result", result}});
}
OwnMetrics::~OwnMetrics() = default;

std::string OwnMetrics::text() const { return prometheus::TextSerializer().Serialize(families_->registry.Collect()); }

void OwnMetrics::api_request(const kube::RequestRecord& record) {
  families_->requests
      .Add(Labels{{"code", record.status == 0 ? "<error>" : std::to_string(record.status)},
                  {"method", record.method},
                  {"host", host_},
                  {"verb", record.verb},
                  {"resource", record.resource}})
      .Increment();
  if (record.verb == "watch") return;
  families_->request_seconds.Add(Labels{{"verb", record.verb}}, kSeconds).Observe(seconds_of(record.duration));
}

void OwnMetrics::look_taken(const metrics::LookResult& result, std::chrono::nanoseconds took) {
  families_->looks.Add(Labels{{"result", result.error ? "error" : "ok"}}).Increment();
  families_->look_seconds.Add(Labels{}, kSeconds).Observe(seconds_of(took));
}

void OwnMetrics::queue_depth(std::string_view queue, runtime::Priority priority, std::size_t depth) {
  families_->depth
      .Add(Labels{{"name", std::string(queue)},
                  {"priority", runtime::to_string(priority)}})
      .Set(static_cast<double>(depth));
}
void OwnMetrics::queue_unfinished(std::string_view queue, std::chrono::nanoseconds all,
                                  std::chrono::nanoseconds longest) {
  const Labels labels{{"name", std::string(queue)}};
  families_->unfinished.Add(labels).Set(seconds_of(all));
  families_->longest.Add(labels).Set(seconds_of(longest));
}
void OwnMetrics::queue_added(std::string_view queue) {
  families_->adds.Add(Labels{{"name", std::string(queue)}}).Increment();
}
void OwnMetrics::queue_retried(std::string_view queue) {
  families_->retries.Add(Labels{{"name", std::string(queue)}}).Increment();
}
void OwnMetrics::queue_waited(std::string_view queue, std::chrono::nanoseconds took) {
  families_->waited.Add(Labels{{"name", std::string(queue)}}, kSeconds).Observe(seconds_of(took));
}
void OwnMetrics::queue_worked(std::string_view queue, std::chrono::nanoseconds took) {
  families_->worked.Add(Labels{{"name", std::string(queue)}}, kSeconds).Observe(seconds_of(took));
}
void OwnMetrics::reconciled(std::string_view controller, runtime::ReconcileResult result,
                            std::chrono::nanoseconds took) {
  const std::string name(controller);
  families_->reconciles.Add(Labels{{"controller", name}, {"result", word(result)}}).Increment();
  if (result == runtime::ReconcileResult::Error) families_->errors.Add(Labels{{"controller", name}}).Increment();
  families_->reconcile_seconds.Add(Labels{{"controller", name}}, kSeconds).Observe(seconds_of(took));
}
void OwnMetrics::terminal_error(std::string_view controller) {
  families_->terminal.Add(Labels{{"controller", std::string(controller)}}).Increment();
}
void OwnMetrics::panicked(std::string_view controller) {
  families_->panics.Add(Labels{{"controller", std::string(controller)}}).Increment();
}
void OwnMetrics::active_workers(std::string_view controller, std::size_t count) {
  families_->active.Add(Labels{{"controller", std::string(controller)}}).Set(static_cast<double>(count));
}
void OwnMetrics::max_workers(std::string_view controller, std::size_t count) {
  families_->workers.Add(Labels{{"controller", std::string(controller)}}).Set(static_cast<double>(count));
}
void OwnMetrics::listed(std::string_view reflector, bool ok, std::size_t items) {
  const Labels labels{{"name", std::string(reflector)}};
  families_->lists.Add(labels).Increment();
  if (ok) {
    families_->items.Add(labels).Set(static_cast<double>(items));
  } else {
    families_->list_errors.Add(labels).Increment();
  }
}
void OwnMetrics::watch_ended(std::string_view reflector, runtime::WatchEnd end) {
  families_->watches.Add(Labels{{"name", std::string(reflector)}, {"reason", word(end)}}).Increment();
}
void OwnMetrics::leader(std::string_view lease, bool leading) {
  families_->leading.Add(Labels{{"name", std::string(lease)}}).Set(leading ? 1 : 0);
}
void OwnMetrics::event_written() { families_->written.Add(Labels{}).Increment(); }
void OwnMetrics::event_dropped() { families_->dropped.Add(Labels{}).Increment(); }

void OwnMetrics::decided(const kube::Key& key, const api::RolloutStatus& before, const api::RolloutStatus& after,
                         bool routed) {
  const bool ended = after.history.size() != before.history.size() ||
                     (!after.history.empty() && after.history.front().finished_at != before.history.front().finished_at);
  if (ended && !after.history.empty()) {
    const api::HistoryEntry& last = after.history.front();
    families_->rollouts.Add(Labels{{"outcome", api::to_string(last.outcome)}, {"reason", last.reason}}).Increment();
  }
  if (const auto took = delay_.decided(key, before, after, routed, clock_.steady())) {
    families_->traffic_seconds.Add(Labels{}, kDelays).Observe(seconds_of(*took));
  }
  // Only Rollouts under way have a series, so that the number of series is bounded by what is happening.
  const Labels labels{{"namespace", key.ns}, {"rollout", key.name}};
  if (!after.candidate_revision.empty()) {
    families_->weight.Add(labels).Set(after.traffic.candidate);
  } else if (!before.candidate_revision.empty()) {
    drop_weight(key);
  }
}

void OwnMetrics::forgotten(const kube::Key& key) {
  delay_.forgotten(key);
  drop_weight(key);
}

void OwnMetrics::drop_weight(const kube::Key& key) {
  const Labels labels{{"namespace", key.ns}, {"rollout", key.name}};
  if (families_->weight.Has(labels)) families_->weight.Remove(&families_->weight.Add(labels));
}

}  // namespace sluice::app
