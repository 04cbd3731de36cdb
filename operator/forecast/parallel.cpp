#include "forecast/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace sluice::forecast {

void parallel_for(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work,
                  const std::function<void(double)>& progress) {
  constexpr std::size_t kAtOnce = 8;  // so that threads seldom meet at the counter, yet end together
  std::atomic<std::size_t> next{0};
  const auto take_turns = [&](bool reports) {
    for (;;) {
      const std::size_t first = next.fetch_add(kAtOnce);
      if (first >= count) return;
      if (reports && progress) progress(static_cast<double>(first) / static_cast<double>(count));
      for (std::size_t i = first; i < std::min(count, first + kAtOnce); ++i) work(i);
    }
  };
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  {
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(take_turns, false);
    take_turns(true);
  }  // joins
  if (progress) progress(1.0);
}

}  // namespace sluice::forecast
