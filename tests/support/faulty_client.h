// FaultyClient: a kube::Client between the code under test and another one, that loses requests and answers.
//
// Faults decides for each call. What it may do to one:
// - before(): refuse it; the server never sees it (a connection that could not be made);
// - twice():  send it again after the first answer, and give the second answer (a library that resends);
// - after():  let the server do it and lose the answer (a connection that broke, a deadline).
#pragma once

#include <optional>
#include <string>

#include "kube/client.h"

namespace sluice::test {

struct Call {
  enum class Verb { Get, List, Watch, Create, Update, Patch, Delete, Version };
  Verb verb = Verb::Get;
  kube::Resource resource;
  kube::Key key;  // empty for List, Watch and Version
  std::string subresource;

  bool is_write() const {
    return verb == Verb::Create || verb == Verb::Update || verb == Verb::Patch || verb == Verb::Delete;
  }
};

class Faults {
 public:
  virtual ~Faults() = default;
  virtual std::optional<Error> before(const Call& /*call*/) { return std::nullopt; }
  virtual bool twice(const Call& /*call*/) { return false; }
  virtual std::optional<Error> after(const Call& /*call*/) { return std::nullopt; }
};

// As thread-safe as the Faults that it is given.
class FaultyClient final : public kube::Client {
 public:
  FaultyClient(kube::Client& inner, Faults& faults) : inner_(inner), faults_(faults) {}

  Result<nlohmann::json> get(const kube::Resource& resource, const kube::Key& key) override;
  Result<kube::ListPage> list(const kube::Resource& resource, const std::string& ns,
                              const kube::ListOptions& options) override;
  Outcome watch(const kube::Resource& resource, const std::string& ns, const kube::WatchOptions& options,
                const std::function<void(kube::WatchEvent)>& handler, std::stop_token stop) override;
  Result<nlohmann::json> create(const kube::Resource& resource, const nlohmann::json& object) override;
  Result<nlohmann::json> update(const kube::Resource& resource, const nlohmann::json& object,
                                const std::string& subresource = "") override;
  Result<nlohmann::json> patch(const kube::Resource& resource, const kube::Key& key,
                               const nlohmann::json& body, const kube::PatchOptions& options) override;
  Outcome remove(const kube::Resource& resource, const kube::Key& key, const std::string& uid = "") override;
  Result<std::string> log(const kube::Key& pod, const kube::LogOptions& options) override;
  Result<std::string> server_version() override;

 private:
  template <class Send>
  auto through(const Call& call, Send send) -> decltype(send());

  kube::Client& inner_;
  Faults& faults_;
};

}  // namespace sluice::test
