#include "kube/exec_plugin.h"

#include <nlohmann/json.hpp>

#include "http/transport.h"
#include "kube/object.h"
#include "kube/program.h"

namespace sluice::kube {

namespace {

using nlohmann::json;

// Ours, with the plugin's own variables in their place.
std::vector<std::string> environment_for(const ExecPlugin& plugin) {
  std::vector<std::pair<std::string, std::string>> added = plugin.environment;
  json info = {
      {"kind", "ExecCredential"}, {"apiVersion", plugin.api_version}, {"spec", {{"interactive", false}}}};
  if (!plugin.cluster_json.empty())
    info["spec"]["cluster"] = json::parse(plugin.cluster_json, nullptr, false);
  added.emplace_back("KUBERNETES_EXEC_INFO", info.dump(-1, ' ', false, json::error_handler_t::replace));

  std::vector<std::string> out = http::child_environment();
  for (const auto& [name, value] : added) {
    std::erase_if(
        out, [prefix = name + "="](const std::string& variable) { return variable.starts_with(prefix); });
    out.push_back(name + "=" + value);
  }
  return out;
}

}  // namespace

Result<std::string> ExecCredentials::authorization() {
  const std::lock_guard one_at_a_time(running_);
  {
    const std::lock_guard lock(mutex_);
    if (issued_ && (!issued_->expires || clock_->now() < *issued_->expires)) {
      return issued_->authorization();
    }
    if (failure_ && clock_->steady() - failed_at_ < kTryAgainAfter) return *failure_;
  }
  auto issued = run();
  const std::lock_guard lock(mutex_);
  if (!issued) {
    failure_ = issued.error();
    failed_at_ = clock_->steady();
    return issued.error();
  }
  failure_.reset();
  issued_ = *std::move(issued);
  issued_->at = clock_->steady();
  return issued_->authorization();
}

std::pair<std::string, std::string> ExecCredentials::client_certificate() {
  const std::lock_guard lock(mutex_);
  if (!issued_) return {};
  return {issued_->certificate, issued_->key};
}

bool ExecCredentials::forget(const std::string& refused) {
  const std::lock_guard lock(mutex_);
  // Another thread may have had a new one meanwhile.
  const bool same = issued_ && issued_->authorization() == refused;
  const bool fresh = issued_ && issued_->token.empty() && clock_->steady() - issued_->at < kTryAgainAfter;
  if (same && !fresh) issued_.reset();
  return true;
}

Result<ExecCredentials::Issued> ExecCredentials::run() const {
  auto output = run_program(plugin_.command, plugin_.arguments, environment_for(plugin_), kLongestRun);
  if (!output) {
    Error error = output.error();
    if (!plugin_.install_hint.empty()) error.message += "\n" + plugin_.install_hint;
    return error;
  }
  return parse(output->out);
}

Result<ExecCredentials::Issued> ExecCredentials::parse(const std::string& output) const {
  // None of the output goes into a message: it holds the secret.
  const auto refuse = [this](const std::string& why) {
    return Error{ErrorCode::Unauthorized, "the credential plugin " + plugin_.command + " " + why, {}};
  };
  const json answer = json::parse(output, nullptr, false);
  if (string_at(answer, {"kind"}) != "ExecCredential")
    return refuse("did not write an ExecCredential in JSON");
  if (string_at(answer, {"apiVersion"}) != plugin_.api_version) {
    return refuse("answered with another apiVersion than the kubeconfig's " + plugin_.api_version);
  }
  Issued out;
  out.token = string_at(answer, {"status", "token"});
  out.certificate = string_at(answer, {"status", "clientCertificateData"});
  out.key = string_at(answer, {"status", "clientKeyData"});
  if (out.certificate.empty() != out.key.empty())
    return refuse("gave a certificate without a key, or the reverse");
  if (out.token.empty() && out.certificate.empty()) return refuse("gave neither a token nor a certificate");
  const std::string expires = string_at(answer, {"status", "expirationTimestamp"});
  if (!expires.empty()) {
    const auto time = parse_time(expires);
    if (!time) return refuse("gave an expirationTimestamp that is not a time");
    out.expires = *time;
  }
  return out;
}

}  // namespace sluice::kube
