#include "rollout/edges.h"

#include "rollout/sentence.h"

namespace sluice::rollout {
namespace {

metrics::Counts sum(const std::vector<metrics::Counts>& blocks) {
  metrics::Counts all;
  for (const metrics::Counts& counts : blocks) all = {all.events + counts.events, all.total + counts.total};
  return all;
}

stats::Block block_of(const metrics::Counts& stable, const metrics::Counts& candidate) {
  return {candidate.events, stable.events, candidate.total, stable.total};
}

const metrics::EdgeReading* at_edge(const metrics::MetricReading& reading, double edge) {
  for (const metrics::EdgeReading& at : reading.edges) {
    if (at.edge == edge) return &at;
  }
  return nullptr;
}

// `counts_of` gives what stable had above an edge.
template <class CountsOf>
std::vector<double> choose_edges(const metrics::MetricReading& reading, CountsOf counts_of) {
  std::vector<double> edges;
  std::vector<double> shares;
  for (const metrics::EdgeReading& at : reading.edges) {
    const metrics::Counts counts = counts_of(at);
    edges.push_back(at.edge);
    shares.push_back(counts.total > 0 ? counts.events / counts.total : 0);
  }
  return stats::informative_edges(edges, shares);
}

}  // namespace

bool is_distribution(const api::MetricSpec& metric) {
  const auto* histogram = std::get_if<api::HistogramSource>(&metric.source);
  return histogram != nullptr && !histogram->above;
}

std::vector<double> edges_of(const api::MetricSpec& metric, const api::EvidenceStatus& evidence) {
  const auto* histogram = std::get_if<api::HistogramSource>(&metric.source);
  if (histogram == nullptr) return {};
  if (histogram->above) {
    const double milliseconds = static_cast<double>(histogram->above->count());
    return {histogram->milliseconds ? milliseconds : milliseconds / 1000};
  }
  const auto chosen = evidence.edges.find(metric.name);
  return chosen == evidence.edges.end() ? std::vector<double>{} : chosen->second;
}

std::vector<double> edges_by_past(const metrics::MetricReading& reading) {
  return choose_edges(reading, [](const metrics::EdgeReading& at) { return sum(at.past); });
}

std::vector<double> edges_by_block(const metrics::MetricReading& reading) {
  return choose_edges(reading, [](const metrics::EdgeReading& at) { return at.stable; });
}

std::string past_name(const std::string& metric, std::span<const double> edges, std::size_t k) {
  return edges.size() > 1 ? metric + "@" + number(edges[k]) : metric;
}

std::string edge_text(const api::MetricSpec& metric, double edge) {
  return number(edge) + (std::get<api::HistogramSource>(metric.source).milliseconds ? "ms" : "s");
}

std::vector<stats::Block> blocks_of(const metrics::MetricReading& reading, std::span<const double> edges) {
  if (edges.size() <= 1) return {block_of(reading.stable, reading.candidate)};
  std::vector<stats::Block> blocks;
  for (const double edge : edges) {
    const metrics::EdgeReading* at = at_edge(reading, edge);
    if (at == nullptr) return {};
    blocks.push_back(block_of(at->stable, at->candidate));
  }
  return blocks;
}

const std::vector<metrics::Counts>* past_at(const metrics::MetricReading& reading, std::span<const double> edges,
                                            std::size_t k) {
  if (edges.size() <= 1 && !reading.past.empty() && reading.edges.size() <= 1) return &reading.past;
  if (edges.empty()) return nullptr;
  const metrics::EdgeReading* at = at_edge(reading, edges[k]);
  return at == nullptr ? nullptr : &at->past;
}

}  // namespace sluice::rollout
