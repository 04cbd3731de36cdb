// The commands that people type: thin, over the API server.
//
// Each returns a process exit status: 0 well; 1 the answer is bad (rolled back, refused); 2 it could not be asked.
#pragma once

#include <string>

#include "base/time.h"

namespace sluice::cli {

struct ClusterOptions {
  std::string kubeconfig;  // empty: as kubectl finds it
  std::string context;
  std::string ns;          // empty: of the context
};

// Prints the picture of one Rollout once.
int status(const ClusterOptions& cluster, const std::string& name);

// Keeps drawing it on a terminal, or prints a line a change elsewhere. Ends when `until_settled` is set and no
// revision is under way any more (0: the wanted revision is stable, 1: it was rolled back or waits for a person),
// or with status 2 after `timeout` (0: never).
struct WatchRequest {
  bool until_settled = false;
  Duration timeout{0};
};
int watch(const ClusterOptions& cluster, const std::string& name, const WatchRequest& request);

}  // namespace sluice::cli
