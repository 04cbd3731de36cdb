#include "case.h"

#include "kube/object.h"

namespace sluice::conformance {

using nlohmann::json;

json Case::config(const std::string& name, const std::string& value) const {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"namespace", ns_}}},
          {"data", {{"value", value}}}};
}

json Case::deployment(const std::string& name) const {
  const json labels = {{"app", name}};
  const json container = {{"name", "model"}, {"image", "model:1"}};
  const json pod = {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", json::array({container})}}}};
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", name}, {"namespace", ns_}}},
          {"spec",
           {{"replicas", 0},
            {"selector", {{"matchLabels", labels}}},
            {"template", pod}}}};
}

json Case::made(const kube::Resource& resource, const json& object) {
  auto created = client.create(resource, object);
  if (!done(created, "create " + kube::name_of(object))) return json::object();
  return std::move(created).take();
}

std::string version_of(const json& object) { return kube::resource_version_of(object); }
std::string uid_of(const json& object) { return kube::uid_of(object); }

}  // namespace sluice::conformance
