#include "random_json.h"

#include <array>
#include <limits>

namespace sluice::api {
namespace {

using nlohmann::json;

std::size_t below(std::mt19937& random, std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

json random_scalar(std::mt19937& random) {
  static const std::array<json, 30> kScalars{json(nullptr),
                                             true,
                                             false,
                                             0,
                                             1,
                                             -1,
                                             50,
                                             100,
                                             101,
                                             65536,
                                             2.5,
                                             -0.0,
                                             1e300,
                                             5e-324,
                                             std::numeric_limits<double>::infinity(),
                                             std::numeric_limits<double>::quiet_NaN(),
                                             std::numeric_limits<std::int64_t>::min(),
                                             std::numeric_limits<std::uint64_t>::max(),
                                             "",
                                             "5%",
                                             "%",
                                             "1e5%",
                                             "30s",
                                             "-1m",
                                             "99999999999999999999h",
                                             "1.5",
                                             "nan",
                                             "inf",
                                             "\xff\xfe$(",
                                             "2024-02-30T25:61:61Z"};
  return kScalars[below(random, kScalars.size())];
}

const char* random_field(std::mt19937& random) {
  static const std::array<const char*, 24> kFields{
      "metadata", "spec",    "status",     "name",       "stages", "canary",     "weights",  "analysis",
      "metrics",  "counter", "events",     "histogram",  "above",  "margin",     "ratio",    "template",
      "port",     "traffic", "gatewayAPI", "parentRefs", "stage",  "conditions", "evidence", "exact"};
  return kFields[below(random, kFields.size())];
}

void collect(json& value, std::vector<json*>& all) {
  all.push_back(&value);
  if (!value.is_structured()) return;
  for (auto& item : value) collect(item, all);
}

}  // namespace

json random_json(std::mt19937& random, int depth) {
  const std::size_t kind = below(random, 4);
  if (depth == 0 || kind < 2) return random_scalar(random);
  json value = kind == 2 ? json::array() : json::object();
  for (std::size_t i = below(random, 5); i > 0; --i) {
    json item = random_json(random, depth - 1);
    if (kind == 2) {
      value.push_back(std::move(item));
    } else {
      value[random_field(random)] = std::move(item);
    }
  }
  return value;
}

json damaged(const json& good, std::mt19937& random) {
  json value = good;
  for (std::size_t i = 1 + below(random, 4); i > 0; --i) {
    std::vector<json*> all;
    collect(value, all);
    json& victim = *all[below(random, all.size())];
    if (victim.is_object() && !victim.empty() && below(random, 2) == 0) {
      victim.erase(std::next(victim.begin(), static_cast<std::ptrdiff_t>(below(random, victim.size()))));
    } else {
      victim = random_json(random, 3);
    }
  }
  return value;
}

}  // namespace sluice::api
