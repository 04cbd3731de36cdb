// configmap-copier: the Copier as a program. Several may run: the one that holds the Lease acts, the others stand by.
#include <pthread.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <random>

#include "base/log.h"
#include "copier.h"
#include "http/transport.h"
#include "kube/config.h"
#include "kube/rest_client.h"
#include "kube/user_agent.h"
#include "runtime/fenced_client.h"
#include "runtime/leader_election.h"

namespace sluice::example {
namespace {

constexpr Duration kGrace = seconds(20);

// The pod's name, and a random part.
std::string identity() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "_" + std::to_string(std::random_device()() % 1'000'000);
}

int run(const kube::Config& config, runtime::LeaseOptions lease, const sigset_t& signals) {
  kube::ClientOptions options;
  options.user_agent = kube::user_agent(kFieldManager);
  // No write may be under way when another process leads.
  options.write_deadline = std::min(options.write_deadline, lease.lease - lease.renew);
  auto client = kube::connect(config, options);
  options.deadline = options.write_deadline = lease.renew / 2;  // one request that hangs must not cost the lead
  auto lease_client = kube::connect(config, options);
  if (!client || !lease_client) {
    log::error((client ? lease_client : client).error().message);
    return 1;
  }

  // What comes later uses what comes before it.
  const SystemClock clock;
  runtime::EventRecorder recorder(**client, clock,
                                  {.controller = "example.sluice.dev/copier", .instance = lease.identity});
  runtime::LeaderElector elector(**lease_client, lease, clock);
  runtime::FencedClient writer(**client, elector);
  Copier copier(writer, recorder);
  runtime::Controller controller({.name = "configmap"}, copier, clock);
  copier.on_change([&](const kube::Key& key) { controller.queue().add(key); });
  runtime::Reflector sources(**client, kConfigMaps, copier.sources(), clock, Copier::source_options());
  runtime::Reflector copies(**client, kConfigMaps, copier.copies(), clock, Copier::copy_options());

  std::atomic<bool> stopping{false};
  std::atomic<bool> lost{false};
  recorder.start();
  sources.start();  // whether this process leads or not: a standby is ready
  copies.start();
  const auto wait_for_both = [&](bool (runtime::Reflector::*wait)(Duration)) {
    while (!stopping && !((sources.*wait)(seconds(1)) && (copies.*wait)(seconds(1)))) {
      log::warn("still waiting for a complete copy of the cluster");
    }
  };
  const auto lead = [&] {
    wait_for_both(&runtime::Reflector::wait_synced);
    // Whoever led before may have written what no watch has brought yet: a copy whose source is not known here would
    // be removed. From here on nobody else writes, so what is read now is all.
    sources.refresh();
    copies.refresh();
    wait_for_both(&runtime::Reflector::wait_fresh);
    if (!stopping) controller.start();  // after stop() it does nothing
  };
  elector.start(lead, [&] {
    lost = true;
    kill(getpid(), SIGTERM);
  });

  int signal = 0;
  sigwait(&signals, &signal);
  log::info(lost ? "stopping: the lead was lost" : "stopping");
  stopping = true;
  if (!controller.stop(kGrace)) {
    log::error("a reconcile did not end in time");
    std::_Exit(1);  // with the Lease, which expires: nobody may be told that this process has stopped writing
  }
  elector.stop();  // gives the Lease back: nothing is written any more
  sources.stop();
  copies.stop();
  recorder.stop();  // last: others record while they stop
  return lost ? 1 : 0;
}

}  // namespace
}  // namespace sluice::example

int main(int argc, char** argv) {
  using namespace sluice;
  CLI::App program{"Keeps copies of the ConfigMaps that are labelled " + std::string(example::kCopyTo) + "=NAMESPACE."};
  kube::ConfigSource source;
  runtime::LeaseOptions lease{.name = "configmap-copier", .identity = example::identity()};
  program.add_option("--kubeconfig", source.kubeconfig, "Else as kubectl does, or the pod's service account");
  program.add_option("--lease-namespace", lease.ns, "Namespace of the Lease; else the own one");
  CLI11_PARSE(program, argc, argv);

  // Before any thread starts: one without this mask would take SIGTERM, and the process would end on the spot.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  http::prepare_network();

  const auto config = kube::load_config(source);
  if (!config) {
    log::error(config.error().message);
    return 1;
  }
  if (lease.ns.empty()) lease.ns = config->ns;
  return example::run(*config, lease, signals);
}
