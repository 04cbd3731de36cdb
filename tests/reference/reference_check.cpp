// Holds the statistics of the product against a file of reference cases that were computed by other programs.
//
//   reference_check --cases FILE [--quiet]
//
// The file is {"cases": [{"category", "name", "inputs", "expected", "tol_rel", "tol_abs"}, ...]}. Prints one
// line a category, the details of every miss, and the total. Exit status: 0 when all match, 1 when any misses
// (a category that is not known misses), 2 when the file cannot be read.
#include <cstdio>
#include <exception>
#include <fstream>
#include <string_view>

#include "categories.h"
#include "comparison.h"

namespace reference {
namespace {

struct Score {
  int matched = 0;
  int missed = 0;
};

std::vector<std::string> check(const Categories& categories, const json& item) {
  const auto category = categories.find(item.value("category", ""));
  if (category == categories.end()) return {"unknown category"};
  try {
    const Tolerance tolerance{item.value("tol_rel", 0.0), item.value("tol_abs", 0.0)};
    return differences(item.at("expected"), category->second(item), tolerance);
  } catch (const std::exception& error) {
    return {std::string("cannot be computed: ") + error.what()};
  }
}

int run(const char* path, bool quiet) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "reference_check: cannot open %s\n", path);
    return 2;
  }
  const json document = json::parse(file, nullptr, false);
  if (document.is_discarded() || !document.is_object() || !document.contains("cases")) {
    std::fprintf(stderr, "reference_check: %s is not a file of cases\n", path);
    return 2;
  }
  Categories categories;
  add_counts(categories);
  add_means_and_ranks(categories);
  add_planning(categories);
  add_sequential(categories);

  std::map<std::string, Score> scores;
  Score total;
  for (const json& item : document["cases"]) {
    const std::vector<std::string> misses = check(categories, item);
    Score& score = scores[item.value("category", "(none)")];
    (misses.empty() ? score.matched : score.missed) += 1;
    (misses.empty() ? total.matched : total.missed) += 1;
    if (misses.empty() || quiet) continue;
    std::printf("MISS %s %s\n", item.value("id", "").c_str(), item.value("name", "").c_str());
    for (const std::string& miss : misses) std::printf("     %s\n", miss.c_str());
  }
  for (const auto& [category, score] : scores) {
    std::printf("%s: %d/%d\n", category.c_str(), score.matched, score.missed);
  }
  std::printf("%d matched, %d missed\n", total.matched, total.missed);
  return total.missed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace reference

int main(int argc, char** argv) {
  const char* path = nullptr;
  bool quiet = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--cases" && i + 1 < argc) {
      path = argv[++i];
    } else if (argument == "--quiet") {
      quiet = true;
    } else {
      path = nullptr;
      break;
    }
  }
  if (path == nullptr) {
    std::fprintf(stderr, "usage: reference_check --cases FILE [--quiet]\n");
    return 2;
  }
  return reference::run(path, quiet);
}
