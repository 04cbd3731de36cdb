#include "loadtest/chart.h"

#include <algorithm>
#include <cmath>

#include "base/svg.h"

namespace sluice::loadtest {
namespace {

using svg::text;

// The drawing, in pixels.
constexpr double kWidth = 960, kHeight = 380;
constexpr double kLeft = 78, kRight = 936, kTop = 84, kBottom = 316;

double part(const Axis& axis, double value) {
  if (axis.scale == Scale::Linear) return (value - axis.low) / (axis.high - axis.low);
  return (std::log(std::max(value, 1e-12)) - std::log(axis.low)) / (std::log(axis.high) - std::log(axis.low));
}

// What leaves the frame is cut by it, but kept near, so that numbers stay small.
double x_of(const Chart& chart, double value) {
  return kLeft + (kRight - kLeft) * std::clamp(part(chart.x, value), -0.1, 1.1);
}
double y_of(const Chart& chart, double value) {
  return kBottom - (kBottom - kTop) * std::clamp(part(chart.y, value), -0.1, 1.1);
}

// Where an axis has marks: 1, 2, 5 of each power of ten on a logarithmic one, as far as they fit.
std::vector<double> ticks(const Axis& axis, int most) {
  std::vector<double> out;
  if (axis.scale == Scale::Linear) {
    const double step = svg::tick_step(axis.high - axis.low, most, 1e-6);
    for (double at = std::ceil(axis.low / step - 1e-9) * step; at <= axis.high + 1e-9 * step; at += step) {
      out.push_back(std::abs(at) < 1e-9 * step ? 0.0 : at);
    }
    return out;
  }
  const bool few = std::log10(axis.high / axis.low) > most / 3.0;
  for (double power = std::pow(10.0, std::floor(std::log10(axis.low))); power <= axis.high; power *= 10.0) {
    for (const double step : {1.0, 2.0, 5.0}) {
      const double at = step * power;
      if (at < axis.low * (1 - 1e-9) || at > axis.high * (1 + 1e-9) || (few && step > 1.0)) continue;
      out.push_back(at);
    }
  }
  return out;
}

std::string axes(const Chart& chart) {
  std::string out = text("<text x='%.0f' y='26' class='title'>", kLeft) + svg::escaped(chart.title) + "</text>";
  out += text("<text x='%.0f' y='26' class='end'>", kRight) + svg::escaped(chart.subtitle) + "</text>\n";
  for (const double at : ticks(chart.y, 6)) {
    const double y = y_of(chart, at);
    out += text("<path d='M%.0f %.1fh%.0f' class='%s'/>", kLeft, y, kRight - kLeft,
                at == chart.y.low ? "one" : "grid");
    out += text("<text x='%.0f' y='%.1f' class='end'>%.6g</text>\n", kLeft - 8.0, y + 4.0, at);
  }
  for (const double at : ticks(chart.x, 12)) {
    const double x = x_of(chart, at);
    out += text("<path d='M%.1f %.0fv5' class='one'/>", x, kBottom);
    out += text("<text x='%.1f' y='%.0f' class='middle'>%.6g</text>\n", x, kBottom + 20.0, at);
  }
  out += text("<text x='%.0f' y='%.0f' class='middle'>", (kLeft + kRight) / 2, kBottom + 46.0) +
         svg::escaped(chart.x.label) + "</text>";
  out += text("<text transform='translate(20 %.0f) rotate(-90)' class='middle'>", (kTop + kBottom) / 2) +
         svg::escaped(chart.y.label) + "</text>\n";
  return out;
}

std::string line(const Chart& chart, const Series& series) {
  std::string points;
  double first = 0.0;
  double last = 0.0;
  for (const ChartPoint& point : series.points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    last = x_of(chart, point.x);
    if (points.empty()) first = last;
    points += text("%.1f,%.1f ", last, y_of(chart, point.y));
  }
  if (points.empty()) return "";
  std::string out;
  if (series.filled) {
    out += text("<polygon fill='%s' fill-opacity='.2' points='%.1f,%.1f ", series.colour, first, kBottom) + points +
           text("%.1f,%.1f'/>", last, kBottom);
  }
  out += text("<polyline class='curve' stroke='%s'%s points='", series.colour,
              series.dashed ? " stroke-dasharray='7 5'" : "");
  return out + points + "'/>\n";
}

// What a mark across the diagram is, stands here: beside the mark it would lie on the lines.
std::string legend(const Chart& chart) {
  std::string out;
  double x = kLeft;
  const auto entry = [&](const std::string& name, const char* style) {
    out += text("<path d='M%.0f 51h22' %s/><text x='%.0f' y='55'>", x, style, x + 30.0) + svg::escaped(name) +
           "</text>\n";
    x += 60.0 + 7.5 * static_cast<double>(name.size());
  };
  for (const Series& series : chart.series) {
    entry(series.name, text("class='curve' stroke='%s'%s", series.colour,
                            series.dashed ? " stroke-dasharray='7 5'" : "").c_str());
  }
  for (const Mark& mark : chart.marks) {
    if (!mark.vertical) entry(mark.name, "class='limit'");
  }
  return out;
}

// Vertical marks are drawn from the right, each from its name down, the next one lower: so no line crosses a name.
std::string marks(const Chart& chart) {
  std::vector<Mark> sorted = chart.marks;
  std::sort(sorted.begin(), sorted.end(), [](const Mark& a, const Mark& b) { return a.at > b.at; });
  std::string out;
  double top = kTop + 12.0;
  for (const Mark& mark : sorted) {
    const double share = part(mark.vertical ? chart.x : chart.y, mark.at);
    if (!(share >= 0.0 && share <= 1.0)) continue;
    if (!mark.vertical) {
      out += text("<path d='M%.0f %.1fH%.0f' class='limit'/>\n", kLeft, y_of(chart, mark.at), kRight);
      continue;
    }
    const double x = x_of(chart, mark.at);
    const bool left = share > 0.2;
    out += text("<path d='M%.1f %.0fV%.0f' class='limit'/>", x, top - 10.0, kBottom);
    out += text("<text x='%.1f' y='%.0f' class='limit-text%s'>", x + (left ? -6.0 : 6.0), top, left ? " end" : "") +
           svg::escaped(mark.name) + "</text>\n";
    top += 18.0;
  }
  return out;
}

}  // namespace

std::string draw(const Chart& chart) {
  std::string out = svg::head(kWidth, kHeight, chart.title);
  out += text("<clipPath id='frame'><rect x='%.0f' y='%.0f' width='%.0f' height='%.0f'/></clipPath>\n", kLeft,
              kTop - 2.0, kRight - kLeft, kBottom - kTop + 4.0);
  out += legend(chart) + axes(chart) + "<g clip-path='url(#frame)'>\n";
  for (const Series& series : chart.series) out += line(chart, series);
  return out + "</g>\n" + marks(chart) + "</svg>\n";
}

}  // namespace sluice::loadtest
