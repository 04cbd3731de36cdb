// How the evidence of a guardrail is written down and read back: see GuardrailEvidence::pack.
#include <bit>
#include <cstdint>
#include <string_view>

#include "stats/guardrail.h"
#include "stats/packed_state.h"

namespace sluice::stats {
namespace {

// Raise it whenever a grid, the order of the numbers or their meaning changes: old text is then refused
// instead of misread.
constexpr std::string_view version = "g2";

constexpr std::size_t numbers_before_sums = 20;

// Hands out consecutive numbers of a list that is known to be long enough.
class Reader {
 public:
  explicit Reader(std::span<const double> numbers) : rest_(numbers) {}
  double next() {
    const double value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  std::span<const double> next(std::size_t count) {
    const auto values = rest_.first(count);
    rest_ = rest_.subspan(count);
    return values;
  }

 private:
  std::span<const double> rest_;
};

}  // namespace

double GuardrailEvidence::fingerprint(const GuardrailParameters& p) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const double value :
       {p.harm_ratio, p.harm_floor, p.margin_ratio, p.or_below, p.ceiling, p.fixed_dispersion}) {
    hash = (hash ^ std::bit_cast<std::uint64_t>(value)) * 1099511628211ULL;
    hash ^= hash >> 29;
  }
  return static_cast<double>(hash >> 12);
}

std::size_t GuardrailEvidence::state_size() const {
  return numbers_before_sums + every_block_.state_size() + user_facing_.state_size();
}

void GuardrailEvidence::append_state(std::vector<double>& all) const {
  const auto append = [&all](std::initializer_list<double> more) { all.insert(all.end(), more); };
  append({parameters_.past_dispersion, parameters_.past_weight, looks_});
  append({sup_.harm, sup_.non_inferior, sup_.ceiling});
  append(
      {totals_.candidate_events, totals_.stable_events, totals_.candidate_exposure, totals_.stable_exposure});
  append({served_events_, served_exposure_});
  const ConditionalDispersion::State conditional = conditional_.state();
  append({conditional.blocks, conditional.a, conditional.b, conditional.d, conditional.candidate,
          conditional.stable});
  append({candidate_.state().blocks, candidate_.state().squares});
  every_block_.append_state(all);
  user_facing_.append_state(all);
}

std::string GuardrailEvidence::pack() const {
  std::vector<double> all;
  all.reserve(1 + state_size());
  all.push_back(fingerprint(parameters_));
  append_state(all);
  return pack_numbers(version, all);
}

Result<GuardrailEvidence> GuardrailEvidence::unpack(const GuardrailParameters& parameters,
                                                    std::string_view text) {
  if (const Outcome sane = check(parameters); !sane) return sane.error();
  const Result<std::vector<double>> numbers = unpack_numbers(version, text);
  if (!numbers) return numbers.error();

  if (numbers->empty() || numbers->front() != fingerprint(parameters)) {
    return Error{ErrorCode::Invalid, "saved evidence belongs to other parameters of the metric", {}};
  }
  GuardrailEvidence evidence(parameters);
  if (!evidence.restore(std::span(*numbers).subspan(1))) {
    return Error{ErrorCode::Invalid, "saved evidence has another length than this version writes", {}};
  }
  return evidence;
}

bool GuardrailEvidence::restore(std::span<const double> state) {
  if (state.size() != state_size()) return false;
  Reader reader(state);
  parameters_.past_dispersion = reader.next();
  parameters_.past_weight = reader.next();
  looks_ = reader.next();
  sup_ = {reader.next(), reader.next(), reader.next()};
  totals_ = {reader.next(), reader.next(), reader.next(), reader.next()};
  served_events_ = reader.next();
  served_exposure_ = reader.next();
  conditional_.restore({reader.next(), reader.next(), reader.next(), reader.next(), reader.next(), reader.next()});
  const double blocks = reader.next();
  const double squares = reader.next();
  candidate_.restore({blocks, totals_.candidate_events, totals_.candidate_exposure, squares});
  every_block_.restore(reader.next(every_block_.state_size()));
  user_facing_.restore(reader.next(user_facing_.state_size()));
  evaluate();
  return true;
}

}  // namespace sluice::stats
