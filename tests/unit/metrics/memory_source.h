// A SampleSource in memory: what a selector returns is what the test put there.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "metrics/sample.h"

namespace sluice::metrics {

inline Time at(double seconds_after_epoch) {
  return Time(Duration(static_cast<long long>(seconds_after_epoch * 1000)));
}

// A series of one pod: samples as {seconds, value}.
struct Plain {
  double seconds;
  double value;
};
inline Series series(Labels labels, const std::vector<Plain>& samples) {
  Series out{std::move(labels), {}};
  for (const Plain& sample : samples) out.samples.push_back({at(sample.seconds), sample.value});
  return out;
}

class MemorySource final : public SampleSource {
 public:
  struct Asked {
    std::string selector;
    Time end{};
    Duration window{};
    Duration deadline{};
  };

  void put(const std::string& selector, Matrix matrix) { matrices_[selector] = std::move(matrix); }
  void fail(const std::string& selector, Error error) {
    errors_.insert_or_assign(selector, std::move(error));
  }
  // Runs at every question, before its answer.
  void on_question(std::function<void(const std::string&)> hook) { hook_ = std::move(hook); }

  const std::vector<Asked>& asked() const { return asked_; }
  std::vector<std::string> selectors() const {
    std::vector<std::string> out;
    for (const Asked& question : asked_) out.push_back(question.selector);
    return out;
  }

  Result<Matrix> samples(std::string_view selector, Time end, Duration window, Duration deadline,
                         std::stop_token) override {
    const std::lock_guard lock(mutex_);
    const std::string name(selector);
    asked_.push_back({name, end, window, deadline});
    if (hook_) hook_(name);
    if (const auto error = errors_.find(name); error != errors_.end()) return error->second;
    Matrix out;
    const auto found = matrices_.find(name);
    if (found == matrices_.end()) return out;
    for (const Series& whole : found->second) {
      Series part{whole.labels, {}};
      for (const Sample& sample : whole.samples) {
        if (sample.at >= end - window && sample.at <= end) part.samples.push_back(sample);
      }
      if (!part.samples.empty()) out.push_back(std::move(part));
    }
    return out;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Matrix> matrices_;
  std::map<std::string, Error> errors_;
  std::function<void(const std::string&)> hook_;
  std::vector<Asked> asked_;
};

}  // namespace sluice::metrics
