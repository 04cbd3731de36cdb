// The environment of this process, before the network library's needs changed it.
//
// For each new TLS connection the library first loads the system's certificate authorities (about 40 ms of
// CPU), and only then lets us replace them. The one way to keep it from doing so is to point SSL_CERT_FILE
// and SSL_CERT_DIR at nothing. That is done once, in prepare_network, before there are other threads:
// setenv races with every getenv. What the user had set there still counts: system_ca_file and
// system_ca_directory remember it, and child_environment (transport.h) gives it to programs that we start.
#pragma once

#include <string>

namespace sluice::http {

// Idempotent. Call before any other thread runs.
void hide_system_certificates();

// Where the system's certificate authorities are: the user's SSL_CERT_FILE / SSL_CERT_DIR, else the defaults
// that OpenSSL was built with.
std::string system_ca_file();
std::string system_ca_directory();

}  // namespace sluice::http
