#include "stats/mean_evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice::stats {

void MeanEvidence::add(double difference) {
  if (!std::isfinite(difference)) return;
  size_ += 1.0;
  const double step = difference - mean_;
  mean_ += step / size_;
  squares_ += step * (difference - mean_);
}

double MeanEvidence::variance() const {
  return size_ > 1.0 ? squares_ / (size_ - 1.0) : 0.0;
}

double MeanEvidence::t() const {
  const double spread = variance();
  return spread > 0.0 ? std::sqrt(size_ / spread) * mean_ : 0.0;
}

double MeanEvidence::log_e() const {
  constexpr double least = 3.0;
  if (size_ < least || !(variance() > 0.0)) return 0.0;
  const double nu = size_ - 1.0;
  const double gain = 1.0 + size_ * tau_ * tau_;
  const double square = t() * t();
  return -0.5 * std::log(gain) +
         0.5 * (nu + 1.0) * (std::log1p(square / nu) - std::log1p(square / (nu * gain)));
}

double MeanEvidence::log_e_positive() const {
  return mean_ > 0.0 ? log_e() : std::min(0.0, log_e());
}

double MeanEvidence::log_e_negative() const {
  return mean_ < 0.0 ? log_e() : std::min(0.0, log_e());
}

// log E grows with t^2, and reaches log(1/alpha) where (1 + x)/(1 + x/gain) = k, x = t^2/nu.
double MeanEvidence::half_width(double alpha) const {
  if (size_ < 3.0 || !(variance() > 0.0)) return std::numeric_limits<double>::infinity();
  const double nu = size_ - 1.0;
  const double gain = 1.0 + size_ * tau_ * tau_;
  const double k = std::exp((std::log(gain) - 2.0 * std::log(alpha)) / (nu + 1.0));
  if (k >= gain) return std::numeric_limits<double>::infinity();
  const double x = (k - 1.0) / (1.0 - k / gain);
  return std::sqrt(x * nu * variance() / size_);
}

void MeanEvidence::restore(const State& state) {
  size_ = state.size;
  mean_ = state.mean;
  squares_ = state.squares;
}

double lag_one_autocorrelation(std::span<const double> values) {
  if (values.size() < 3) return 0.0;
  double mean = 0.0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  double spread = 0.0;
  double product = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    spread += (values[i] - mean) * (values[i] - mean);
    if (i > 0) product += (values[i] - mean) * (values[i - 1] - mean);
  }
  return spread > 0.0 ? std::clamp(product / spread, -1.0, 1.0) : 0.0;
}

int batch_length(double autocorrelation) {
  constexpr int least = 5;
  const double rho = std::clamp(autocorrelation, -1.0, 0.99);
  // A hair below, so that 2 * 1.6/0.4 is 8 and not 9.
  return std::max(least, static_cast<int>(std::ceil(2.0 * (1.0 + rho) / (1.0 - rho) - 1e-9)));
}

}  // namespace sluice::stats
