// Runs the conformance cases against the in-memory API server or a real one: one line a case, status 1 if one failed.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>

#include "base/log.h"
#include "base/time.h"
#include "case.h"
#include "kube/config.h"
#include "kube/rest_client.h"
#include "support/memory_api_server.h"

namespace {

using sluice::conformance::Case;
using sluice::conformance::NamedCase;

std::vector<NamedCase> all_cases() {
  std::vector<NamedCase> all;
  for (auto part : {sluice::conformance::write_cases, sluice::conformance::apply_cases,
                    sluice::conformance::deletion_cases, sluice::conformance::reading_cases}) {
    for (const NamedCase& one : part()) all.push_back(one);
  }
  return all;
}

// Returns how many failed.
int run(sluice::kube::Client& client, const std::string& ns, bool collector) {
  int failed = 0;
  int skipped = 0;
  const std::vector<NamedCase> cases = all_cases();
  for (const NamedCase& one : cases) {
    if (one.needs_collector && !collector) {
      ++skipped;
      std::printf("skipped  %s: needs a garbage collector\n", one.name);
      continue;
    }
    Case found(client, ns);
    one.run(found);
    std::printf("%s  %s\n", found.failures().empty() ? "ok     " : "FAILED ", one.name);
    for (const std::string& what : found.failures()) std::printf("           %s\n", what.c_str());
    if (!found.failures().empty()) ++failed;
  }
  std::printf("%zu cases, %d failed, %d skipped\n", cases.size(), failed, skipped);
  return failed;
}

sluice::Result<std::unique_ptr<sluice::kube::Client>> connect(const std::string& kubeconfig) {
  sluice::kube::ConfigSource source;
  source.kubeconfig = kubeconfig;
  const auto config = sluice::kube::load_config(source);
  if (!config) return config.error();
  return sluice::kube::connect(*config);
}

}  // namespace

int main(int argc, char** argv) {
  bool memory = false;
  bool no_collector = false;
  std::string kubeconfig;
  CLI::App app{"What Sluice relies on in an API server"};
  auto* kinds = app.add_option_group("server");
  kinds->add_flag("--memory", memory, "the API server of the simulation");
  kinds->add_option("--kubeconfig", kubeconfig, "a real one; a namespace is made in it, and deleted at the end");
  kinds->require_option(1);
  app.add_flag("--no-garbage-collector", no_collector, "there is no controller manager");
  CLI11_PARSE(app, argc, argv);
  sluice::log::configure(sluice::log::Level::Error, sluice::log::Format::Text);

  const sluice::SystemClock clock;
  std::unique_ptr<sluice::kube::Client> client;
  if (memory) {
    client = std::make_unique<sluice::test::MemoryApiServer>(clock);
  } else {
    auto connected = connect(kubeconfig);
    if (!connected) {
      std::fprintf(stderr, "conformance: %s\n", connected.error().message.c_str());
      return 1;
    }
    client = std::move(connected).take();
  }
  const std::string ns = "conformance-" + std::to_string(clock.now().time_since_epoch().count());
  const auto made = client->create(sluice::conformance::kNamespaces, {{"metadata", {{"name", ns}}}});
  if (!made) {
    std::fprintf(stderr, "conformance: no namespace can be made: %s\n", made.error().message.c_str());
    return 1;
  }
  const int failed = run(*client, ns, !no_collector);
  const auto removed = client->remove(sluice::conformance::kNamespaces, {"", ns});
  if (!removed) {
    std::fprintf(stderr, "conformance: %s is left behind: %s\n", ns.c_str(), removed.error().message.c_str());
  }
  return failed == 0 ? 0 : 1;
}
