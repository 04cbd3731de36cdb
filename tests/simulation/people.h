// Those who use the operator, and those who interfere: each act is one write with kubectl.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness.h"
#include "random.h"

namespace sluice::simulation {

// Not thread-safe.
class People {
 public:
  People(Harness& harness, Random random) : harness_(harness), random_(random) {}

  // One of them does something to this Rollout.
  void act(const kube::Key& key);

  void change_image(const kube::Key& key, const std::string& image);
  void edit_spec(const kube::Key& key, const nlohmann::json& part);  // a merge patch
  void pause(const kube::Key& key, bool paused);
  void verb(const kube::Key& key, const char* annotation, const std::string& revision);
  void edit_route(const kube::Key& key);

 private:
  void edit_stages(const kube::Key& key);
  std::string any_image(const kube::Key& key);
  void give_a_verb(const kube::Key& key);

  Harness& harness_;
  Random random_;
  std::map<kube::Key, std::vector<std::string>> images_;  // that a Rollout has had
  int made_ = 0;
  int verbs_ = 0;
};

}  // namespace sluice::simulation
