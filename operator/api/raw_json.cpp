#include "api/raw_json.h"

#include <nlohmann/json.hpp>

#include "kube/json_text.h"

namespace sluice::api {

RawJson::RawJson(const nlohmann::json& value) {
  if (!value.is_null()) text_ = kube::to_text(value);
}

nlohmann::json RawJson::tree() const {
  // The text was written by a constructor, so it can be read; should it not be, null is what every reader copes
  // with.
  if (is_null()) return nullptr;
  nlohmann::json value = nlohmann::json::parse(text_, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() ? nlohmann::json() : value;
}

}  // namespace sluice::api
