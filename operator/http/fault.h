// How an exchange failed, as the network library told it, and what that means to a caller.
//
// The library gives numbers of several error categories under one name: the numbers of errno, of Boost.Asio
// (end of file is 2), of OpenSSL (packed, large) and of getaddrinfo. They are told apart here and nowhere
// else, by number and by the phase that the text names.
#pragma once

#include <string>

#include "base/result.h"

namespace sluice::http {

struct Fault {
  enum class Origin { Network, TlsSetup };
  Origin origin = Origin::Network;
  long number = 0;
  std::string text;
};

// Turns the exception that is being handled into a Fault. Call only inside a catch block.
Fault current_fault();

// The connection ended under the request: what a kept-alive connection that the server has closed looks like.
// Whether the server has seen the request is not known.
bool is_lost_connection(const Fault& fault);

// `verification` says why the peer's certificate was refused, when that is known.
Error to_error(const Fault& fault, const std::string& origin, const std::string& verification);

}  // namespace sluice::http
