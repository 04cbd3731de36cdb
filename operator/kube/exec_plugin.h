// Credentials from a program: the `exec` section of a kubeconfig (client.authentication.k8s.io).
//
// The program is run when there are no credentials yet, when they have expired, and after a 401. Its standard
// input is null, so a program that must ask a person fails. What it answers stays in memory.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kube/credentials.h"

namespace sluice::kube {

struct ExecPlugin {
  std::string api_version;  // client.authentication.k8s.io/v1 or v1beta1
  std::string command;      // a name to be found in PATH, or an absolute path
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // added to our own
  std::string install_hint;                                      // told when the program does not exist
  std::string cluster_json;  // what KUBERNETES_EXEC_INFO says of the cluster; empty: nothing
};

class ExecCredentials final : public Credentials {
 public:
  static constexpr auto kLongestRun = seconds(60);
  // A failed run is not repeated by every request that waits for it, nor one for a certificate by every request that
  // was refused with the one before.
  static constexpr auto kTryAgainAfter = seconds(1);

  ExecCredentials(ExecPlugin plugin, std::shared_ptr<const Clock> clock)
      : plugin_(std::move(plugin)), clock_(std::move(clock)) {}

  Result<std::string> authorization() override;
  std::pair<std::string, std::string> client_certificate() override;
  bool forget(const std::string& refused) override;

 private:
  struct Issued {
    std::string token;
    std::string certificate;
    std::string key;
    std::optional<Time> expires;
    std::chrono::steady_clock::time_point at{};

    std::string authorization() const { return token.empty() ? std::string() : "Bearer " + token; }
  };

  Result<Issued> run() const;
  Result<Issued> parse(const std::string& output) const;

  const ExecPlugin plugin_;
  const std::shared_ptr<const Clock> clock_;
  std::mutex running_;  // held while the program runs: one at a time
  std::mutex mutex_;    // guards what is below; never held for long
  std::optional<Issued> issued_;
  std::optional<Error> failure_;
  std::chrono::steady_clock::time_point failed_at_{};
};

}  // namespace sluice::kube
