#include <nlohmann/json.hpp>

#include "loadtest/load_profile.h"
#include "loadtest/load_script.h"

namespace sluice::loadtest {
namespace {

using Json = nlohmann::ordered_json;

double seconds_of(Duration duration) { return static_cast<double>(duration.count()) / 1000.0; }

const char* protocol_name(api::LoadProtocol protocol) {
  switch (protocol) {
    case api::LoadProtocol::V2: return "V2";
    case api::LoadProtocol::OpenAI: return "OpenAI";
    case api::LoadProtocol::Http: return "Http";
  }
  return "";
}

}  // namespace

std::string load_config(const api::LoadTestStage& stage) {
  Json out;
  out["steps"] = Json::array();
  for (const api::LoadStep& step : load_steps(stage)) {
    out["steps"].push_back({{"seconds", seconds_of(step.duration)}, {"rate", step.rate}});
  }
  out["windowSeconds"] = seconds_of(window_length(stage));
  out["warmUpSeconds"] = seconds_of(warm_up(stage));
  const auto* locust = std::get_if<api::LocustGenerator>(&stage.generator);
  out["protocol"] = locust != nullptr ? protocol_name(locust->protocol) : "";
  out["path"] = locust != nullptr ? locust->path : "";
  out["model"] = locust != nullptr ? locust->model : "";
  out["payload"] = locust != nullptr && locust->payload ? "/sluice-payload/" + locust->payload->key : "";
  out["locustfile"] = locust != nullptr && locust->locustfile ? "/sluice-user/" + locust->locustfile->key : "";
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sluice::loadtest
