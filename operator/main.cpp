// One program: the operator, and the commands for people. As `kubectl-sluice` on the path it is a kubectl plugin.
#include <CLI/CLI.hpp>
#include <string>

#include "app/operator_app.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/commands.h"
#include "http/transport.h"

namespace {

using namespace sluice;

constexpr std::size_t kNetworkThreads = 2;

CLI::Validator duration() {
  return CLI::Validator(
      [](std::string& text) {
        const auto parsed = parse_duration(text);
        return parsed ? std::string() : parsed.error().message;
      },
      "DURATION");
}

// Precondition: `text` has passed duration().
Duration duration_of(const std::string& text) { return *parse_duration(text); }

void add_cluster_options(CLI::App& command, cli::ClusterOptions& cluster) {
  command.add_option("--kubeconfig", cluster.kubeconfig, "Path of a kubeconfig; else as kubectl finds it");
  command.add_option("--context", cluster.context, "Context of the kubeconfig");
  command.add_option("-n,--namespace", cluster.ns, "Namespace of the Rollout");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program{"Sluice delivers machine-learning models progressively, and proves that each is fit before it gets "
                   "the traffic."};
  program.set_version_flag("--version", SLUICE_VERSION);
  program.require_subcommand(1);

  app::OperatorOptions operator_options;
  std::string status_interval = "1m";
  std::string lease_duration = "15s";
  std::string renew_deadline = "10s";
  std::string retry_period = "2s";
  std::string log_level = "info";
  std::string log_format = "text";
  CLI::App& run = *program.add_subcommand("operator", "Run the controller");
  run.add_option("--kubeconfig", operator_options.kubeconfig, "Path of a kubeconfig; else the pod's service account");
  run.add_option("--context", operator_options.context, "Context of the kubeconfig");
  run.add_option("-n,--namespace", operator_options.ns, "Look after this namespace only");
  run.add_option("--bind", operator_options.bind, "Address of /healthz, /readyz and /metrics")->capture_default_str();
  run.add_option("--workers", operator_options.workers, "Rollouts that are worked on at once")
      ->check(CLI::Range(1, 64))->capture_default_str();
  run.add_option("--status-interval", status_interval, "How often numbers that only moved are saved")
      ->check(duration())->capture_default_str();
  run.add_flag("--leader-elect", operator_options.leader_elect, "Act only while this process holds the Lease");
  run.add_option("--lease-name", operator_options.lease_name, "Name of the Lease")->capture_default_str();
  run.add_option("--lease-namespace", operator_options.lease_namespace, "Namespace of the Lease; else the own one");
  run.add_option("--lease-duration", lease_duration, "A standby takes over when the holder was silent for so long")
      ->check(duration())->capture_default_str();
  run.add_option("--renew-deadline", renew_deadline, "The holder stops writing when it could not renew for so long")
      ->check(duration())->capture_default_str();
  run.add_option("--retry-period", retry_period, "Between two tries to take or renew the Lease")
      ->check(duration())->capture_default_str();
  run.add_option("--log-level", log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))->capture_default_str();
  run.add_option("--log-format", log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))->capture_default_str();

  cli::ClusterOptions cluster;
  std::string name;
  CLI::App& status = *program.add_subcommand("status", "Show one Rollout: where it is, and the numbers behind it");
  add_cluster_options(status, cluster);
  status.add_option("rollout", name, "Name of the Rollout")->required();

  cli::WatchRequest watch_request;
  std::string timeout = "0s";
  CLI::App& watch = *program.add_subcommand("watch", "Keep showing one Rollout as it moves");
  add_cluster_options(watch, cluster);
  watch.add_option("rollout", name, "Name of the Rollout")->required();
  watch.add_flag("--until-settled", watch_request.until_settled,
                 "End when nothing is under way: status 0 when the wanted revision is stable, else 1");
  watch.add_option("--timeout", timeout, "Give up after this time with status 2; 0s: never")->check(duration());

  CLI11_PARSE(program, argc, argv);
  if (status || watch) http::set_network_threads(kNetworkThreads);
  if (status) return cli::status(cluster, name);
  if (watch) {
    watch_request.timeout = duration_of(timeout);
    return cli::watch(cluster, name, watch_request);
  }
  constexpr std::array<const char*, 4> kLevels{"debug", "info", "warn", "error"};
  const auto level = std::find(kLevels.begin(), kLevels.end(), log_level) - kLevels.begin();
  log::configure(static_cast<log::Level>(level), log_format == "json" ? log::Format::Json : log::Format::Text);
  operator_options.status_interval = duration_of(status_interval);
  operator_options.lease_duration = duration_of(lease_duration);
  operator_options.renew_deadline = duration_of(renew_deadline);
  operator_options.retry_period = duration_of(retry_period);
  return app::run_operator(operator_options);
}
