// Whether a write can be skipped: does the live object hold what is wanted already?
//
// `wanted` is what builders.h makes. What the API server and other people add (defaults, more ports, more
// labels) is none of our business and is not looked at. All functions are pure and thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "workload/views.h"

namespace sluice::workload {

enum class Ownership {
  Ours,
  Orphan,   // nobody's, and labelled as ours (an owner that was deleted with --cascade=orphan): take it
  Foreign,  // somebody else's: leave it alone, and say so
};

Ownership ownership(const ObjectView& live, const api::Rollout& rollout);

// Ours, with the wanted number of replicas, images, progress deadline and labels. A template differs between
// revisions only, so what is compared of it are the images: what people change by hand (kubectl set image).
bool up_to_date(const DeploymentView& live, const nlohmann::json& wanted);

// Ours, with exactly the wanted selector, and with the wanted ports among its ports.
bool up_to_date(const ServiceView& live, const nlohmann::json& wanted);

}  // namespace sluice::workload
