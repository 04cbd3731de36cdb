// One diagram with two axes as an SVG: lines, steps or bars over time, or over a scale of response times.
//
// Pure, deterministic, no throw, whatever the numbers: what is not finite is left out.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sluice::loadtest {

enum class Scale { Linear, Logarithmic };

struct Axis {
  std::string label;       // with its unit
  double low = 0.0;        // above 0 for a logarithmic one
  double high = 1.0;       // above low
  Scale scale = Scale::Linear;
};

struct ChartPoint {
  double x = 0.0;
  double y = 0.0;
};

struct Series {
  std::string name;
  const char* colour = "";
  std::vector<ChartPoint> points;  // of one line, or of the outline of bars
  bool filled = false;             // down to the axis
  bool dashed = false;
};

// A value that something is compared with: across the diagram at y, or from top to bottom at x.
struct Mark {
  double at = 0.0;
  std::string name;
  bool vertical = false;
};

struct Chart {
  std::string title;
  std::string subtitle;
  Axis x;
  Axis y;
  std::vector<Series> series;
  std::vector<Mark> marks;
};

std::string draw(const Chart& chart);

}  // namespace sluice::loadtest
