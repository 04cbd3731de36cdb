// What is asked of a Job that a user writes in a stage. For the .cpp files of this folder.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/field_error.h"

namespace sluice::api {

// Labels of ours on a pod template of a test: with those of a revision its pods would be sent its requests.
void check_test_labels(const nlohmann::json& pod_template, const std::string& path, std::vector<FieldError>& out);

// `job` is the JobSpec at `path`; anything but an object is "required".
void check_test_job(const nlohmann::json& job, const std::string& path, std::vector<FieldError>& out);

}  // namespace sluice::api
