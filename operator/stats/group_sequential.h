// Group-sequential boundaries: a fixed number of looks, or a spending function for looks at any share of a
// declared maximum of information. Opt-in: the error rate holds only while the horizon does.
//
//   Lan-DeMets, O'Brien-Fleming type   alpha*(t) = 2 (1 - Phi(z_{alpha/2} / sqrt t))
//   Lan-DeMets, Pocock type            alpha*(t) = alpha ln(1 + (e - 1) t)
//   classic constants                  z_k = C (Pocock), z_k = C sqrt(K/k) (O'Brien-Fleming)
//
// The z statistics at information t_1 < ... < t_K <= 1 are a Brownian motion over its standard deviation; its
// density below the boundary is carried from look to look by quadrature (Armitage, McPherson & Rowe 1969) on
// Gauss-Legendre panels, accurate to about 1e-9 in probability. Two-sided: symmetric, alpha/2 spent on each
// side. A boundary is infinite where nothing is left to be spent in doubles, and inexact above z = 8, where
// nobody will be.
//
// Pure, no throw, no NaN. About 1 ms a look.
#pragma once

#include <span>
#include <vector>

namespace sluice::stats {

enum class Spending { OBrienFleming, Pocock };
enum class Sides { One, Two };

// alpha spent by information t, 0 <= t <= 1 (per side for a one-sided alpha).
double spent_alpha(Spending spending, double alpha, double t);

struct Boundary {
  std::vector<double> z;
  std::vector<double> cumulative_alpha;  // of both sides together
};

// Precondition: information ascending, in (0, 1].
Boundary lan_demets(Spending spending, double alpha, std::span<const double> information, Sides sides);

// K equally spaced looks. The constant is the first (Pocock) or the last (O'Brien-Fleming) element.
Boundary classic_boundary(Spending shape, double alpha, int looks, Sides sides);

// The chance that the boundary is crossed by each look if nothing is there.
std::vector<double> crossing_probability(std::span<const double> z, std::span<const double> information,
                                         Sides sides);

}  // namespace sluice::stats
