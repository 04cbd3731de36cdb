#include "app/operator_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "app/operator_app.h"
#include "base/log.h"
#include "cli/flags.h"

namespace sluice::app {
namespace {

constexpr std::array<const char*, 4> kLevels{"debug", "info", "warn", "error"};

// The options, and those of them that are text until the command line has been parsed.
struct Flags {
  OperatorOptions options;
  std::string shard = "0/1";
  std::string status_interval = "1m";
  std::string lease_duration = "15s";
  std::string renew_deadline = "10s";
  std::string retry_period = "2s";
  std::string log_level = "info";
  std::string log_format = "text";
};

void add_lease_flags(CLI::App& command, Flags& flags) {
  OperatorOptions& options = flags.options;
  command.add_flag("--leader-elect", options.leader_elect, "Act only while this process holds the Lease");
  command.add_option("--lease-name", options.lease_name,
                     "Name of the Lease; else sluice, with a hash of the selector, the shard and the namespace");
  command.add_option("--lease-namespace", options.lease_namespace, "Namespace of the Lease; else the own one");
  const auto add = [&](const char* name, std::string& value, const char* meaning) {
    command.add_option(name, value, meaning)->check(cli::duration())->capture_default_str();
  };
  add("--lease-duration", flags.lease_duration, "A standby takes over when the holder was silent for so long");
  add("--renew-deadline", flags.renew_deadline, "The holder stops writing when it could not renew for so long");
  add("--retry-period", flags.retry_period, "Between two tries to take or renew the Lease");
}

CLI::Validator shard() {
  return {[](const std::string& text) {
            const auto parsed = rollout::parse_shard(text);
            return parsed ? std::string() : parsed.error().message;
          },
          "INDEX/COUNT"};
}

// Which Rollouts this process looks after.
void add_scope_flags(CLI::App& command, Flags& flags) {
  rollout::Scope& scope = flags.options.scope;
  command.add_option("-n,--namespace", scope.ns, "Look after this namespace only");
  command.add_option("-l,--selector", scope.selector, "Look after Rollouts with these labels only, as in team=a");
  command.add_option("--shard", flags.shard, "Look after one of several equal parts of the Rollouts, as in 0/3")
      ->check(shard())
      ->capture_default_str();
}

int run(const Flags& flags) {
  OperatorOptions options = flags.options;
  options.scope.shard = *rollout::parse_shard(flags.shard);
  options.status_interval = cli::value_of_duration(flags.status_interval);
  options.lease_duration = cli::value_of_duration(flags.lease_duration);
  options.renew_deadline = cli::value_of_duration(flags.renew_deadline);
  options.retry_period = cli::value_of_duration(flags.retry_period);
  const auto level = std::find(kLevels.begin(), kLevels.end(), flags.log_level) - kLevels.begin();
  log::configure(static_cast<log::Level>(level), flags.log_format == "json" ? log::Format::Json : log::Format::Text);
  return run_operator(options);
}

}  // namespace

cli::Command add_operator(CLI::App& program) {
  const auto flags = std::make_shared<Flags>();
  OperatorOptions& options = flags->options;
  CLI::App& command = *program.add_subcommand("operator", "Run the controller");
  command.add_option("--kubeconfig", options.kubeconfig, "Path of a kubeconfig; else the pod's service account");
  command.add_option("--context", options.context, "Context of the kubeconfig");
  add_scope_flags(command, *flags);
  command.add_option("--bind", options.bind, "Address of /healthz, /readyz and /metrics")->capture_default_str();
  command.add_option("--workers", options.workers, "Rollouts that are worked on at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.add_option("--status-interval", flags->status_interval, "How often numbers that only moved are saved")
      ->check(cli::duration())
      ->capture_default_str();
  command.add_option("--kube-api-qps", options.requests_per_second,
                     "Most requests a second to the API server, besides those for the Lease; 0: no limit")
      ->capture_default_str();
  command.add_option("--kube-api-burst", options.burst, "How many of them may be made at once, with --kube-api-qps")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  add_lease_flags(command, *flags);
  command.add_option("--log-level", flags->log_level, "debug, info, warn or error")
      ->check(CLI::IsMember(std::vector<std::string>(kLevels.begin(), kLevels.end())))
      ->capture_default_str();
  command.add_option("--log-format", flags->log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  return {&command, [flags] { return run(*flags); }};
}

}  // namespace sluice::app
