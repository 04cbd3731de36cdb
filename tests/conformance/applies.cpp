// Server-side apply: the part of it that Sluice uses.
#include "case.h"
#include "kube/object.h"

namespace sluice::conformance {
namespace {

using nlohmann::json;

kube::PatchOptions as(const char* manager, bool force = false) {
  return {.type = kube::PatchType::Apply, .subresource = "", .field_manager = manager, .force = force};
}

json with_data(const Case& c, const char* name, json data) {
  json object = c.config(name);
  object["data"] = std::move(data);
  return object;
}

void apply_creates(Case& c) {
  const auto made = c.client.patch(kConfigMaps, c.key("applied"), c.config("applied"), as("one"));
  if (!c.done(made, "apply of what is not there")) return;
  c.that(!uid_of(*made).empty(), "it is created");
  const auto again = c.client.patch(kConfigMaps, c.key("applied"), c.config("applied"), as("one"));
  if (c.done(again, "the same apply again")) {
    c.that(version_of(*again) == version_of(*made), "the same apply again changes nothing");
  }
}

void apply_takes_back(Case& c) {
  const kube::Key key = c.key("narrowed");
  const json both = with_data(c, "narrowed", {{"a", "1"}, {"b", "2"}});
  c.done(c.client.patch(kConfigMaps, key, both, as("one")), "apply");
  const json added = {{"data", {{"c", "3"}}}};
  c.done(c.client.patch(kConfigMaps, key, added, {.field_manager = "two"}), "somebody adds a field");
  const auto less = c.client.patch(kConfigMaps, key, with_data(c, "narrowed", {{"a", "1"}}), as("one"));
  if (!c.done(less, "apply of less")) return;
  c.that(!(*less)["data"].contains("b"), "what is no longer applied goes");
  c.that((*less)["data"].contains("c"), "what somebody else has added stays");
}

void apply_conflict(Case& c) {
  const kube::Key key = c.key("contested");
  c.done(c.client.patch(kConfigMaps, key, with_data(c, "contested", {{"a", "1"}}), as("one")), "apply");
  const json other = with_data(c, "contested", {{"a", "2"}});
  const auto refused = c.client.patch(kConfigMaps, key, other, as("two"));
  c.refused(refused, ErrorCode::Conflict, "apply of another's field");
  const bool named = !refused && refused.error().message.find("one") != std::string::npos;
  c.that(named, "the conflict names the other manager");
  const auto forced = c.client.patch(kConfigMaps, key, other, as("two", true));
  if (c.done(forced, "forced apply")) c.that((*forced)["data"]["a"] == "2", "force takes the field");
  c.refused(c.client.patch(kConfigMaps, key, with_data(c, "contested", {{"a", "1"}}), as("one")), ErrorCode::Conflict,
            "the field has changed hands");
}

void apply_of_a_shared_value(Case& c) {
  const kube::Key key = c.key("shared");
  const json object = with_data(c, "shared", {{"a", "1"}});
  c.done(c.client.patch(kConfigMaps, key, object, as("one")), "apply");
  c.done(c.client.patch(kConfigMaps, key, object, as("two")), "apply of the same value by another");
  const auto left = c.client.patch(kConfigMaps, key, with_data(c, "shared", json::object()), as("one"));
  if (c.done(left, "apply of less")) c.that((*left)["data"].contains("a"), "what another applies too stays");
}

void apply_guarded_by_version(Case& c) {
  const kube::Key key = c.key("guarded-apply");
  const json first = c.made(kConfigMaps, c.config("guarded-apply"));
  c.done(c.client.patch(kConfigMaps, key, {{"data", {{"x", "y"}}}}, {}), "somebody writes");
  json body = c.config("guarded-apply");
  body["metadata"]["resourceVersion"] = version_of(first);
  c.refused(c.client.patch(kConfigMaps, key, body, as("one", true)), ErrorCode::Conflict, "apply at an old version");
}

void apply_status(Case& c) {
  c.made(kDeployments, c.deployment("applied-status"));
  const json body = {{"apiVersion", "apps/v1"},
                     {"kind", "Deployment"},
                     {"metadata", {{"name", "applied-status"}, {"namespace", c.ns()}}},
                     {"status", {{"observedGeneration", 1}}}};
  kube::PatchOptions options = as("one", true);
  options.subresource = "status";
  const auto written = c.client.patch(kDeployments, c.key("applied-status"), body, options);
  if (!c.done(written, "apply of the status")) return;
  c.that(kube::int_at(*written, {"status", "observedGeneration"}) == 1, "the status is written");
  c.that(kube::generation_of(*written) == 1, "the generation stays");
}

}  // namespace

std::vector<NamedCase> apply_cases() {
  return {{"apply creates, and is idempotent", apply_creates},
          {"apply takes back what is left out", apply_takes_back},
          {"apply of another's field", apply_conflict},
          {"apply of a shared value", apply_of_a_shared_value},
          {"apply guarded by a version", apply_guarded_by_version},
          {"apply of the status", apply_status}};
}

}  // namespace sluice::conformance
