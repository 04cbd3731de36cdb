#include "api/conditions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/names.h"

namespace sluice::api {
namespace {

constexpr std::size_t kLongestMessage = 32768;
constexpr std::array<std::string_view, 7> kOrder{kReady,    kReconciling,     kStalled,
                                                 kPromoted, kTrafficAccepted, kMetricsAvailable, kSplitVerified};

std::pair<std::ptrdiff_t, std::string_view> rank(std::string_view type) {
  const auto known = std::find(kOrder.begin(), kOrder.end(), type);
  return {known - kOrder.begin(), type};
}

// Not in the middle of a UTF-8 character.
void cut(std::string& text, std::size_t longest) {
  if (text.size() <= longest) return;
  while (longest > 0 && (static_cast<unsigned char>(text[longest]) & 0xC0U) == 0x80U) --longest;
  text.resize(longest);
}

}  // namespace

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto found =
      std::find_if(conditions.begin(), conditions.end(), [&](const auto& c) { return c.type == type; });
  return found == conditions.end() ? nullptr : &*found;
}

bool has_status(const std::vector<Condition>& conditions, std::string_view type, ConditionStatus status) {
  const Condition* condition = find_condition(conditions, type);
  return condition != nullptr && condition->status == status;
}

bool set_condition(std::vector<Condition>& conditions, Condition condition, Time now) {
  if (condition.reason.empty()) condition.reason = to_string(condition.status);
  cut(condition.message, kLongestMessage);
  condition.last_transition = std::chrono::floor<seconds>(now);
  const auto place = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const auto& c) { return rank(c.type) >= rank(condition.type); });
  const auto same = std::find_if(conditions.begin(), conditions.end(),
                                 [&](const auto& c) { return c.type == condition.type; });
  if (same == conditions.end()) {
    conditions.insert(place, std::move(condition));
    return true;
  }
  if (same->status == condition.status) condition.last_transition = same->last_transition;
  if (*same == condition) return false;
  *same = std::move(condition);
  return true;
}

void remove_condition(std::vector<Condition>& conditions, std::string_view type) {
  std::erase_if(conditions, [&](const auto& c) { return c.type == type; });
}

}  // namespace sluice::api
