#include "kube/rest_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/pause.h"
#include "kube/json_text.h"
#include "kube/object.h"
#include "kube/paths.h"
#include "kube/rate_limit.h"
#include "kube/status.h"
#include "kube/user_agent.h"
#include "kube/warning_log.h"
#include "kube/watch_decoder.h"

namespace sluice::kube {

namespace {

using nlohmann::json;
using Instant = std::chrono::steady_clock::time_point;

constexpr int kMostTries = 5;                     // of one call, when the server asks us to come again
constexpr std::size_t kLargestPage = 512u << 20;  // bytes; older servers answer a list from their cache whole
constexpr std::size_t kLargestErrorBody = 64u << 10;  // bytes
constexpr auto kWatchGrace = seconds(5);  // beyond the time after which the server ends a watch itself

// A request and what is reported about it.
struct Call {
  const char* verb;
  std::string resource;
  http::Request request;
};

std::string label(const Resource& resource, const std::string& subresource) {
  return subresource.empty() ? resource.plural : resource.plural + "/" + subresource;
}

Error invalid(std::string message) {
  return Error{ErrorCode::Invalid, std::move(message), {}};
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

const char* content_type(PatchType type) {
  switch (type) {
    case PatchType::Merge:
      return "application/merge-patch+json";
    case PatchType::Json:
      return "application/json-patch+json";
    case PatchType::Apply:
      return "application/apply-patch+yaml";
  }
  return "application/merge-patch+json";
}

const char* method_name(http::Method method) {
  switch (method) {
    case http::Method::Get:
      return "GET";
    case http::Method::Post:
      return "POST";
    case http::Method::Put:
      return "PUT";
    case http::Method::Patch:
      return "PATCH";
    case http::Method::Delete:
      return "DELETE";
  }
  return "GET";
}

// A write that we have given up must not be carried out when its time is long over, and somebody has written since: the
// server is told how long it may take.
http::Request bounded(http::Request request) {
  if (request.method == http::Method::Get) return request;
  request.path += request.path.find('?') == std::string::npos ? '?' : '&';
  request.path += "timeout=" + std::to_string(request.deadline.count()) + "ms";
  return request;
}

Call get_call(const char* verb, std::string resource, std::string path) {
  Call call{verb, std::move(resource), {}};
  call.request.path = std::move(path);
  return call;
}

// The Client contract makes all writes safe to be sent twice.
Call write_call(const char* verb, std::string resource, http::Method method, std::string path,
                std::string body, const char* type) {
  Call call{verb, std::move(resource), {}};
  call.request.method = method;
  call.request.path = std::move(path);
  call.request.body = std::move(body);
  call.request.headers.emplace_back("Content-Type", type);
  call.request.repeatable = true;
  return call;
}

class RestClient final : public Client {
 public:
  RestClient(std::unique_ptr<http::Transport> transport, std::shared_ptr<Credentials> credentials,
             const ClientOptions& options);

  Result<json> get(const Resource& resource, const Key& key) override;
  Result<ListPage> list(const Resource& resource, const std::string& ns, const ListOptions& options) override;
  Outcome watch(const Resource& resource, const std::string& ns, const WatchOptions& options,
                const std::function<void(WatchEvent)>& handler, std::stop_token stop) override;
  Result<json> create(const Resource& resource, const json& object) override;
  Result<json> update(const Resource& resource, const json& object, const std::string& subresource) override;
  Result<json> patch(const Resource& resource, const Key& key, const json& body,
                     const PatchOptions& options) override;
  Outcome remove(const Resource& resource, const Key& key, const std::string& uid) override;
  Result<std::string> log(const Key& pod, const LogOptions& options) override;
  Result<std::string> server_version() override;

 private:
  Result<http::Response> exchange(Call call, Duration deadline);
  Result<json> execute(Call call, Duration deadline);
  Outcome prepare(http::Request& request, Instant until, const std::stop_token& stop);
  bool wait(Duration duration, Instant until, const std::stop_token& stop) const;
  bool may_try_again(Call& call, const http::Response& answer, const Error& error, int tries, Instant until);
  Result<http::Response> send(Call& call, Instant until);
  bool forget_credentials(const http::Request& refused) const;
  void observe(const Call& call, int status, Instant began) const;
  void reached(bool answered) const;

  const std::unique_ptr<http::Transport> transport_;
  const std::shared_ptr<Credentials> credentials_;
  ClientOptions options_;
  RateLimit limit_;
  WarningLog warnings_;
};

RestClient::RestClient(std::unique_ptr<http::Transport> transport, std::shared_ptr<Credentials> credentials,
                       const ClientOptions& options)
    : transport_(std::move(transport)),
      credentials_(std::move(credentials)),
      options_(options),
      limit_(options.requests_per_second, options.burst) {
  if (!options_.clock) options_.clock = std::make_shared<SystemClock>();
  if (!options_.pause) options_.pause = &pause_for;
}

// False when it would last beyond the deadline, or was stopped.
bool RestClient::wait(Duration duration, Instant until, const std::stop_token& stop) const {
  if (options_.clock->steady() + duration >= until) return false;
  if (duration > Duration::zero()) options_.pause(duration, stop);
  return !stop.stop_requested();
}

// What each try needs anew: a place under the rate limit, a token, and the time that is left.
Outcome RestClient::prepare(http::Request& request, Instant until, const std::stop_token& stop) {
  const Instant now = options_.clock->steady();
  const std::optional<Duration> turn = limit_.take(now, std::chrono::ceil<Duration>(until - now));
  if (!turn || !wait(*turn, until, stop)) {
    if (stop.stop_requested()) return Error{ErrorCode::Cancelled, "cancelled", {}};
    return Error{ErrorCode::Timeout, "no time was left under the client's own rate limit", {}};
  }
  std::erase_if(request.headers, [](const auto& header) { return header.first == "Authorization"; });
  if (credentials_) {
    auto authorization = credentials_->authorization();
    if (!authorization) return authorization.error();
    if (!authorization->empty()) request.headers.emplace_back("Authorization", *std::move(authorization));
  }
  request.deadline = std::chrono::ceil<Duration>(until - options_.clock->steady());
  return Ok{};
}

// What was refused may have been replaced meanwhile: then that is still good.
bool RestClient::forget_credentials(const http::Request& refused) const {
  return credentials_ && credentials_->forget(http::find_header(refused.headers, "Authorization").value_or(""));
}

void RestClient::reached(bool answered) const {
  if (options_.reached) options_.reached(answered);
}

void RestClient::observe(const Call& call, int status, Instant began) const {
  if (!options_.observer) return;
  const auto took = options_.clock->steady() - began;
  options_.observer({call.verb, method_name(call.request.method), call.resource, status, took});
}

Result<http::Response> RestClient::send(Call& call, Instant until) {
  const Outcome ready = prepare(call.request, until, options_.stop);
  if (!ready) return ready.error();
  if (options_.admits && !options_.admits()) {
    return Error{ErrorCode::Unavailable, "the API server does not answer; it was not asked again so soon", {}};
  }
  const Instant began = options_.clock->steady();
  auto answer = transport_->send(bounded(call.request), options_.stop);
  observe(call, answer ? answer->status : 0, began);
  reached(answer.ok());
  if (answer) warnings_.note(answer->headers);
  return answer;
}

bool RestClient::may_try_again(Call& call, const http::Response& answer, const Error& error, int tries,
                               Instant until) {
  if (answer.status == 401) {
    // A new certificate counts only on a new connection.
    const bool first = !std::exchange(call.request.fresh_connection, true);
    return first && forget_credentials(call.request);
  }
  if (answer.status != 429 && answer.status < 500) return false;
  return error.retry_after && tries < kMostTries && wait(*error.retry_after, until, options_.stop);
}

// Until it succeeds or there is no use in another try.
Result<http::Response> RestClient::exchange(Call call, Duration deadline) {
  const Instant until = options_.clock->steady() + deadline;
  for (int tries = 1;; ++tries) {
    auto answer = send(call, until);
    if (!answer || is_success(answer->status)) return answer;
    Error error = error_from_answer(answer->status, answer->headers, answer->body);
    if (!may_try_again(call, *answer, error, tries, until)) return error;
  }
}

Result<json> RestClient::execute(Call call, Duration deadline) {
  call.request.headers.emplace_back("Accept", "application/json");
  const auto answer = exchange(std::move(call), deadline);
  if (!answer) return answer.error();
  auto body = json::parse(answer->body, nullptr, false);
  if (!body.is_object()) return Error{ErrorCode::Internal, "the API server's answer is not a JSON object", {}};
  return body;
}

Result<json> RestClient::get(const Resource& resource, const Key& key) {
  if (key.name.empty()) return invalid("get: the name of the object is empty");
  return execute(get_call("get", resource.plural, object_path(resource, key)), options_.deadline);
}

Result<ListPage> RestClient::list(const Resource& resource, const std::string& ns,
                                  const ListOptions& options) {
  Query query;
  query.add("labelSelector", options.selector.labels).add("fieldSelector", options.selector.fields);
  if (options.limit > 0) query.add("limit", std::to_string(options.limit));
  // A continue token carries its resourceVersion; the server refuses both.
  if (options.continue_token.empty()) {
    query.add("resourceVersion", options.resource_version);
  } else {
    query.add("continue", options.continue_token);
  }
  Call call = get_call("list", resource.plural, collection_path(resource, ns) + query.str());
  call.request.max_body = kLargestPage;
  auto answer = execute(std::move(call), options_.list_deadline);
  if (!answer) return answer.error();

  ListPage page;
  page.resource_version = resource_version_of(*answer);
  page.continue_token = string_at(*answer, {"metadata", "continue"});
  const auto items = answer->find("items");
  if (items == answer->end() || items->is_null()) return page;  // Go writes an empty list as null
  if (!items->is_array()) return Error{ErrorCode::Internal, "the API server's list has no items", {}};
  page.items.reserve(items->size());
  for (json& item : *items) {
    if (!item.is_object())
      return Error{ErrorCode::Internal, "an item of the API server's list is no object", {}};
    item["apiVersion"] = resource.api_version();
    item["kind"] = resource.kind;
    page.items.push_back(std::move(item));
  }
  return page;
}

Outcome RestClient::watch(const Resource& resource, const std::string& ns, const WatchOptions& options,
                          const std::function<void(WatchEvent)>& handler, std::stop_token stop) {
  Query query;
  query.add("watch", "true").add("allowWatchBookmarks", "true");
  if (options.initial_events) {
    query.add("sendInitialEvents", "true").add("resourceVersionMatch", "NotOlderThan");
  }
  query.add("timeoutSeconds", std::to_string(options.timeout.count()));
  query.add("resourceVersion", options.resource_version);
  query.add("labelSelector", options.selector.labels).add("fieldSelector", options.selector.fields);
  Call call = get_call("watch", resource.plural, collection_path(resource, ns) + query.str());
  call.request.headers.emplace_back("Accept", "application/json");
  call.request.max_body = kLargestErrorBody;

  bool begun = false;
  call.request.begun = [&] {
    begun = true;
    reached(true);
  };

  // A piece may hold many events: none is handed over once the caller has asked to stop.
  WatchDecoder decoder([&](WatchEvent event) {
    if (!stop.stop_requested()) handler(event);
  });
  std::optional<Error> thrown;
  const auto on_bytes = [&](std::string_view bytes) {
    try {
      return decoder.feed(bytes);
    } catch (const std::exception& e) {
      thrown = Error{ErrorCode::Internal, std::string("the handler of a watch failed: ") + e.what(), {}};
      return false;
    }
  };

  for (;;) {
    const Outcome ready = prepare(call.request, options_.clock->steady() + options_.deadline, stop);
    if (!ready) return stop.stop_requested() ? Outcome(Ok{}) : ready;
    const Instant began = options_.clock->steady();
    auto end = transport_->stream(call.request, options.timeout + kWatchGrace, on_bytes, stop);
    observe(call, end ? end->status : 0, began);
    if (stop.stop_requested()) return Ok{};
    if (!begun) reached(end.ok());  // one that began was answered, whatever ended it
    if (thrown) return *thrown;
    if (decoder.error()) return *decoder.error();
    if (!end) return end.error();
    warnings_.note(end->headers);
    if (is_success(end->status)) return decoder.finish();
    const bool first = !std::exchange(call.request.fresh_connection, true);
    if (end->status == 401 && first && forget_credentials(call.request)) continue;
    return error_from_answer(end->status, end->headers, end->error_body);
  }
}

Result<json> RestClient::create(const Resource& resource, const json& object) {
  if (name_of(object).empty()) return invalid("create: the object has no metadata.name");
  const std::string path = collection_path(resource, namespace_of(object));
  return execute(write_call("create", resource.plural, http::Method::Post, path + "?fieldValidation=Strict",
                            to_text(object), "application/json"),
                 options_.write_deadline);
}

Result<json> RestClient::update(const Resource& resource, const json& object,
                                const std::string& subresource) {
  if (name_of(object).empty()) return invalid("update: the object has no metadata.name");
  if (resource_version_of(object).empty())
    return invalid("update: the object has no metadata.resourceVersion");
  const std::string path = object_path(resource, key_of(object), subresource);
  return execute(write_call("update", label(resource, subresource), http::Method::Put,
                            path + "?fieldValidation=Strict", to_text(object), "application/json"),
                 options_.write_deadline);
}

Result<json> RestClient::patch(const Resource& resource, const Key& key, const json& body,
                               const PatchOptions& options) {
  const bool apply = options.type == PatchType::Apply;
  if (key.name.empty()) return invalid("patch: the name of the object is empty");
  if (apply && options.field_manager.empty())
    return invalid("patch: a server-side apply needs a field manager");
  Query query;
  query.add("fieldValidation", "Strict").add("fieldManager", options.field_manager);
  if (apply && options.force) query.add("force", "true");
  return execute(
      write_call(apply ? "apply" : "patch", label(resource, options.subresource), http::Method::Patch,
                 object_path(resource, key, options.subresource) + query.str(),
                 apply ? to_yaml_text(body) : to_text(body), content_type(options.type)),
      options_.write_deadline);
}

Outcome RestClient::remove(const Resource& resource, const Key& key, const std::string& uid) {
  if (key.name.empty()) return invalid("delete: the name of the object is empty");
  json options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  if (!uid.empty()) options["preconditions"]["uid"] = uid;
  const auto answer = execute(write_call("delete", resource.plural, http::Method::Delete,
                                         object_path(resource, key), to_text(options), "application/json"),
                              options_.write_deadline);
  if (!answer) return answer.error();
  return Ok{};
}

Result<std::string> RestClient::log(const Key& pod, const LogOptions& options) {
  if (pod.name.empty()) return invalid("log: the name of the pod is empty");
  static const Resource kPods{"", "v1", "pods", "Pod", true};
  Query query;
  query.add("container", options.container).add("tailLines", std::to_string(options.tail_lines));
  query.add("limitBytes", std::to_string(options.limit_bytes));
  Call call = get_call("get", label(kPods, "log"), object_path(kPods, pod, "log") + query.str());
  call.request.headers.emplace_back("Accept", "application/json, */*");  // errors are JSON, the log is plain text
  auto answer = exchange(std::move(call), options_.deadline);
  if (!answer) return answer.error();
  return std::move(answer->body);
}

Result<std::string> RestClient::server_version() {
  const auto answer = execute(get_call("get", "version", "/version"), options_.deadline);
  if (!answer) return answer.error();
  std::string version = string_at(*answer, {"gitVersion"});
  if (version.empty()) return Error{ErrorCode::Internal, "the server's /version names no version", {}};
  return version;
}

}  // namespace

std::unique_ptr<Client> make_client(std::unique_ptr<http::Transport> transport,
                                    std::shared_ptr<Credentials> credentials, const ClientOptions& options) {
  return std::make_unique<RestClient>(std::move(transport), std::move(credentials), options);
}

Result<std::unique_ptr<Client>> connect(const Config& config, const ClientOptions& options) {
  http::Endpoint endpoint{config.server, config.tls,
                          options.user_agent.empty() ? user_agent() : options.user_agent};
  auto transport = http::make_transport(endpoint);
  if (!transport) return transport.error();
  return make_client(std::move(*transport), config.credentials, options);
}

}  // namespace sluice::kube
