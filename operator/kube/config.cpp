#include "kube/config.h"

#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "kube/kubeconfig.h"

namespace sluice::kube {

namespace {

std::optional<std::string> process_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// "a:b:" without its empty parts.
std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    if (end > begin) out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

Result<Config> from_service_account(const ConfigSource& source, const std::string& host,
                                    const std::string& port) {
  Config out;
  // The HTTP library cannot connect to an IPv6 address as it stands; each cluster has this name for the same Service,
  // and its certificate holds for both.
  const bool ipv6 = host.find(':') != std::string::npos;
  out.server = "https://" + (ipv6 ? "kubernetes.default.svc" : host) + ":" + port;
  out.origin = "the service account of this pod";

  auto ca = read_file(source.service_account + "/ca.crt");
  if (!ca) return ca.error();
  if (ca->empty()) return Error{ErrorCode::Invalid, source.service_account + "/ca.crt is empty", {}};
  out.tls.ca_pem = *std::move(ca);

  auto token = std::make_shared<TokenFile>(source.service_account + "/token", "", source.clock);
  if (auto first = token->authorization(); !first) {
    return Error{ErrorCode::Invalid, first.error().message, {}};
  }
  out.credentials = std::move(token);

  const auto ns = read_file(source.service_account + "/namespace");
  out.ns = ns && !ns->empty() ? *ns : "default";
  return out;
}

Result<Config> from_files(const ConfigSource& source, const std::vector<std::string>& paths) {
  auto kubeconfig = read_kubeconfigs(paths);
  if (!kubeconfig) return kubeconfig.error();
  if (kubeconfig->files.empty()) {
    std::string names;
    for (const std::string& path : paths) names += (names.empty() ? "" : ", ") + path;
    return Error{ErrorCode::Invalid, "there is no kubeconfig at " + names, {}};
  }
  return resolve_kubeconfig(*kubeconfig, source.context, source.clock);
}

}  // namespace

Result<Config> load_config(const ConfigSource& given) {
  ConfigSource source = given;
  if (!source.environment) source.environment = &process_variable;
  if (!source.clock) source.clock = std::make_shared<SystemClock>();
  const auto variable = [&](const char* name) { return source.environment(name).value_or(""); };

  if (!source.kubeconfig.empty()) return from_files(source, {source.kubeconfig});
  if (const auto paths = split_list(variable("KUBECONFIG")); !paths.empty()) return from_files(source, paths);

  const std::string host = variable("KUBERNETES_SERVICE_HOST");
  std::error_code ignored;
  // A context is asked for by name: that only a kubeconfig can answer.
  if (!host.empty() && source.context.empty() && std::filesystem::exists(source.service_account, ignored)) {
    const std::string port = variable("KUBERNETES_SERVICE_PORT");
    return from_service_account(source, host, port.empty() ? "443" : port);
  }
  const std::string home = variable("HOME");
  if (home.empty()) return Error{ErrorCode::Invalid, "no kubeconfig was named, and HOME is not set", {}};
  return from_files(source, {home + "/.kube/config"});
}

}  // namespace sluice::kube
