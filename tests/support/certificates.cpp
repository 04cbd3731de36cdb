#include "support/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace sluice::test {

namespace {

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("certificate: ") + what);
}

std::shared_ptr<EVP_PKEY> new_key() {
  std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  must(key != nullptr, "no key");
  return key;
}

template <class Write>
std::string to_pem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  must(write(bio.get()) == 1, "no PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), &X509_EXTENSION_free);
  must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "no extension");
}

std::shared_ptr<X509> new_certificate(const CertificateRequest& request, long serial, EVP_PKEY* key) {
  std::shared_ptr<X509> out(X509_new(), &X509_free);
  must(out != nullptr, "no memory");
  X509_set_version(out.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), request.valid_from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), request.valid_until_seconds);
  X509_set_pubkey(out.get(), key);
  const auto* name = reinterpret_cast<const unsigned char*>(request.common_name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC, name, -1, -1, 0);
  return out;
}

std::string certificate_to_pem(X509* certificate) {
  return to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string alternative_names(const CertificateRequest& request) {
  std::string out;
  for (const std::string& name : request.dns_names) out += (out.empty() ? "DNS:" : ",DNS:") + name;
  for (const std::string& ip : request.ip_addresses) out += (out.empty() ? "IP:" : ",IP:") + ip;
  return out;
}

}  // namespace

CertificateAuthority::CertificateAuthority(const std::string& name) : key_(new_key()) {
  CertificateRequest request;
  request.common_name = name;
  certificate_ = new_certificate(request, serial_++, key_.get());
  X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
  add_extension(certificate_.get(), certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate_.get(), certificate_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  must(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0, "cannot sign");
  pem_ = certificate_to_pem(certificate_.get());
}

KeyPair CertificateAuthority::issue(const CertificateRequest& request) {
  const auto key = new_key();
  const auto certificate = new_certificate(request, serial_++, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
  const std::string names = alternative_names(request);
  if (!names.empty()) add_extension(certificate.get(), certificate_.get(), NID_subject_alt_name, names);
  must(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0, "cannot sign");
  return {certificate_to_pem(certificate.get()), to_pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace sluice::test
