// Revisions: a pod template is named by a hash of what it says.
//
// The hash is part of the API, for people find Deployments by it and status names it: it must not change
// between processes, machines or versions of Sluice. It is defined as follows.
//  1. Normalise the template: drop members that are null, an empty list or an empty object (also those that
//     become empty by this), because Kubernetes takes them for absent. Elements of lists are never dropped.
//     The exceptions are members for which `{}` says something else than nothing: `emptyDir`, and the
//     selectors `labelSelector`, `namespaceSelector` and `selector`, where it means "all". Numbers with
//     nothing behind the point become integers: 1.0 is 1.
//  2. Write it as compact JSON in UTF-8 with the members of every object sorted by their bytes.
//  3. When `collision_count` is not 0, append '#' and the count in decimal.
//  4. Take the first 8 bytes of the SHA-256 as a big-endian integer, and write its 8 lowest digits to the
//  base
//     27, lowest first, in the alphabet "bcdfghjklmnpqrstvwxz2456789": the one of Kubernetes'
//     SafeEncodeString, which cannot spell words.
//
// Two different templates of one Rollout share a hash with a chance of 1 in 2.8e11; the caller then raises
// `collision_count` (status.collisionCount), as Deployments do. All functions are pure and thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sluice::workload {

std::string revision_of(const nlohmann::json& pod_template, int collision_count);

// Step 4 for any text: 8 characters of that alphabet, the same for the same text.
std::string short_hash(const std::string& text);

// The name of a revision's Deployment, and of its Service: "<rollout>-<revision>".
std::string deployment_name(const std::string& rollout, const std::string& revision);
std::string revision_service_name(const std::string& rollout, const std::string& revision);

// The Service that selects the stable revision is named like the Rollout.
std::string stable_service_name(const std::string& rollout);

}  // namespace sluice::workload
