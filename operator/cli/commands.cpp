#include "cli/commands.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <thread>

#include "api/conditions.h"
#include "api/json.h"
#include "cli/live_view.h"
#include "kube/config.h"
#include "kube/rest_client.h"

namespace sluice::cli {
namespace {

struct Connection {
  std::unique_ptr<kube::Client> client;
  std::string ns;
};

Result<Connection> connect(const ClusterOptions& cluster) {
  kube::ConfigSource source;
  source.kubeconfig = cluster.kubeconfig;
  source.context = cluster.context;
  auto config = kube::load_config(source);
  if (!config) return config.error();
  auto client = kube::connect(*config);
  if (!client) return client.error();
  return Connection{std::move(client).take(), cluster.ns.empty() ? config->ns : cluster.ns};
}

int fail(const Error& error) {
  std::cerr << "sluice: " << error.message << "\n";
  return 2;
}

ViewOptions terminal() {
  ViewOptions options;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = size.ws_col;
  options.colour = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  return options;
}

// Whether nothing is under way for the spec as it is now, and how it ended.
std::optional<int> settled(const api::Rollout& rollout) {
  const api::RolloutStatus& status = rollout.status;
  if (status.observed_generation < rollout.generation) return std::nullopt;
  if (status.phase == api::Phase::Healthy) return 0;
  if (api::has_status(status.conditions, api::kStalled, api::ConditionStatus::True)) return 1;
  return std::nullopt;
}

class Screen {
 public:
  explicit Screen(bool moving) : moving_(moving) {}

  void show(const api::Rollout& rollout, Time now) {
    if (moving_) {
      std::cout << "\033[H\033[2J" << live_view(rollout, now, terminal()) << std::flush;
    } else {
      std::cout << change_lines(last_.value_or(api::Rollout{}), rollout, now) << std::flush;
      last_ = rollout;
    }
  }

 private:
  bool moving_;
  std::optional<api::Rollout> last_;
};

}  // namespace

int status(const ClusterOptions& cluster, const std::string& name) {
  auto connection = connect(cluster);
  if (!connection) return fail(connection.error());
  auto object = connection->client->get(api::kRollouts, {connection->ns, name});
  if (!object) return fail(object.error());
  const api::Rollout rollout = api::read_rollout(*object).rollout;
  std::cout << live_view(rollout, SystemClock().now(), terminal());
  return settled(rollout).value_or(0);
}

int watch(const ClusterOptions& cluster, const std::string& name, const WatchRequest& request) {
  auto connection = connect(cluster);
  if (!connection) return fail(connection.error());
  const SystemClock clock;
  const Time deadline = request.timeout.count() > 0 ? clock.now() + request.timeout : Time::max();
  Screen screen(isatty(STDOUT_FILENO) != 0);
  std::string shown;
  // A poll a second: simple, bounded, and the ages on the screen move as well.
  while (clock.now() < deadline) {
    auto object = connection->client->get(api::kRollouts, {connection->ns, name});
    if (object) {
      const api::Rollout rollout = api::read_rollout(*object).rollout;
      screen.show(rollout, clock.now());
      if (request.until_settled) {
        if (const auto end = settled(rollout)) return *end;
      }
    } else if (object.error().code == ErrorCode::NotFound || object.error().code == ErrorCode::Forbidden ||
               object.error().code == ErrorCode::Unauthorized || object.error().code == ErrorCode::Invalid) {
      return fail(object.error());
    }
    std::this_thread::sleep_for(seconds(1));
  }
  std::cerr << "sluice: " << name << " is still under way after " << humane(request.timeout) << "\n";
  return 2;
}

}  // namespace sluice::cli
