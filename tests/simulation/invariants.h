// What must hold whatever happens, checked after each write of the operator and at the end of an episode.
//
// At each write of a status: the weights sum to 100 and fit the stage; stable changes only by promotion; each
// attempt of a revision ends in one entry of the history; no verdict by evidence without looks, none against clear
// evidence; no user is sent to what is being tested, nothing comes after a test but by passing it; conditions are
// coherent. At each write of a route: the weights sum, one candidate at most is exposed, at most as far as the status
// said before, and only after its pods were ready. At each write of a Deployment: nothing that gets requests is taken
// away. Of each attempt of a test there is one Job.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/types.h"
#include "faults.h"
#include "world.h"

namespace sluice::simulation {

// Not thread-safe.
class Invariants {
 public:
  Invariants(World& world, Counters& counters) : world_(world), counters_(counters) {}

  // The operator has written; looks at what is there now.
  void operator_wrote(const test::Call& call, Time caught_up_at);
  // Somebody else has written: what is there now is what the next write is compared with.
  void refresh(const kube::Key& rollout);
  void forget(const kube::Key& rollout);
  // At the end of an episode, when faults have ceased: this Rollout has come to rest, and where it should.
  void check_rest(const kube::Key& rollout);
  // Events recorded so far may not outnumber what there was to be told.
  void check_events(std::uint64_t recorded, std::uint64_t happenings);

  void fail(const std::string& what) { broken_.push_back(what); }
  const std::vector<std::string>& broken() const { return broken_; }

  // The Rollout as the API server has it; nullopt: there is none.
  std::optional<api::Rollout> rollout(const kube::Key& key) const;
  static bool at_rest(const api::Rollout& rollout);
  // Equal candidates: those that the evidence decided, and those of them that were rolled back.
  std::pair<int, int> equals() const { return {equals_decided_, equals_rolled_back_}; }

 private:
  struct Known {
    api::Rollout rollout;
    std::map<std::string, double> shares;  // of the route, by revision
    std::map<std::string, int> replicas;   // by revision
    std::set<std::pair<std::string, Time>> ended;
    std::vector<std::string> were_stable;  // and not rolled back since, the newest first; as the history tells
  };

  void check_status(const kube::Key& key);
  void check_weights(const api::Rollout& now);
  void check_tested(const api::Rollout& now);
  void check_history(const kube::Key& key, Known& known, const api::Rollout& now);
  void check_window(Known& known, const api::Spec& spec, const std::string& stable, const api::HistoryEntry& entry);
  void check_entry(const kube::Key& key, const std::string& stable, const api::HistoryEntry& entry);
  void check_conditions(const api::Rollout& now);
  void check_route(const kube::Key& key, Time caught_up_at);
  void check_deployment(const kube::Key& deployment);
  void check_stable_service(const kube::Key& key, Time caught_up_at);
  std::map<std::string, double> live_shares(const kube::Key& key, double& sum) const;
  double routed_share(const kube::Key& key, const std::string& revision) const;
  bool ready_since(const kube::Key& key, const std::string& revision, Time since) const;
  double rate_of(const kube::Key& key, const std::string& revision);

  World& world_;
  Counters& counters_;
  std::map<kube::Key, Known> known_;
  std::map<std::string, double> rates_;  // of each revision that was ever seen
  std::vector<std::string> broken_;
  std::size_t jobs_told_ = 0;  // of what the Job controller has found to be wrong
  int equals_decided_ = 0;
  int equals_rolled_back_ = 0;
};

}  // namespace sluice::simulation
