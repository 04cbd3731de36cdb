// What the Jobs of all kinds of tests have. Private to workload/.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "api/types.h"
#include "base/time.h"
#include "workload/test_job.h"

namespace sluice::workload {

// The server has a null taken for absent.
bool has(const nlohmann::json& object, const char* field);

nlohmann::json& object_in(nlohmann::json& parent, const char* field);  // made when it is none

nlohmann::json variable(const char* name, const std::string& value);

// Where the candidate answers: SLUICE_URL and the like, each a name and a value.
nlohmann::json environment(const api::Rollout& rollout, const std::string& revision);

// Ours come first, so that a variable of the user's can be made of them; one that the user has written stays.
void add_environment(nlohmann::json& container, const nlohmann::json& ours);

nlohmann::json job_labels(const api::Rollout& rollout, const TestAttempt& attempt);

// The Job of one attempt, owned by the Rollout.
nlohmann::json attempt_job(const api::Rollout& rollout, const TestAttempt& attempt, const std::string& name,
                           nlohmann::json spec);

// The user's JobSpec with what Sluice adds to it.
nlohmann::json user_job_spec(nlohmann::json spec, const api::Rollout& rollout, const TestAttempt& attempt,
                             const nlohmann::json& environment, Duration deadline);

// What the user's Job says of its deadline; nullopt: nothing.
std::optional<Duration> own_deadline(const api::RawJson& job);

// "<rollout>-<stage>-<hash>-<attempt>", at most `longest` characters.
std::string attempt_name(const std::string& rollout, const TestAttempt& attempt, std::size_t longest);

}  // namespace sluice::workload
