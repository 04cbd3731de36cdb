// Deletion, finalizers, and what goes with its owner.
#include <chrono>
#include <thread>

#include "case.h"
#include "kube/object.h"

namespace sluice::conformance {
namespace {

using nlohmann::json;

void deletion(Case& c) {
  const json made = c.made(kConfigMaps, c.config("deleted"));
  const char* another = "00000000-0000-0000-0000-000000000000";
  c.refused(c.client.remove(kConfigMaps, c.key("deleted"), another), ErrorCode::Conflict, "delete of another uid");
  c.done(c.client.remove(kConfigMaps, c.key("deleted"), uid_of(made)), "delete");
  c.refused(c.client.get(kConfigMaps, c.key("deleted")), ErrorCode::NotFound, "get of what was deleted");
  c.refused(c.client.remove(kConfigMaps, c.key("deleted")), ErrorCode::NotFound, "delete of what was deleted");
  const json successor = c.made(kConfigMaps, c.config("deleted"));
  c.that(uid_of(successor) != uid_of(made), "a successor has another uid");
}

void finalizers(Case& c) {
  json object = c.config("finalized");
  object["metadata"]["finalizers"] = json::array({"example.com/hold"});
  c.made(kConfigMaps, object);
  c.done(c.client.remove(kConfigMaps, c.key("finalized")), "delete");
  const auto held = c.client.get(kConfigMaps, c.key("finalized"));
  if (!c.done(held, "it is still there")) return;
  c.that(kube::is_being_deleted(*held), "it is marked as being deleted");
  const json more = {{"metadata", {{"finalizers", json::array({"example.com/hold", "example.com/more"})}}}};
  c.refused(c.client.patch(kConfigMaps, c.key("finalized"), more, {}), ErrorCode::Invalid, "one finalizer more");
  c.done(c.client.patch(kConfigMaps, c.key("finalized"), {{"metadata", {{"finalizers", nullptr}}}}, {}),
         "the finalizer is taken away");
  c.refused(c.client.get(kConfigMaps, c.key("finalized")), ErrorCode::NotFound, "get after the last finalizer");
}

void owners(Case& c) {
  const json owner = c.made(kConfigMaps, c.config("owner"));
  json owned = c.config("owned");
  owned["metadata"]["ownerReferences"] =
      json::array({{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"name", "owner"}, {"uid", uid_of(owner)}}});
  c.made(kConfigMaps, owned);
  c.done(c.client.remove(kConfigMaps, c.key("owner")), "delete of the owner");
  // The collector of a real cluster takes a moment.
  bool gone = false;
  for (int i = 0; i < 300 && !gone; ++i) {
    gone = !c.client.get(kConfigMaps, c.key("owned")).ok();
    if (!gone) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  c.that(gone, "what it owned goes with it");
}

}  // namespace

std::vector<NamedCase> deletion_cases() {
  return {{"delete", deletion}, {"finalizers", finalizers}, {"owned objects", owners, true}};
}

}  // namespace sluice::conformance
