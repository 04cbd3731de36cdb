// Where the API server is and who we are to it: from a kubeconfig, or from inside a pod.
//
// The order is that of kubectl and of controllers: the file that was named; the files of KUBECONFIG, merged;
// the service account of the pod that we run in; ~/.kube/config. HTTP_PROXY and HTTPS_PROXY are not read, on
// purpose, and what cannot be kept to (proxy-url, tls-server-name) is refused.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "http/transport.h"
#include "kube/credentials.h"

namespace sluice::kube {

struct Config {
  std::string server;  // base URL
  http::TlsOptions tls;
  std::shared_ptr<Credentials> credentials;  // null: anonymous, or by client certificate alone
  std::string ns;                            // of the context or of the pod; "default" when neither says
  std::string origin;                        // where this comes from, in words, for logs
};

struct ConfigSource {
  std::string kubeconfig;  // a path, as of --kubeconfig; empty: see above
  std::string context;     // empty: the current one
  // Null: the variables of this process.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::shared_ptr<const Clock> clock;  // null: the machine's
};

// Errors: Invalid, with the file and what is wrong in it. Certificates in files are read again for each new
// connection, tokens in files once a minute; the CA bundle and all else only now.
Result<Config> load_config(const ConfigSource& source = {});

}  // namespace sluice::kube
