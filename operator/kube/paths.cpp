#include "kube/paths.h"

#include "http/transport.h"

namespace sluice::kube {

std::string collection_path(const Resource& resource, const std::string& ns) {
  std::string out = resource.group.empty() ? "/api/" : "/apis/" + http::percent_encode(resource.group) + "/";
  out += http::percent_encode(resource.version);
  if (resource.namespaced && !ns.empty()) out += "/namespaces/" + http::percent_encode(ns);
  return out + "/" + http::percent_encode(resource.plural);
}

std::string object_path(const Resource& resource, const Key& key, const std::string& subresource) {
  std::string out = collection_path(resource, key.ns) + "/" + http::percent_encode(key.name);
  if (!subresource.empty()) out += "/" + http::percent_encode(subresource);
  return out;
}

Query& Query::add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_ += text_.empty() ? '?' : '&';
  text_ += name;
  text_ += '=';
  text_ += http::percent_encode(value);
  return *this;
}

}  // namespace sluice::kube
