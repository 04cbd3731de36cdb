// What is wrong with one field of a manifest, said so that a person can repair it.
#pragma once

#include <string>
#include <vector>

namespace sluice::api {

struct FieldError {
  std::string path;     // "spec.stages[0].canary.weights"
  std::string message;  // a sentence that says what to do
  bool operator==(const FieldError&) const = default;
};

// "path: message" of each, separated by "; ". Empty for none.
std::string join(const std::vector<FieldError>& errors);

}  // namespace sluice::api
