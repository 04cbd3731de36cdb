#include "metrics/query_answer.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

namespace sluice::metrics {
namespace {

// Go's strconv.FormatFloat: "1027", "4.5e+06", "NaN", "+Inf", "-Inf".
std::optional<double> parse_value(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Where the reader stands. Below Other nothing is of interest.
enum class Place { Root, Answer, Data, Result, Series, Metric, Values, Pair, Warnings, Other };

// Receives the tokens. Every callback returns false to end the parsing.
class AnswerReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit AnswerReader(QueryAnswer& answer) : answer_(answer) {}

  const std::string& problem() const { return problem_; }

  bool key(string_t& name) override {
    key_ = name;
    return true;
  }
  bool start_object(std::size_t) override { return enter(object_below(places_.back())); }
  bool start_array(std::size_t) override { return enter(array_below(places_.back())); }
  bool end_object() override {
    places_.pop_back();
    return true;
  }
  bool end_array() override {
    const Place left = places_.back();
    places_.pop_back();
    return left != Place::Pair || finish_pair();
  }

  bool string(string_t& text) override {
    switch (places_.back()) {
      case Place::Answer:
        if (key_ == "status") answer_.status = text;
        if (key_ == "errorType") answer_.error_type = text;
        if (key_ == "error") answer_.error = text;
        return true;
      case Place::Data:
        if (key_ == "resultType") answer_.result_type = text;
        return true;
      case Place::Metric:
        answer_.matrix.back().labels.insert_or_assign(key_, text);
        return true;
      case Place::Warnings:
        answer_.warnings.push_back(text);
        return true;
      case Place::Pair:
        return pair_value(text);
      default:
        return true;
    }
  }
  bool number_integer(number_integer_t number) override { return pair_time(static_cast<double>(number)); }
  bool number_unsigned(number_unsigned_t number) override { return pair_time(static_cast<double>(number)); }
  bool number_float(number_float_t number, const string_t&) override { return pair_time(number); }
  bool null() override { return places_.back() != Place::Pair || refuse("null in a sample"); }
  bool boolean(bool) override { return places_.back() != Place::Pair || refuse("true or false in a sample"); }
  bool binary(binary_t&) override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    return refuse("not JSON at byte " + std::to_string(position));
  }

 private:
  Place object_below(Place place) const {
    if (place == Place::Root) return Place::Answer;
    if (place == Place::Answer && key_ == "data") return Place::Data;
    if (place == Place::Result) return Place::Series;
    if (place == Place::Series && key_ == "metric") return Place::Metric;
    return Place::Other;
  }
  Place array_below(Place place) const {
    if (place == Place::Answer && key_ == "warnings") return Place::Warnings;
    if (place == Place::Data && key_ == "result") return Place::Result;
    if (place == Place::Series && key_ == "values") return Place::Values;
    if (place == Place::Values) return Place::Pair;
    return Place::Other;
  }
  bool enter(Place place) {
    if (places_.back() == Place::Pair) return refuse("a list or an object in a sample");
    places_.push_back(place);
    if (place == Place::Series) answer_.matrix.emplace_back();
    if (place == Place::Pair) time_ = value_ = std::nullopt;
    return true;
  }
  bool pair_time(double unix_seconds) {
    if (places_.back() != Place::Pair) return true;
    constexpr double latest = 1e11;  // the year 5138; also keeps the milliseconds exact
    if (time_ || !(std::abs(unix_seconds) < latest)) return refuse("a sample's time is not a Unix time");
    time_ = unix_seconds;
    return true;
  }
  bool pair_value(std::string_view text) {
    value_ = parse_value(text);
    return value_ || refuse("a sample's value is not a number: " + std::string(text.substr(0, 40)));
  }
  bool finish_pair() {
    if (!time_ || !value_) return refuse("a sample without time or value");
    const Time at{Duration(std::llround(*time_ * 1000))};
    answer_.matrix.back().samples.push_back({at, *value_});
    return true;
  }
  bool refuse(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
    return false;
  }

  QueryAnswer& answer_;
  std::vector<Place> places_{Place::Root};
  std::string key_;
  std::optional<double> time_;
  std::optional<double> value_;
  std::string problem_;
};

}  // namespace

Result<QueryAnswer> parse_answer(std::string_view body) {
  QueryAnswer answer;
  AnswerReader reader(answer);
  const bool complete = nlohmann::json::sax_parse(body.begin(), body.end(), &reader);
  if (!complete) return Error{ErrorCode::Invalid, reader.problem(), std::nullopt};
  if (answer.status.empty()) return Error{ErrorCode::Invalid, "JSON without a status", std::nullopt};
  return answer;
}

}  // namespace sluice::metrics
