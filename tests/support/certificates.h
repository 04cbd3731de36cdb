// Certificates made on the spot, for tests of TLS.
#pragma once

#include <memory>
#include <string>
#include <vector>

typedef struct x509_st X509;
typedef struct evp_pkey_st EVP_PKEY;

namespace sluice::test {

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
};

struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  int valid_from_seconds = -3600;  // relative to now
  int valid_until_seconds = 3600;
};

// A certificate authority with a key of its own. Not thread-safe.
class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& name);

  const std::string& pem() const { return pem_; }
  KeyPair issue(const CertificateRequest& request);
  // What a server at 127.0.0.1 needs.
  KeyPair issue_for_loopback() { return issue({"server", {"localhost"}, {"127.0.0.1"}}); }

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
  std::string pem_;
  long serial_ = 1;
};

}  // namespace sluice::test
