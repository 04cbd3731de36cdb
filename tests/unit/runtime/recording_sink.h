// A ReflectorSink that keeps what it was told, as words.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kube/object.h"
#include "runtime/list_watch.h"

namespace sluice::runtime {

class RecordingSink final : public ReflectorSink {
 public:
  void list_started() override { words.emplace_back("["); }
  void list_item(nlohmann::json& object) override { note(" ", object); }
  void list_removed(nlohmann::json& object) override { note(" -", object); }
  void list_finished() override { words.emplace_back("]"); }
  void applied(nlohmann::json& object) override { note("+", object); }
  void deleted(nlohmann::json& object) override { note("-", object); }

  // What was told since the last call, e.g. "[ a b ] +c -a".
  std::string told() {
    std::string text;
    for (const std::string& word : std::exchange(words, {})) {
      const bool item = !word.empty() && word.front() == ' ';
      text += (text.empty() || item ? "" : " ") + word;
    }
    return text;
  }

  std::vector<std::string> words;
  nlohmann::json last;

 private:
  void note(const char* what, nlohmann::json& object) {
    words.push_back(what + kube::name_of(object));
    last = object;
  }
};

}  // namespace sluice::runtime
