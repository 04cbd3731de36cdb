#include "forecast/evidence_plot.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "api/numbers.h"
#include "base/svg.h"
#include "forecast/parallel.h"
#include "forecast/trial.h"
#include "stats/log_space.h"

namespace sluice::forecast {
namespace {

using svg::text;

constexpr int kRuns = 400;
constexpr double kLowest = -3.0;  // decades of the e-value that are shown
constexpr double kHighest = 5.0;

// The drawing, in pixels.
constexpr double kWidth = 960, kHeight = 420;
constexpr double kTop = 84, kBottom = 360, kPanel = 400;
constexpr std::array<double, 2> kLeft = {64, 536};

struct Candidate {
  double ratio;
  const char* colour;
  std::string name;
};

// Quantiles over the runs, look by look, in decades; the start (e-value 1) is the first point.
struct Band {
  std::vector<double> low, middle, high;
};

double quantile(std::vector<double>& values, double share) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at / stats::log_of_ten;
}

Band band_of(const std::vector<EvidencePath>& paths, std::vector<double> EvidencePath::*which, int looks) {
  Band band{{0.0}, {0.0}, {0.0}};
  std::vector<double> values(paths.size());
  for (std::size_t look = 0; look < static_cast<std::size_t>(looks); ++look) {
    std::transform(paths.begin(), paths.end(), values.begin(), [&](const auto& path) { return (path.*which)[look]; });
    band.low.push_back(quantile(values, 0.1));
    band.middle.push_back(quantile(values, 0.5));
    band.high.push_back(quantile(values, 0.9));
  }
  return band;
}

// From looks and decades to pixels. What leaves the frame is cut by it, but kept near, so that numbers stay small.
class Frame {
 public:
  Frame(double left, int looks) : left_(left), looks_(looks) {}
  double x(double look) const { return left_ + kPanel * look / looks_; }
  double y(double decades) const {
    const double near = std::clamp(decades, kLowest - 2.0, kHighest + 2.0);
    return kBottom - (kBottom - kTop) * (near - kLowest) / (kHighest - kLowest);
  }
  std::string points(const std::vector<double>& decades, bool backwards = false) const {
    std::string out;
    for (std::size_t i = 0; i < decades.size(); ++i) {
      const std::size_t look = backwards ? decades.size() - 1 - i : i;
      out += text("%.1f,%.1f ", x(static_cast<double>(look)), y(decades[look]));
    }
    return out;
  }

 private:
  double left_;
  int looks_;
};

std::string axes(const Frame& frame, double left, const char* title, const char* subtitle,
                 const Scenario& scenario) {
  std::string out = text("<text x='%.0f' y='%.0f' class='title'>%s</text>", left, kTop - 30.0, title);
  out += text("<text x='%.0f' y='%.0f'>%s</text>\n", left, kTop - 12.0, subtitle);
  for (int decade = static_cast<int>(kLowest); decade <= static_cast<int>(kHighest); ++decade) {
    const double y = frame.y(decade);
    out += text("<path d='M%.1f %.1fh%.0f' class='%s'/>", left, y, kPanel, decade == 0 ? "one" : "grid");
    out += text("<text x='%.1f' y='%.1f' class='end'>10<tspan class='power' dy='-5'>%s%d</tspan></text>\n",
                left - 8.0, y + 4.0, decade < 0 ? "−" : "", std::abs(decade));
  }
  const int step = static_cast<int>(svg::tick_step(scenario.looks, 8, 1.0));
  for (int look = 0; look <= scenario.looks; look += step) {
    out += text("<text x='%.1f' y='%.1f' class='middle'>%d</text>", frame.x(look), kBottom + 20.0, look);
  }
  out += text("\n<text x='%.1f' y='%.1f' class='middle'>looks of %s</text>\n", left + kPanel / 2, kBottom + 42.0,
              format_duration(scenario.analysis.interval).c_str());
  return out;
}

std::string threshold_line(const Frame& frame, double left, double log_threshold, const char* what) {
  const double y = frame.y(log_threshold / stats::log_of_ten);
  return text("<path d='M%.1f %.1fh%.0f' class='limit'/>", left, y, kPanel) +
         text("<text x='%.1f' y='%.1f' class='end limit-text'>%s at %s</text>\n", left + kPanel - 6.0, y - 6.0, what,
              api::e_value_text(log_threshold).c_str());
}

std::string curve(const Frame& frame, const Band& band, const Candidate& candidate, std::size_t panel) {
  std::string out = text("<g clip-path='url(#panel%zu)'>", panel);
  out += "<polygon fill='" + std::string(candidate.colour) + "' fill-opacity='0.16' points='" +
         frame.points(band.high) + frame.points(band.low, true) + "'/>";
  out += "<polyline class='curve' stroke='" + std::string(candidate.colour) + "' points='" +
         frame.points(band.middle) + "'/></g>\n";
  return out;
}

std::string head() {
  std::string out = svg::head(kWidth, kHeight, "Evidence over time for a good, an equal and a bad candidate");
  for (std::size_t panel = 0; panel < kLeft.size(); ++panel) {
    out += text("<clipPath id='panel%zu'><rect x='%.0f' y='%.0f' width='%.0f' height='%.0f'/></clipPath>\n", panel,
                kLeft[panel], kTop, kPanel, kBottom - kTop);
  }
  return out;
}

std::string legend(const std::array<Candidate, 3>& candidates) {
  std::string out;
  double x = kLeft[0];
  for (const Candidate& candidate : candidates) {
    out += text("<path d='M%.0f 24h22' class='curve' stroke='%s'/>", x, candidate.colour);
    out += text("<text x='%.0f' y='28'>%s</text>\n", x + 30.0, candidate.name.c_str());
    x += 250.0;
  }
  return out;
}

std::array<Candidate, 3> candidates_of(const Scenario& scenario) {
  const double harm = scenario.analysis.metrics.front().harm.ratio;
  const double given = scenario.truths.front().ratio;
  const double bad = given > harm ? given : 2.0;
  return {Candidate{0.5, svg::kGreen, "good: half of stable's errors"},
          Candidate{1.0, svg::kBlue, "equal: as many as stable"},
          Candidate{bad, svg::kRed, "bad: " + api::ratio_text(bad) + " times as many"}};
}

}  // namespace

EvidencePath evidence_path(const Scenario& scenario, std::uint64_t run) {
  EvidencePath path;
  Trial trial(scenario, run, 1);
  const auto steps = static_cast<std::int64_t>(scenario.steps.size());
  for (int look = 0; look < scenario.looks; ++look) {
    trial.look(scenario.steps[static_cast<std::size_t>(look * steps / scenario.looks)].weight);
    path.harm.push_back(trial.evidence(0).log_e_harm());
    path.non_inferior.push_back(trial.evidence(0).log_e_non_inferior());
  }
  return path;
}

std::string evidence_plot(const Scenario& scenario, unsigned threads) {
  const std::array<Candidate, 3> candidates = candidates_of(scenario);
  const std::array<Frame, 2> frames = {Frame(kLeft[0], scenario.looks), Frame(kLeft[1], scenario.looks)};
  std::string out = head() + legend(candidates);
  out += axes(frames[0], kLeft[0], "Is it worse?", "e-value of harm", scenario);
  out += axes(frames[1], kLeft[1], "Is it good enough?", "e-value of non-inferiority", scenario);
  for (const Candidate& candidate : candidates) {
    Scenario one = scenario;
    one.truths.front().ratio = candidate.ratio;
    std::vector<EvidencePath> paths(kRuns);
    parallel_for(paths.size(), threads, [&](std::size_t run) { paths[run] = evidence_path(one, run); });
    out += curve(frames[0], band_of(paths, &EvidencePath::harm, scenario.looks), candidate, 0);
    out += curve(frames[1], band_of(paths, &EvidencePath::non_inferior, scenario.looks), candidate, 1);
  }
  out += threshold_line(frames[0], kLeft[0], scenario.thresholds.harm, "roll back");
  out += threshold_line(frames[1], kLeft[1], scenario.thresholds.non_inferior, "promote");
  return out + "</svg>\n";
}

}  // namespace sluice::forecast
