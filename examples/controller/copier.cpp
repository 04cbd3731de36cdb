#include "copier.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "kube/object.h"

namespace sluice::example {

using nlohmann::json;

const kube::Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};

namespace {

// The fields that the controller has applied, as managedFields names them; null: it has applied none.
const json* applied_fields(const json& object) {
  const json* entries = kube::find(object, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array()) return nullptr;
  for (const json& entry : *entries) {
    const bool ours = kube::string_at(entry, {"manager"}) == kFieldManager &&
                      kube::string_at(entry, {"operation"}) == "Apply";
    if (ours) return kube::find(entry, {"fieldsV1"});
  }
  return nullptr;
}

bool is_ours(const json& object) {
  return applied_fields(object) != nullptr;
}

// The values of one member; with `owned`, those alone that are named there.
std::map<std::string, std::string> values_of(const json& object, const std::string& member, const json* owned) {
  std::map<std::string, std::string> values;
  const json* found = kube::find(object, {member});
  if (found == nullptr || !found->is_object()) return values;
  for (const auto& [name, value] : found->items()) {
    if (owned != nullptr && kube::find(*owned, {"f:" + member, "f:" + name}) == nullptr) continue;
    if (value.is_string()) values.emplace(name, value.get<std::string>());
  }
  return values;
}

Contents contents_of(const json& object, const json* owned = nullptr) {
  return {values_of(object, "data", owned), values_of(object, "binaryData", owned)};
}

std::optional<Source> read_source(const json& object) {
  Source source{kube::uid_of(object), kube::label_of(object, kCopyTo), contents_of(object)};
  if (source.copy_to.empty()) return std::nullopt;
  return source;
}

std::optional<Copy> read_copy(const json& object) {
  return Copy{kube::uid_of(object),
              {kube::label_of(object, kCopiedFrom), kube::name_of(object)},
              contents_of(object, applied_fields(object))};
}

// All that the controller wants to own: what an apply leaves out, it gives up.
json wanted(const kube::Key& key, const Source& source, const kube::Key& target) {
  json object = {
      {"apiVersion", kConfigMaps.api_version()},
      {"kind", kConfigMaps.kind},
      {"metadata", {{"namespace", target.ns}, {"name", target.name}, {"labels", {{kCopiedFrom, key.ns}}}}}};
  if (!source.contents.data.empty()) object["data"] = source.contents.data;
  if (!source.contents.binary_data.empty()) object["binaryData"] = source.contents.binary_data;
  return object;
}

Error taken(const kube::Key& target) {
  return {ErrorCode::AlreadyExists, "ConfigMap " + target.str() + " is there, and is not a copy of this one", {}};
}

// Whether a person must do something about it.
bool concerns_people(ErrorCode code) {
  return code == ErrorCode::AlreadyExists || code == ErrorCode::Conflict || code == ErrorCode::NotFound ||
         code == ErrorCode::Forbidden || code == ErrorCode::Invalid;
}

}  // namespace

Copier::Copier(kube::Client& client, runtime::EventSink& events)
    : client_(client), events_(events), sources_("sources", read_source), copies_("copies", read_copy) {
  copies_.only(is_ours);
  by_source_ = copies_.add_index([](const kube::Key&, const Copy& copy) { return std::vector{copy.source}; });
}

void Copier::on_change(const std::function<void(const kube::Key&)>& changed) {
  sources_.on_change([changed](const kube::Key& key, const auto&, const auto&) { changed(key); });
  copies_.on_change([changed](const kube::Key&, const auto& before, const auto& after) {
    if (before) changed(before->source);
    if (after && !(before && before->source == after->source)) changed(after->source);
  });
}

runtime::ReflectorOptions Copier::source_options() {
  return {.selector = {.labels = kCopyTo}};
}

runtime::ReflectorOptions Copier::copy_options() {
  return {.selector = {.labels = kCopiedFrom}, .keep_managed_fields = true};
}

Result<runtime::Requeue> Copier::reconcile(const kube::Key& key, std::stop_token) {
  const auto source = sources_.get(key);
  const kube::Key target = source ? kube::Key{source->copy_to, key.name} : kube::Key{};
  if (auto removed = remove_copies(key, target); !removed) return removed.error();
  if (!source) return runtime::Requeue{};
  auto kept = keep_copy(key, *source, target);
  if (kept) return runtime::Requeue{};  // whatever changes next, a watch tells
  if (concerns_people(kept.error().code)) {
    events_.record({.regarding = {kConfigMaps, key, source->uid},
                    .type = runtime::EventType::Warning,
                    .reason = "CopyFailed",
                    .action = "Copy",
                    .note = kept.error().message});
  }
  return kept.error();
}

Outcome Copier::remove_copies(const kube::Key& key, const kube::Key& but) {
  for (const auto& copy : copies_.indexed(by_source_, key)) {
    if (copy.key == but) continue;
    const auto removed = client_.remove(kConfigMaps, copy.key, copy.object->uid);
    if (!removed && removed.error().code != ErrorCode::NotFound) return removed;
    log::info("removed a copy", {{"copy", copy.key.str()}});
  }
  return Ok{};
}

Outcome Copier::keep_copy(const kube::Key& key, const Source& source, const kube::Key& target) {
  auto found = find_copy(target);
  if (!found) return found.error();
  const auto& copy = *found;
  if (copy && copy->source.ns != key.ns && !copy->source.ns.empty()) return taken(target);
  if (copy && copy->source == key && copy->contents == source.contents) return Ok{};
  // What is ours is taken back from whoever changed it; what somebody else has just made is a conflict.
  const auto applied = client_.patch(
      kConfigMaps, target, wanted(key, source, target),
      {.type = kube::PatchType::Apply, .field_manager = kFieldManager, .force = copy != nullptr});
  if (!applied) return applied.error();
  log::info("copied", {{"copy", target.str()}});
  events_.record({.regarding = {kConfigMaps, key, source.uid},
                  .reason = "Copied",
                  .action = "Copy",
                  .note = "copied to " + target.str()});
  return Ok{};
}

// Null: there is nothing of that name. The store knows only what is the controller's, and may be behind: what it does
// not know, the server is asked for, lest an apply go into an object of somebody else.
Result<runtime::Store<Copy>::Ptr> Copier::find_copy(const kube::Key& target) {
  if (auto known = copies_.get(target)) return known;
  const auto live = client_.get(kConfigMaps, target);
  if (!live && live.error().code == ErrorCode::NotFound) return runtime::Store<Copy>::Ptr();
  if (!live) return live.error();
  if (!is_ours(*live)) return taken(target);
  return std::make_shared<const Copy>(*read_copy(*live));
}

}  // namespace sluice::example
