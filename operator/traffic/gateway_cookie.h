// The cookie that keeps a user with a revision: as a gateway gives it, as it matches it, and read back from both.
// Private to traffic/. Pure and thread-safe.
//
// The Gateway API knows no cookies: a header match by regular expression has to do (an implementation may refuse it,
// the route's condition Accepted says so). The cookie is for the whole host, hidden from scripts, and sent on
// top-level navigation and on requests of the same site (SameSite=Lax). It is not marked Secure: a listener may speak
// plain HTTP, and there is nothing in it to protect.
#pragma once

#include <optional>
#include <string>

#include "traffic/provider.h"

namespace sluice::traffic {

// Matches, as a whole, a Cookie header that has this cookie with this revision, among others or alone. RE2 syntax,
// anchored for engines that would find it anywhere.
std::string cookie_pattern(const std::string& cookie, const std::string& revision);

// The cookie's name in a pattern that cookie_pattern() made for this revision.
std::optional<std::string> cookie_in_pattern(const std::string& pattern, const std::string& revision);

// The value of the Set-Cookie header.
std::string set_cookie(const CookieAssignment& cookie, const std::string& revision);

// The lifetime in a value that set_cookie() made.
std::optional<seconds> ttl_in(const std::string& value);

}  // namespace sluice::traffic
