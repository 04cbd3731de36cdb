#include "stats/group_sequential.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "stats/roots.h"
#include "stats/tails.h"

namespace sluice::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double reach = 8.5;    // standard deviations that carry mass: beyond is 1e-17
constexpr double far_up = 12.0;  // but what is near a high boundary decides who crosses the next one

double density(double x) {
  return std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi);
}
double upper(double x) {
  return 0.5 * std::erfc(x / std::numbers::sqrt2);
}

// The mass that has not left before the present look, as weighted points of the score z sqrt(t).
class Path {
 public:
  explicit Path(Sides sides) : sides_(sides) {}

  // The chance of being above z at information t (one side) without having left before.
  double beyond(double z, double t) const {
    if (points_.empty()) return upper(z);
    const double sd = std::sqrt(t - time_);
    const double edge = z * std::sqrt(t);
    double sum = 0.0;
    for (const Point& point : points_) sum += point.mass * upper((edge - point.score) / sd);
    return sum;
  }

  // Continues within the boundary z at information t.
  void advance(double z, double t) {
    const double root = std::sqrt(t);
    const double top = std::min(z, far_up) * root;
    const double bottom = sides_ == Sides::Two ? -top : -reach * root;
    const double sd = points_.empty() ? root : std::sqrt(t - time_);
    const int panels = std::max(8, static_cast<int>(std::ceil((top - bottom) / (0.6 * sd))));
    std::vector<Point> next;
    next.reserve(static_cast<std::size_t>(panels) * nodes.size());
    const double half = 0.5 * (top - bottom) / panels;
    std::size_t first_near = 0;
    for (int i = 0; i < panels; ++i) {
      const double centre = bottom + (2 * i + 1) * half;
      for (std::size_t j = 0; j < nodes.size(); ++j) {
        const double score = centre + half * nodes[j];
        next.push_back({score, half * weights[j] * density_at(score, sd, first_near)});
      }
    }
    points_ = std::move(next);
    time_ = t;
  }

 private:
  struct Point {
    double score;
    double mass;
  };

  // Density of the score at the next look. Points are ascending and so are the calls: `first_near` only
  // grows.
  double density_at(double score, double sd, std::size_t& first_near) const {
    if (points_.empty()) return density(score / sd) / sd;
    while (first_near < points_.size() && points_[first_near].score < score - reach * sd) ++first_near;
    double sum = 0.0;
    for (std::size_t i = first_near; i < points_.size() && points_[i].score <= score + reach * sd; ++i) {
      sum += points_[i].mass * density((score - points_[i].score) / sd);
    }
    return sum / sd;
  }

  // Gauss-Legendre on [-1, 1], eight points.
  static constexpr std::array<double, 8> nodes = {
      -0.9602898564975363, -0.7966664774136267, -0.5255324099163290, -0.1834346424956498,
      0.1834346424956498,  0.5255324099163290,  0.7966664774136267,  0.9602898564975363};
  static constexpr std::array<double, 8> weights = {
      0.1012285362903763, 0.2223810344533745, 0.3137066458778873, 0.3626837833783620,
      0.3626837833783620, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763};
  Sides sides_;
  std::vector<Point> points_;
  double time_ = 0.0;
};

std::vector<double> equally_spaced(int looks) {
  std::vector<double> information;
  for (int k = 1; k <= looks; ++k) information.push_back(static_cast<double>(k) / looks);
  return information;
}

}  // namespace

double spent_alpha(Spending spending, double alpha, double t) {
  if (t <= 0.0) return 0.0;
  if (t >= 1.0) return alpha;
  if (spending == Spending::Pocock) return alpha * std::log1p((std::numbers::e - 1.0) * t);
  return 2.0 * std::exp(log_normal_upper(normal_upper_quantile(0.5 * alpha) / std::sqrt(t)));
}

Boundary lan_demets(Spending spending, double alpha, std::span<const double> information, Sides sides) {
  const double side = sides == Sides::Two ? 2.0 : 1.0;
  Boundary boundary;
  Path path(sides);
  double before = 0.0;
  for (const double t : information) {
    const double spent = spent_alpha(spending, alpha / side, t);
    const double now = spent - before;
    double z = infinity;
    if (boundary.z.empty()) {
      if (now > 0.0) z = normal_upper_quantile(now);
    } else if (now > path.beyond(37.0, t)) {
      z = brent([&](double edge) { return std::log(path.beyond(edge, t) / now); }, -reach, 37.0, 1e-12);
    }
    boundary.z.push_back(z);
    boundary.cumulative_alpha.push_back(side * spent);
    path.advance(z, t);
    before = spent;
  }
  return boundary;
}

std::vector<double> crossing_probability(std::span<const double> z, std::span<const double> information,
                                         Sides sides) {
  const double side = sides == Sides::Two ? 2.0 : 1.0;
  std::vector<double> crossed;
  Path path(sides);
  double sum = 0.0;
  for (std::size_t k = 0; k < z.size(); ++k) {
    sum += side * path.beyond(z[k], information[k]);
    crossed.push_back(sum);
    path.advance(z[k], information[k]);
  }
  return crossed;
}

Boundary classic_boundary(Spending shape, double alpha, int looks, Sides sides) {
  const std::vector<double> information = equally_spaced(looks);
  const auto at = [&](double constant) {
    std::vector<double> z;
    for (const double t : information) {
      z.push_back(shape == Spending::Pocock ? constant : constant / std::sqrt(t));
    }
    return z;
  };
  const double constant =
      brent([&](double c) { return crossing_probability(at(c), information, sides).back() - alpha; }, 0.05,
            10.0, 1e-10);
  Boundary boundary;
  boundary.z = at(constant);
  boundary.cumulative_alpha = crossing_probability(boundary.z, information, sides);
  return boundary;
}

}  // namespace sluice::stats
