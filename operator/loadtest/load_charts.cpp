#include "loadtest/load_charts.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "api/numbers.h"
#include "base/svg.h"
#include "loadtest/bounds.h"
#include "loadtest/chart.h"
#include "loadtest/load_profile.h"
#include "loadtest/phases.h"
#include "loadtest/wording.h"

namespace sluice::loadtest {
namespace {

double seconds_of(Duration duration) { return static_cast<double>(duration.count()) / 1000.0; }

// The time axis: in seconds, minutes or hours, whichever gives the nicer numbers.
struct TimeUnit {
  double seconds = 1.0;
  const char* name = "seconds";
};

class Drawing {
 public:
  Drawing(const api::LoadTestStage& stage, const LoadResult& result)
      : result_(result), criteria_(load_criteria(stage)), profile_(profile_name(stage.profile)) {
    end_ = result.windows.empty() ? 1.0 : std::max(1.0, seconds_of(end_of(result.windows.back())));
    if (end_ > 3.0 * 3600.0) {
      unit_ = {3600.0, "hours"};
    } else if (end_ > 300.0) {
      unit_ = {60.0, "minutes"};
    }
  }

  std::string request_rate() const {
    Chart chart = over_time("Requests a second", "requests a second");
    chart.series = {{"asked for", svg::kInk, steps([](const LoadWindow& w) { return w.asked_rate; }), false, true},
                    {"made", svg::kBlue, steps([](const LoadWindow& w) { return per_second(w, w.requests); }), true},
                    {"failed", svg::kRed, steps([](const LoadWindow& w) { return per_second(w, w.failures); })}};
    return finished(std::move(chart), 1.0);
  }

  std::string response_times() const {
    Chart chart = over_time("Response times", "milliseconds");
    chart.series = {{"50%", svg::kGreen, quantiles(0.5)},
                    {"95%", svg::kBlue, quantiles(0.95)},
                    {"99%", svg::kAmber, quantiles(0.99)}};
    for (const api::LoadCriterion& criterion : criteria_) {
      if (criterion.metric != api::LoadMetric::ResponseTime || !criterion.max) continue;
      chart.marks.push_back({*criterion.max * 1000.0,
                             "limit of " + api::percent_text(criterion.quantile.value_or(0.95)) + ": " +
                                 time_text(*criterion.max)});
    }
    const auto times = histogram(result_.windows);
    const double typical = quantile_of(times, 0.5).value_or(0.0) * 1000.0;
    double highest = 0.0;
    for (const Series& series : chart.series) highest = std::max(highest, highest_of(series));
    if (typical > 0.0 && highest > 30.0 * typical) {
      chart.y.scale = Scale::Logarithmic;
      chart.y.label = "milliseconds, logarithmic scale";
      const double lowest = std::max(0.01, quantile_of(times, 0.0).value_or(0.0) * 1000.0);
      chart.y.low = std::pow(10.0, std::floor(std::log10(lowest)));
    }
    return finished(std::move(chart), 1.0);
  }

  std::string failures() const {
    Chart chart = over_time("Failed requests", "% of the requests");
    const auto share = [](const LoadWindow& w) {
      return w.requests > 0 ? 100.0 * static_cast<double>(w.failures) / static_cast<double>(w.requests) : 0.0;
    };
    chart.series = {{"failed", svg::kRed, steps(share), true}};
    for (const api::LoadCriterion& criterion : criteria_) {
      if (criterion.metric != api::LoadMetric::Failures || !criterion.max) continue;
      chart.marks.push_back({*criterion.max * 100.0, "limit: " + api::percent_text(*criterion.max)});
    }
    return finished(std::move(chart), 2.0);
  }

  std::string users() const {
    Chart chart = over_time("Users", "users at a time");
    chart.series = {{"users", svg::kBlue, steps([](const LoadWindow& w) { return w.users; }), true}};
    return finished(std::move(chart), 1.0);
  }

  std::string histogram_of_times() const;

 private:
  using Value = std::function<double(const LoadWindow&)>;

  static double per_second(const LoadWindow& window, std::int64_t count) {
    return static_cast<double>(count) / seconds_of(window.length);
  }

  static double highest_of(const Series& series) {
    double highest = 0.0;
    for (const ChartPoint& point : series.points) highest = std::max(highest, point.y);
    return highest;
  }

  Chart over_time(const char* title, const char* y_label) const {
    Chart chart;
    chart.title = title;
    chart.subtitle = profile_ + " load test";
    chart.x = {std::string(unit_.name) + " since the start of the load", 0.0, end_ / unit_.seconds};
    chart.y.label = y_label;
    return chart;
  }

  // A value that holds for the length of each window.
  std::vector<ChartPoint> steps(const Value& value) const {
    std::vector<ChartPoint> out;
    for (const LoadWindow& window : result_.windows) {
      const double y = value(window);
      out.push_back({seconds_of(window.at) / unit_.seconds, y});
      out.push_back({seconds_of(end_of(window)) / unit_.seconds, y});
    }
    return out;
  }

  std::vector<ChartPoint> quantiles(double quantile) const {
    std::vector<ChartPoint> out;
    for (const LoadWindow& window : result_.windows) {
      const auto value = quantile_of(window.response_times, quantile);
      if (value) out.push_back({seconds_of(window.at + window.length / 2) / unit_.seconds, *value * 1000.0});
    }
    if (out.size() == 1) {  // of a tool that writes one window: all of its time
      out = {{0.0, out[0].y}, {end_ / unit_.seconds, out[0].y}};
    }
    return out;
  }

  // The height that everything fits in, marks too unless they are far above all else.
  static std::string finished(Chart chart, double least) {
    double highest = least;
    for (const Series& series : chart.series) highest = std::max(highest, highest_of(series));
    const double all = highest;
    for (const Mark& mark : chart.marks) {
      if (!mark.vertical && mark.at < 4.0 * all) highest = std::max(highest, mark.at);
    }
    const bool names = std::any_of(chart.marks.begin(), chart.marks.end(), [](const Mark& m) { return m.vertical; });
    const double room = names ? 1.35 : 1.08;
    chart.y.high = chart.y.scale == Scale::Linear ? room * highest : 1.3 * std::max(highest, 2.0 * chart.y.low);
    return draw(chart);
  }

  const LoadResult& result_;
  std::vector<api::LoadCriterion> criteria_;
  std::string profile_;
  double end_ = 1.0;  // seconds
  TimeUnit unit_;
};

// Bars of equal width on a logarithmic scale: response times spread over powers of ten.
std::string Drawing::histogram_of_times() const {
  constexpr double kGrowth = 1.08;
  const auto times = histogram(result_.windows);
  Chart chart;
  chart.title = "How many requests took how long";
  chart.subtitle = profile_ + " load test";
  chart.y.label = "% of the requests";
  double total = 0.0;
  for (const ResponseTimes& entry : times) total += static_cast<double>(entry.count);
  const auto bar_of = [](double seconds) {
    return static_cast<int>(std::floor(std::log(std::max(seconds * 1000.0, 0.01)) / std::log(kGrowth)));
  };
  const int first = times.empty() ? 0 : bar_of(times.front().seconds);
  const int last = times.empty() ? 1 : bar_of(times.back().seconds);
  std::vector<double> bars(static_cast<std::size_t>(last - first + 1), 0.0);
  for (const ResponseTimes& entry : times) {
    bars[static_cast<std::size_t>(bar_of(entry.seconds) - first)] += 100.0 * static_cast<double>(entry.count) / total;
  }
  Series series{"requests", svg::kBlue, {}, true};
  for (std::size_t i = 0; i < bars.size(); ++i) {
    series.points.push_back({std::pow(kGrowth, first + static_cast<int>(i)), bars[i]});
    series.points.push_back({std::pow(kGrowth, first + static_cast<int>(i) + 1), bars[i]});
  }
  chart.series = {std::move(series)};
  chart.x = {"response time in milliseconds, logarithmic scale", std::pow(kGrowth, first - 2),
             std::pow(kGrowth, std::max(last, first + 8) + 3), Scale::Logarithmic};
  for (const double quantile : {0.5, 0.95, 0.99}) {
    const auto at = quantile_of(times, quantile);
    if (at) chart.marks.push_back({*at * 1000.0, api::percent_text(quantile) + " within " + time_text(*at), true});
  }
  return finished(std::move(chart), 1.0);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> load_charts(const api::LoadTestStage& stage,
                                                             const LoadResult& result) {
  const Drawing drawing(stage, result);
  return {{"request-rate.svg", drawing.request_rate()},
          {"response-times.svg", drawing.response_times()},
          {"failures.svg", drawing.failures()},
          {"users.svg", drawing.users()},
          {"histogram.svg", drawing.histogram_of_times()}};
}

}  // namespace sluice::loadtest
