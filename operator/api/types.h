// The Rollout as C++ values: what a user wrote (Spec) and what Sluice says (RolloutStatus).
//
// These are plain values without behaviour. api/json.h reads and writes them, api/validate.h says what is wrong
// with a Spec that the CRD's schema could not refuse.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "api/spec.h"
#include "api/status.h"
#include "kube/resource.h"

namespace sluice::api {

struct Rollout {
  kube::Key key;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  bool deleting = false;
  std::map<std::string, std::string> annotations;
  std::string approver;  // the field managers that have kApproveAnnotation, the oldest first; empty: not known
  Spec spec;
  RolloutStatus status;
};

}  // namespace sluice::api
