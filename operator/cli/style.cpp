#include "cli/style.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace sluice::cli {
namespace {

const char* code(Colour colour) {
  switch (colour) {
    case Colour::Plain: return "";
    case Colour::Dim: return "\033[2m";
    case Colour::Bold: return "\033[1m";
    case Colour::Green: return "\033[32m";
    case Colour::Red: return "\033[31m";
    case Colour::Yellow: return "\033[33m";
    case Colour::Cyan: return "\033[36m";
  }
  return "";
}

bool continues_a_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string Style::operator()(Colour colour, std::string_view text) const {
  if (!colour_ || colour == Colour::Plain || text.empty()) return std::string(text);
  return code(colour) + std::string(text) + "\033[0m";
}

int columns(std::string_view text) {
  int count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if (!continues_a_character(text[i])) {
      ++count;
    }
  }
  return count;
}

std::string padded(std::string_view text, int width) {
  return std::string(text) + std::string(static_cast<std::size_t>(std::max(0, width - columns(text))), ' ');
}

std::string cut(std::string_view text, int width) {
  if (columns(text) <= width) return std::string(text);
  std::string out;
  int count = 0;
  for (const char c : text) {
    if (!continues_a_character(c) && ++count >= width) break;
    out += c;
  }
  return out + "…";
}

std::string bar(double share, int width) {
  static constexpr std::array<const char*, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double clamped = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : (share > 0 ? 1.0 : 0.0);
  const int eighths = static_cast<int>(std::lround(clamped * width * 8));
  std::string out;
  int used = eighths / 8;
  for (int i = 0; i < used; ++i) out += "█";
  if (eighths % 8 != 0) {
    out += kEighths[static_cast<std::size_t>(eighths % 8)];
    ++used;
  }
  for (int i = used; i < width; ++i) out += "░";
  return out;
}

}  // namespace sluice::cli
