// Requests to the models, the counters of the pods that answer them, and a Prometheus that scrapes these.
//
// As time passes, requests arrive at a constant rate and are spread as the gateway routes; each pod counts what it
// answered and what failed, at the rate of its image's quality. Counts are Poisson, or, when `exact`, their
// expectation, so that a verdict depends on nothing but the rates.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gateway.h"
#include "kubelet.h"
#include "metrics/sample.h"
#include "random.h"

namespace sluice::simulation {

// The share of failed answers of an image, and of answers that lead to an order, 0..1.
double error_rate(const std::string& image);
double order_rate(const std::string& image);

// The shares of the classes that an image predicts. A better one predicts something else.
std::map<std::string, double> predicted_shares(const std::string& image);

// Not thread-safe.
class Traffic {
 public:
  Traffic(const Kubelet& kubelet, const Gateway& gateway, const Clock& clock, Random random, bool exact);

  void add(const kube::Key& rollout, double requests_per_second) { rates_[rollout] = requests_per_second; }
  // `by` has passed, with the routes and pods as they were.
  void pass(Duration by);
  Time next_scrape() const { return next_scrape_; }
  void scrape();

  // The samples of a selector that names rollout="..." and revision="..." exactly.
  metrics::Matrix samples(std::string_view selector, Time end, Duration window) const;

 private:
  struct Counter {
    std::string revision;
    std::string image;
    double requests = 0;
    double errors = 0;
    double orders = 0;
    bool alive = true;
    std::vector<metrics::Sample> request_samples;
    std::vector<metrics::Sample> error_samples;
    std::vector<metrics::Sample> order_samples;
  };
  using Pods = std::map<std::string, Counter>;  // by name

  void count(Pods& pods, const Workload& workload, double mean);
  double drawn(double mean) { return exact_ ? mean : random_.poisson(mean); }

  const Kubelet& kubelet_;
  const Gateway& gateway_;
  const Clock& clock_;
  Random random_;
  bool exact_;
  std::map<kube::Key, double> rates_;
  std::map<std::string, Pods> pods_;  // by rollout
  Time next_scrape_;
};

}  // namespace sluice::simulation
