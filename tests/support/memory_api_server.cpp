#include "support/memory_api_server.h"

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/time.h"
#include "support/object_rules.h"
#include "support/selector_match.h"

namespace sluice::test {

using nlohmann::json;

namespace resources {
const kube::Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
const kube::Resource kSecrets{"", "v1", "secrets", "Secret"};
const kube::Resource kServices{"", "v1", "services", "Service"};
const kube::Resource kPods{"", "v1", "pods", "Pod"};
const kube::Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
const kube::Resource kDeployments{"apps", "v1", "deployments", "Deployment"};
const kube::Resource kReplicaSets{"apps", "v1", "replicasets", "ReplicaSet"};
const kube::Resource kJobs{"batch", "v1", "jobs", "Job"};
const kube::Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
const kube::Resource kEvents{"events.k8s.io", "v1", "events", "Event"};
const kube::Resource kEndpointSlices{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"};
const kube::Resource kHttpRoutes{"gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"};
const kube::Resource kGateways{"gateway.networking.k8s.io", "v1", "gateways", "Gateway"};
const kube::Resource kRollouts{"sluice.dev", "v1alpha1", "rollouts", "Rollout"};
}  // namespace resources

namespace {

Error not_served(const kube::Resource& resource) {
  return api_error(ErrorCode::NotFound,
                   "the server could not find the requested resource (" + qualified(resource) + ")");
}

// A page continues after a key, in the snapshot of a version.
std::string continue_token(std::uint64_t version, const kube::Key& after) {
  return std::to_string(version) + "|" + after.ns + "|" + after.name;
}

bool read_token(const std::string& token, std::uint64_t& version, kube::Key& after) {
  const auto first = token.find('|');
  const auto second = token.find('|', first + 1);
  if (first == std::string::npos || second == std::string::npos) return false;
  after = {token.substr(first + 1, second - first - 1), token.substr(second + 1)};
  return std::from_chars(token.data(), token.data() + first, version).ec == std::errc();
}

}  // namespace

// The server as somebody else.
class MemoryApiServer::View final : public kube::Client {
 public:
  View(MemoryApiServer& server, std::string manager) : server_(server), manager_(std::move(manager)) {}

  Result<json> get(const kube::Resource& resource, const kube::Key& key) override {
    return server_.get(resource, key);
  }
  Result<kube::ListPage> list(const kube::Resource& resource, const std::string& ns,
                              const kube::ListOptions& options) override {
    return server_.list(resource, ns, options);
  }
  Outcome watch(const kube::Resource& resource, const std::string& ns, const kube::WatchOptions& options,
                const std::function<void(kube::WatchEvent)>& handler, std::stop_token stop) override {
    return server_.watch(resource, ns, options, handler, std::move(stop));
  }
  Result<json> create(const kube::Resource& resource, const json& object) override {
    return server_.create_as(manager_, resource, object);
  }
  Result<json> update(const kube::Resource& resource, const json& object,
                      const std::string& subresource) override {
    return server_.update_as(manager_, resource, object, subresource);
  }
  Result<json> patch(const kube::Resource& resource, const kube::Key& key, const json& body,
                     const kube::PatchOptions& options) override {
    return server_.patch_as(manager_, resource, key, body, options);
  }
  Outcome remove(const kube::Resource& resource, const kube::Key& key, const std::string& uid) override {
    return server_.remove(resource, key, uid);
  }
  Result<std::string> log(const kube::Key& pod, const kube::LogOptions& options) override {
    return server_.log(pod, options);
  }
  Result<std::string> server_version() override { return server_.server_version(); }

 private:
  MemoryApiServer& server_;
  const std::string manager_;
};

MemoryApiServer::MemoryApiServer(const Clock& clock) : MemoryApiServer(clock, Options{}) {}

MemoryApiServer::MemoryApiServer(const Clock& clock, Options options)
    : clock_(clock), options_(std::move(options)), history_(options_.first_version, options_.history) {
  constexpr Traits kPlain{.status = false, .generation = false};
  constexpr Traits kStatusOnly{.status = true, .generation = false};
  for (const auto& resource : {resources::kConfigMaps, resources::kSecrets, resources::kLeases,
                               resources::kEvents, resources::kEndpointSlices}) {
    serve(resource, kPlain);
  }
  for (const auto& resource : {resources::kServices, resources::kNamespaces}) serve(resource, kStatusOnly);
  for (const auto& resource :
       {resources::kPods, resources::kDeployments, resources::kReplicaSets, resources::kJobs,
        resources::kHttpRoutes, resources::kGateways, resources::kRollouts}) {
    serve(resource);
  }
}

MemoryApiServer::~MemoryApiServer() = default;

void MemoryApiServer::serve(const kube::Resource& resource, Traits traits) {
  const std::lock_guard lock(mutex_);
  Table& served = tables_[qualified(resource)];
  served.resource = resource;
  served.traits = traits;
}

void MemoryApiServer::admit(const kube::Resource& resource, Admission admission) {
  const std::lock_guard lock(mutex_);
  tables_.at(qualified(resource)).admission = std::move(admission);
}

void MemoryApiServer::write_log(const kube::Key& pod, std::string text) {
  const std::lock_guard lock(mutex_);
  logs_[pod] = std::move(text);
}

Result<std::string> MemoryApiServer::log(const kube::Key& pod, const kube::LogOptions& options) {
  const std::lock_guard lock(mutex_);
  ++requests_;
  if (!tables_.at(qualified(resources::kPods)).entries.contains(pod)) {
    return api_error(ErrorCode::NotFound, "pods \"" + pod.name + "\" not found");
  }
  std::string text = logs_[pod];
  std::size_t begin = text.size();
  for (int lines = 0; begin > 0; --begin) {
    const bool line_before = text[begin - 1] == '\n' && begin < text.size();
    if (line_before && ++lines == options.tail_lines) break;
  }
  return text.substr(begin, static_cast<std::size_t>(options.limit_bytes));
}

std::unique_ptr<kube::Client> MemoryApiServer::as(std::string manager) {
  return std::make_unique<View>(*this, std::move(manager));
}

MemoryApiServer::Table* MemoryApiServer::table(const kube::Resource& resource) {
  ++requests_;
  const auto found = tables_.find(qualified(resource));
  if (found == tables_.end() || found->second.resource.version != resource.version) return nullptr;
  return &found->second;
}

Result<json> MemoryApiServer::get(const kube::Resource& resource, const kube::Key& key) {
  const std::lock_guard lock(mutex_);
  Table* const served = table(resource);
  if (served == nullptr) return not_served(resource);
  const auto found = served->entries.find(key);
  if (found == served->entries.end()) return not_found(resource, key);
  return *found->second.object;
}

Result<kube::ListPage> MemoryApiServer::list(const kube::Resource& resource, const std::string& ns,
                                             const kube::ListOptions& options) {
  const std::lock_guard lock(mutex_);
  Table* const served = table(resource);
  if (served == nullptr) return not_served(resource);
  const Result<SelectorMatch> match = SelectorMatch::parse(options.selector);
  if (!match) return match.error();

  std::uint64_t version = options.resource_version.empty() ? history_.version() : cache_version();
  std::optional<kube::Key> after;
  if (!options.continue_token.empty()) {
    after.emplace();
    if (!read_token(options.continue_token, version, *after)) {
      return api_error(ErrorCode::Invalid, "continue key is not valid");
    }
    if (version < history_.compacted()) {
      return api_error(ErrorCode::Gone,
                       "The provided continue parameter is too old to display a consistent list");
    }
  } else if (!options.resource_version.empty()) {
    std::uint64_t least = 0;
    const std::string& text = options.resource_version;
    if (std::from_chars(text.data(), text.data() + text.size(), least).ec != std::errc()) {
      return api_error(ErrorCode::Invalid, "resourceVersion: Invalid value: \"" + text + "\"");
    }
    if (least > version) return api_error(ErrorCode::Timeout, "Too large resource version: " + text);
  }

  kube::ListPage page;
  page.resource_version = std::to_string(version);
  const std::map<kube::Key, ObjectPtr> objects = snapshot(*served, version);
  for (auto at = after ? objects.upper_bound(*after) : objects.begin(); at != objects.end(); ++at) {
    if ((!ns.empty() && at->first.ns != ns) || !match->matches(*at->second)) continue;
    if (options.limit > 0 && page.items.size() == static_cast<std::size_t>(options.limit)) {
      page.continue_token = continue_token(version, key_of(page.items.back()));
      break;
    }
    page.items.push_back(*at->second);
  }
  return page;
}

std::map<kube::Key, ObjectPtr> MemoryApiServer::snapshot(const Table& served, std::uint64_t version) const {
  std::map<kube::Key, ObjectPtr> objects;
  for (const auto& [key, entry] : served.entries) objects.emplace_hint(objects.end(), key, entry.object);
  // Back from now to then, one change after the other.
  const std::string name = qualified(served.resource);
  const auto end = history_.after(version);
  for (auto at = history_.changes().end(); at != end;) {
    --at;
    if (at->table != name) continue;
    if (at->before) {
      objects[at->key] = at->before;
    } else {
      objects.erase(at->key);
    }
  }
  return objects;
}

std::uint64_t MemoryApiServer::version() const {
  const std::lock_guard lock(mutex_);
  return history_.version();
}

std::uint64_t MemoryApiServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::uint64_t MemoryApiServer::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

std::size_t MemoryApiServer::size(const kube::Resource& resource) const {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(qualified(resource));
  return found == tables_.end() ? 0 : found->second.entries.size();
}

}  // namespace sluice::test
