#include "kube/credentials.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/base64.h"
#include "base/log.h"

namespace sluice::kube {

namespace {

class FixedCredentials final : public Credentials {
 public:
  explicit FixedCredentials(std::string authorization) : authorization_(std::move(authorization)) {}
  Result<std::string> authorization() override { return authorization_; }

 private:
  const std::string authorization_;
};

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

std::shared_ptr<Credentials> fixed_credentials(std::string authorization) {
  return std::make_shared<FixedCredentials>(std::move(authorization));
}

Result<std::string> TokenFile::authorization() {
  const std::lock_guard lock(mutex_);
  const auto now = clock_->steady();
  if (!read_at_ || now - *read_at_ >= kReadAgainAfter) {
    const auto text = read_file(path_);
    const std::string token = text ? trimmed(*text) : std::string();
    if (!token.empty()) {
      token_ = token;
    } else if (token_.empty()) {
      return Error{
          ErrorCode::Unauthorized, text ? "the token file " + path_ + " is empty" : text.error().message, {}};
    } else {
      log::warn("the token file cannot be read; the last token stays in use", {{"path", path_}});
    }
    read_at_ = now;  // also after a failure: one warning a minute
  }
  return "Bearer " + token_;
}

bool TokenFile::forget(const std::string& refused) {
  const std::lock_guard lock(mutex_);
  if (refused == "Bearer " + token_) read_at_.reset();
  return true;
}

std::string basic_authorization(const std::string& user, const std::string& password) {
  return "Basic " + base64_encode(user + ":" + password);
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text;
  std::array<char, 4096> piece{};
  while (in.read(piece.data(), piece.size()) || in.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  }
  // A folder can be opened; reading it is what fails.
  if (!in.is_open() || in.bad()) {
    return Error{ErrorCode::Invalid, "cannot read " + path + ": " + std::strerror(errno), {}};
  }
  return text;
}

}  // namespace sluice::kube
