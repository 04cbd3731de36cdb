#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "base/time.h"

namespace sluice {
namespace {

struct Unit {
  std::string_view name;
  double milliseconds;
};
constexpr std::array<Unit, 4> kUnits{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr double kLongest = 10.0 * 365 * 24 * 3'600'000;

Error bad_duration(std::string_view text) {
  return Error{ErrorCode::Invalid,
               "\"" + std::string(text) + "\" is not a duration: write a number with a unit, such as 30s, 5m or 1h30m",
               {}};
}

// Days since 1970-01-01 to a broken-down UTC date, by the standard library's calendar.
std::tm to_utc(Time time) {
  const std::time_t whole = std::chrono::floor<seconds>(time).time_since_epoch().count();
  std::tm utc{};
  gmtime_r(&whole, &utc);
  return utc;
}

std::string date_and_clock(Time time) {
  const std::tm utc = to_utc(time);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  return text.data();
}

// Reads exactly `digits` decimal digits at `at`.
bool read_number(std::string_view text, std::size_t at, std::size_t digits, int& out) {
  if (at + digits > text.size()) return false;
  const auto* first = text.data() + at;
  const auto [end, fault] = std::from_chars(first, first + digits, out);
  return fault == std::errc{} && end == first + digits;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return bad_duration(text);
  double total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    double number = 0;
    const auto [end, fault] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (fault != std::errc{} || rest.front() == '-' || !std::isfinite(number)) return bad_duration(text);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::size_t letters = 0;
    while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') ++letters;
    const std::string_view unit = rest.substr(0, letters);
    rest.remove_prefix(letters);
    double factor = 0;
    for (const Unit& known : kUnits) {
      if (unit == known.name) factor = known.milliseconds;
    }
    if (factor == 0) return bad_duration(text);
    total += number * factor;
  }
  if (total > kLongest) return bad_duration(text);
  return Duration(std::llround(total));
}

std::string format_duration(Duration duration) {
  auto left = duration.count();
  if (left == 0) return "0s";
  std::string text;
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
    const auto size = static_cast<std::int64_t>(unit->milliseconds);
    if (left >= size) {
      text += std::to_string(left / size);
      text += unit->name;
      left %= size;
    }
  }
  return text;
}

std::string humane(Duration duration) {
  const auto ms = duration.count();
  if (ms < 1000) return ms == 0 ? "0s" : "0." + std::to_string(std::max<std::int64_t>(1, ms / 100)) + "s";
  const auto total = ms / 1000;
  const auto days = total / 86'400;
  const auto hour = total / 3600 % 24;
  const auto minute = total / 60 % 60;
  const auto secs = total % 60;
  const auto pair = [](std::int64_t a, const char* unit_a, std::int64_t b, const char* unit_b) {
    std::string text = std::to_string(a) + unit_a;
    if (b != 0) text += " " + std::to_string(b) + unit_b;
    return text;
  };
  if (days > 0) return pair(days, "d", hour, "h");
  if (hour > 0) return pair(hour, "h", minute, "m");
  if (minute > 0) return pair(minute, "m", secs, "s");
  return std::to_string(secs) + "s";
}

Result<Time> parse_time(std::string_view text) {
  const Error bad{ErrorCode::Invalid, "\"" + std::string(text) + "\" is not an RFC 3339 time", {}};
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!read_number(text, 0, 4, year) || !read_number(text, 5, 2, month) || !read_number(text, 8, 2, day) ||
      !read_number(text, 11, 2, hour) || !read_number(text, 14, 2, minute) || !read_number(text, 17, 2, second) ||
      text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') {
    return bad;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return bad;
  Time time = std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
  std::size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    int scale = 100;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      time += Duration((text[at] - '0') * scale);
    }
  }
  const std::string_view zone = text.substr(at);
  if (zone == "Z" || zone == "z") return time;
  int zone_hours = 0, zone_minutes = 0;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' ||
      !read_number(zone, 1, 2, zone_hours) || !read_number(zone, 4, 2, zone_minutes)) {
    return bad;
  }
  const Duration offset = hours(zone_hours) + minutes(zone_minutes);
  return zone[0] == '+' ? time - offset : time + offset;
}

std::string format_time(Time time) {
  const auto fraction = (time - std::chrono::floor<seconds>(time)).count();
  std::string text = date_and_clock(time);
  if (fraction != 0) {
    std::array<char, 8> digits{};
    std::snprintf(digits.data(), digits.size(), ".%03d", static_cast<int>(fraction));
    text += digits.data();
  }
  return text + "Z";
}

std::string format_micro_time(Time time) {
  const auto fraction = (time - std::chrono::floor<seconds>(time)).count();
  std::array<char, 12> digits{};
  std::snprintf(digits.data(), digits.size(), ".%06dZ", static_cast<int>(fraction) * 1000);
  return date_and_clock(time) + digits.data();
}

}  // namespace sluice
