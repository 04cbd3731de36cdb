// `sluice status` and `sluice watch`: their flags. What they do is in commands.cpp.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "http/transport.h"

namespace sluice::cli {
namespace {

void add_cluster_options(CLI::App& command, ClusterOptions& cluster, std::string& name) {
  command.add_option("--kubeconfig", cluster.kubeconfig, "Path of a kubeconfig; else as kubectl finds it");
  command.add_option("--context", cluster.context, "Context of the kubeconfig");
  command.add_option("-n,--namespace", cluster.ns, "Namespace of the Rollout");
  command.add_option("rollout", name, "Name of the Rollout")->required();
}

struct StatusFlags {
  ClusterOptions cluster;
  std::string name;
};

struct WatchFlags {
  ClusterOptions cluster;
  std::string name;
  WatchRequest request;
  std::string timeout = "0s";
};

}  // namespace

Command add_status(CLI::App& program) {
  const auto flags = std::make_shared<StatusFlags>();
  CLI::App& command = *program.add_subcommand("status", "Show one Rollout: where it is, and the numbers behind it");
  add_cluster_options(command, flags->cluster, flags->name);
  return {&command, [flags] {
            http::prepare_network();
            return status(flags->cluster, flags->name);
          }};
}

Command add_watch(CLI::App& program) {
  const auto flags = std::make_shared<WatchFlags>();
  CLI::App& command = *program.add_subcommand("watch", "Keep showing one Rollout as it moves");
  add_cluster_options(command, flags->cluster, flags->name);
  command.add_flag("--until-settled", flags->request.until_settled,
                   "End when nothing is under way: status 0 when the wanted revision is stable, else 1");
  command.add_option("--timeout", flags->timeout, "Give up after this time with status 2; 0s: never")->check(duration());
  return {&command, [flags] {
            http::prepare_network();
            WatchRequest request = flags->request;
            request.timeout = value_of_duration(flags->timeout);
            return watch(flags->cluster, flags->name, request);
          }};
}

}  // namespace sluice::cli
