#include "http/fault.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>

namespace sluice::http {
namespace {

Fault network(long number, const char* text) {
  return {Fault::Origin::Network, number, text};
}

TEST(Fault, NumbersOfSeveralCategoriesAreToldApart) {
  const struct {
    Fault fault;
    ErrorCode code;
    bool lost;
  } cases[] = {
      {network(2, "Failed to read HTTP status line"), ErrorCode::Unavailable, true},
      {network(ECONNABORTED, "Failed to read HTTP status line"), ErrorCode::Unavailable, true},
      {network(ECONNRESET, "Failed to read HTTP status line"), ErrorCode::Unavailable, true},
      {network(EPIPE, "Failed to write request body"), ErrorCode::Unavailable, true},
      {network(EHOSTUNREACH, "Failed to write request headers"), ErrorCode::Unavailable, true},
      {network(1, "Failed to read HTTP status line"), ErrorCode::Unavailable, true},
      // The server was never reached: nothing that a second try on another connection would change.
      {network(EHOSTUNREACH, "Failed to connect to any resolved endpoint"), ErrorCode::Unavailable, false},
      {network(2, "Error resolving address"), ErrorCode::Unavailable, false},
      {network(2, "Error in SSL handshake"), ErrorCode::Unavailable, false},
      {network(ECONNRESET, "Error in SSL handshake"), ErrorCode::Unavailable, false},
      {network(0x0A000086, "Error in SSL handshake"), ErrorCode::Invalid, false},
      {network(0x0A00045C, "Failed to read HTTP status line"), ErrorCode::Invalid, false},
      {network(ETIMEDOUT, "Failed to connect to any resolved endpoint"), ErrorCode::Timeout, false},
      {network(ECANCELED, "Operation canceled"), ErrorCode::Cancelled, false},
      {network(0, "Invalid HTTP status line"), ErrorCode::Unavailable, false},
      {{Fault::Origin::TlsSetup, 0, "the client certificate cannot be used"}, ErrorCode::Invalid, false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(to_error(c.fault, "https://h:1", "").code, c.code) << c.fault.number << " " << c.fault.text;
    EXPECT_EQ(is_lost_connection(c.fault), c.lost) << c.fault.number << " " << c.fault.text;
    EXPECT_EQ(to_error(c.fault, "https://h:1", "").message.rfind("https://h:1: ", 0), 0u);
  }
}

TEST(Fault, ARefusedCertificateSaysWhy) {
  const Error error =
      to_error(network(0x0A000086, "Error in SSL handshake"), "https://h:1", "certificate has expired");
  EXPECT_NE(error.message.find("certificate has expired"), std::string::npos) << error.message;
}

TEST(Fault, AnyExceptionBecomesOne) {
  try {
    throw std::runtime_error("odd");
  } catch (...) {
    EXPECT_EQ(current_fault().text, "odd");
  }
  try {
    throw 7;
  } catch (...) {
    EXPECT_FALSE(current_fault().text.empty());
  }
}

}  // namespace
}  // namespace sluice::http
