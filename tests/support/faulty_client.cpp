#include "support/faulty_client.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "support/object_rules.h"

namespace sluice::test {

template <class Send>
auto FaultyClient::through(const Call& call, Send send) -> decltype(send()) {
  if (std::optional<Error> refused = faults_.before(call)) return *std::move(refused);
  auto answer = send();
  if (faults_.twice(call)) answer = send();
  if (std::optional<Error> lost = faults_.after(call)) return *std::move(lost);
  return answer;
}

Result<nlohmann::json> FaultyClient::get(const kube::Resource& resource, const kube::Key& key) {
  return through({Call::Verb::Get, resource, key, ""}, [&] { return inner_.get(resource, key); });
}

Result<kube::ListPage> FaultyClient::list(const kube::Resource& resource, const std::string& ns,
                                          const kube::ListOptions& options) {
  return through({Call::Verb::List, resource, {}, ""}, [&] { return inner_.list(resource, ns, options); });
}

Outcome FaultyClient::watch(const kube::Resource& resource, const std::string& ns,
                            const kube::WatchOptions& options,
                            const std::function<void(kube::WatchEvent)>& handler, std::stop_token stop) {
  return through({Call::Verb::Watch, resource, {}, ""},
                 [&] { return inner_.watch(resource, ns, options, handler, stop); });
}

Result<nlohmann::json> FaultyClient::create(const kube::Resource& resource, const nlohmann::json& object) {
  return through({Call::Verb::Create, resource, key_of(object), ""},
                 [&] { return inner_.create(resource, object); });
}

Result<nlohmann::json> FaultyClient::update(const kube::Resource& resource, const nlohmann::json& object,
                                            const std::string& subresource) {
  return through({Call::Verb::Update, resource, key_of(object), subresource},
                 [&] { return inner_.update(resource, object, subresource); });
}

Result<nlohmann::json> FaultyClient::patch(const kube::Resource& resource, const kube::Key& key,
                                           const nlohmann::json& body, const kube::PatchOptions& options) {
  return through({Call::Verb::Patch, resource, key, options.subresource},
                 [&] { return inner_.patch(resource, key, body, options); });
}

Outcome FaultyClient::remove(const kube::Resource& resource, const kube::Key& key, const std::string& uid) {
  return through({Call::Verb::Delete, resource, key, ""}, [&] { return inner_.remove(resource, key, uid); });
}

Result<std::string> FaultyClient::log(const kube::Key& pod, const kube::LogOptions& options) {
  static const kube::Resource kPods{"", "v1", "pods", "Pod", true};
  return through({Call::Verb::Get, kPods, pod, "log"}, [&] { return inner_.log(pod, options); });
}

Result<std::string> FaultyClient::server_version() {
  return through({Call::Verb::Version, {}, {}, ""}, [&] { return inner_.server_version(); });
}

}  // namespace sluice::test
