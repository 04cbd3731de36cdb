// FencedClient: a Client that refuses to write once this process may no longer act.
//
// Reads and watches pass. Writes ask the fence first and answer Cancelled when it is closed; a write that is already
// on its way is not called back, so the fence closes well before another process may start (see leader_election.h).
#pragma once

#include <nlohmann/json.hpp>

#include "kube/client.h"
#include "runtime/leader_election.h"

namespace sluice::runtime {

class FencedClient final : public kube::Client {
 public:
  FencedClient(kube::Client& client, const Fence& fence) : client_(client), fence_(fence) {}

  Result<nlohmann::json> get(const kube::Resource& resource, const kube::Key& key) override {
    return client_.get(resource, key);
  }
  Result<kube::ListPage> list(const kube::Resource& resource, const std::string& ns,
                              const kube::ListOptions& options) override {
    return client_.list(resource, ns, options);
  }
  Outcome watch(const kube::Resource& resource, const std::string& ns, const kube::WatchOptions& options,
                const std::function<void(kube::WatchEvent)>& handler, std::stop_token stop) override {
    return client_.watch(resource, ns, options, handler, std::move(stop));
  }
  Result<nlohmann::json> create(const kube::Resource& resource, const nlohmann::json& object) override {
    if (!fence_.may_write()) return refused();
    return client_.create(resource, object);
  }
  Result<nlohmann::json> update(const kube::Resource& resource, const nlohmann::json& object,
                                const std::string& subresource) override {
    if (!fence_.may_write()) return refused();
    return client_.update(resource, object, subresource);
  }
  Result<nlohmann::json> patch(const kube::Resource& resource, const kube::Key& key, const nlohmann::json& body,
                               const kube::PatchOptions& options) override {
    if (!fence_.may_write()) return refused();
    return client_.patch(resource, key, body, options);
  }
  Outcome remove(const kube::Resource& resource, const kube::Key& key, const std::string& uid) override {
    if (!fence_.may_write()) return refused();
    return client_.remove(resource, key, uid);
  }
  Result<std::string> log(const kube::Key& pod, const kube::LogOptions& options) override {
    return client_.log(pod, options);
  }
  Result<std::string> server_version() override { return client_.server_version(); }

 private:
  static Error refused() {
    return {ErrorCode::Cancelled, "this process does not lead (any more) and must not write", {}};
  }

  kube::Client& client_;
  const Fence& fence_;
};

}  // namespace sluice::runtime
