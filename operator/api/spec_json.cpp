#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/field_reader.h"
#include "api/json.h"
#include "api/spec_stages.h"
#include "kube/object.h"

namespace sluice::api {
namespace {

// An event that is rare by nature needs a tighter absolute limb than a share of slow requests does.
constexpr double kOrBelowForCounters = 0.001;
constexpr double kOrBelowForHistograms = 0.01;

void read_counter(const FieldReader& in, CounterSource& out) {
  in.require("events");
  in.require("total");
  in.read("events", out.events);
  in.read("total", out.total);
}

void read_histogram(const FieldReader& in, HistogramSource& out) {
  in.require("buckets");
  in.read("buckets", out.buckets);
  if (in.has("above")) in.read("above", out.above.emplace());
  std::string unit = "Seconds";
  in.read("unit", unit);
  if (unit != "Seconds" && unit != "Milliseconds") in.problem("unit", "write Seconds or Milliseconds");
  out.milliseconds = unit == "Milliseconds";
}

void read_mean(const FieldReader& in, MeanSource& out) {
  in.require("sum");
  in.require("count");
  in.read("sum", out.sum);
  in.read("count", out.count);
}

void read_classes(const FieldReader& in, ClassesSource& out) {
  in.require("counter");
  in.require("label");
  in.read("counter", out.counter);
  in.read("label", out.label);
}

void read_scores(const FieldReader& in, ScoresSource& out) {
  in.require("buckets");
  in.read("buckets", out.buckets);
}

// A goal is tested both ways at once: only its direction can be chosen.
void read_role(const FieldReader& in, MetricSpec& out) {
  in.read_word("role", out.role);
  in.read_word("direction", out.direction);
  if (out.role != MetricRole::Goal) return;
  for (const char* field : {"margin", "harm", "ceiling"}) {
    if (in.has(field)) in.problem(field, "is not for a goal, which is shown to be better or worse: remove it");
  }
}

// Exactly one kind, or none of them is read.
void read_source(const FieldReader& in, MetricSpec& out) {
  int kinds = 0;
  for (const char* kind : {"counter", "histogram", "mean", "classes", "scores"}) kinds += in.has(kind);
  if (kinds != 1) {
    in.problem("counter", "write exactly one of counter, histogram, mean, classes and scores");
  } else if (in.has("mean")) {
    read_mean(in.child("mean"), out.source.emplace<MeanSource>());
  } else if (in.has("counter")) {
    read_counter(in.child("counter"), out.source.emplace<CounterSource>());
    out.margin.or_below = kOrBelowForCounters;
  } else if (in.has("histogram")) {
    read_histogram(in.child("histogram"), out.source.emplace<HistogramSource>());
    out.margin.or_below = kOrBelowForHistograms;
  } else if (in.has("classes")) {
    read_classes(in.child("classes"), out.source.emplace<ClassesSource>());
  } else {
    read_scores(in.child("scores"), out.source.emplace<ScoresSource>());
  }
}

// Predictions decide nothing, so that there is nothing to be chosen but when they are told to differ.
void read_drift(const FieldReader& in, MetricSpec& out) {
  in.child("drift").read_ratio("above", out.drift.above);
  if (!compares_predictions(out)) {
    if (in.has("drift")) in.problem("drift", "is for a metric of classes or scores: remove it");
    return;
  }
  if (!in.has("role")) out.role = MetricRole::Report;
  for (const char* field : {"margin", "harm", "ceiling", "direction"}) {
    if (!in.has(field)) continue;
    in.problem(field, "is not for a metric of classes or scores, which decides nothing: remove it");
  }
}

MetricSpec read_metric(const FieldReader& in) {
  MetricSpec metric;
  in.require("name");
  in.read("name", metric.name);
  read_role(in, metric);
  read_source(in, metric);
  read_drift(in, metric);
  if (compares_predictions(metric)) return metric;
  const FieldReader margin = in.child("margin");
  margin.read_ratio("ratio", metric.margin.ratio);
  margin.read_percent("orBelow", metric.margin.or_below);
  const FieldReader harm = in.child("harm");
  harm.read_ratio("ratio", metric.harm.ratio);
  harm.read_percent("above", metric.harm.above);
  if (in.has("ceiling")) {
    double ceiling = 1.0;
    in.read_percent("ceiling", ceiling);
    metric.ceiling = ceiling;
  }
  return metric;
}

void read_analysis(const FieldReader& in, AnalysisSpec& out) {
  in.child("prometheus").read("address", out.prometheus_address);
  in.read("interval", out.interval);
  in.read("warmup", out.warmup);
  in.read_percent("falseRollback", out.false_rollback);
  in.read_percent("falsePromotion", out.false_promotion);
  in.read_ratio("catastrophicEffect", out.catastrophic_effect);
  in.read_word("promoteWhen", out.promote_when);
  in.read_word("splitCheck", out.split_check);
  in.read("requests", out.requests);
  in.each("metrics", [&](const FieldReader& metric) { out.metrics.push_back(read_metric(metric)); });
}

TrafficSpec read_traffic(const FieldReader& in) {
  if (in.has("gatewayAPI") == in.has("manual")) {
    in.problem("gatewayAPI", "write exactly one of gatewayAPI and manual");
    return GatewayApiTraffic{};
  }
  if (in.has("manual")) {
    in.child("manual");  // says so when it is not an object
    return ManualTraffic{};
  }
  GatewayApiTraffic gateway;
  const FieldReader fields = in.child("gatewayAPI");
  fields.require("parentRefs");
  fields.read_array("parentRefs", gateway.parent_refs);
  fields.read_strings("hostnames", gateway.hostnames);
  fields.read_array("matches", gateway.matches);
  return gateway;
}

void read_spec(const FieldReader& in, Spec& out) {
  in.read("replicas", out.replicas);
  in.require("template");
  if (const auto* pod_template = in.find("template")) {
    in.child("template");  // says so when it is not an object
    out.pod_template = *pod_template;
  }
  in.require("port");
  if (const auto* port = in.find("port")) {
    const auto number = whole_number(*port);
    if (number) {
      out.port = *number;
    } else if (port->is_string()) {
      out.port = port->get_ref<const std::string&>();
    } else {
      in.problem("port",
                 shown(*port) + " is not a port: write its number, or the name that the template gives it");
    }
  }
  in.require("traffic");
  if (in.has("traffic")) out.traffic = read_traffic(in.child("traffic"));
  in.each("stages", [&](const FieldReader& stage) { out.stages.push_back(read_stage(stage)); });
  read_analysis(in.child("analysis"), out.analysis);
  in.read_word("onInconclusive", out.on_inconclusive);
  in.read("scaleDownDelay", out.scale_down_delay);
  if (in.has("rollbackWindow")) {
    const FieldReader window = in.child("rollbackWindow");
    window.require("revisions");
    window.read("revisions", out.rollback_window.emplace(1));
  }
  in.read("progressDeadline", out.progress_deadline);
  in.read("revisionHistoryLimit", out.revision_history_limit);
  in.read("paused", out.paused);
}

// Who has written an annotation, as far as it can be told: the field managers that have it, the oldest first. Several
// have it when they wrote the same value.
std::string writers_of(const nlohmann::json& object, std::string_view annotation) {
  const nlohmann::json* entries = kube::find(object, {"managedFields"});
  std::vector<std::pair<std::string, std::string>> writers;  // by time, which sorts as text
  if (entries == nullptr || !entries->is_array()) return "";
  const std::string field = "f:" + std::string(annotation);
  for (const nlohmann::json& entry : *entries) {
    if (kube::find(entry, {"fieldsV1", "f:metadata", "f:annotations", field}) == nullptr) continue;
    writers.emplace_back(kube::string_at(entry, {"time"}), kube::string_at(entry, {"manager"}));
  }
  std::sort(writers.begin(), writers.end());
  std::string names;
  for (const auto& [time, name] : writers) {
    if (!name.empty()) names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

void read_metadata(const FieldReader& in, Rollout& out) {
  in.require("name");
  in.read("name", out.key.name);
  in.read("namespace", out.key.ns);
  in.read("uid", out.uid);
  in.read("resourceVersion", out.resource_version);
  if (const auto* generation = in.find("generation")) out.generation = whole_number(*generation).value_or(0);
  out.deleting = in.has("deletionTimestamp");
  if (const auto* metadata = in.object()) out.approver = writers_of(*metadata, kApproveAnnotation);
  const auto* annotations = in.find("annotations");
  if (annotations == nullptr || !annotations->is_object()) return;
  for (const auto& [name, value] : annotations->items()) {
    if (value.is_string()) out.annotations[name] = value.get_ref<const std::string&>();
  }
}

}  // namespace

RolloutReading read_rollout(const nlohmann::json& object) {
  RolloutReading reading;
  const FieldReader in(&object, "", reading.problems);
  in.require("metadata");
  if (in.has("metadata")) read_metadata(in.child("metadata"), reading.rollout);
  in.require("spec");
  if (in.has("spec")) read_spec(in.child("spec"), reading.rollout.spec);
  if (const auto* status = in.find("status")) reading.rollout.status = status_from_json(*status);
  return reading;
}

Result<Rollout> rollout_from_json(const nlohmann::json& object) {
  RolloutReading reading = read_rollout(object);
  if (!reading.problems.empty()) return Error{ErrorCode::Invalid, join(reading.problems), {}};
  return std::move(reading.rollout);
}

}  // namespace sluice::api
