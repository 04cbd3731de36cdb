// What the cluster makes of Jobs: a pod for each, which runs for a while and ends.
//
// How a test ends follows from the image of the revision that it tests, so that a story has the same end however
// often it is told: that of a `flawed` model fails, all others pass. The Job of a load test is complete either way, and
// what it prints says which. Some attempts, drawn by image and attempt alone,
// do not come to that: their node is drained, or their pod never starts.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kubelet.h"
#include "random.h"
#include "support/memory_api_server.h"

namespace sluice::simulation {

// Not thread-safe.
class Jobs {
 public:
  Jobs(test::MemoryApiServer& server, const Kubelet& kubelet, const Clock& clock, Random random);

  // A Job may have been made or deleted: looks for it.
  void notice(const kube::Key& key);
  // The Rollout is gone, and its Jobs with it.
  void notice_all_gone(const kube::Key& rollout);
  // Does what is due, as the Job controller and the kubelet.
  void act();
  std::optional<Time> next_due() const;
  // Deletes one that runs, as somebody else; false: there is none.
  bool delete_one();

  // Whether a Job of this stage that tested this revision has passed since then.
  bool passed_since(const kube::Key& rollout, const std::string& revision, const std::string& stage,
                    Time since) const;
  // What must not be: a second Job of one attempt.
  const std::vector<std::string>& broken() const { return broken_; }

 private:
  enum class End { Pass, Fail, Disrupted, NeverStarts };
  struct Running {
    std::string uid;
    std::string rollout;
    std::string revision;
    std::string stage;
    End end = End::Pass;
    bool started = false;
    Time due{};  // of the start, then of the end
  };

  void start(const kube::Key& key, Running& job);
  void finish(const kube::Key& key, const Running& job);
  void finish_load(const kube::Key& key, const Running& job);
  bool is_known(const kube::Key& job, const std::string& rollout) const;  // the saved status has its uid
  End end_of(const std::string& image, const std::string& attempt) const;

  test::MemoryApiServer& server_;
  const Kubelet& kubelet_;
  const Clock& clock_;
  Random random_;
  std::map<kube::Key, Running> running_;
  std::map<kube::Key, std::string> made_;       // every Job that there ever was, with its uid
  std::set<kube::Key> deleted_by_others_;
  std::map<std::string, Time> passed_;          // the last time, by namespace/rollout/revision/stage
  std::vector<std::string> broken_;
};

}  // namespace sluice::simulation
