#include "kube/config.h"

#include <gtest/gtest.h>

#include <map>

#include "base/base64.h"
#include "support/temporary_folder.h"
#include "support/virtual_clock.h"

namespace sluice::kube {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  Result<Config> load(const std::string& kubeconfig = "", const std::string& context = "") {
    ConfigSource source;
    source.kubeconfig = kubeconfig;
    source.context = context;
    source.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto at = environment_.find(name);
      return at == environment_.end() ? std::nullopt : std::optional<std::string>(at->second);
    };
    source.service_account = folder_.path("account");
    source.clock = clock_;
    return load_config(source);
  }

  // A kubeconfig with one context and these lines in its cluster and its user.
  std::string write(const std::string& cluster, const std::string& user, const std::string& context = "") {
    return folder_.write("config",
                         "current-context: c\n"
                         "contexts: [{name: c, context: {cluster: k, user: u" +
                             context +
                             "}}]\n"
                             "clusters: [{name: k, cluster: {" +
                             cluster +
                             "}}]\n"
                             "users: [{name: u, user: {" +
                             user + "}}]\n");
  }

  static std::string authorization(const Config& config) {
    if (!config.credentials) return "none";
    const auto value = config.credentials->authorization();
    return value ? *value : value.error().message;
  }

  test::TemporaryFolder folder_;
  std::map<std::string, std::string> environment_;
  std::shared_ptr<test::VirtualClock> clock_ = std::make_shared<test::VirtualClock>();
};

TEST_F(ConfigTest, AContextLeadsToClusterAndUser) {
  const auto config = load(write("server: 'https://h:6443'", "token: t", ", namespace: ml"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://h:6443");
  EXPECT_EQ(config->ns, "ml");
  EXPECT_EQ(authorization(*config), "Bearer t");
  EXPECT_EQ(config->tls.ca_pem, "");
  EXPECT_FALSE(config->tls.insecure_skip_verify);
  EXPECT_FALSE(config->tls.client_certificate);
  EXPECT_EQ(config->origin, "context c of " + folder_.path("config"));
}

TEST_F(ConfigTest, Defaults) {
  const auto config = load(write("server: 'http://h'", ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ns, "default");
  EXPECT_EQ(authorization(*config), "none");
}

TEST_F(ConfigTest, FilesAreRelativeToTheirKubeconfigAndDataWinOverFiles) {
  folder_.write("pki/ca.crt", "CA");
  folder_.write("pki/cert", "CERT");
  folder_.write("pki/key", "KEY");
  const auto files = load(write("server: 'https://h', certificate-authority: pki/ca.crt",
                                "client-certificate: ./pki/cert, client-key: pki/key"));
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(files->tls.ca_pem, "CA");
  EXPECT_EQ(files->tls.client_certificate(), std::make_pair(std::string("CERT"), std::string("KEY")));
  folder_.write("pki/cert", "ROTATED");
  EXPECT_EQ(files->tls.client_certificate().first, "ROTATED");

  const auto data =
      load(write("server: 'https://h', certificate-authority: missing, certificate-authority-data: " +
                     base64_encode("INLINE"),
                 "client-certificate: missing, client-certificate-data: " + base64_encode("C") +
                     ", client-key: missing, client-key-data: " + base64_encode("K")));
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->tls.ca_pem, "INLINE");
  EXPECT_EQ(data->tls.client_certificate(), std::make_pair(std::string("C"), std::string("K")));

  const auto absolute =
      load(write("server: 'https://h', certificate-authority: " + folder_.path("pki/ca.crt"), ""));
  ASSERT_TRUE(absolute) << absolute.error().message;
  EXPECT_EQ(absolute->tls.ca_pem, "CA");
}

TEST_F(ConfigTest, WaysToAuthenticate) {
  folder_.write("token-file", "from-file\n");
  folder_.write_program("plugin",
                        "#!/bin/sh\necho '{\"kind\":\"ExecCredential\",\"apiVersion\":"
                        "\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"'$1$EXTRA'\"}}'\n");
  const std::pair<std::string, std::string> cases[] = {
      {"token: t", "Bearer t"},
      {"tokenFile: token-file", "Bearer from-file"},
      {"tokenFile: token-file, token: t", "Bearer from-file"},
      {"tokenFile: missing, token: t", "Bearer t"},
      {"username: user, password: pass", "Basic dXNlcjpwYXNz"},
      {"exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [one], "
       "env: [{name: EXTRA, value: -two}], interactiveMode: IfAvailable}",
       "Bearer one-two"},
  };
  for (const auto& [user, expected] : cases) {
    const auto config = load(write("server: 'https://h'", user));
    ASSERT_TRUE(config) << user << ": " << config.error().message;
    EXPECT_EQ(authorization(*config), expected) << user;
  }
}

TEST_F(ConfigTest, WhatIsWrongIsSaid) {
  folder_.write("empty", "");
  const std::string server = "server: 'https://h'";
  const std::string exec = "exec: {apiVersion: client.authentication.k8s.io/v1, ";
  const struct {
    std::string cluster, user, why;
  } cases[] = {
      {"", "", "no server"},
      {server + ", tls-server-name: x", "", "tls-server-name"},
      {server + ", proxy-url: 'http://p'", "", "proxy-url"},
      {server + ", certificate-authority: missing", "", "missing"},
      {server + ", certificate-authority: empty", "", "empty"},
      {server + ", certificate-authority-data: '*'", "", "base64"},
      {server, "client-certificate: empty", "needed together"},
      {server, "client-key-data: " + base64_encode("x"), "needed together"},
      {server, "client-certificate: missing, client-key: missing", "missing"},
      {server, "client-certificate-data: '*', client-key-data: '*'", "base64"},
      {server, "tokenFile: missing", "missing"},
      {server, "token: 7", "token must be text"},
      {"server: [x]", "", "server must be text"},
      {server, "token: t, username: u", "exclude"},
      {server, "auth-provider: {name: gcp}", "auth-provider"},
      {server, "as: somebody", "impersonation"},
      {server, exec + "}", "command"},
      {server, "exec: {command: x}", "apiVersion"},
      {server, "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}", "apiVersion"},
      {server, exec + "command: x, interactiveMode: Always}", "interactiveMode"},
      {server, exec + "command: x, args: [1]}", "args"},
      {server, exec + "command: x, env: [{value: v}]}", "env"},
      {server, exec + "command: x}, token: t", "exec"},
  };
  for (const auto& c : cases) {
    const auto config = load(write(c.cluster, c.user));
    ASSERT_FALSE(config) << c.cluster << " | " << c.user;
    EXPECT_EQ(config.error().code, ErrorCode::Invalid);
    EXPECT_NE(config.error().message.find(c.why), std::string::npos) << config.error().message;
    EXPECT_NE(config.error().message.find(folder_.path("config")), std::string::npos)
        << config.error().message;
  }
}

TEST_F(ConfigTest, NamesThatLeadNowhere) {
  const std::string clusters = "clusters: [{name: k, cluster: {server: 'https://h'}}]\n";
  const std::pair<std::string, std::string> cases[] = {
      {clusters, "current-context"},
      {"current-context: x\n" + clusters, "no context x"},
      {"current-context: c\ncontexts: [{name: c, context: {cluster: gone}}]\n" + clusters,
       "no cluster 'gone'"},
      {"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: gone}}]\n" + clusters,
       "no user 'gone'"},
      {"clusters: 7\n", "clusters"},
      {"clusters: [{cluster: {}}]\n", "name"},
      {"just text", "not a kubeconfig"},
      {"a: [", "line"},
  };
  for (const auto& [text, why] : cases) {
    const auto config = load(folder_.write("config", text));
    ASSERT_FALSE(config) << text;
    EXPECT_NE(config.error().message.find(why), std::string::npos) << text << ": " << config.error().message;
  }
  const auto missing = load(folder_.path("nowhere"));
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("nowhere"), std::string::npos);
}

TEST_F(ConfigTest, OfSeveralFilesTheFirstWins) {
  folder_.write("a/config",
                "current-context: c\n"
                "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                "clusters: [{name: k, cluster: {server: 'https://first', certificate-authority: ca}}]\n");
  folder_.write("a/ca", "CA of a");
  folder_.write("b/config",
                "current-context: d\n"
                "contexts: [{name: c, context: {cluster: other}}, {name: d, context: {cluster: k}}]\n"
                "clusters: [{name: k, cluster: {server: 'https://second'}}]\n"
                "users: [{name: u, user: {tokenFile: token}}]\n");
  folder_.write("b/token", "of b");
  environment_["KUBECONFIG"] =
      ":" + folder_.path("missing") + ":" + folder_.path("a/config") + ":" + folder_.path("b/config") + ":";
  const auto config = load();
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://first");
  EXPECT_EQ(config->tls.ca_pem, "CA of a");
  EXPECT_EQ(authorization(*config), "Bearer of b");

  const auto other = load("", "d");
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(other->server, "https://first");
  EXPECT_EQ(authorization(*other), "none");
}

TEST_F(ConfigTest, InAPod) {
  environment_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "6443"}};
  folder_.write("account/ca.crt", "CA");
  folder_.write("account/token", "one");
  folder_.write("account/namespace", "sluice-system");
  const auto config = load();
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://10.96.0.1:6443");
  EXPECT_EQ(config->ns, "sluice-system");
  EXPECT_EQ(config->tls.ca_pem, "CA");
  EXPECT_EQ(authorization(*config), "Bearer one");
  folder_.write("account/token", "two");
  clock_->advance(minutes(1));
  EXPECT_EQ(authorization(*config), "Bearer two");

  environment_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  const auto ipv6 = load();
  EXPECT_EQ(ipv6->server, "https://kubernetes.default.svc:6443");
  EXPECT_TRUE(http::make_transport({.base_url = ipv6->server})) << "the address itself is refused";
}

TEST_F(ConfigTest, ABrokenServiceAccountIsAnError) {
  environment_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}};
  folder_.write("account/ca.crt", "CA");
  EXPECT_FALSE(load());  // no token
  folder_.write("account/token", "one");
  EXPECT_TRUE(load());
  folder_.write("account/ca.crt", "");  // must not end as "trust the system's authorities"
  EXPECT_FALSE(load());
}

TEST_F(ConfigTest, TheOrderOfSources) {
  const auto config_for = [](const std::string& server) {
    return "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
           "clusters: [{name: k, cluster: {server: '" +
           server + "'}}]\n";
  };
  environment_["HOME"] = folder_.path("home");
  folder_.write("home/.kube/config", config_for("https://home"));
  EXPECT_EQ(load()->server, "https://home");
  environment_["KUBERNETES_SERVICE_HOST"] = "pod";
  EXPECT_EQ(load()->server, "https://home");  // no service account is mounted
  folder_.write("account/ca.crt", "CA");
  folder_.write("account/token", "t");
  EXPECT_EQ(load()->server, "https://pod:443");
  EXPECT_EQ(load("", "c")->server, "https://home");
  environment_["KUBECONFIG"] = folder_.write("listed", config_for("https://listed"));
  EXPECT_EQ(load()->server, "https://listed");
  EXPECT_EQ(load(folder_.write("named", config_for("https://named")))->server, "https://named");
}

}  // namespace
}  // namespace sluice::kube
