#include "http/fault.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <cerrno>

namespace sluice::http {

namespace {

constexpr long kAsioEndOfFile = 2;       // boost::asio::error::eof, in a category of its own
constexpr long kTlsStreamTruncated = 1;  // boost::asio::ssl::error::stream_truncated
constexpr long kFirstOpenSsl =
    1L << 23;  // OpenSSL packs the library's number above the reason: errno is below

bool mentions(const Fault& fault, const char* phrase) {
  return fault.text.find(phrase) != std::string::npos;
}

bool is_openssl(const Fault& fault) {
  return fault.number >= kFirstOpenSsl;
}

std::string openssl_reason(const Fault& fault, const std::string& verification) {
  const auto packed = static_cast<unsigned long>(fault.number);
  if (ERR_GET_REASON(packed) == SSL_R_CERTIFICATE_VERIFY_FAILED && !verification.empty()) return verification;
  const char* reason = ERR_reason_error_string(packed);
  return reason != nullptr ? reason : "OpenSSL error " + std::to_string(fault.number);
}

}  // namespace

bool is_lost_connection(const Fault& fault) {
  if (fault.origin != Fault::Origin::Network || mentions(fault, "Error resolving") ||
      mentions(fault, "connect to any") || mentions(fault, "SSL handshake")) {
    return false;
  }
  switch (fault.number) {
    case kTlsStreamTruncated:
    case kAsioEndOfFile:
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
      return true;
    // The library renames a broken pipe while it writes the headers.
    case EHOSTUNREACH:
      return mentions(fault, "write request headers");
    default:
      return false;
  }
}

Error to_error(const Fault& fault, const std::string& origin, const std::string& verification) {
  if (fault.origin == Fault::Origin::TlsSetup)
    return Error{ErrorCode::Invalid, origin + ": " + fault.text, {}};
  if (is_openssl(fault)) {
    return Error{ErrorCode::Invalid, origin + ": TLS failed: " + openssl_reason(fault, verification), {}};
  }
  if (mentions(fault, "Error resolving")) {
    return Error{ErrorCode::Unavailable, origin + ": the host name cannot be resolved", {}};
  }
  if (is_lost_connection(fault)) {
    return Error{
        ErrorCode::Unavailable, origin + ": the connection was closed before the answer was complete", {}};
  }
  switch (fault.number) {
    case ECANCELED:
      return Error{ErrorCode::Cancelled, origin + ": cancelled", {}};
    case ETIMEDOUT:
      return Error{ErrorCode::Timeout, origin + ": the connection timed out", {}};
    case ECONNREFUSED:
    case EHOSTUNREACH:
      return Error{
          ErrorCode::Unavailable, origin + ": the connection was refused or the host is unreachable", {}};
    default:
      break;
  }
  if (mentions(fault, "SSL handshake")) {
    return Error{ErrorCode::Unavailable, origin + ": the connection was closed during the TLS handshake", {}};
  }
  if (mentions(fault, "Invalid HTTP status line") || mentions(fault, "Invalid chunked")) {
    return Error{ErrorCode::Unavailable, origin + ": the answer is not HTTP", {}};
  }
  return Error{ErrorCode::Unavailable,
               origin + ": " + fault.text + " (error " + std::to_string(fault.number) + ")",
               {}};
}

}  // namespace sluice::http
