// The objects of one attempt of a load test, as JSON ready to be created.
//
// Of another tool than Locust it is the user's Job alone, as a systemTest has it. Of Locust:
//
//   Job       <name>          the master; the one that is followed, and whose log has the result. Owned by the Rollout.
//   ConfigMap <name>          the script; the pods of both Jobs wait for it
//   Service   <name>          headless: where the workers find the master
//   Job       <name>-workers  as many pods as there are workers
//
// The master's Job owns the other three, so that they go when it goes. They are made after it, in this order. Pods
// keep the restricted Pod Security Standard; what the user's template says is merged over that. A pod of either Job
// that fails or is taken away ends its Job: what was lost of a load cannot be made good. None of them is ever changed.
//
// Pods carry sluice.dev/rollout, so that they are seen. All functions are pure and thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/types.h"
#include "base/time.h"
#include "workload/test_job.h"
#include "workload/views.h"

namespace sluice::workload {

inline const kube::Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap", true};

// As test_job_name(), at most 55 characters: the workers' name adds to it.
std::string load_job_name(const std::string& rollout, const TestAttempt& attempt);
std::string workers_name(const std::string& load_job);

// Preconditions of all: `stage` is a loadTest, and api::validate() finds nothing wrong with `rollout`.
nlohmann::json load_job(const api::Rollout& rollout, const api::StageSpec& stage, const TestAttempt& attempt);

// What belongs to the master's Job, whose uid is given; nothing for another tool.
std::vector<std::pair<kube::Resource, nlohmann::json>> load_parts(const api::Rollout& rollout,
                                                                  const api::StageSpec& stage,
                                                                  const TestAttempt& attempt, const std::string& uid);

// How long one attempt may take: as the spec says; else the load and ten minutes, maxDuration at most.
Duration load_deadline(const api::StageSpec& stage);

// Where the report of a stage of a revision is: "<rollout>-<revision>-<stage>".
std::string report_name(const std::string& rollout, const std::string& revision, const std::string& stage);

}  // namespace sluice::workload
