// Creates, updates and patches.
#include "case.h"
#include "kube/object.h"

namespace sluice::conformance {
namespace {

using nlohmann::json;

void create_and_get(Case& c) {
  const json made = c.made(kConfigMaps, c.config("create"));
  c.that(!uid_of(made).empty(), "a uid is given");
  c.that(!version_of(made).empty(), "a resourceVersion is given");
  c.that(kube::creation_time_of(made).has_value(), "a creationTimestamp is given");
  const auto got = c.client.get(kConfigMaps, c.key("create"));
  if (c.done(got, "get")) {
    c.that(version_of(*got) == version_of(made), "get answers the same version");
    c.that((*got)["data"] == made["data"], "get answers the same data");
    c.that(got->value("kind", "") == "ConfigMap", "get tells the kind");
  }
  c.refused(c.client.create(kConfigMaps, c.config("create")), ErrorCode::AlreadyExists, "a second create");
  c.refused(c.client.get(kConfigMaps, c.key("absent")), ErrorCode::NotFound, "get of what is not there");
}

void unknown_resource(Case& c) {
  const kube::Resource unknown{"nobody.example.com", "v1", "nothings", "Nothing"};
  c.refused(c.client.list(unknown, c.ns(), {}), ErrorCode::NotFound, "list of an unknown resource");
}

void update_conflict(Case& c) {
  const json first = c.made(kConfigMaps, c.config("conflict"));
  json second = first;
  second["data"]["value"] = "2";
  const auto updated = c.client.update(kConfigMaps, second);
  if (c.done(updated, "update at the version that was read")) {
    c.that(version_of(*updated) != version_of(first), "an update makes a new version");
    c.that(uid_of(*updated) == uid_of(first), "an update keeps the uid");
  }
  json late = first;
  late["data"]["value"] = "3";
  c.refused(c.client.update(kConfigMaps, late), ErrorCode::Conflict, "update at an old version");
  const auto got = c.client.get(kConfigMaps, c.key("conflict"));
  if (c.done(got, "get")) c.that((*got)["data"]["value"] == "2", "the refused update changed nothing");
}

void update_without_change(Case& c) {
  const json first = c.made(kConfigMaps, c.config("same"));
  const auto updated = c.client.update(kConfigMaps, first);
  if (c.done(updated, "update with what is there")) {
    c.that(version_of(*updated) == version_of(first), "a write that changes nothing leaves the version");
  }
}

void update_of_nothing(Case& c) {
  json absent = c.made(kConfigMaps, c.config("gone"));
  c.done(c.client.remove(kConfigMaps, c.key("gone")), "delete");
  absent["data"]["value"] = "2";
  c.refused(c.client.update(kConfigMaps, absent), ErrorCode::NotFound, "update of what was deleted");
}

void merge_patch(Case& c) {
  c.made(kConfigMaps, c.config("merge"));
  const auto added = c.client.patch(kConfigMaps, c.key("merge"), {{"data", {{"more", "x"}}}}, {});
  if (c.done(added, "merge patch")) c.that((*added)["data"].size() == 2, "it keeps what it does not name");
  const auto taken = c.client.patch(kConfigMaps, c.key("merge"), {{"data", {{"value", nullptr}}}}, {});
  if (c.done(taken, "merge patch with null")) c.that(!(*taken)["data"].contains("value"), "null takes away");
  c.refused(c.client.patch(kConfigMaps, c.key("absent"), {{"data", {{"a", "b"}}}}, {}), ErrorCode::NotFound,
            "merge patch of what is not there");
}

void patch_guarded_by_version(Case& c) {
  const json first = c.made(kConfigMaps, c.config("guarded"));
  json body = {{"metadata", {{"resourceVersion", version_of(first)}}}, {"data", {{"value", "2"}}}};
  c.done(c.client.patch(kConfigMaps, c.key("guarded"), body, {}), "merge patch at the version that was read");
  body["data"]["value"] = "3";
  const auto late = c.client.patch(kConfigMaps, c.key("guarded"), body, {});
  c.refused(late, ErrorCode::Conflict, "merge patch at an old one");
}

void status_is_apart(Case& c) {
  const json first = c.made(kDeployments, c.deployment("status"));
  c.that(kube::generation_of(first) == 1, "generation begins with 1");
  const json status = {{"status", {{"observedGeneration", 1}}}};
  const auto plain = c.client.patch(kDeployments, c.key("status"), status, {});
  if (c.done(plain, "patch of the status through the object")) {
    c.that(kube::int_at(*plain, {"status", "observedGeneration"}) == 0, "a status written so is ignored");
  }
  const auto apart = c.client.patch(kDeployments, c.key("status"), status, {.subresource = "status"});
  if (c.done(apart, "patch of the status subresource")) {
    c.that(kube::int_at(*apart, {"status", "observedGeneration"}) == 1, "the status is written");
    c.that(kube::generation_of(*apart) == 1, "a status leaves the generation");
  }
  const json both = {{"spec", {{"paused", true}}}, {"status", {{"observedGeneration", 1}}}};
  const auto mixed = c.client.patch(kDeployments, c.key("status"), both, {.subresource = "status"});
  if (c.done(mixed, "patch of both through the status subresource")) {
    c.that(!kube::bool_at(*mixed, {"spec", "paused"}), "the spec is not written through the status");
  }
}

void generation(Case& c) {
  c.made(kDeployments, c.deployment("generation"));
  const json label = {{"metadata", {{"labels", {{"a", "b"}}}}}};
  const auto labelled = c.client.patch(kDeployments, c.key("generation"), label, {});
  if (c.done(labelled, "patch of a label")) c.that(kube::generation_of(*labelled) == 1, "a label leaves it");
  const auto edited = c.client.patch(kDeployments, c.key("generation"), {{"spec", {{"paused", true}}}}, {});
  if (c.done(edited, "patch of the spec")) c.that(kube::generation_of(*edited) == 2, "the spec raises it");
}

}  // namespace

std::vector<NamedCase> write_cases() {
  return {{"create and get", create_and_get},
          {"a resource that is not served", unknown_resource},
          {"update at an old version", update_conflict},
          {"update that changes nothing", update_without_change},
          {"update of what was deleted", update_of_nothing},
          {"merge patch", merge_patch},
          {"patch guarded by a version", patch_guarded_by_version},
          {"status subresource", status_is_apart},
          {"generation", generation}};
}

}  // namespace sluice::conformance
