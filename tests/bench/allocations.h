// Counts what a benchmark allocates: including this replaces operator new of the whole program, so it belongs into one
// file of it.
#pragma once

#include <atomic>
#include <cstdlib>
#include <new>

namespace sluice::bench {

inline std::atomic<long> allocations{0};

}  // namespace sluice::bench

// The compiler sees free through an inlined delete and takes the pair for a mistake.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t size) {
  sluice::bench::allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
