// What all drawings of Sluice share: numbers into text, the head with its styles, colours, marks of an axis.
//
// Stand-alone SVG without scripts, fonts or background, in colours that can be read on light and on dark pages.
// Classes of the style: title, end, middle (text anchors), power, grid, one, limit, limit-text, curve. Pure, no
// throw.
#pragma once

#include <string>
#include <string_view>

namespace sluice::svg {

inline constexpr const char* kInk = "#7d8590";  // as far from white as from black
inline constexpr const char* kGreen = "#2f9e63";
inline constexpr const char* kBlue = "#3f83d6";
inline constexpr const char* kRed = "#e0523f";
inline constexpr const char* kAmber = "#c9851b";

// As printf does it, up to 511 bytes.
[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);

// Text from outside, for content and attributes.
std::string escaped(std::string_view text);

// The opening tag, with what a screen reader says, and the style.
std::string head(double width, double height, std::string_view label);

// A step of 1, 2 or 5 times a power of ten of `least` that gives at most `most` marks up to `range`. Preconditions:
// least > 0, range finite, most >= 1.
double tick_step(double range, int most, double least);

}  // namespace sluice::svg
