// What the API server's refusals mean: HTTP answers and Status objects as typed errors.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "http/transport.h"

namespace sluice::kube {

// For a status outside 2xx. The body is a Status object, or whatever a proxy in between has written; its
// words are kept. `retry_after` comes from the Retry-After header (seconds), else from the Status.
Error error_from_answer(int http_status, const http::Headers& headers, const std::string& body);

// For the Status object of a watch's ERROR event.
Error error_from_status(const nlohmann::json& status);

}  // namespace sluice::kube
