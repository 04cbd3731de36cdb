// The objects that a Rollout has in the cluster, as JSON ready to be applied or created.
//
// Every object is complete: all that Sluice owns of it, each time, because server-side apply gives up what is
// left out. They carry
//  - ownerReferences: the Rollout as the controller, so that they go when it goes;
//  - labels: sluice.dev/rollout, app.kubernetes.io/managed-by: sluice, and sluice.dev/revision on what
//  belongs
//    to one revision. Selectors name the first and the last, nothing else.
// All functions are pure and thread-safe. Preconditions: `rollout` has a key and
// a uid, and api::validate() finds nothing wrong with it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/types.h"

namespace sluice::workload {

// What the metadata of every object begins with: name, namespace, the labels that all have, the owner.
nlohmann::json metadata(const api::Rollout& rollout, const std::string& name);

// The template is the one in rollout.spec, so `revision` must be the wanted one; older revisions are only
// scaled (scale_patch). Pods get the two labels of the selector, whatever the user's template says there; the
// user's labels are kept on pods and Deployment. Pods are never taken away before their successors are ready.
nlohmann::json deployment(const api::Rollout& rollout, const std::string& revision, int replicas);

// What the gateway sends to. Its selector never changes.
nlohmann::json revision_service(const api::Rollout& rollout, const std::string& revision);

// For callers inside the cluster that bypass the gateway. Named like the Rollout.
nlohmann::json stable_service(const api::Rollout& rollout, const std::string& stable_revision);

// A merge patch for a Deployment.
nlohmann::json scale_patch(int replicas);

// The port number that the Services listen on: that of the container port. 0 for a spec that validate()
// refuses.
int service_port(const api::Spec& spec);

}  // namespace sluice::workload
