#include "api/spec_stages.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "api/spec_job.h"
#include "api/spec_load_test.h"
#include "kube/object.h"

namespace sluice::api {
namespace {

constexpr const char* kBodies = "canary, shadow, abTest, approval, systemTest and loadTest";

void read_canary(const FieldReader& in, CanaryStage& out) {
  if (const auto* weights = in.find("weights"); weights != nullptr && weights->is_array()) {
    for (std::size_t i = 0; i < weights->size(); ++i) {
      const auto weight = whole_number((*weights)[i]);
      if (weight && *weight >= 0 && *weight <= 100) {
        out.weights.push_back(static_cast<int>(*weight));
      } else {
        in.problem(("weights[" + std::to_string(i) + "]").c_str(),
                   shown((*weights)[i]) + " is not a weight: write whole percents from 1 to 99");
      }
    }
  } else {
    in.problem("weights", "is required: a list of rising percentages such as [1, 5, 25, 50]");
  }
  in.read("minLooks", out.min_looks);
}

void read_shadow(const FieldReader& in, ShadowStage& out) {
  in.read("percent", out.percent);
  in.read("minLooks", out.min_looks);
  in.read_word("require", out.require);
}

void read_assignment(const FieldReader& in, Assignment& out) {
  if (in.has("header") == in.has("cookie")) {
    in.problem("header", "write exactly one of header and cookie");
    return;
  }
  if (in.has("header")) {
    auto& header = out.emplace<HeaderAssignment>();
    in.require("values");
    in.read("header", header.header);
    in.read_strings("values", header.values);
    if (in.has("ttl")) in.problem("ttl", "is for a cookie: remove it");
    return;
  }
  auto& cookie = out.emplace<CookieAssignment>();
  Duration ttl = hours(24);
  in.read("cookie", cookie.cookie);
  in.read("ttl", ttl);
  cookie.ttl = std::chrono::floor<seconds>(ttl);
  if (cookie.ttl != ttl) in.problem("ttl", "write whole seconds, such as 24h");
  if (in.has("values")) in.problem("values", "are for a header: remove them");
}

void read_ab_test(const FieldReader& in, AbTestStage& out) {
  in.read("weight", out.weight);
  in.read("minLooks", out.min_looks);
  in.require("assignment");
  if (in.has("assignment")) read_assignment(in.child("assignment"), out.assignment);
}

void read_system_test(const FieldReader& in, SystemTestStage& out) {
  in.require("job");
  if (const auto* job = in.find("job")) {
    in.child("job").require("template");  // says so when the job is not an object
    if (job->is_object()) out.job = *job;
  }
  if (in.has("deadline")) in.read("deadline", out.deadline.emplace());
  in.read("retries", out.retries);
  in.read("initial", out.initial);
}

std::string at(const std::string& list, std::size_t index) { return list + "[" + std::to_string(index) + "]"; }

void check_weights(const std::vector<int>& weights, const std::string& path, std::vector<FieldError>& out) {
  if (weights.empty()) {
    out.push_back({path, "write at least one percentage, such as [1, 5, 25, 50]"});
    return;
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] < 1 || weights[i] > 99) {
      out.push_back({at(path, i), "must be from 1 to 99: 100 is the promotion that follows the last one"});
    } else if (i > 0 && weights[i] <= weights[i - 1]) {
      out.push_back({at(path, i), "must be above the one before it, " + std::to_string(weights[i - 1])});
    }
  }
}

// A token of RFC 9110: what the name of a header, or of a cookie, may consist of.
bool is_token(const std::string& text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= 256 && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return (c < 128 && std::isalnum(c) != 0) || kOthers.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

void check_header(const HeaderAssignment& header, const std::string& path, std::vector<FieldError>& out) {
  if (!is_token(header.header)) {
    out.push_back({path + ".header", "write the name of a header, such as x-user-bucket"});
  }
  if (header.values.empty()) out.push_back({path + ".values", "write at least one value of the candidate's users"});
  std::set<std::string> seen;
  for (std::size_t i = 0; i < header.values.size(); ++i) {
    if (header.values[i].empty() || header.values[i].size() > 4096) {
      out.push_back({at(path + ".values", i), "must have from 1 to 4096 characters"});
    } else if (!seen.insert(header.values[i]).second) {
      out.push_back({at(path + ".values", i), "is there twice: remove it"});
    }
  }
}

void check_assignment(const Assignment& assignment, const std::string& path, std::vector<FieldError>& out) {
  if (const auto* header = std::get_if<HeaderAssignment>(&assignment)) return check_header(*header, path, out);
  const auto& cookie = std::get<CookieAssignment>(assignment);
  if (!is_token(cookie.cookie)) out.push_back({path + ".cookie", "write the name of a cookie, such as digits-arm"});
  if (cookie.ttl < seconds(1)) out.push_back({path + ".ttl", "must be at least 1s"});
}

// The Gateway API allows 64 matches in a rule and 128 in a route. The users' matches stand in the weighted rule too.
void check_matches(const Assignment& assignment, const Spec& spec, const std::string& path,
                   std::vector<FieldError>& out) {
  constexpr std::size_t kInRule = 64;
  constexpr std::size_t kInRoute = 128;
  const auto* gateway = std::get_if<GatewayApiTraffic>(&spec.traffic);
  if (gateway == nullptr) return;
  const nlohmann::json tree = gateway->matches.tree();
  const std::size_t matches = tree.is_array() && !tree.empty() ? tree.size() : 1;
  if (const auto* header = std::get_if<HeaderAssignment>(&assignment)) {
    const std::size_t needed = matches * header->values.size();
    if (needed <= kInRule) return;
    out.push_back({path + ".values", std::to_string(header->values.size()) + " values for each of the " +
                                         std::to_string(matches) + " matches of spec.traffic.gatewayAPI.matches make " +
                                         std::to_string(needed) + " matches of a rule, and the Gateway API allows " +
                                         std::to_string(kInRule) + ": write fewer of them"});
  } else if (3 * matches > kInRoute) {
    out.push_back({path + ".cookie", "with an assignment by cookie spec.traffic.gatewayAPI.matches can hold at most " +
                                         std::to_string(kInRoute / 3) + ", there are " + std::to_string(matches)});
  }
}

void check_system_test(const SystemTestStage& test, const std::string& path, std::vector<FieldError>& out) {
  const nlohmann::json job = test.job.tree();
  check_test_job(job, path + ".job", out);
  const bool own_deadline = kube::find(job, {"activeDeadlineSeconds"}) != nullptr;
  if (own_deadline && test.deadline) {
    out.push_back({path + ".deadline", "leave it out, or job.activeDeadlineSeconds: both say the same"});
  }
  if (test.deadline && *test.deadline <= Duration(0)) out.push_back({path + ".deadline", "must be longer than 0s"});
  if (test.retries < 0 || test.retries > 10) out.push_back({path + ".retries", "must be from 0 to 10"});
}

// Checks one body; returns how many looks the stage takes at least.
struct CheckBody {
  const Spec& spec;
  const StageSpec& stage;
  const std::string& path;
  std::vector<FieldError>& out;

  void looks(int min_looks, const char* body) const {
    if (min_looks < 1) out.push_back({path + "." + body + ".minLooks", "must be at least 1"});
  }

  std::int64_t operator()(const CanaryStage& canary) const {
    check_weights(canary.weights, path + ".canary.weights", out);
    looks(canary.min_looks, "canary");
    return static_cast<std::int64_t>(canary.weights.size()) * canary.min_looks;
  }
  std::int64_t operator()(const ShadowStage& shadow) const {
    if (shadow.percent < 1 || shadow.percent > 100) {
      out.push_back({path + ".shadow.percent", "must be from 1 to 100"});
    }
    looks(shadow.min_looks, "shadow");
    return shadow.min_looks;
  }
  std::int64_t operator()(const AbTestStage& test) const {
    if (test.weight < 1 || test.weight > 99) out.push_back({path + ".abTest.weight", "must be from 1 to 99"});
    looks(test.min_looks, "abTest");
    check_assignment(test.assignment, path + ".abTest.assignment", out);
    return test.min_looks;
  }
  std::int64_t operator()(const ApprovalStage&) const { return 0; }
  std::int64_t operator()(const SystemTestStage& test) const {
    check_system_test(test, path + ".systemTest", out);
    return 0;
  }
  std::int64_t operator()(const LoadTestStage& test) const {
    check_load_test(test, spec.analysis, stage.max_duration, path + ".loadTest", out);
    return 0;
  }
};

// A stage that ends before its looks can be taken would always be inconclusive.
void check_time(const StageSpec& stage, const AnalysisSpec& analysis, std::int64_t looks, const std::string& path,
                std::vector<FieldError>& out) {
  if (stage.min_duration < Duration(0)) out.push_back({path + ".minDuration", "must not be negative"});
  if (stage.max_duration <= Duration(0)) {
    out.push_back({path + ".maxDuration", "must be longer than 0s, such as 2h"});
    return;
  }
  if (stage.max_duration < stage.min_duration) {
    out.push_back({path + ".maxDuration", "must be at least minDuration, " + format_duration(stage.min_duration)});
  }
  const Duration least = analysis.warmup + looks * analysis.interval;
  if (looks > 0 && stage.max_duration < least) {
    out.push_back({path + ".maxDuration", "must be at least " + format_duration(least) + ": the warm-up and " +
                                              std::to_string(looks) + " looks of " +
                                              format_duration(analysis.interval) + " take that long"});
  }
}

}  // namespace

StageSpec read_stage(const FieldReader& in) {
  StageSpec stage;
  in.require("name");
  in.read("name", stage.name);
  in.read("minDuration", stage.min_duration);
  in.read("maxDuration", stage.max_duration);
  const std::array<const char*, 6> bodies{"canary", "shadow", "abTest", "approval", "systemTest", "loadTest"};
  const auto written = std::count_if(bodies.begin(), bodies.end(), [&](const char* body) { return in.has(body); });
  if (written != 1) {
    const std::string wrong = written == 0 ? "is required" : "is not alone";
    in.problem("canary", wrong + ": write exactly one of " + kBodies);
    return stage;
  }
  if (in.has("canary")) {
    read_canary(in.child("canary"), stage.body.emplace<CanaryStage>());
  } else if (in.has("shadow")) {
    read_shadow(in.child("shadow"), stage.body.emplace<ShadowStage>());
  } else if (in.has("abTest")) {
    read_ab_test(in.child("abTest"), stage.body.emplace<AbTestStage>());
  } else if (in.has("approval")) {
    // The child says so when it is not an object.
    in.child("approval").read("initial", stage.body.emplace<ApprovalStage>().initial);
  } else if (in.has("systemTest")) {
    read_system_test(in.child("systemTest"), stage.body.emplace<SystemTestStage>());
  } else {
    read_load_test(in.child("loadTest"), stage.body.emplace<LoadTestStage>());
  }
  return stage;
}

void check_stages(const Spec& spec, std::vector<FieldError>& out) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < spec.stages.size(); ++i) {
    const StageSpec& stage = spec.stages[i];
    const std::string path = at("spec.stages", i);
    if (stage.name.empty()) {
      out.push_back({path + ".name", "is required"});
    } else if (!names.insert(stage.name).second) {
      out.push_back({path + ".name", "\"" + stage.name + "\" is there twice: give each its own name"});
    }
    if (std::holds_alternative<ShadowStage>(stage.body) && std::holds_alternative<ManualTraffic>(spec.traffic)) {
      out.push_back({path + ".shadow", "needs traffic.gatewayAPI: with manual nobody makes the copies"});
    }
    if (const auto* test = std::get_if<AbTestStage>(&stage.body)) {
      if (std::holds_alternative<ManualTraffic>(spec.traffic)) {
        out.push_back({path + ".abTest", "needs traffic.gatewayAPI: with manual nobody assigns the users"});
      }
      check_matches(test->assignment, spec, path + ".abTest.assignment", out);
    }
    const std::int64_t looks = std::visit(CheckBody{spec, stage, path, out}, stage.body);
    check_time(stage, spec.analysis, looks, path, out);
    const auto* test = std::get_if<SystemTestStage>(&stage.body);
    if (test != nullptr && test->deadline && *test->deadline > stage.max_duration) {
      out.push_back({path + ".systemTest.deadline",
                     "must be at most maxDuration, " + format_duration(stage.max_duration)});
    }
  }
}

}  // namespace sluice::api
