#include "kube/kubeconfig.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/log.h"
#include "kube/exec_plugin.h"
#include "kube/object.h"
#include "kube/yaml_reader.h"

namespace sluice::kube {

namespace {

using nlohmann::json;

Error invalid(std::string message) {
  return Error{ErrorCode::Invalid, std::move(message), {}};
}

// --- reading and merging
// -----------------------------------------------------------------------------------------

const KubeconfigEntry* find_entry(const std::vector<KubeconfigEntry>& entries, const std::string& name) {
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.name == name; });
  return at == entries.end() ? nullptr : &*at;
}

// `list` is "clusters", with entries {name: ..., cluster: {...}}.
Outcome merge_list(const json& document, const char* list, const char* member, const std::string& file,
                   std::vector<KubeconfigEntry>& into) {
  const json* entries = find(document, {list});
  if (entries == nullptr || entries->is_null()) return Ok{};
  if (!entries->is_array()) return invalid(file + ": " + list + " is not a list");
  const std::string folder = std::filesystem::absolute(file).parent_path().string();
  for (const json& entry : *entries) {
    const std::string name = string_at(entry, {"name"});
    if (name.empty()) return invalid(file + ": an entry of " + list + " has no name");
    if (find_entry(into, name) != nullptr) continue;
    const json* body = find(entry, {member});
    into.push_back(
        {name, folder, file, std::make_shared<const json>(body != nullptr ? *body : json::object())});
  }
  return Ok{};
}

Outcome merge_file(const std::string& file, const json& document, Kubeconfig& into) {
  if (document.is_null()) return Ok{};  // an empty file
  if (!document.is_object()) return invalid(file + ": this is not a kubeconfig");
  if (into.current_context.empty()) into.current_context = string_at(document, {"current-context"});
  for (const Outcome& merged : {merge_list(document, "clusters", "cluster", file, into.clusters),
                                merge_list(document, "users", "user", file, into.users),
                                merge_list(document, "contexts", "context", file, into.contexts)}) {
    if (!merged) return merged;
  }
  return Ok{};
}

// --- one entry
// ---------------------------------------------------------------------------------------------------

// Reads fields of one entry and words its errors.
class Reader {
 public:
  Reader(const KubeconfigEntry& entry, const char* kind) : entry_(entry), kind_(kind) {}

  std::string text(const char* field) const { return string_at(*entry_.body, {field}); }
  bool flag(const char* field) const { return bool_at(*entry_.body, {field}); }
  bool has(const char* field) const {
    const json* value = find(*entry_.body, {field});
    return value != nullptr && !value->is_null() && *value != "" && *value != json::array() &&
           *value != json::object();
  }
  const json& body() const { return *entry_.body; }

  Error error(const std::string& why) const {
    return invalid(entry_.file + ": " + kind_ + " " + entry_.name + ": " + why);
  }

  std::string path(const char* field) const { return resolve(text(field)); }
  std::string resolve(const std::string& name) const {
    return name.empty() ? name : (std::filesystem::path(entry_.folder) / name).lexically_normal().string();
  }

  // The bytes of `field`-data, else nothing.
  Result<std::string> inline_data(const std::string& field) const {
    auto bytes = base64_decode(text(field.c_str()));
    if (!bytes) return error(field + " is not base64");
    return *std::move(bytes);
  }

  // An unquoted 12345 is a number to YAML: it must not pass for a missing field.
  std::optional<Error> require_text(std::initializer_list<const char*> fields) const {
    for (const char* field : fields) {
      if (has(field) && text(field).empty()) return error(std::string(field) + " must be text");
    }
    return std::nullopt;
  }

  // Refuses what would be misread if it were ignored.
  std::optional<Error> refuse(std::initializer_list<std::pair<const char*, const char*>> fields) const {
    for (const auto& [field, why] : fields) {
      if (has(field)) return error(std::string(field) + " is not supported: " + why);
    }
    return std::nullopt;
  }

 private:
  const KubeconfigEntry& entry_;
  const char* kind_;
};

Outcome read_cluster(const KubeconfigEntry& entry, Config& into) {
  const Reader cluster(entry, "cluster");
  if (auto error = cluster.refuse({{"tls-server-name", "the certificate must carry the name of `server`"},
                                   {"proxy-url", "the API server must be reached directly"}})) {
    return *error;
  }
  if (auto error = cluster.require_text({"server", "certificate-authority", "certificate-authority-data"})) {
    return *error;
  }
  into.server = cluster.text("server");
  if (into.server.empty()) return cluster.error("it has no server");
  into.tls.insecure_skip_verify = cluster.flag("insecure-skip-tls-verify");
  if (cluster.has("certificate-authority-data")) {
    auto ca = cluster.inline_data("certificate-authority-data");
    if (!ca) return ca.error();
    into.tls.ca_pem = *std::move(ca);
  } else if (cluster.has("certificate-authority")) {
    auto ca = read_file(cluster.path("certificate-authority"));
    if (!ca) return cluster.error(ca.error().message);
    if (ca->empty()) return cluster.error("its certificate-authority is empty");
    into.tls.ca_pem = *std::move(ca);
  }
  return Ok{};
}

using Material = std::function<std::string()>;

// Inline data win over files, as for kubectl. Files are read each time: that is how rotation works.
Result<Material> certificate_part(const Reader& user, const std::string& field) {
  if (user.has((field + "-data").c_str())) {
    auto data = user.inline_data(field + "-data");
    if (!data) return data.error();
    return Material([text = *std::move(data)] { return text; });
  }
  if (!user.has(field.c_str())) return Material();
  const std::string path = user.path(field.c_str());
  if (const auto first = read_file(path); !first) return user.error(first.error().message);
  return Material([path] {
    auto text = read_file(path);
    if (!text) log::warn("a client certificate cannot be read", {{"path", path}});
    return text ? *std::move(text) : std::string();
  });
}

Outcome read_client_certificate(const Reader& user, Config& into) {
  auto certificate = certificate_part(user, "client-certificate");
  if (!certificate) return certificate.error();
  auto key = certificate_part(user, "client-key");
  if (!key) return key.error();
  if (!*certificate && !*key) return Ok{};
  if (!*certificate || !*key) return user.error("client-certificate and client-key are needed together");
  into.tls.client_certificate = [certificate = *certificate, key = *key] {
    return std::make_pair(certificate(), key());
  };
  return Ok{};
}

std::string cluster_info(const Config& config) {
  json out = {{"server", config.server}};
  if (!config.tls.ca_pem.empty()) out["certificate-authority-data"] = base64_encode(config.tls.ca_pem);
  if (config.tls.insecure_skip_verify) out["insecure-skip-tls-verify"] = true;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<ExecPlugin> read_exec(const Reader& user, const Config& config) {
  const json& exec = user.body()["exec"];
  ExecPlugin out;
  out.api_version = string_at(exec, {"apiVersion"});
  if (out.api_version != "client.authentication.k8s.io/v1" &&
      out.api_version != "client.authentication.k8s.io/v1beta1") {
    return user.error("exec: the apiVersion must be client.authentication.k8s.io/v1 or v1beta1");
  }
  out.command = string_at(exec, {"command"});
  if (out.command.empty()) return user.error("exec: it has no command");
  if (out.command.find('/') != std::string::npos) out.command = user.resolve(out.command);
  if (string_at(exec, {"interactiveMode"}) == "Always") {
    return user.error("exec: interactiveMode Always is not supported: there is nobody to ask");
  }
  if (const json* arguments = find(exec, {"args"}); arguments != nullptr && arguments->is_array()) {
    for (const json& argument : *arguments) {
      if (!argument.is_string()) return user.error("exec: args must be strings");
      out.arguments.push_back(argument.get<std::string>());
    }
  }
  if (const json* variables = find(exec, {"env"}); variables != nullptr && variables->is_array()) {
    for (const json& variable : *variables) {
      const std::string name = string_at(variable, {"name"});
      if (name.empty() || name.find('=') != std::string::npos)
        return user.error("exec: a variable of env has no name");
      out.environment.emplace_back(name, string_at(variable, {"value"}));
    }
  }
  out.install_hint = string_at(exec, {"installHint"});
  if (bool_at(exec, {"provideClusterInfo"})) out.cluster_json = cluster_info(config);
  return out;
}

Outcome read_user(const KubeconfigEntry& entry, const std::shared_ptr<const Clock>& clock, Config& into) {
  const Reader user(entry, "user");
  if (auto error = user.refuse({{"auth-provider", "use an exec plugin"},
                                {"as", "impersonation"},
                                {"as-uid", "impersonation"},
                                {"as-groups", "impersonation"},
                                {"as-user-extra", "impersonation"}})) {
    return *error;
  }
  if (auto error = user.require_text({"token", "tokenFile", "username", "password", "client-certificate",
                                      "client-key", "client-certificate-data", "client-key-data"})) {
    return *error;
  }
  if (Outcome certificate = read_client_certificate(user, into); !certificate) return certificate;
  const bool token = user.has("token") || user.has("tokenFile");
  const bool basic = user.has("username") || user.has("password");
  if (token && basic) return user.error("a token and a user name exclude each other");
  if (user.has("exec")) {
    if (token || basic) return user.error("exec excludes a token and a user name");
    auto plugin = read_exec(user, into);
    if (!plugin) return plugin.error();
    auto credentials = std::make_shared<ExecCredentials>(*std::move(plugin), clock);
    into.credentials = credentials;
    if (!into.tls.client_certificate) {
      into.tls.client_certificate = [credentials] { return credentials->client_certificate(); };
    }
  } else if (user.has("tokenFile")) {
    // With both, the token serves as long as the file cannot be read.
    auto credentials = std::make_shared<TokenFile>(user.path("tokenFile"), user.text("token"), clock);
    if (auto first = credentials->authorization(); !first) return user.error(first.error().message);
    into.credentials = std::move(credentials);
  } else if (token) {
    into.credentials = fixed_credentials("Bearer " + user.text("token"));
  } else if (basic) {
    into.credentials = fixed_credentials(basic_authorization(user.text("username"), user.text("password")));
  }
  return Ok{};
}

std::string joined(const std::vector<std::string>& files) {
  std::string out;
  for (const std::string& file : files) out += (out.empty() ? "" : ":") + file;
  return out;
}

}  // namespace

Result<Kubeconfig> read_kubeconfigs(const std::vector<std::string>& paths) {
  Kubeconfig out;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) continue;
    const auto text = read_file(path);
    if (!text) return text.error();
    auto document = parse_yaml(*text);
    if (!document) return invalid(path + ": " + document.error().message);
    if (Outcome merged = merge_file(path, *document, out); !merged) return merged.error();
    out.files.push_back(path);
  }
  return out;
}

Result<Config> resolve_kubeconfig(const Kubeconfig& kubeconfig, const std::string& context,
                                  const std::shared_ptr<const Clock>& clock) {
  const std::string files = joined(kubeconfig.files);
  const std::string name = context.empty() ? kubeconfig.current_context : context;
  if (name.empty()) return invalid(files + ": no context was named and there is no current-context");
  const KubeconfigEntry* entry = find_entry(kubeconfig.contexts, name);
  if (entry == nullptr) return invalid(files + ": there is no context " + name);

  const Reader reader(*entry, "context");
  const KubeconfigEntry* cluster = find_entry(kubeconfig.clusters, reader.text("cluster"));
  if (cluster == nullptr) return reader.error("there is no cluster '" + reader.text("cluster") + "'");
  const std::string user_name = reader.text("user");
  const KubeconfigEntry* user = find_entry(kubeconfig.users, user_name);
  if (user == nullptr && !user_name.empty()) return reader.error("there is no user '" + user_name + "'");

  Config out;
  out.ns = reader.text("namespace").empty() ? "default" : reader.text("namespace");
  out.origin = "context " + name + " of " + files;
  if (Outcome read = read_cluster(*cluster, out); !read) return read.error();
  if (user == nullptr) return out;
  if (Outcome read = read_user(*user, clock, out); !read) return read.error();
  return out;
}

}  // namespace sluice::kube
