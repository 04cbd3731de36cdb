#include "api/names.h"

#include <array>
#include <cstddef>

namespace sluice::api {
namespace {

template <class Enum>
struct Word {
  Enum value;
  const char* text;
};

template <class Enum>
struct Words;

template <>
struct Words<LoadProfile> {
  static constexpr std::array<Word<LoadProfile>, 6> kAll{{{LoadProfile::Performance, "Performance"},
                                                          {LoadProfile::Stress, "Stress"},
                                                          {LoadProfile::Endurance, "Endurance"},
                                                          {LoadProfile::Volume, "Volume"},
                                                          {LoadProfile::Scalability, "Scalability"},
                                                          {LoadProfile::Spike, "Spike"}}};
};
template <>
struct Words<LoadProtocol> {
  static constexpr std::array<Word<LoadProtocol>, 3> kAll{
      {{LoadProtocol::V2, "V2"}, {LoadProtocol::OpenAI, "OpenAI"}, {LoadProtocol::Http, "Http"}}};
};
template <>
struct Words<MetricRole> {
  static constexpr std::array<Word<MetricRole>, 3> kAll{
      {{MetricRole::Guardrail, "guardrail"}, {MetricRole::Goal, "goal"}, {MetricRole::Report, "report"}}};
};
template <>
struct Words<Direction> {
  static constexpr std::array<Word<Direction>, 2> kAll{
      {{Direction::Increase, "increase"}, {Direction::Decrease, "decrease"}}};
};
template <>
struct Words<PromoteWhen> {
  static constexpr std::array<Word<PromoteWhen>, 2> kAll{
      {{PromoteWhen::NonInferior, "NonInferior"}, {PromoteWhen::NoHarmShown, "NoHarmShown"}}};
};
template <>
struct Words<ShadowProof> {
  static constexpr std::array<Word<ShadowProof>, 2> kAll{
      {{ShadowProof::NonInferior, "NonInferior"}, {ShadowProof::Equivalence, "Equivalence"}}};
};
template <>
struct Words<SplitCheck> {
  static constexpr std::array<Word<SplitCheck>, 3> kAll{
      {{SplitCheck::Enforce, "Enforce"}, {SplitCheck::Report, "Report"}, {SplitCheck::Off, "Off"}}};
};
template <>
struct Words<OnInconclusive> {
  static constexpr std::array<Word<OnInconclusive>, 2> kAll{
      {{OnInconclusive::Pause, "Pause"}, {OnInconclusive::RollBack, "RollBack"}}};
};
template <>
struct Words<Phase> {
  static constexpr std::array<Word<Phase>, 6> kAll{{{Phase::Pending, "Pending"},
                                                    {Phase::Healthy, "Healthy"},
                                                    {Phase::Progressing, "Progressing"},
                                                    {Phase::Paused, "Paused"},
                                                    {Phase::RolledBack, "RolledBack"},
                                                    {Phase::Degraded, "Degraded"}}};
};
template <>
struct Words<Verdict> {
  static constexpr std::array<Word<Verdict>, 6> kAll{{{Verdict::None, "None"},
                                                      {Verdict::Pass, "Pass"},
                                                      {Verdict::Fail, "Fail"},
                                                      {Verdict::Inconclusive, "Inconclusive"},
                                                      {Verdict::Invalid, "Invalid"},
                                                      {Verdict::Error, "Error"}}};
};
template <>
struct Words<DriftVerdict> {
  static constexpr std::array<Word<DriftVerdict>, 3> kAll{{{DriftVerdict::Inconclusive, "Inconclusive"},
                                                           {DriftVerdict::NoDrift, "NoDrift"},
                                                           {DriftVerdict::Drift, "Drift"}}};
};
template <>
struct Words<ConditionStatus> {
  static constexpr std::array<Word<ConditionStatus>, 3> kAll{{{ConditionStatus::True, "True"},
                                                              {ConditionStatus::False, "False"},
                                                              {ConditionStatus::Unknown, "Unknown"}}};
};
template <>
struct Words<Outcome> {
  static constexpr std::array<Word<Outcome>, 3> kAll{{{Outcome::Promoted, "Promoted"},
                                                      {Outcome::RolledBack, "RolledBack"},
                                                      {Outcome::Superseded, "Superseded"}}};
};

template <class Enum>
const char* word_of(Enum value) {
  for (const auto& word : Words<Enum>::kAll) {
    if (word.value == value) return word.text;
  }
  return Words<Enum>::kAll.front().text;
}

}  // namespace

const char* to_string(LoadProfile value) {
  return word_of(value);
}
const char* to_string(LoadProtocol value) {
  return word_of(value);
}
const char* to_string(MetricRole value) {
  return word_of(value);
}
const char* to_string(Direction value) {
  return word_of(value);
}
const char* to_string(SplitCheck value) {
  return word_of(value);
}
const char* to_string(PromoteWhen value) {
  return word_of(value);
}
const char* to_string(ShadowProof value) {
  return word_of(value);
}
const char* to_string(OnInconclusive value) {
  return word_of(value);
}
const char* to_string(Phase value) {
  return word_of(value);
}
const char* to_string(Verdict value) {
  return word_of(value);
}
const char* to_string(DriftVerdict value) {
  return word_of(value);
}
const char* to_string(ConditionStatus value) {
  return word_of(value);
}
const char* to_string(Outcome value) {
  return word_of(value);
}

template <class Enum>
std::optional<Enum> from_string(std::string_view word) {
  for (const auto& known : Words<Enum>::kAll) {
    if (word == known.text) return known.value;
  }
  return std::nullopt;
}

template <class Enum>
std::string known_words() {
  const auto& all = Words<Enum>::kAll;
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) text += i + 1 == all.size() ? " or " : ", ";
    text += all[i].text;
  }
  return text;
}

template std::optional<LoadProfile> from_string(std::string_view);
template std::optional<LoadProtocol> from_string(std::string_view);
template std::optional<MetricRole> from_string(std::string_view);
template std::optional<Direction> from_string(std::string_view);
template std::optional<SplitCheck> from_string(std::string_view);
template std::optional<PromoteWhen> from_string(std::string_view);
template std::optional<ShadowProof> from_string(std::string_view);
template std::optional<OnInconclusive> from_string(std::string_view);
template std::optional<Phase> from_string(std::string_view);
template std::optional<Verdict> from_string(std::string_view);
template std::optional<DriftVerdict> from_string(std::string_view);
template std::optional<ConditionStatus> from_string(std::string_view);
template std::optional<Outcome> from_string(std::string_view);
template std::string known_words<LoadProfile>();
template std::string known_words<LoadProtocol>();
template std::string known_words<MetricRole>();
template std::string known_words<Direction>();
template std::string known_words<SplitCheck>();
template std::string known_words<PromoteWhen>();
template std::string known_words<ShadowProof>();
template std::string known_words<OnInconclusive>();

}  // namespace sluice::api
