// FencedClient: a kube::Client that refuses to write once leadership is lost, or is no longer proven.
//
// Reads and watches pass. A write is refused (ErrorCode::Cancelled) when the fence is closed: leadership was lost
// or never held, or the last renewal that is known to have succeeded is older than the renew deadline.
//
// What this gives: a request that is sent before the fence closes reaches the server within its own deadline. As
// long as that deadline is shorter than lease duration - renew deadline (5 s by default), no write of this process
// arrives after another one has taken the Lease. Beyond that there is no fencing at the API server, which is why
// writes also carry resourceVersions and fixed names.
#pragma once

#include "kube/client.h"
#include "runtime/fence.h"

namespace sluice::runtime {

// Thread-safe if `inner` is. Both outlive it.
class FencedClient final : public kube::Client {
 public:
  FencedClient(kube::Client& inner, const Fence& fence) : inner_(inner), fence_(fence) {}

  Result<nlohmann::json> get(const kube::Resource& resource, const kube::Key& key) override;
  Result<kube::ListPage> list(const kube::Resource& resource, const std::string& ns,
                              const kube::ListOptions& options) override;
  Outcome watch(const kube::Resource& resource, const std::string& ns, const kube::WatchOptions& options,
                const std::function<void(kube::WatchEvent)>& handler, std::stop_token stop) override;
  Result<nlohmann::json> create(const kube::Resource& resource, const nlohmann::json& object) override;
  Result<nlohmann::json> update(const kube::Resource& resource, const nlohmann::json& object,
                                const std::string& subresource = "") override;
  Result<nlohmann::json> patch(const kube::Resource& resource, const kube::Key& key, const nlohmann::json& body,
                               const kube::PatchOptions& options) override;
  Outcome remove(const kube::Resource& resource, const kube::Key& key, const std::string& uid = "") override;
  Result<std::string> server_version() override;

 private:
  kube::Client& inner_;
  const Fence& fence_;
};

}  // namespace sluice::runtime
