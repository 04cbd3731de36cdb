#include "http/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <utility>

#include "http/environment.h"

namespace sluice::http {

namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
}

Certificate next_certificate(BIO* bio) {
  return Certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), &X509_free);
}

std::string last_openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown reason";
}

std::shared_ptr<X509_STORE> new_store() {
  return {X509_STORE_new(), &X509_STORE_free};
}

// How many certificates the bundle held.
int add_authorities(X509_STORE* store, const std::string& pem) {
  const Bio bio = reader(pem);
  int count = 0;
  while (const Certificate certificate = next_certificate(bio.get())) {
    if (X509_STORE_add_cert(store, certificate.get()) == 1) ++count;
  }
  ERR_clear_error();  // the end of the text is reported as an error
  return count;
}

// Parsing the system's bundle takes tens of milliseconds: once a process.
std::shared_ptr<X509_STORE> system_store() {
  static const std::shared_ptr<X509_STORE> store = [] {
    auto out = new_store();
    X509_STORE_load_file(out.get(), system_ca_file().c_str());
    X509_STORE_load_path(out.get(), system_ca_directory().c_str());
    ERR_clear_error();  // missing files: nobody is trusted then, and the handshake says so
    return out;
  }();
  return store;
}

using Owner = std::shared_ptr<TlsSettings>;

void free_owner(void*, void* pointer, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Owner*>(pointer);
}

// The slot of an SSL_CTX that keeps the settings alive as long as a connection may still verify something.
int owner_slot() {
  static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_owner);
  return slot;
}

// Verifies as usual and notes the reason of a refusal, which the network library does not pass on.
int verify_and_note(X509_STORE_CTX* verification, void*) {
  const int verdict = X509_verify_cert(verification);
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* owner = static_cast<Owner*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), owner_slot()));
  if (verdict != 1 && owner != nullptr) {
    (*owner)->record_verification(X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification)));
  }
  return verdict;
}

// An encrypted key is refused: without this, OpenSSL would ask for the passphrase on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

void require_host(SSL_CTX* context, const Address& address) {
  X509_VERIFY_PARAM* parameters = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int done = address.host_is_ip ? X509_VERIFY_PARAM_set1_ip_asc(parameters, address.host.c_str())
                                      : X509_VERIFY_PARAM_set1_host(parameters, address.host.c_str(), 0);
  if (done != 1) throw TlsSetupError("TLS cannot verify the host name " + address.host);
}

}  // namespace

Result<std::shared_ptr<TlsSettings>> TlsSettings::make(const Address& address, const TlsOptions& options) {
  std::shared_ptr<TlsSettings> out(new TlsSettings(address, options));
  if (options.ca_pem.empty()) {
    out->store_ = address.tls ? system_store() : new_store();
  } else {
    out->store_ = new_store();
    if (add_authorities(out->store_.get(), options.ca_pem) == 0) {
      return Error{
          ErrorCode::Invalid, "the certificate authority bundle holds no certificate in PEM form", {}};
    }
  }
  return out;
}

void TlsSettings::configure(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set1_cert_store(context, store_.get());
  if (!options_.insecure_skip_verify) require_host(context, address_);
  SSL_CTX_set_ex_data(context, owner_slot(), new Owner(shared_from_this()));
  SSL_CTX_set_cert_verify_callback(context, &verify_and_note, nullptr);
  use_client_certificate(context);
}

void TlsSettings::use_client_certificate(SSL_CTX* context) {
  const std::lock_guard lock(mutex_);  // also against detach: the callback's owner lives while we hold it
  if (!options_.client_certificate) return;
  const auto [chain, key_text] = options_.client_certificate();
  if (chain.empty() && key_text.empty()) return;

  ERR_clear_error();
  const Bio chain_bio = reader(chain);
  const Certificate leaf = next_certificate(chain_bio.get());
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    throw TlsSetupError("the client certificate cannot be used: " + last_openssl_error());
  }
  SSL_CTX_clear_chain_certs(context);
  while (const Certificate next = next_certificate(chain_bio.get()))
    SSL_CTX_add1_chain_cert(context, next.get());
  ERR_clear_error();

  const Bio key_bio = reader(key_text);
  const Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, &no_passphrase, nullptr), &EVP_PKEY_free);
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    throw TlsSetupError("the key of the client certificate cannot be used: " + last_openssl_error());
  }
}

std::string TlsSettings::verification_failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void TlsSettings::record_verification(std::string failure) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(failure);
}

void TlsSettings::detach() {
  const std::lock_guard lock(mutex_);
  options_.client_certificate = nullptr;
}

}  // namespace sluice::http
