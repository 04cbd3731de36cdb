#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "stats/guardrail.h"
#include "stats/packed_state.h"

namespace sluice::stats {
namespace {

GuardrailParameters parameters() {
  GuardrailParameters p;
  p.harm_ratio = 1.05;
  p.harm_floor = 0.001;
  p.ceiling = 0.02;
  p.past_dispersion = 1.2;
  return p;
}

std::vector<Block> blocks(unsigned seed, std::size_t count) {
  std::mt19937_64 random(seed);
  std::vector<Block> result;
  for (std::size_t i = 0; i < count; ++i) {
    const double candidate = 500.0 + static_cast<double>(random() % 400);
    const double stable = 4000.0 + static_cast<double>(random() % 3000);
    result.push_back(
        {static_cast<double>(random() % 14), static_cast<double>(random() % 90), candidate, stable});
  }
  return result;
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

TEST(GuardrailPack, ARestartAtAnyLookDecidesWithTheSameBits) {
  const std::vector<Block> history = blocks(11, 40);
  GuardrailEvidence lived(parameters());
  std::vector<GuardrailEvidence> looks = {lived};
  for (std::size_t i = 0; i < history.size(); ++i) {
    lived.add(history[i], i % 5 != 0);
    looks.push_back(lived);
  }
  for (std::size_t restart = 0; restart <= history.size(); ++restart) {
    Result<GuardrailEvidence> restored = GuardrailEvidence::unpack(parameters(), looks[restart].pack());
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    for (std::size_t i = restart; i < history.size(); ++i) {
      restored->add(history[i], i % 5 != 0);
      const GuardrailEvidence& expected = looks[i + 1];
      EXPECT_TRUE(same_bits(restored->log_e_harm(), expected.log_e_harm()));
      EXPECT_TRUE(same_bits(restored->log_e_non_inferior(), expected.log_e_non_inferior()));
      EXPECT_TRUE(same_bits(restored->log_e_above_ceiling(), expected.log_e_above_ceiling()));
      EXPECT_TRUE(same_bits(restored->sup_log_e_harm(), expected.sup_log_e_harm()));
      EXPECT_TRUE(same_bits(restored->sup_log_e_non_inferior(), expected.sup_log_e_non_inferior()));
      EXPECT_TRUE(same_bits(restored->sup_log_e_above_ceiling(), expected.sup_log_e_above_ceiling()));
      EXPECT_TRUE(same_bits(restored->dispersion(), expected.dispersion()));
      EXPECT_TRUE(same_bits(restored->ceiling_dispersion(), expected.ceiling_dispersion()));
    }
    EXPECT_EQ(restored->pack(), lived.pack());
    EXPECT_EQ(restored->looks(), 40);
    EXPECT_EQ(restored->blocks(), lived.blocks());
    EXPECT_TRUE(same_bits(restored->ratio(0.05).upper, lived.ratio(0.05).upper));
  }
}

TEST(GuardrailPack, IsSmallAndPrintable) {
  GuardrailEvidence evidence(parameters());
  for (const Block& block : blocks(3, 500)) evidence.add(block);
  const std::string text = evidence.pack();
  EXPECT_LE(text.size(), 1800U);
  for (const char c : text)
    EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.');
}

TEST(GuardrailPack, ThePastTravelsWithTheText) {
  GuardrailParameters p = parameters();
  GuardrailEvidence evidence(p);
  evidence.add({5, 40, 600, 5400});
  p.past_dispersion = 0.0;
  p.past_weight = 3.0;
  const Result<GuardrailEvidence> restored = GuardrailEvidence::unpack(p, evidence.pack());
  ASSERT_TRUE(restored.ok());
  EXPECT_EQ(restored->parameters().past_dispersion, 1.2);
  EXPECT_EQ(restored->parameters().past_weight, 15.0);
  EXPECT_EQ(restored->log_e_harm(), evidence.log_e_harm());
}

TEST(GuardrailPack, OtherParametersAreRefused) {
  const std::string text = GuardrailEvidence(parameters()).pack();
  const auto refused = [&](auto change) {
    GuardrailParameters p = parameters();
    change(p);
    return !GuardrailEvidence::unpack(p, text).ok();
  };
  EXPECT_TRUE(refused([](auto& p) { p.harm_ratio = 1.0; }));
  EXPECT_TRUE(refused([](auto& p) { p.harm_floor = 0.0; }));
  EXPECT_TRUE(refused([](auto& p) { p.margin_ratio = 1.4; }));
  EXPECT_TRUE(refused([](auto& p) { p.or_below = 0.002; }));
  EXPECT_TRUE(refused([](auto& p) { p.ceiling = 0.0; }));
  EXPECT_TRUE(refused([](auto& p) { p.fixed_dispersion = 1.0; }));
  EXPECT_TRUE(refused([](auto& p) { p.margin_ratio = -1.0; }));
  EXPECT_FALSE(refused([](auto&) {}));
}

TEST(GuardrailPack, DamageIsRefused) {
  GuardrailEvidence evidence(parameters());
  for (const Block& block : blocks(5, 10)) evidence.add(block);
  const std::string text = evidence.pack();
  ASSERT_TRUE(GuardrailEvidence::unpack(parameters(), text).ok());
  for (const std::string& damaged :
       {std::string(), std::string("g2"), std::string("g2."), "g0" + text.substr(2),
        text.substr(0, text.size() - 1), text + "A", text + "AAAAAAAAAAA", text.substr(0, 40),
        std::string("g2.") + std::string(1700, '?')}) {
    const auto result = GuardrailEvidence::unpack(parameters(), damaged);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::Invalid);
  }
  for (std::size_t i = 0; i < text.size(); i += 7) {
    std::string changed = text;
    changed[i] = changed[i] == 'B' ? 'C' : 'B';
    EXPECT_FALSE(GuardrailEvidence::unpack(parameters(), changed).ok()) << i;
  }
}

TEST(PackedState, CarriesEveryBitPattern) {
  const std::vector<double> numbers = {0.0, -0.0, 1.0 / 3.0, 1e308, 5e-324, -INFINITY, INFINITY, -2.5};
  for (std::size_t count = 0; count <= numbers.size(); ++count) {
    const std::span<const double> some = std::span(numbers).first(count);
    const Result<std::vector<double>> back = unpack_numbers("v7", pack_numbers("v7", some));
    ASSERT_TRUE(back.ok());
    ASSERT_EQ(back->size(), count);
    for (std::size_t i = 0; i < count; ++i) EXPECT_TRUE(same_bits((*back)[i], numbers[i]));
  }
  EXPECT_FALSE(unpack_numbers("v8", pack_numbers("v7", numbers)).ok());
}

TEST(PackedState, HasOneSpellingForEachValue) {
  // Sixteen bytes leave four unused bits in the last character: they must be zero.
  const std::string text = pack_numbers("v", std::vector<double>{1.0});
  int accepted = 0;
  for (const char c : std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) {
    std::string changed = text;
    changed.back() = c;
    accepted += unpack_numbers("v", changed).ok() ? 1 : 0;
  }
  EXPECT_EQ(accepted, 1);
}

TEST(PackedState, NothingMayHangOnBehind) {
  // Two numbers and a checksum fill their characters exactly: one more holds no byte, and is still one too
  // many.
  const std::string text = pack_numbers("v", std::vector<double>{1.0, 2.0});
  ASSERT_EQ((text.size() - 2) % 4, 0U);
  EXPECT_TRUE(unpack_numbers("v", text).ok());
  EXPECT_FALSE(unpack_numbers("v", text + "A").ok());
}

TEST(PackedState, APartOfANumberIsRefused) {
  // Two numbers and a checksum fill their characters exactly: four more hold three bytes, all of them zero.
  const std::string text = pack_numbers("v", std::vector<double>{1.0, 2.0});
  EXPECT_FALSE(unpack_numbers("v", text + "AAAA").ok());
  EXPECT_FALSE(unpack_numbers("v", text.substr(0, text.size() - 4)).ok());
}

TEST(PackedState, NoNumbersAreATextToo) {
  EXPECT_TRUE(unpack_numbers("v", pack_numbers("v", {})).ok());
  EXPECT_FALSE(unpack_numbers("v", "v.").ok()) << "without a checksum nothing is there";
}

TEST(GuardrailPack, AnotherLengthIsRefusedThoughItsChecksumFits) {
  const std::string text = GuardrailEvidence(parameters()).pack();
  std::vector<double> numbers = *unpack_numbers("g2", text);
  ASSERT_TRUE(GuardrailEvidence::unpack(parameters(), pack_numbers("g2", numbers)).ok());
  numbers.push_back(0.0);
  EXPECT_FALSE(GuardrailEvidence::unpack(parameters(), pack_numbers("g2", numbers)).ok());
  numbers.resize(numbers.size() - 2);
  EXPECT_FALSE(GuardrailEvidence::unpack(parameters(), pack_numbers("g2", numbers)).ok());
  EXPECT_FALSE(GuardrailEvidence::unpack(parameters(), pack_numbers("g2", {})).ok());
}

}  // namespace
}  // namespace sluice::stats
