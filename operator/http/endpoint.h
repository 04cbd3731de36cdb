// The parts of a base URL that a connection needs, checked once so that later calls cannot fail on them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::http {

struct Address {
  bool tls = false;
  std::string host;         // lower case; a name or an IPv4 address
  bool host_is_ip = false;  // IPv4 literal: no SNI, the certificate is matched by its IP names
  std::uint16_t port = 0;
  std::string prefix;  // path that goes before each request's own: "" or "/x", without a slash at the end

  // "https://host:port", without the prefix.
  std::string origin() const;
};

// Accepts http://host[:port][/prefix] and https://... Errors: Invalid, with what is wrong in words. IPv6
// literals are refused: the library below cannot resolve them.
Result<Address> parse_address(std::string_view base_url);

}  // namespace sluice::http
