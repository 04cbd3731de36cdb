#include "runtime/observer.h"

namespace sluice::runtime {

Observer& no_observer() {
  static Observer nobody;
  return nobody;
}

}  // namespace sluice::runtime
