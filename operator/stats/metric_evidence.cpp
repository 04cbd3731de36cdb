#include "stats/metric_evidence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "stats/log_space.h"
#include "stats/packed_state.h"

namespace sluice::stats {
namespace {

// Raise it with every change of what is written, or of the version of one part.
constexpr std::string_view version = "d1";

// Of two edges with the same exposures: fewer events tell less, and among equally few those of a stable that has more.
bool has_less_power(const GuardrailEvidence& a, const GuardrailEvidence& b) {
  const auto rates = [](const GuardrailEvidence& part) {
    const Block& totals = part.totals();
    const double stable = totals.stable_exposure > 0.0 ? totals.stable_events / totals.stable_exposure : 0.0;
    return std::pair(std::max(stable, part.parameters().or_below) / part.dispersion(), -stable);
  };
  return rates(a) < rates(b);
}

}  // namespace

MetricEvidence::MetricEvidence(const GuardrailParameters& parameters, std::span<const double> past_dispersions) {
  GuardrailParameters its = parameters;
  its.one_of_edges = past_dispersions.size() > 1;
  for (const double past : past_dispersions) {
    its.past_dispersion = past;
    parts_.emplace_back(its);
  }
}

MetricEvidence::MetricEvidence(GuardrailEvidence one) : sup_harm_(one.sup_log_e_harm()) {
  parts_.push_back(std::move(one));
}

bool MetricEvidence::add(std::span<const Block> blocks, bool user_facing) {
  if (blocks.size() != parts_.size() || !std::all_of(blocks.begin(), blocks.end(), is_valid)) return false;
  for (std::size_t k = 0; k < parts_.size(); ++k) parts_[k].add(blocks[k], user_facing);
  sup_harm_ = std::max(sup_harm_, log_e_harm());
  return true;
}

double MetricEvidence::log_e_harm() const {
  if (parts_.size() == 1) return parts_[0].log_e_harm();
  std::array<double, most_edges> terms{};
  for (std::size_t k = 0; k < parts_.size(); ++k) terms[k] = parts_[k].log_e_harm();
  return log_sum_exp(std::span(terms).first(parts_.size())) - std::log(static_cast<double>(parts_.size()));
}

double MetricEvidence::log_e_non_inferior() const {
  double least = parts_[0].log_e_non_inferior();
  for (const GuardrailEvidence& part : parts_) least = std::min(least, part.log_e_non_inferior());
  return least;
}

double MetricEvidence::sup_log_e_non_inferior() const {
  double least = parts_[0].sup_log_e_non_inferior();
  for (const GuardrailEvidence& part : parts_) least = std::min(least, part.sup_log_e_non_inferior());
  return least;
}

double MetricEvidence::sup_log_e_above_ceiling() const { return parts_[0].sup_log_e_above_ceiling(); }

bool MetricEvidence::ratio_below(double r, double alpha) const {
  return std::all_of(parts_.begin(), parts_.end(), [&](const auto& part) { return part.ratio_below(r, alpha); });
}

double MetricEvidence::looks_to_non_inferior(std::span<const Block> per_look, double log_threshold) const {
  double most = 0.0;
  for (std::size_t k = 0; k < parts_.size() && k < per_look.size(); ++k) {
    if (parts_[k].sup_log_e_non_inferior() >= log_threshold) continue;
    most = std::max(most, parts_[k].looks_to_non_inferior(per_look[k], log_threshold));
  }
  return most;
}

double MetricEvidence::detection_power(double ratio, double log_threshold) const {
  const double threshold = log_threshold + std::log(static_cast<double>(parts_.size()));
  return std::min_element(parts_.begin(), parts_.end(), has_less_power)->detection_power(ratio, threshold);
}

std::size_t MetricEvidence::leading() const {
  std::size_t found = 0;
  for (std::size_t k = 1; k < parts_.size(); ++k) {
    if (parts_[k].log_e_harm() > parts_[found].log_e_harm()) found = k;
  }
  return found;
}

std::string MetricEvidence::pack() const {
  if (parts_.size() == 1) return parts_[0].pack();
  std::vector<double> all;
  all.reserve(2 + parts_.size() * parts_[0].state_size());
  all.push_back(GuardrailEvidence::fingerprint(parts_[0].parameters()));
  all.push_back(sup_harm_);
  for (const GuardrailEvidence& part : parts_) part.append_state(all);
  return pack_numbers(version, all);
}

Result<MetricEvidence> MetricEvidence::unpack(const GuardrailParameters& parameters, std::size_t parts,
                                              std::string_view text) {
  if (parts == 1) {
    auto one = GuardrailEvidence::unpack(parameters, text);
    if (!one) return one.error();
    return MetricEvidence(std::move(one).take());
  }
  if (const Outcome sane = check(parameters); !sane) return sane.error();
  const Result<std::vector<double>> numbers = unpack_numbers(version, text);
  if (!numbers) return numbers.error();
  if (numbers->empty() || numbers->front() != GuardrailEvidence::fingerprint(parameters)) {
    return Error{ErrorCode::Invalid, "saved evidence belongs to other parameters of the metric", {}};
  }
  MetricEvidence evidence(parameters, std::vector<double>(parts, 0.0));
  const std::size_t each = evidence.parts_[0].state_size();
  if (numbers->size() != 2 + parts * each) {
    return Error{ErrorCode::Invalid, "saved evidence has another length than this version writes", {}};
  }
  evidence.sup_harm_ = (*numbers)[1];
  for (std::size_t k = 0; k < parts; ++k) {
    evidence.parts_[k].restore(std::span(*numbers).subspan(2 + k * each, each));
  }
  return evidence;
}

std::vector<double> informative_edges(std::span<const double> edges, std::span<const double> shares) {
  constexpr std::array<double, MetricEvidence::most_edges> wanted = {0.5, 1.0 / 12.0, 0.01};
  constexpr double most = 2.0 / 3.0;
  constexpr double least = 1e-4;
  std::vector<std::size_t> useful;
  for (std::size_t k = 0; k < edges.size(); ++k) {
    if (shares[k] <= most && shares[k] >= least) useful.push_back(k);
  }
  std::vector<double> chosen;
  for (const double share : wanted) {
    const auto distance = [&](std::size_t k) { return std::abs(std::log(shares[k] / share)); };
    const auto nearest = std::min_element(useful.begin(), useful.end(), [&](std::size_t a, std::size_t b) {
      return distance(a) < distance(b);
    });
    if (nearest == useful.end()) break;
    chosen.push_back(edges[*nearest]);
    useful.erase(nearest);
  }
  // Everything in one bucket: its upper edge, above which something new would show.
  if (chosen.empty() && !edges.empty()) {
    const auto first = std::find_if(shares.begin(), shares.end(), [&](double share) { return share < least; });
    chosen.push_back(first == shares.end() ? edges.back() : edges[static_cast<std::size_t>(first - shares.begin())]);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace sluice::stats
