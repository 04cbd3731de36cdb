// The same work for every index, on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace sluice::forecast {

// Calls `work(i)` once for every i below `count`, in any order and on any of `threads` threads, the caller's among
// them; returns when all are done. `threads` 0: one a core. `work` must not throw, and must write to places of its
// own. `progress`, when given, is called with the share that has been handed out, on the caller's thread only.
void parallel_for(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work,
                  const std::function<void(double)>& progress = {});

}  // namespace sluice::forecast
