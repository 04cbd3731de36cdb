// SteppedReflector: the state machine of a Reflector without its thread, for harnesses with a virtual clock.
//
//   while (reflector.step()) {}     // lists and opens watches that are due
//   server.pump();                  // delivers watch events, into the sink
#pragma once

#include <optional>
#include <string>

#include "runtime/list_watch.h"
#include "support/faulty_client.h"
#include "support/memory_api_server.h"

namespace sluice::test {

// Not thread-safe. Lives at most as long as what it is given.
class SteppedReflector {
 public:
  // `faults` (may be null) sees each list and each opening of a watch.
  SteppedReflector(MemoryApiServer& server, const kube::Resource& resource, runtime::ReflectorSink& sink,
                   const Clock& clock, const runtime::ReflectorOptions& options = {},
                   Faults* faults = nullptr);
  ~SteppedReflector();
  SteppedReflector(const SteppedReflector&) = delete;
  SteppedReflector& operator=(const SteppedReflector&) = delete;

  // Makes the next request if one is due. False: a watch is open, or it is too early.
  bool step();
  // Delivers what has happened to this watch alone, at most so many events. Returns their number.
  std::size_t pump(std::size_t at_most = MemoryApiServer::kAll);
  // When step() can do something; nothing while a watch is open.
  std::optional<runtime::Instant> next_due() const;

  bool synced() const { return machine_.synced(); }
  bool watching() const { return watch_.has_value(); }

 private:
  void list(const kube::ListOptions& options);
  void open(const kube::WatchOptions& options);

  MemoryApiServer& server_;
  const kube::Resource resource_;
  const std::string ns_;
  const Clock& clock_;
  Faults* const faults_;
  runtime::ListWatch machine_;
  std::optional<MemoryApiServer::WatchId> watch_;
};

}  // namespace sluice::test
