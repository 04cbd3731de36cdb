// Conformance: what every API server does that Sluice relies on, as cases that run against any kube::Client.
//
// They run on the in-memory server of the tests and on a real one; that both pass is what allows the simulation to
// stand for the real thing. A case works with objects of its own in a namespace that nobody else uses.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kube/client.h"

namespace sluice::conformance {

inline const kube::Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
inline const kube::Resource kDeployments{"apps", "v1", "deployments", "Deployment"};
inline const kube::Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};

// Where a case runs, and what it found.
class Case {
 public:
  Case(kube::Client& server, std::string ns) : client(server), ns_(std::move(ns)) {}

  kube::Client& client;

  const std::string& ns() const { return ns_; }
  kube::Key key(const std::string& name) const { return {ns_, name}; }

  // A ConfigMap with one value.
  nlohmann::json config(const std::string& name, const std::string& value = "1") const;
  // A Deployment of no replicas.
  nlohmann::json deployment(const std::string& name) const;
  // Creates it; what is returned is empty, and the case has failed, when that was not possible.
  nlohmann::json made(const kube::Resource& resource, const nlohmann::json& object);

  void that(bool holds, const std::string& what) {
    if (!holds) failures_.push_back(what);
  }
  // Precondition for calling it: the outcome is expected to be an error of this code.
  template <class T>
  void refused(const Result<T>& result, ErrorCode code, const std::string& what) {
    if (result.ok()) return that(false, what + ": was not refused");
    const std::string got = to_string(result.error().code);
    that(result.error().code == code,
         what + ": " + got + " instead of " + to_string(code) + " (" + result.error().message + ")");
  }
  template <class T>
  bool done(const Result<T>& result, const std::string& what) {
    that(result.ok(), what + (result.ok() ? "" : ": " + result.error().message));
    return result.ok();
  }

  const std::vector<std::string>& failures() const { return failures_; }

 private:
  std::string ns_;
  std::vector<std::string> failures_;
};

struct NamedCase {
  const char* name;
  void (*run)(Case&);
  bool needs_collector = false;  // the garbage collector of a controller manager
};

std::vector<NamedCase> write_cases();     // writes.cpp
std::vector<NamedCase> apply_cases();     // applies.cpp
std::vector<NamedCase> deletion_cases();  // deletions.cpp
std::vector<NamedCase> reading_cases();   // readings.cpp

std::string version_of(const nlohmann::json& object);
std::string uid_of(const nlohmann::json& object);

}  // namespace sluice::conformance
