// Text with colours and of a known width: colour codes and multi-byte characters do not count as columns.
#pragma once

#include <string>
#include <string_view>

namespace sluice::cli {

enum class Colour { Plain, Dim, Bold, Green, Red, Yellow, Cyan };

class Style {
 public:
  explicit Style(bool colour) : colour_(colour) {}
  std::string operator()(Colour colour, std::string_view text) const;

 private:
  bool colour_;
};

// Columns on a terminal of UTF-8 text with ANSI colours in it. Every character counts as one column.
int columns(std::string_view text);

// Padded with blanks to `width` columns; never cut.
std::string padded(std::string_view text, int width);

// Cut to `width` columns with an ellipsis. `text` must not hold colours.
std::string cut(std::string_view text, int width);

// A bar of `width` columns, filled to `share` (0..1) in eighths of a column.
std::string bar(double share, int width);

}  // namespace sluice::cli
