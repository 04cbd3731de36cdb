// A gateway with its controller: answers for HTTPRoutes, late or soon, and routes as it has last accepted.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "random.h"
#include "support/memory_api_server.h"

namespace sluice::simulation {

// A backend of a rule of a route, as it stands there.
struct Backend {
  std::string service;
  int weight = 0;
};

// A backend that parts keeps one request in a million for a moment: a share up to this is none.
inline constexpr double kLastDrop = 1.5e-6;

// Those of the weighted rule.
std::vector<Backend> backends_of(const nlohmann::json& route);

// The same with all users: kWithHeader percent of the requests have the header that a rule may ask for. Users with a
// cookie are many, so that as many of them are with each revision as its weight says.
inline constexpr int kWithHeader = 30;
std::vector<Backend> all_backends_of(const nlohmann::json& route);

// Copies of requests.
struct Mirror {
  std::string service;  // empty: none are made
  int percent = 0;      // of the requests
};
Mirror mirror_of(const nlohmann::json& route);

// Not thread-safe.
class Gateway {
 public:
  Gateway(test::MemoryApiServer& server, const Clock& clock, Random random);

  // A route may have changed: reads it, and will answer for it.
  void notice(const kube::Key& key);
  void act();
  std::optional<Time> next_due() const;

  // Neither answers nor changes how it routes until then.
  void stall_until(Time time) { stalled_until_ = time; }

  // How requests are routed at the moment; empty: not at all.
  const std::vector<Backend>& routed(const kube::Key& key) const;
  Mirror mirrored(const kube::Key& key) const;

 private:
  struct Route {
    std::int64_t generation = 0;
    std::string uid;
    std::vector<Backend> asked;
    std::vector<Backend> routed;
    Mirror asked_mirror;
    Mirror mirrored;
    nlohmann::json parents;
    std::optional<Time> due;
  };

  void answer(const kube::Key& key, Route& route);
  Time due(const Route& route) const { return std::max(*route.due, stalled_until_); }

  test::MemoryApiServer& server_;
  const Clock& clock_;
  Random random_;
  Time stalled_until_{};
  std::map<kube::Key, Route> routes_;
};

}  // namespace sluice::simulation
