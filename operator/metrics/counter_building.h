// Samples by target and series on their way into an ArmSamples. For counter_build.cpp only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "metrics/counter.h"

namespace sluice::metrics {

struct ArmSamples::Building {
  struct Parts {
    std::string name;
    std::map<Labels, std::vector<Point>> total;
    std::map<Labels, std::vector<Point>> events;
  };
  std::map<std::string, Parts> targets;
  ClassOf class_of;  // nullptr: there are no classes

  Parts& target(const Labels& labels) {
    Parts& parts = targets[target_of(labels)];
    if (parts.name.empty()) parts.name = target_name(labels);
    return parts;
  }
};

}  // namespace sluice::metrics
