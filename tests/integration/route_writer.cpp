// What the Gateway API provider writes and reads, for tests that apply exactly that to a real gateway.
//
//   route_writer desired|next|refused|observe SPLIT [REFUSAL] < '{"rollout": {...}, "live": {...} or null}'
//
// SPLIT is JSON: {"stable": "a", "candidate": "b", "percent": 20, "mirror": 0,
//                 "header": {"name": "x", "values": ["b"]} or "cookie": {"name": "arm", "ttlSeconds": 60}}.
// Prints the object to be applied, null when there is none, or what is observed. Exit code 2: it was called wrongly.
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "api/json.h"
#include "traffic/provider.h"

namespace {

using namespace sluice;
using nlohmann::json;
using traffic::Split;

Split split_from(const json& text) {
  Split split{text.at("stable"), text.value("candidate", ""), text.value("percent", 0), text.value("mirror", 0)};
  if (text.contains("header")) {
    split.assignment = traffic::HeaderAssignment{text["header"].at("name"), text["header"].at("values")};
  } else if (text.contains("cookie")) {
    const seconds ttl(text["cookie"].at("ttlSeconds").get<int>());
    split.assignment = traffic::CookieAssignment{text["cookie"].at("name"), ttl};
  }
  return split;
}

json json_of(const Split& split) {
  json out = {{"stable", split.stable},
              {"candidate", split.candidate},
              {"percent", split.candidate_percent},
              {"mirror", split.mirror_percent}};
  if (!split.assignment) return out;
  if (const auto* header = std::get_if<traffic::HeaderAssignment>(&*split.assignment)) {
    out["header"] = {{"name", header->header}, {"values", header->values}};
  } else {
    const auto& cookie = std::get<traffic::CookieAssignment>(*split.assignment);
    out["cookie"] = {{"name", cookie.cookie}, {"ttlSeconds", cookie.ttl.count()}};
  }
  return out;
}

json json_of(const traffic::RouteState& state) {
  const char* acceptance = state.acceptance == traffic::Acceptance::Accepted   ? "Accepted"
                           : state.acceptance == traffic::Acceptance::Rejected ? "Rejected"
                                                                               : "Unknown";
  return {{"asWanted", state.as_wanted},
          {"acceptance", acceptance},
          {"reason", state.reason},
          {"message", state.message},
          {"foreignWriter", state.foreign_writer},
          {"live", state.live ? json_of(*state.live) : json(nullptr)}};
}

json answer(const std::string& command, const Split& split, const std::string& refusal, const json& input) {
  const api::Rollout rollout = api::read_rollout(input.at("rollout")).rollout;
  const traffic::Provider& provider = traffic::provider_for(rollout.spec.traffic);
  const auto view = input.value("live", json()).is_null() ? std::nullopt : traffic::project_route(input["live"]);
  const traffic::RouteView* live = view ? &*view : nullptr;
  if (command == "desired") return provider.desired(rollout, split);
  if (command == "observe") return json_of(provider.observe(rollout, live, split));
  const Error error{ErrorCode::Invalid, refusal, {}};
  const auto object = command == "next" ? provider.next_write(rollout, live, split)
                                        : provider.instead_of_refused(rollout, live, split, error);
  return object ? *object : json(nullptr);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string command = count > 1 ? arguments[1] : "";
  const bool known = command == "desired" || command == "next" || command == "refused" || command == "observe";
  if (!known || count != (command == "refused" ? 4 : 3)) {
    std::cerr << "usage: route_writer desired|next|refused|observe SPLIT [REFUSAL] < INPUT\n";
    return 2;
  }
  try {
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    std::cout << answer(command, split_from(json::parse(arguments[2])), count > 3 ? arguments[3] : "",
                        json::parse(text))
              << '\n';
  } catch (const json::exception& error) {
    std::cerr << "route_writer: " << error.what() << '\n';
    return 2;
  }
  return 0;
}
