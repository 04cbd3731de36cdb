#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>

#include "cli/command.h"
#include "cli/load_view.h"
#include "cli/manifest.h"
#include "loadtest/load_charts.h"
#include "loadtest/load_report.h"
#include "loadtest/load_script.h"

namespace sluice::cli {
namespace {

constexpr std::uintmax_t kMostLogBytes = 256u << 20;

struct LoadFlags {
  std::string file;
  std::string stage;
  std::string result;
  std::string stable;
  std::string memory;
  std::string charts;
  int replicas = 1;
  int restarts = 0;
  bool print_config = false;
  std::string output = "table";
};

Error invalid(const std::string& what) { return {ErrorCode::Invalid, what, {}}; }

// The load test that is named, or the only one.
Result<api::LoadTestStage> find_stage(const api::Spec& spec, const LoadFlags& flags) {
  std::vector<const api::StageSpec*> tests;
  std::string names;
  for (const api::StageSpec& stage : spec.stages) {
    if (!std::holds_alternative<api::LoadTestStage>(stage.body)) continue;
    tests.push_back(&stage);
    names += (names.empty() ? "" : ", ") + stage.name;
  }
  if (tests.empty()) return invalid(flags.file + ": it has no stage loadTest");
  if (flags.stage.empty() && tests.size() > 1) return invalid("--stage: say which one: " + names);
  for (const api::StageSpec* stage : tests) {
    if (flags.stage.empty() || stage->name == flags.stage) return std::get<api::LoadTestStage>(stage->body);
  }
  return invalid("--stage: \"" + flags.stage + "\" is no load test: write one of " + names);
}

Result<std::string> read_text(const char* flag, const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream file(path, std::ios::binary);
  if (!file) return invalid(std::string(flag) + ": " + path + " cannot be read");
  std::error_code no_size;  // a pipe has none
  const std::uintmax_t size = std::filesystem::file_size(path, no_size);
  if (!no_size && size > kMostLogBytes) return invalid(std::string(flag) + ": " + path + " has more than 256 MiB");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<loadtest::LoadResult> read_result(const char* flag, const std::string& path) {
  const auto text = read_text(flag, path);
  if (!text) return text.error();
  auto result = loadtest::parse_load_result(*text);
  if (!result) return invalid(path + ": " + result.error().message);
  return result;
}

// Lines of "seconds since 1970,bytes".
Result<std::vector<loadtest::MemorySample>> read_memory(const std::string& path) {
  const auto text = read_text("--memory", path);
  if (!text) return text.error();
  std::vector<loadtest::MemorySample> samples;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    double at = 0.0;
    double bytes = 0.0;
    const char* end = line.data() + line.size();
    const auto first = std::from_chars(line.data(), end, at);
    const bool comma = first.ec == std::errc{} && first.ptr != end && *first.ptr == ',';
    const auto second = comma ? std::from_chars(first.ptr + 1, end, bytes) : first;
    if (!comma || second.ec != std::errc{} || second.ptr != end || !(std::abs(at) < 1e11) || !(bytes >= 0.0)) {
      return invalid("--memory: \"" + line.substr(0, 80) + "\" is not SECONDS-SINCE-1970,BYTES");
    }
    samples.push_back({Time(Duration(std::llround(at * 1000.0))), bytes});
  }
  return samples;
}

Result<loadtest::LoadObservation> observe(const LoadFlags& flags) {
  loadtest::LoadObservation seen;
  auto result = read_result("--result", flags.result);
  if (!result) return result.error();
  seen.result = std::move(result).take();
  seen.replicas = flags.replicas;
  seen.restarts = flags.restarts;
  if (!flags.stable.empty()) {
    auto stable = read_result("--stable-result", flags.stable);
    if (!stable) return stable.error();
    seen.stable = std::move(stable).take();
  }
  if (!flags.memory.empty()) {
    auto memory = read_memory(flags.memory);
    if (!memory) return memory.error();
    seen.memory = std::move(memory).take();
  }
  return seen;
}

Outcome write_charts(const std::string& folder, const api::LoadTestStage& stage, const loadtest::LoadResult& result) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  for (const auto& [name, svg] : loadtest::load_charts(stage, result)) {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << svg;
    file.close();
    if (!file) return invalid("--charts: " + path.string() + " cannot be written");
  }
  return Ok{};
}

int fail(const Error& error) {
  std::cerr << "sluice: " << error.message << "\n";
  return 2;
}

int load(const LoadFlags& flags) {
  const auto rollout = read_manifest(flags.file);
  if (!rollout) return fail(rollout.error());
  const auto stage = find_stage(rollout->spec, flags);
  if (!stage) return fail(stage.error());
  if (flags.print_config) {
    std::cout << loadtest::load_config(*stage) << "\n";
    return 0;
  }
  const auto seen = observe(flags);
  if (!seen) return fail(seen.error());
  if (!flags.charts.empty()) {
    const Outcome written = write_charts(flags.charts, *stage, seen->result);
    if (!written) return fail(written.error());
  }
  const loadtest::LoadVerdict verdict = loadtest::judge_load(*stage, *seen);
  if (flags.output == "json") {
    std::cout << loadtest::report_json(*stage, *seen, verdict);
  } else {
    const bool colour = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
    std::cout << load_view(*stage, *seen, verdict, colour);
  }
  if (verdict.verdict == api::Verdict::Pass) return 0;
  return verdict.verdict == api::Verdict::Fail ? 1 : 3;
}

}  // namespace

Command add_load(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "load", "Judge the result of a load test as the operator would: 0 Pass, 1 Fail, 3 Inconclusive or Invalid");
  auto flags = std::make_shared<LoadFlags>();
  command.add_option("--stage-of", flags->file, "The Rollout with the stage (- is the standard input)")->required();
  command.add_option("--stage", flags->stage, "Its name, where there are several load tests");
  auto* result = command.add_option("--result", flags->result, "What the tool printed; the last LoadTestResult counts");
  command.add_option("--stable-result", flags->stable, "The same of stable's run, for criteria with a margin");
  command.add_option("--memory", flags->memory, "Lines of SECONDS-SINCE-1970,BYTES: the candidate's memory");
  command.add_option("--replicas", flags->replicas, "Of the candidate, under load")
      ->check(CLI::Range(1, 100'000))->capture_default_str();
  command.add_option("--restarts", flags->restarts, "Of its containers, under load")
      ->check(CLI::Range(0, 1'000'000))->capture_default_str();
  command.add_option("--charts", flags->charts, "Folder for five charts as SVG");
  auto* config = command.add_flag("--print-config", flags->print_config,
                                  "Print the value of SLUICE_LOAD_TEST instead, for a run by hand");
  config->excludes(result);
  command.add_option("-o,--output", flags->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))->capture_default_str();
  command.callback([flags] {
    if (flags->result.empty() && !flags->print_config) throw CLI::RequiredError("--result or --print-config");
  });
  return {&command, [flags] { return load(*flags); }};
}

}  // namespace sluice::cli
