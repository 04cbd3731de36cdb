// Base64 (RFC 4648): the standard alphabet with padding, as in Secrets and kubeconfigs, and the one for URLs
// and file names without padding, as in tokens and in what Sluice saves in a status.
//
// Pure functions; bytes are any bytes; decoding gives nullopt for text that is not of that form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

std::string base64_encode(std::string_view bytes);

// White space is skipped, as yaml folds long lines.
std::optional<std::string> base64_decode(std::string_view text);

std::string base64url_encode(std::string_view bytes);

// Strict: no white space, no padding, and of the texts for the same bytes only the one that the encoder makes.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace sluice
