// Fence: may this process write? Asked before every write, so it must be cheap.
#pragma once

namespace sluice::runtime {

class Fence {
 public:
  virtual ~Fence() = default;
  // Thread-safe; takes no lock.
  virtual bool may_write() const = 0;
};

}  // namespace sluice::runtime
