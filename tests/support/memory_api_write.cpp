// MemoryApiServer: writes, and what follows from them (finalizers, garbage collection).
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/time.h"
#include "support/memory_api_server.h"
#include "support/object_rules.h"

namespace sluice::test {

using nlohmann::json;

namespace {

// Looks like the server's, and is the same in each run of a test.
std::string make_uid(std::uint64_t number) {
  char text[40];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012llx",
                static_cast<unsigned long long>(number));
  return text;
}

std::vector<std::string> owner_uids(const json& object) {
  std::vector<std::string> uids;
  const auto& meta = object.at("metadata");
  if (!meta.contains("ownerReferences")) return uids;
  for (const json& owner : meta["ownerReferences"]) uids.push_back(owner.value("uid", ""));
  return uids;
}

std::optional<Error> refuse_subresource(const kube::Resource& resource, const std::string& subresource,
                                        bool has_status) {
  if (subresource.empty() || (subresource == "status" && has_status) || subresource == "scale")
    return std::nullopt;
  return api_error(ErrorCode::NotFound, qualified(resource) + " has no subresource " + subresource);
}

}  // namespace

Result<json> MemoryApiServer::create(const kube::Resource& resource, const json& object) {
  return create_as(options_.manager, resource, object);
}

Result<json> MemoryApiServer::update(const kube::Resource& resource, const json& object,
                                     const std::string& subresource) {
  return update_as(options_.manager, resource, object, subresource);
}

Result<json> MemoryApiServer::patch(const kube::Resource& resource, const kube::Key& key, const json& body,
                                    const kube::PatchOptions& options) {
  return patch_as(options_.manager, resource, key, body, options);
}

Result<json> MemoryApiServer::create_as(const std::string& manager, const kube::Resource& resource,
                                        const json& object) {
  const std::lock_guard lock(mutex_);
  Table* const served = table(resource);
  if (served == nullptr) return not_found(resource, key_of(object));
  if (auto refused = refuse_create(resource, object)) return *std::move(refused);
  const Writer writer{manager, ""};
  Result<json> made = insert(*served, key_of(object), object, {}, &writer);
  if (made && options_.collect_at_once) collect_locked();
  return made;
}

Result<json> MemoryApiServer::insert(Table& served, const kube::Key& key, json object,
                                     FieldOwnership ownership, const Writer* updater) {
  if (served.entries.contains(key)) {
    return api_error(ErrorCode::AlreadyExists,
                     qualified(served.resource) + " \"" + key.name + "\" already exists");
  }
  object["apiVersion"] = served.resource.api_version();
  object["kind"] = served.resource.kind;
  if (served.traits.status) object.erase("status");
  json& meta = object["metadata"];
  for (const char* field :
       {"deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "generation"}) {
    meta.erase(field);
  }
  drop_empty_metadata(object);
  if (served.admission) {
    if (const auto why = served.admission(object, nullptr)) return api_error(ErrorCode::Invalid, *why);
  }
  if (updater != nullptr) ownership.updated(json::object(), object, *updater);
  const std::string now = format_time(std::chrono::floor<seconds>(clock_.now()));
  meta["uid"] = make_uid(next_uid_++);
  meta["creationTimestamp"] = now;
  if (served.traits.generation) meta["generation"] = 1;
  meta["managedFields"] = ownership.managed_fields(served.resource.api_version(), now);
  const ObjectPtr stored = commit(served, key, WatchChange::Type::Added, std::move(object));
  served.entries[key].ownership = std::move(ownership);
  return *stored;
}

Result<json> MemoryApiServer::update_as(const std::string& manager, const kube::Resource& resource,
                                        const json& object, const std::string& subresource) {
  const std::lock_guard lock(mutex_);
  const kube::Key key = key_of(object);
  Table* const served = table(resource);
  if (served == nullptr || !served->entries.contains(key)) return not_found(resource, key);
  if (auto refused = refuse_subresource(resource, subresource, served->traits.status))
    return *std::move(refused);
  if (meta_of(object, "resourceVersion").empty()) {
    return api_error(ErrorCode::Invalid, "metadata.resourceVersion: must be specified for an update");
  }
  Entry& entry = served->entries.at(key);
  if (auto stale = refuse_stale(resource, *entry.object, object)) return *std::move(stale);
  const Writer writer{manager, subresource};
  Result<json> changed = change(*served, key, entry, object, subresource, entry.ownership, &writer);
  if (options_.collect_at_once) collect_locked();
  return changed;
}

Result<json> MemoryApiServer::patch_as(const std::string& manager, const kube::Resource& resource,
                                       const kube::Key& key, const json& body,
                                       const kube::PatchOptions& options) {
  const std::lock_guard lock(mutex_);
  Table* const served = table(resource);
  if (served == nullptr) return not_found(resource, key);
  if (auto refused = refuse_subresource(resource, options.subresource, served->traits.status)) {
    return *std::move(refused);
  }
  const Writer writer{options.field_manager.empty() ? manager : options.field_manager, options.subresource};
  Result<json> result = not_found(resource, key);
  const auto found = served->entries.find(key);
  if (options.type == kube::PatchType::Apply) {
    if (options.field_manager.empty())
      return api_error(ErrorCode::Invalid, "fieldManager: is required for apply");
    result = apply(*served, key, body, writer, options.force);
  } else if (found != served->entries.end()) {
    const json& live = *found->second.object;
    json next = live;
    if (options.type == kube::PatchType::Merge) {
      if (auto stale = refuse_stale(resource, live, body)) return *std::move(stale);
      next.merge_patch(body);
    } else {
      try {
        next = live.patch(body);
      } catch (const json::exception& e) {
        return api_error(ErrorCode::Invalid, std::string("the server rejected our request: ") + e.what());
      }
      if (auto stale = refuse_stale(resource, live, next)) return *std::move(stale);
    }
    const std::string through = options.subresource == "scale" ? "" : options.subresource;
    result = change(*served, key, found->second, std::move(next), through, found->second.ownership, &writer);
  }
  if (options_.collect_at_once) collect_locked();
  return result;
}

Result<json> MemoryApiServer::apply(Table& served, const kube::Key& key, json body, const Writer& writer,
                                    bool force) {
  if (body.contains("metadata") && body["metadata"].contains("managedFields")) {
    return api_error(ErrorCode::Invalid, "metadata.managedFields must be nil");
  }
  if (key_of(body).name != key.name)
    return api_error(ErrorCode::Invalid, "metadata.name does not match the URL");
  body["metadata"]["name"] = key.name;
  if (served.resource.namespaced) body["metadata"]["namespace"] = key.ns;
  if (writer.subresource == "status") {
    json only;
    only["metadata"] = {{"name", key.name},
                        {"uid", meta_of(body, "uid")},
                        {"resourceVersion", meta_of(body, "resourceVersion")}};
    if (body.contains("status")) only["status"] = std::move(body["status"]);
    body = std::move(only);
  } else if (served.traits.status) {
    body.erase("status");
  }
  const auto found = served.entries.find(key);
  if (found == served.entries.end()) {
    if (!writer.subresource.empty()) return not_found(served.resource, key);
    if (auto refused = refuse_create(served.resource, body)) return *std::move(refused);
    FieldOwnership ownership;
    Result<json> made = ownership.apply(json::object(), body, writer, force);
    if (!made) return made;
    return insert(served, key, *std::move(made), std::move(ownership), nullptr);
  }
  Entry& entry = found->second;
  if (auto stale = refuse_stale(served.resource, *entry.object, body)) return *std::move(stale);
  for (const char* field : {"uid", "resourceVersion", "creationTimestamp", "generation"}) {
    body["metadata"].erase(field);
  }
  FieldOwnership ownership = entry.ownership;
  Result<json> merged = ownership.apply(*entry.object, body, writer, force);
  if (!merged) return merged;
  return change(served, key, entry, *std::move(merged), writer.subresource, std::move(ownership), nullptr);
}

Result<json> MemoryApiServer::change(Table& served, const kube::Key& key, Entry& entry, json next,
                                     const std::string& subresource, FieldOwnership ownership,
                                     const Writer* updater) {
  const ObjectPtr live = entry.object;
  next = settled(*live, std::move(next), subresource, served.traits.status);
  if (auto refused = refuse_finalizers(*live, next)) return *std::move(refused);
  if (served.admission) {
    if (const auto why = served.admission(next, live.get())) return api_error(ErrorCode::Invalid, *why);
  }
  if (updater != nullptr) ownership.updated(*live, next, *updater);
  const std::string now = format_time(std::chrono::floor<seconds>(clock_.now()));
  next["metadata"]["managedFields"] = ownership.managed_fields(served.resource.api_version(), now);
  if (next == *live) return *live;
  if (served.traits.generation && spec_differs(*live, next)) {
    next["metadata"]["generation"] = live->at("metadata").value("generation", 0) + 1;
  }
  entry.ownership = std::move(ownership);
  const bool gone = is_deleting(next) && !has_finalizers(next);
  return *commit(served, key, gone ? WatchChange::Type::Deleted : WatchChange::Type::Modified,
                 std::move(next));
}

Outcome MemoryApiServer::remove(const kube::Resource& resource, const kube::Key& key,
                                const std::string& uid) {
  const std::lock_guard lock(mutex_);
  Table* const served = table(resource);
  if (served == nullptr || !served->entries.contains(key)) return not_found(resource, key);
  const json& live = *served->entries.at(key).object;
  if (!uid.empty() && uid != meta_of(live, "uid")) {
    return api_error(ErrorCode::Conflict, "the UID in the precondition (" + uid +
                                              ") does not match the UID in " + "record (" +
                                              meta_of(live, "uid") + ")");
  }
  mark_or_erase(*served, key);
  if (options_.collect_at_once) collect_locked();
  return Ok{};
}

bool MemoryApiServer::mark_or_erase(Table& served, const kube::Key& key) {
  json next = *served.entries.at(key).object;
  if (!has_finalizers(next)) {
    commit(served, key, WatchChange::Type::Deleted, std::move(next));
    return true;
  }
  if (is_deleting(next)) return false;
  json& meta = next["metadata"];
  meta["deletionTimestamp"] = format_time(std::chrono::floor<seconds>(clock_.now()));
  meta["deletionGracePeriodSeconds"] = 0;
  if (served.traits.generation) meta["generation"] = meta.value("generation", 0) + 1;
  commit(served, key, WatchChange::Type::Modified, std::move(next));
  return true;
}

ObjectPtr MemoryApiServer::commit(Table& served, const kube::Key& key, WatchChange::Type type, json object) {
  const std::uint64_t version = history_.bump();
  object["metadata"]["resourceVersion"] = std::to_string(version);
  const std::string uid = meta_of(object, "uid");
  auto stored = std::make_shared<const json>(std::move(object));
  const auto known = served.entries.find(key);
  ObjectPtr before = known == served.entries.end() ? nullptr : known->second.object;
  if (type == WatchChange::Type::Deleted) {
    served.entries.erase(known);
    uids_.erase(uid);
    if (dependents_.contains(uid)) dangling_ = true;
    index_owners(served, key, before, nullptr);
  } else {
    served.entries[key].object = stored;
    uids_.insert(uid);
    index_owners(served, key, before, stored);
  }
  history_.append({version, type, qualified(served.resource), key, std::move(before), stored});
  ++writes_;
  happened_.notify_all();
  return stored;
}

void MemoryApiServer::index_owners(const Table& served, const kube::Key& key, const ObjectPtr& before,
                                   const ObjectPtr& after) {
  const std::pair<std::string, kube::Key> self(qualified(served.resource), key);
  if (before) {
    for (const std::string& uid : owner_uids(*before)) {
      const auto found = dependents_.find(uid);
      if (found == dependents_.end()) continue;
      found->second.erase(self);
      if (found->second.empty()) dependents_.erase(found);
    }
  }
  if (!after) return;
  for (const std::string& uid : owner_uids(*after)) {
    dependents_[uid].insert(self);
    if (!uids_.contains(uid)) dangling_ = true;
  }
}

std::size_t MemoryApiServer::collect_garbage() {
  const std::lock_guard lock(mutex_);
  return collect_locked();
}

std::size_t MemoryApiServer::collect_locked() {
  std::size_t collected = 0;
  while (std::exchange(dangling_, false)) {
    std::set<std::pair<std::string, kube::Key>> orphans;
    for (const auto& [uid, objects] : dependents_) {
      if (!uids_.contains(uid)) orphans.insert(objects.begin(), objects.end());
    }
    for (const auto& [name, key] : orphans) collected += collect_dependent(tables_.at(name), key);
  }
  return collected;
}

std::size_t MemoryApiServer::collect_dependent(Table& served, const kube::Key& key) {
  const auto found = served.entries.find(key);
  if (found == served.entries.end()) return 0;
  const auto gone = [&](const std::string& uid) { return !uids_.contains(uid); };
  if (std::ranges::all_of(owner_uids(*found->second.object), gone)) {
    return mark_or_erase(served, key) ? 1 : 0;
  }
  json next = *found->second.object;
  json left = json::array();
  for (const json& owner : next["metadata"]["ownerReferences"]) {
    if (!gone(owner.value("uid", ""))) left.push_back(owner);
  }
  next["metadata"]["ownerReferences"] = std::move(left);
  commit(served, key, WatchChange::Type::Modified, std::move(next));
  return 0;
}

}  // namespace sluice::test
