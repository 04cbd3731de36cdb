#include "base/svg.h"

#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace sluice::svg {

std::string text(const char* format, ...) {
  std::array<char, 512> out{};
  std::va_list values;
  va_start(values, format);
  std::vsnprintf(out.data(), out.size(), format, values);
  va_end(values);
  return out.data();
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string head(double width, double height, std::string_view label) {
  std::string out = text("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f' role='img' aria-label='",
                         width, height);
  out += escaped(label) + "'>\n";
  out += text("<style>text{font:13px system-ui,sans-serif;fill:%s}.title{font-weight:600;font-size:15px}"
              ".end{text-anchor:end}.middle{text-anchor:middle}.power{font-size:10px}"
              ".grid,.one,.limit,.curve{fill:none}.grid{stroke:%s;stroke-opacity:.18}",
              kInk, kInk);
  out += text(".one{stroke:%s;stroke-opacity:.6}.limit{stroke:%s;stroke-width:1.5;stroke-dasharray:6 4}"
              ".limit-text{font-weight:600}.curve{stroke-width:2.5;stroke-linejoin:round}</style>\n",
              kInk, kInk);
  return out;
}

double tick_step(double range, int most, double least) {
  for (double power = least;; power *= 10.0) {
    for (const double step : {power, 2.0 * power, 5.0 * power}) {
      if (std::floor(range / step) <= most) return step;
    }
  }
}

}  // namespace sluice::svg
