// One world, one operator in it, and the steps between them.
//
// There is one thread. What could happen at the same time in reality happens here one after the other, in an order
// that is fixed (work) or drawn by chance (work_at_random).
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "choice.h"
#include "faults.h"
#include "invariants.h"
#include "operator_process.h"
#include "world.h"

namespace sluice::simulation {

// Not thread-safe.
class Harness {
 public:
  Harness(const Random& random, bool exact_traffic, Counters& counters);

  void create(const RolloutChoice& choice);
  void remove(const kube::Key& key);
  const std::vector<kube::Key>& rollouts() const { return rollouts_; }

  // A write by somebody else. What follows from it for the world and the invariants is done too.
  void patch(const kube::Resource& resource, const kube::Key& key, const nlohmann::json& merge);

  // Does the next thing that can be done now; false: only time helps.
  bool work();
  // The same with a part that is chosen by chance; false when that part had nothing to do.
  bool work_at_random();
  // Time passes until something is due, at most `longest`.
  void advance(Duration longest);
  // Works and waits until all Rollouts are at rest, or `longest` has passed; returns whether they are.
  bool settle(Duration longest);
  bool at_rest() const;  // all Rollouts are, at this moment
  // Works and waits, without end, for a time.
  void run(Duration time);

  void restart();  // the process is gone, and another one starts
  void freeze(bool frozen);  // the API server's watch cache stands still
  void lag(std::size_t reflector, Time until) { lagging_.at(reflector) = until; }
  void tell(std::string what);  // for the account of what happened before a failure
  const std::deque<std::string>& account() const { return account_; }

  std::uint64_t happenings = 0;  // things of which events may tell

  // Told of each write of the operator, after the invariants were checked.
  std::function<void(const test::Call&)> on_operator_write;

  World world;
  Faults faults;
  Invariants invariants;

 private:
  OperatorProcess& process() { return *process_; }
  void start();
  bool act();
  bool reflect(std::size_t reflector, std::size_t at_most);
  bool finished_unit(bool done);
  void wrote(const test::Call& call);

  Counters& counters_;
  Random random_;
  std::unique_ptr<OperatorProcess> process_;
  std::vector<kube::Key> rollouts_;
  std::array<Time, 8> lagging_{};
  std::deque<std::string> account_;
  std::uint64_t starts_ = 0;
  std::uint64_t events_before_ = 0;  // recorded by processes that are gone
  bool frozen_ = false;
};

}  // namespace sluice::simulation
