// What a stage loadTest asks for: the shape of the load, what makes it, and what must hold under it.
//
// A criterion holds, or is broken, with confidence: one-sided bounds at 95 %, shared by all criteria of the stage.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/raw_json.h"
#include "base/time.h"

namespace sluice::api {

enum class LoadProfile { Performance, Stress, Endurance, Volume, Scalability, Spike };

// A time at one rate.
struct LoadStep {
  Duration duration{};
  double rate = 0;  // requests a second, of all workers together
  bool operator==(const LoadStep&) const = default;
};

enum class LoadMetric {
  ResponseTime,        // a quantile: max in seconds, or margin against stable's
  Failures,            // share of the requests: max
  Rate,                // share of the asked rate that was reached: min
  Knee,                // the highest rate at which the other criteria held, requests a second: min
  Recovery,            // time after the highest rate until answers are as before it, seconds: max
  ResponseTimeGrowth,  // of a quantile from the begin to the end of the plateau, 0.1 = 10 %: max
  MemoryGrowth,        // the same of the candidate's memory: max
  Restarts,            // of the candidate's containers: max
  RatePerReplica       // requests a second that each replica answered at the highest step that held: min
};

struct LoadCriterion {
  LoadMetric metric = LoadMetric::Failures;
  std::optional<double> quantile;  // in (0, 1); ResponseTime and ResponseTimeGrowth only
  std::optional<double> max;
  std::optional<double> min;
  std::optional<double> margin;    // ResponseTime: above stable's by this share at most, where stable's is known
  std::string query;               // MemoryGrowth: PromQL of the bytes of the candidate's pods; empty: the default
  bool operator==(const LoadCriterion&) const = default;
};

// The one container of the pods that run Locust.
inline constexpr const char* kLocustContainer = "locust";

// A key of a ConfigMap in the Rollout's namespace.
struct ConfigKey {
  std::string name;
  std::string key;
  bool operator==(const ConfigKey&) const = default;
};

enum class LoadProtocol { V2, OpenAI, Http };

// Locust as Jobs: a master, workers, a headless Service.
struct LocustGenerator {
  std::string image;
  int workers = 1;
  RawJson pod_template;                 // a PodTemplateSpec that all its pods are made of; may be absent
  std::optional<ConfigKey> locustfile;  // absent: the built-in one, which the next four configure
  LoadProtocol protocol = LoadProtocol::V2;
  std::string path;                     // absent for V2 and OpenAI: the protocol's own for `model`
  std::string model;
  std::optional<ConfigKey> payload;     // a JSON body, or a JSON list of bodies that take turns
  bool operator==(const LocustGenerator&) const = default;
};

// Any other tool: a JobSpec whose last line of output with a LoadTestResult is judged.
struct JobGenerator {
  RawJson job;
  bool operator==(const JobGenerator&) const = default;
};

struct LoadTestStage {
  LoadProfile profile = LoadProfile::Performance;
  double rate = 0;                       // the plateau's, or the highest step's, requests a second
  Duration duration{};                   // of the whole load, warm-up excluded; 0: the profile's default
  std::vector<LoadStep> steps;           // instead of rate and duration
  std::variant<LocustGenerator, JobGenerator> generator;
  std::vector<LoadCriterion> criteria;   // absent: the profile's defaults
  std::optional<Duration> deadline;      // of one attempt; absent: what the load takes, and ten minutes
  int retries = 3;                       // further attempts after errors that are none of the test
  bool initial = false;                  // asked of the first revision too
  bool operator==(const LoadTestStage&) const = default;
};

}  // namespace sluice::api
