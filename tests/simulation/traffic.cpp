#include "traffic.h"

#include <algorithm>

namespace sluice::simulation {
namespace {

constexpr Duration kScrape = seconds(5);
constexpr Duration kRetention = minutes(25);  // stable's past and its lookback are the most that is asked for

// The value of a label that is matched exactly.
std::string_view label_value(std::string_view selector, std::string_view label) {
  const auto at = selector.find(label);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = selector.substr(at + label.size());
  return rest.substr(0, rest.find('"'));
}

}  // namespace

double error_rate(const std::string& image) {
  if (image.find(":bad") != std::string::npos) return 0.2;
  if (image.find(":good") != std::string::npos) return 0.003;
  return 0.01;
}

double order_rate(const std::string& image) { return image.find(":good") != std::string::npos ? 0.13 : 0.10; }

std::map<std::string, double> predicted_shares(const std::string& image) {
  if (image.find(":good") != std::string::npos) return {{"cat", 0.55}, {"dog", 0.2}, {"bird", 0.25}};
  return {{"cat", 0.412}, {"dog", 0.3}, {"bird", 0.288}};
}

Traffic::Traffic(const Kubelet& kubelet, const Gateway& gateway, const Clock& clock, Random random, bool exact)
    : kubelet_(kubelet),
      gateway_(gateway),
      clock_(clock),
      random_(random),
      exact_(exact),
      next_scrape_(clock.now() + kScrape) {}

void Traffic::pass(Duration by) {
  const double time = std::chrono::duration<double>(by).count();
  for (const auto& [rollout, rate] : rates_) {
    const std::vector<Backend>& routed = gateway_.routed(rollout);
    double sum = 0;
    for (const Backend& backend : routed) sum += backend.weight;
    if (sum <= 0) continue;
    for (const Backend& backend : routed) {
      const double mean = rate * time * backend.weight / sum;
      const Workload* workload = kubelet_.behind({rollout.ns, backend.service});
      if (workload != nullptr && workload->ready() > 0 && mean > 0) count(pods_[rollout.name], *workload, mean);
    }
    const Mirror mirror = gateway_.mirrored(rollout);
    const Workload* shadow = mirror.service.empty() ? nullptr : kubelet_.behind({rollout.ns, mirror.service});
    if (shadow != nullptr && shadow->ready() > 0) {
      count(pods_[rollout.name], *shadow, rate * time * mirror.percent / 100);
    }
  }
}

void Traffic::count(Pods& pods, const Workload& workload, double mean) {
  const int ready = workload.ready();
  for (const Pod& pod : workload.pods) {
    if (!pod.ready) continue;
    Counter& counter = pods[pod.name];
    counter.revision = workload.revision;
    counter.image = workload.image;
    const double requests = drawn(mean / ready);
    counter.requests += requests;
    counter.errors += std::min(requests, drawn(requests * error_rate(workload.image)));
    counter.orders += std::min(requests, drawn(requests * order_rate(workload.image)));
  }
}

void Traffic::scrape() {
  const Time now = clock_.now();
  next_scrape_ = now + kScrape;
  for (const auto& [rollout, rate] : rates_) {
    Pods& pods = pods_[rollout.name];
    for (auto& [name, counter] : pods) counter.alive = false;
    // Every pod that runs is a target, whether or not it gets requests.
    for (const Workload* workload : kubelet_.of(rollout)) {
      for (const Pod& pod : workload->pods) {
        Counter& counter = pods[pod.name];
        counter.revision = workload->revision;
        counter.image = workload->image;
        counter.alive = pod.ready_at != Time::max();
      }
    }
    for (auto at = pods.begin(); at != pods.end();) {
      Counter& counter = at->second;
      if (counter.alive) {
        counter.request_samples.push_back({now, counter.requests});
        counter.error_samples.push_back({now, counter.errors});
        counter.order_samples.push_back({now, counter.orders});
      }
      auto& samples = counter.request_samples;
      if (!samples.empty() && samples.front().at + kRetention * 2 < now) {
        const auto old = std::count_if(samples.begin(), samples.end(),
                                       [&](const auto& sample) { return sample.at + kRetention < now; });
        samples.erase(samples.begin(), samples.begin() + old);
        counter.error_samples.erase(counter.error_samples.begin(), counter.error_samples.begin() + old);
        counter.order_samples.erase(counter.order_samples.begin(), counter.order_samples.begin() + old);
      }
      const bool forgotten = !counter.alive && samples.empty();
      at = forgotten ? pods.erase(at) : std::next(at);
    }
  }
}

metrics::Matrix Traffic::samples(std::string_view selector, Time end, Duration window) const {
  metrics::Matrix matrix;
  const auto pods = pods_.find(std::string(label_value(selector, "rollout=\"")));
  if (pods == pods_.end()) return matrix;
  const std::string_view revision = label_value(selector, "revision=\"");
  const bool errors = selector.starts_with("http_errors_total");
  const bool orders = selector.starts_with("orders_total");
  for (const auto& [name, counter] : pods->second) {
    if (counter.revision != revision) continue;
    const auto& all = errors ? counter.error_samples : orders ? counter.order_samples : counter.request_samples;
    const auto before = [](const metrics::Sample& sample, Time time) { return sample.at < time; };
    const auto first = std::lower_bound(all.begin(), all.end(), end - window, before);
    const auto last = std::lower_bound(first, all.end(), end + Duration(1), before);
    if (first == last) continue;
    const metrics::Labels labels{{"pod", name}, {"revision", counter.revision}};
    if (!selector.starts_with("predictions_total")) {
      matrix.push_back({labels, {first, last}});
      continue;
    }
    for (const auto& [predicted, share] : predicted_shares(counter.image)) {
      metrics::Series series{labels, {first, last}};
      series.labels["class"] = predicted;
      for (metrics::Sample& sample : series.samples) sample.value *= share;
      matrix.push_back(std::move(series));
    }
  }
  return matrix;
}

}  // namespace sluice::simulation
