// Copier: keeps copies of ConfigMaps in other namespaces. A small controller to begin another one from;
// docs/controllers.md tells how the parts fit together.
//
//   metadata: {namespace: team-a, name: settings, labels: {example.sluice.dev/copy-to: team-b}}
//
// has a copy team-b/settings with the same data, as long as it is there and says so. What is the controller's, the API
// server knows: the fields that its own field manager has applied. It overwrites and removes nothing else.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kube/client.h"
#include "runtime/controller.h"
#include "runtime/events.h"
#include "runtime/reflector.h"
#include "runtime/store.h"

namespace sluice::example {

inline constexpr const char* kCopyTo = "example.sluice.dev/copy-to";          // on a source: the namespace
inline constexpr const char* kCopiedFrom = "example.sluice.dev/copied-from";  // on a copy: the source's namespace
inline constexpr const char* kFieldManager = "configmap-copier";
extern const kube::Resource kConfigMaps;

struct Contents {
  std::map<std::string, std::string> data;
  std::map<std::string, std::string> binary_data;
  bool operator==(const Contents&) const = default;
};

struct Source {
  std::string uid;
  std::string copy_to;
  Contents contents;
};

struct Copy {
  std::string uid;
  kube::Key source;   // without a namespace: somebody has taken the label away
  Contents contents;  // what the controller owns of it: neither what others have added, nor what they have changed
};

class Copier final : public runtime::Reconciler {
 public:
  // `client` is a FencedClient where several processes may run.
  Copier(kube::Client& client, runtime::EventSink& events);

  // `changed` is called with the key of a source when it or a copy of it has changed. Before the reflectors start.
  void on_change(const std::function<void(const kube::Key&)>& changed);

  // What reflectors fill, and which objects they ask for.
  runtime::ReflectorSink& sources() { return sources_; }
  runtime::ReflectorSink& copies() { return copies_; }
  static runtime::ReflectorOptions source_options();
  static runtime::ReflectorOptions copy_options();

  Result<runtime::Requeue> reconcile(const kube::Key& key, std::stop_token stop) override;

 private:
  Outcome remove_copies(const kube::Key& key, const kube::Key& but);
  Outcome keep_copy(const kube::Key& key, const Source& source, const kube::Key& target);
  Result<runtime::Store<Copy>::Ptr> find_copy(const kube::Key& target);

  kube::Client& client_;
  runtime::EventSink& events_;
  runtime::Store<Source> sources_;
  runtime::Store<Copy> copies_;
  runtime::Store<Copy>::IndexId by_source_;
};

}  // namespace sluice::example
