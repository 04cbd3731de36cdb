// What very many Rollouts cost one operator: its caches and its controller as they ship, with all of them stable and
// idle.
//
//   bench_many [ROLLOUTS...]      1, 1000 and 10000 when none are named
//
// The API server is in memory (tests/simulation) and the clock is virtual: seconds tell what bench.py needs minutes and
// a cluster for. Memory is what the heap gets back when the operator goes.
#include <malloc.h>

#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/names.h"
#include "base/log.h"
#include "choice.h"
#include "faults.h"
#include "kube/object.h"
#include "operator_process.h"
#include "world.h"

namespace sluice::simulation {
namespace {

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

class Crowd {
 public:
  explicit Crowd(int size) : world_(Random(7), true), faults_(world_, counters_, Random(8)) {
    faults_.on_write = [this](const test::Call& call) { world_.notice(call.resource, call.key); };
    for (int i = 0; i < size; ++i) {
      RolloutChoice choice;
      choice.name = "idle-" + std::to_string(i);
      choice.replicas = 1;
      names_.push_back(choice.name);
      const nlohmann::json metadata = {{"name", choice.name}, {"namespace", "ml"}};
      (void)world_.server.create(api::kRollouts, {{"metadata", metadata}, {"spec", spec_of(choice)}});
    }
  }

  void start() {
    process_ = std::make_unique<OperatorProcess>(world_, faults_, counters_, 1);
    work();
  }
  void stop() { process_.reset(); }

  // Works and waits for a time.
  void run(Duration time) {
    const Time until = world_.clock.now() + time;
    while (world_.clock.now() < until) {
      Time next = until;
      for (const auto& due : {process_->next_due(), world_.next_due()}) {
        if (due && *due > world_.clock.now()) next = std::min(next, *due);
      }
      world_.advance(std::max(Duration(1), std::chrono::duration_cast<Duration>(next - world_.clock.now())));
      world_.act();
      work();
    }
  }

  bool healthy() {
    for (const std::string& name : names_) {
      const auto rollout = world_.server.get(api::kRollouts, {"ml", name});
      if (!rollout || kube::string_at(*rollout, {"status", "phase"}) != "Healthy") return false;
    }
    return true;
  }
  std::uint64_t requests() const { return faults_.requests(); }
  std::uint64_t reconciles() const { return counters_.reconciles; }

 private:
  // All that can be done now.
  void work() {
    bool any = true;
    while (any) {
      any = false;
      for (std::size_t i = 0; i < process_->reflectors(); ++i) {
        any = process_->request(i) || any;
        any = process_->deliver(i, test::MemoryApiServer::kAll) || any;
      }
      while (process_->reconcile() || process_->look() || process_->hand_over() || process_->write_event()) {
        any = true;
      }
    }
  }

  Counters counters_;
  World world_;
  Faults faults_;
  std::vector<std::string> names_;
  std::unique_ptr<OperatorProcess> process_;
};

bool measure(int size) {
  Crowd crowd(size);
  crowd.start();
  for (int minute = 0; minute < 60 && !crowd.healthy(); ++minute) crowd.run(minutes(1));
  if (!crowd.healthy()) {
    std::fprintf(stderr, "bench_many: not all of %d Rollouts became Healthy within an hour\n", size);
    return false;
  }
  crowd.run(minutes(5));  // the last statuses and events are written
  crowd.stop();
  crowd.start();
  crowd.run(minutes(5));
  const std::uint64_t requests = crowd.requests();
  const std::uint64_t reconciles = crowd.reconciles();
  const double before_idle = processor_seconds();
  crowd.run(hours(1));
  const double idle = processor_seconds() - before_idle;
  const std::size_t full = mallinfo2().uordblks;
  const std::uint64_t read_or_written = crowd.requests() - requests;
  const std::uint64_t visits = crowd.reconciles() - reconciles;
  crowd.stop();
  const double heap = static_cast<double>(full - mallinfo2().uordblks);
  std::printf("%8d  %8.1f MB  %6.1f kB each  %8.2f s  %8llu  %8llu\n", size, heap / 1e6, heap / 1e3 / size, idle,
              static_cast<unsigned long long>(visits), static_cast<unsigned long long>(read_or_written));
  std::fflush(stdout);
  return true;
}

}  // namespace
}  // namespace sluice::simulation

int main(int argc, char** argv) {
  sluice::log::configure(sluice::log::Level::Error, sluice::log::Format::Text);
  std::vector<int> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::atoi(argv[i]));
  if (sizes.empty()) sizes = {1, 1000, 10'000};
  std::printf("Rollouts  heap         of it          an idle hour: processor, visits, requests\n");
  for (const int size : sizes) {
    if (size < 1 || size > 1'000'000) {
      std::fprintf(stderr, "bench_many: a number of Rollouts is from 1 to 1000000\n");
      return 2;
    }
    if (!sluice::simulation::measure(size)) return 1;
  }
}
