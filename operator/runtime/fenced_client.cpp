#include "runtime/fenced_client.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace sluice::runtime {
namespace {

Error closed() {
  return {.code = ErrorCode::Cancelled,
          .message = "not written: this process is not, or no longer provably, the leader",
          .retry_after = {}};
}

}  // namespace

Result<nlohmann::json> FencedClient::get(const kube::Resource& resource, const kube::Key& key) {
  return inner_.get(resource, key);
}

Result<kube::ListPage> FencedClient::list(const kube::Resource& resource, const std::string& ns,
                                          const kube::ListOptions& options) {
  return inner_.list(resource, ns, options);
}

Outcome FencedClient::watch(const kube::Resource& resource, const std::string& ns, const kube::WatchOptions& options,
                            const std::function<void(kube::WatchEvent)>& handler, std::stop_token stop) {
  return inner_.watch(resource, ns, options, handler, std::move(stop));
}

Result<nlohmann::json> FencedClient::create(const kube::Resource& resource, const nlohmann::json& object) {
  if (!fence_.may_write()) return closed();
  return inner_.create(resource, object);
}

Result<nlohmann::json> FencedClient::update(const kube::Resource& resource, const nlohmann::json& object,
                                            const std::string& subresource) {
  if (!fence_.may_write()) return closed();
  return inner_.update(resource, object, subresource);
}

Result<nlohmann::json> FencedClient::patch(const kube::Resource& resource, const kube::Key& key,
                                           const nlohmann::json& body, const kube::PatchOptions& options) {
  if (!fence_.may_write()) return closed();
  return inner_.patch(resource, key, body, options);
}

Outcome FencedClient::remove(const kube::Resource& resource, const kube::Key& key, const std::string& uid) {
  if (!fence_.may_write()) return closed();
  return inner_.remove(resource, key, uid);
}

Result<std::string> FencedClient::server_version() { return inner_.server_version(); }

}  // namespace sluice::runtime
