// Kubeconfig files: read, merged as kubectl merges them, and resolved to one context.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "kube/config.h"

namespace sluice::kube {

// One cluster, user or context, with the folder of the file that it came from: paths in it are relative to
// that.
struct KubeconfigEntry {
  std::string name;
  std::string folder;
  std::string file;
  std::shared_ptr<const nlohmann::json> body;
};

struct Kubeconfig {
  std::string current_context;
  std::vector<KubeconfigEntry> clusters;
  std::vector<KubeconfigEntry> users;
  std::vector<KubeconfigEntry> contexts;
  std::vector<std::string> files;  // those that were read
};

// Of each name the first file that has it wins, whole; so does the first current-context. Files that do not
// exist are skipped; so the result may be empty. Errors: Invalid, with the file and the place.
Result<Kubeconfig> read_kubeconfigs(const std::vector<std::string>& paths);

// The configuration of one context; `context` empty: the current one. Errors: Invalid when a name leads
// nowhere, or the entry asks for what is not supported.
Result<Config> resolve_kubeconfig(const Kubeconfig& kubeconfig, const std::string& context,
                                  const std::shared_ptr<const Clock>& clock);

}  // namespace sluice::kube
