#include "workload/revision.h"

#include <openssl/sha.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace sluice::workload {
namespace {

constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr int kLength = 8;

// Where the empty object is not the same as nothing.
bool empty_has_meaning(std::string_view name) {
  return name == "emptyDir" || name == "labelSelector" || name == "namespaceSelector" || name == "selector";
}

nlohmann::json normalised(const nlohmann::json& value);

nlohmann::json normalised_object(const nlohmann::json& value) {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& [name, entry] : value.items()) {
    nlohmann::json kept = normalised(entry);
    if (kept.is_null()) continue;
    if (kept.is_array() && kept.empty()) continue;
    if (kept.is_object() && kept.empty() && !empty_has_meaning(name)) continue;
    out[name] = std::move(kept);
  }
  return out;
}

nlohmann::json normalised(const nlohmann::json& value) {
  if (value.is_object()) return normalised_object(value);
  if (value.is_array()) {
    nlohmann::json out = nlohmann::json::array();
    for (const auto& entry : value) out.push_back(normalised(entry));
    return out;
  }
  if (value.is_number_float()) {
    constexpr double kExact = 9007199254740992.0;  // 2^53: above it a double skips integers
    const double number = value.get<double>();
    if (std::trunc(number) == number && std::abs(number) <= kExact) return static_cast<std::int64_t>(number);
  }
  return value;
}

}  // namespace

std::string revision_of(const nlohmann::json& pod_template, int collision_count) {
  // Invalid UTF-8 cannot come from an API server; if it does, it is replaced instead of thrown at.
  const nlohmann::json template_or_none = pod_template.is_null() ? nlohmann::json::object() : pod_template;
  std::string canonical =
      normalised(template_or_none).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (collision_count != 0) canonical += "#" + std::to_string(collision_count);
  return short_hash(canonical);
}

std::string short_hash(const std::string& text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | digest[i];

  std::string revision;
  for (int i = 0; i < kLength; ++i) {
    revision += kAlphabet[number % kAlphabet.size()];
    number /= kAlphabet.size();
  }
  return revision;
}

std::string deployment_name(const std::string& rollout, const std::string& revision) {
  return rollout + "-" + revision;
}

std::string revision_service_name(const std::string& rollout, const std::string& revision) {
  return deployment_name(rollout, revision);
}

std::string stable_service_name(const std::string& rollout) {
  return rollout;
}

}  // namespace sluice::workload
