#include "base/box.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

TEST(Box, IsAbsentUntilItIsGivenAValue) {
  Box<std::string> box;
  EXPECT_FALSE(box);
  box.emplace() = "a";
  EXPECT_TRUE(box);
  EXPECT_EQ(*box, "a");
  EXPECT_EQ(box->size(), 1U);
  EXPECT_EQ(sizeof box, sizeof(void*));
}

TEST(Box, IsCopiedAndComparedByItsValue) {
  Box<std::string> one(std::string("a"));
  Box<std::string> two = one;
  EXPECT_EQ(one, two);
  *two = "b";
  EXPECT_EQ(*one, "a");
  EXPECT_NE(one, two);
  two = one;
  EXPECT_EQ(one, two);
  two = Box<std::string>();
  EXPECT_FALSE(two);
  EXPECT_NE(one, two);
  EXPECT_EQ(two, Box<std::string>());
}

}  // namespace
}  // namespace sluice
