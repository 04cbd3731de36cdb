#include "http/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace sluice::http {

namespace {

Error invalid(std::string_view url, std::string_view why) {
  return Error{
      ErrorCode::Invalid, "the URL " + std::string(url) + " cannot be used: " + std::string(why), {}};
}

bool is_host_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
}

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

// 0 when `text` is not a port.
std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : std::uint16_t{0};
}

}  // namespace

std::string Address::origin() const {
  return std::string(tls ? "https://" : "http://") + host + ":" + std::to_string(port);
}

Result<Address> parse_address(std::string_view base_url) {
  Address out;
  std::string_view rest = base_url;
  if (rest.starts_with("https://")) {
    out.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return invalid(base_url, "it must begin with http:// or https://");
  }

  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view path = rest.substr(slash);
  // Not shown in the message: user:password@ is a secret.
  if (authority.find('@') != std::string_view::npos) {
    return invalid("", "a user name or password in the URL is not supported");
  }
  if (authority.starts_with('[') || std::count(authority.begin(), authority.end(), ':') > 1) {
    return invalid(base_url, "IPv6 addresses are not supported, use a host name that resolves to one");
  }

  const std::size_t colon = authority.find(':');
  std::string_view host = authority.substr(0, colon);
  if (host.empty()) return invalid(base_url, "it has no host");
  if (!std::all_of(host.begin(), host.end(), is_host_character)) {
    return invalid(base_url, "the host has characters that no host name has");
  }
  out.port = out.tls ? 443 : 80;
  if (colon != std::string_view::npos) {
    out.port = parse_port(authority.substr(colon + 1));
    if (out.port == 0) return invalid(base_url, "the port must be a number from 1 to 65535");
  }

  if (path.find_first_of("?# \t\r\n") != std::string_view::npos) {
    return invalid(base_url, "a base URL has no query, no fragment and no white space");
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  out.prefix = path;
  out.host = host;
  std::transform(out.host.begin(), out.host.end(), out.host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  out.host_is_ip = is_ipv4(out.host);
  return out;
}

}  // namespace sluice::http
