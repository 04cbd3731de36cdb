// Base64 (RFC 4648, with padding), as in the *-data fields of a kubeconfig.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::kube {

std::string base64_encode(std::string_view bytes);

// White space is skipped, as yaml folds long lines. Nothing when the text is not base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace sluice::kube
