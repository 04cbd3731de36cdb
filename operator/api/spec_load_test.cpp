#include "api/spec_load_test.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "api/spec_job.h"
#include "kube/object.h"

namespace sluice::api {
namespace {

constexpr double kHighestRate = 100'000;  // requests a second
constexpr std::size_t kMostSteps = 60;
constexpr std::size_t kMostCriteria = 20;
constexpr int kMostWorkers = 100;

struct Member {
  const char* name;
  LoadMetric metric;
};

constexpr std::array<Member, 9> kMembers{{{"responseTime", LoadMetric::ResponseTime},
                                          {"failures", LoadMetric::Failures},
                                          {"rate", LoadMetric::Rate},
                                          {"knee", LoadMetric::Knee},
                                          {"recovery", LoadMetric::Recovery},
                                          {"responseTimeGrowth", LoadMetric::ResponseTimeGrowth},
                                          {"memoryGrowth", LoadMetric::MemoryGrowth},
                                          {"restarts", LoadMetric::Restarts},
                                          {"ratePerReplica", LoadMetric::RatePerReplica}}};
constexpr const char* kMemberNames =
    "responseTime, failures, rate, knee, recovery, responseTimeGrowth, memoryGrowth, restarts and ratePerReplica";

const char* name_of(LoadMetric metric) {
  for (const Member& member : kMembers) {
    if (member.metric == metric) return member.name;
  }
  return "";
}

std::string at(const std::string& list, std::size_t index) { return list + "[" + std::to_string(index) + "]"; }

void read_share(const FieldReader& in, const char* field, std::optional<double>& out) {
  if (in.has(field)) in.read_percent(field, out.emplace());
}

void read_number(const FieldReader& in, const char* field, std::optional<double>& out) {
  if (in.has(field)) in.read_ratio(field, out.emplace());
}

void read_seconds(const FieldReader& in, const char* field, std::optional<double>& out) {
  if (!in.has(field)) return;
  Duration value{};
  in.read(field, value);
  out = std::chrono::duration<double>(value).count();
}

void read_count(const FieldReader& in, const char* field, std::optional<double>& out) {
  if (!in.has(field)) return;
  int value = 0;
  in.read(field, value);
  out = value;
}

// What one member of the union has.
void read_member(const FieldReader& in, LoadCriterion& out) {
  switch (out.metric) {
    case LoadMetric::ResponseTime:
      in.require("quantile");
      if (!in.has("max") && !in.has("margin")) in.problem("max", "is required: write max, margin or both");
      read_share(in, "quantile", out.quantile);
      read_seconds(in, "max", out.max);
      return read_share(in, "margin", out.margin);
    case LoadMetric::ResponseTimeGrowth:
      in.require("quantile");
      read_share(in, "quantile", out.quantile);
      in.require("max");
      return read_share(in, "max", out.max);
    case LoadMetric::Failures: in.require("max"); return read_share(in, "max", out.max);
    case LoadMetric::MemoryGrowth:
      in.require("max");
      read_share(in, "max", out.max);
      return in.read("query", out.query);
    case LoadMetric::Recovery: in.require("max"); return read_seconds(in, "max", out.max);
    case LoadMetric::Restarts: in.require("max"); return read_count(in, "max", out.max);
    case LoadMetric::Rate: in.require("min"); return read_share(in, "min", out.min);
    case LoadMetric::Knee:
    case LoadMetric::RatePerReplica: in.require("min"); return read_number(in, "min", out.min);
  }
}

void read_criterion(const FieldReader& in, LoadCriterion& out) {
  const auto is_written = [&](const Member& member) { return in.has(member.name); };
  const auto written = std::count_if(kMembers.begin(), kMembers.end(), is_written);
  if (written != 1) {
    const std::string wrong = written == 0 ? "is required" : "is not alone";
    return in.problem("responseTime", wrong + ": write exactly one of " + kMemberNames);
  }
  const auto* member = std::find_if(kMembers.begin(), kMembers.end(), is_written);
  out.metric = member->metric;
  read_member(in.child(member->name), out);
}

void read_config_key(const FieldReader& in, const char* field, std::optional<ConfigKey>& out) {
  if (!in.has(field)) return;
  const FieldReader source = in.child(field);
  source.require("configMapKeyRef");
  if (!source.has("configMapKeyRef")) return;
  const FieldReader key = source.child("configMapKeyRef");
  key.require("name");
  key.require("key");
  key.read("name", out.emplace().name);
  key.read("key", out->key);
}

void read_locust(const FieldReader& in, LocustGenerator& out) {
  in.require("image");
  in.read("image", out.image);
  in.read("workers", out.workers);
  if (const auto* pod = in.find("template")) {
    if (in.child("template").object() != nullptr) out.pod_template = *pod;
  }
  read_config_key(in, "locustfile", out.locustfile);
  in.read_word("protocol", out.protocol);
  in.read("path", out.path);
  in.read("model", out.model);
  read_config_key(in, "payload", out.payload);
}

void read_generator(const FieldReader& in, LoadTestStage& out) {
  if (in.has("locust") == in.has("job")) {
    const std::string wrong = in.has("job") ? "is not alone" : "is required";
    return in.problem("locust", wrong + ": write exactly one of locust and job");
  }
  if (in.has("locust")) return read_locust(in.child("locust"), out.generator.emplace<LocustGenerator>());
  auto& generator = out.generator.emplace<JobGenerator>();
  in.child("job").require("template");  // says so when the job is not an object
  if (const auto* job = in.find("job"); job->is_object()) generator.job = *job;
}

void read_shape(const FieldReader& in, LoadTestStage& out) {
  if (in.has("steps") && (in.has("rate") || in.has("duration"))) {
    return in.problem("steps", "are instead of rate and duration: leave out the one or the others");
  }
  if (!in.has("steps") && !in.has("job")) in.require("rate");  // another tool may know its load by itself
  in.read_ratio("rate", out.rate);
  in.read("duration", out.duration);
  in.each("steps", [&](const FieldReader& step) {
    LoadStep& read = out.steps.emplace_back();
    step.require("duration");
    step.require("rate");
    step.read("duration", read.duration);
    step.read_ratio("rate", read.rate);
  });
}

// --- checks ---

bool is_file_name(const std::string& key) {
  return !key.empty() && key.size() <= 253 && key != "." && key != ".." &&
         std::all_of(key.begin(), key.end(), [](unsigned char c) {
           return c < 128 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
         });
}

void check_key(const std::optional<ConfigKey>& key, const std::string& path, std::vector<FieldError>& out) {
  if (!key) return;
  if (key->name.empty()) out.push_back({path + ".configMapKeyRef.name", "write the name of a ConfigMap"});
  if (!is_file_name(key->key)) {
    out.push_back({path + ".configMapKeyRef.key", "write a key of it: letters, digits, '-', '_' and '.'"});
  }
}

void check_template(const nlohmann::json& pod, const std::string& path, std::vector<FieldError>& out) {
  if (!pod.is_object()) return;
  check_test_labels(pod, path, out);
  const auto* restart = kube::find(pod, {"spec", "restartPolicy"});
  if (restart != nullptr && !restart->is_null() && *restart != "Never") {
    out.push_back({path + ".spec.restartPolicy", "leave it out: what was lost of a load cannot be made good"});
  }
  const auto* containers = kube::find(pod, {"spec", "containers"});
  if (containers == nullptr || containers->is_null()) return;
  const bool known = containers->is_array() && containers->size() <= 1 &&
                     (containers->empty() || kube::string_at(containers->front(), {"name"}) == kLocustContainer);
  if (known) return;
  out.push_back({path + ".spec.containers",
                 "only the container " + std::string(kLocustContainer) +
                     " can be there, for its resources and the like; others belong in initContainers"});
}

void check_locust(const LocustGenerator& locust, const std::string& path, std::vector<FieldError>& out) {
  if (locust.image.empty()) out.push_back({path + ".image", "write an image that has Locust"});
  if (locust.workers < 1 || locust.workers > kMostWorkers) {
    out.push_back({path + ".workers", "must be from 1 to " + std::to_string(kMostWorkers)});
  }
  check_template(locust.pod_template.tree(), path + ".template", out);
  check_key(locust.locustfile, path + ".locustfile", out);
  if (locust.locustfile && !locust.locustfile->key.ends_with(".py")) {
    out.push_back({path + ".locustfile.configMapKeyRef.key", "must end with .py: Locust takes no other file"});
  }
  check_key(locust.payload, path + ".payload", out);
  if (!locust.path.empty() && locust.path.front() != '/') {
    out.push_back({path + ".path", "must begin with '/', such as /v2/models/digits/infer"});
  }
  if (locust.locustfile) return;  // it knows by itself what to ask
  if (locust.path.empty() && locust.protocol == LoadProtocol::Http) {
    out.push_back({path + ".path", "is required with the protocol Http: write the path of the requests"});
  } else if (locust.model.empty() && (locust.path.empty() || locust.protocol == LoadProtocol::OpenAI)) {
    out.push_back({path + ".model", "is required: write the name of the model that is asked"});
  }
}

void check_rate(double rate, const std::string& path, std::vector<FieldError>& out) {
  if (rate <= 0) out.push_back({path, "must be above 0: requests a second"});
  if (rate > kHighestRate) out.push_back({path, "must be at most 100000 requests a second"});
}

// Returns how long the load takes; 0: by the profile.
Duration check_shape(const LoadTestStage& test, const std::string& path, std::vector<FieldError>& out) {
  if (test.steps.empty() && test.rate == 0 && std::holds_alternative<JobGenerator>(test.generator)) return {};
  if (test.steps.empty()) {
    check_rate(test.rate, path + ".rate", out);
    if (test.duration < Duration(0)) out.push_back({path + ".duration", "must not be negative"});
    return test.duration;
  }
  if (test.steps.size() > kMostSteps) {
    out.push_back({path + ".steps", "there can be at most " + std::to_string(kMostSteps)});
  }
  Duration total{};
  for (std::size_t i = 0; i < test.steps.size(); ++i) {
    const std::string step = at(path + ".steps", i);
    if (test.steps[i].duration < seconds(1)) out.push_back({step + ".duration", "must be at least 1s"});
    check_rate(test.steps[i].rate, step + ".rate", out);
    total += test.steps[i].duration;
  }
  return total;
}

void check_criteria(const LoadTestStage& test, const AnalysisSpec& analysis, const std::string& path,
                    std::vector<FieldError>& out) {
  if (test.criteria.size() > kMostCriteria) {
    out.push_back({path, "there can be at most " + std::to_string(kMostCriteria)});
  }
  const bool blind = analysis.prometheus_address.empty() && analysis.metrics.empty();  // else it is told there
  if (test.criteria.empty() && test.profile == LoadProfile::Endurance && blind) {
    out.push_back({path, "write them, or spec.analysis.prometheus: an Endurance test watches the memory by default"});
  }
  for (std::size_t i = 0; i < test.criteria.size(); ++i) {
    const LoadCriterion& criterion = test.criteria[i];
    const std::string member = at(path, i) + "." + name_of(criterion.metric);
    if (criterion.quantile && (*criterion.quantile <= 0 || *criterion.quantile >= 1)) {
      out.push_back({member + ".quantile", "must be above 0% and below 100%, such as 95%"});
    }
    const bool times = criterion.metric == LoadMetric::ResponseTime || criterion.metric == LoadMetric::Recovery;
    if (times && criterion.max && *criterion.max <= 0) {
      out.push_back({member + ".max", "must be longer than 0s, such as 300ms"});
    } else if (criterion.max && *criterion.max < 0) {
      out.push_back({member + ".max", "must not be negative"});
    }
    if (criterion.min && *criterion.min <= 0) out.push_back({member + ".min", "must be above 0"});
    if (criterion.metric == LoadMetric::MemoryGrowth && blind) {
      out.push_back({member, "needs spec.analysis.prometheus: the memory is read there"});
    }
  }
}

// The longest time, in a sentence, that `stage` leaves for one attempt.
void check_times(const LoadTestStage& test, Duration load, Duration max_duration, const std::string& path,
                 std::vector<FieldError>& out) {
  if (test.deadline && *test.deadline <= load) {
    out.push_back({path + ".deadline", "must be longer than the load, " + format_duration(load)});
  }
  if (test.deadline && *test.deadline > max_duration) {
    out.push_back({path + ".deadline", "must be at most maxDuration, " + format_duration(max_duration)});
  } else if (load >= max_duration) {
    out.push_back({path + (test.steps.empty() ? ".duration" : ".steps"),
                   "the load takes " + format_duration(load) + ": it must be shorter than maxDuration, " +
                       format_duration(max_duration)});
  }
  if (test.retries < 0 || test.retries > 10) out.push_back({path + ".retries", "must be from 0 to 10"});
}

}  // namespace

void read_load_test(const FieldReader& in, LoadTestStage& out) {
  in.read_word("profile", out.profile);
  read_shape(in, out);
  read_generator(in, out);
  in.each("criteria", [&](const FieldReader& item) { read_criterion(item, out.criteria.emplace_back()); });
  if (in.has("deadline")) in.read("deadline", out.deadline.emplace());
  in.read("retries", out.retries);
  in.read("initial", out.initial);
}

void check_load_test(const LoadTestStage& test, const AnalysisSpec& analysis, Duration max_duration,
                     const std::string& path, std::vector<FieldError>& out) {
  const Duration load = check_shape(test, path, out);
  if (const auto* locust = std::get_if<LocustGenerator>(&test.generator)) {
    check_locust(*locust, path + ".locust", out);
  } else {
    const nlohmann::json job = std::get<JobGenerator>(test.generator).job.tree();
    check_test_job(job, path + ".job", out);
    if (kube::find(job, {"activeDeadlineSeconds"}) != nullptr && test.deadline) {
      out.push_back({path + ".deadline", "leave it out, or job.activeDeadlineSeconds: both say the same"});
    }
  }
  check_criteria(test, analysis, path + ".criteria", out);
  check_times(test, load, max_duration, path, out);
}

}  // namespace sluice::api
