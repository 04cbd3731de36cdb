// One Kubernetes API server: typed errors, plain JSON objects, blocking calls.
//
// Client is an interface, so that controllers run unchanged against the in-memory API server of the
// simulation tests. All implementations are thread-safe. Every call returns within its deadline.
//
// Writes are safe to be sent twice: creates use fixed names (a second one answers AlreadyExists), updates and
// status patches carry a resourceVersion (a second one answers Conflict), server-side applies are idempotent.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "kube/resource.h"

namespace sluice::kube {

struct Selector {
  std::string labels;  // "sluice.dev/rollout", "a=b,c in (d,e)"; empty selects all
  std::string fields;
};

struct ListOptions {
  Selector selector;
  std::string resource_version;  // "0": from the watch cache; empty: a consistent read
  int limit = 500;
  std::string continue_token;
};

struct ListPage {
  std::vector<nlohmann::json> items;  // apiVersion and kind filled in; managedFields as the server sent them
  std::string resource_version;
  std::string continue_token;  // empty: this was the last page
};

struct WatchOptions {
  Selector selector;
  std::string resource_version;
  // A list as a stream: all objects come as Added, at least as new as `resource_version` ("0": from the watch
  // cache; empty: a consistent read), perhaps with changes among them, then a bookmark for which
  // ends_initial_events() holds, then changes as in any watch. Servers before Kubernetes 1.34 may refuse
  // (Invalid), or never send the bookmark.
  bool initial_events = false;
  seconds timeout = seconds(290);  // the server ends the watch then; silence of this + 5 s ends it from here
};

struct WatchEvent {
  enum class Type { Added, Modified, Deleted, Bookmark };
  Type type = Type::Added;
  nlohmann::json& object;  // valid during the call; may be moved from
};

// Whether what was sent before this bookmark is the complete list.
bool ends_initial_events(const WatchEvent& event);

enum class PatchType { Merge, Json, Apply };

struct PatchOptions {
  PatchType type = PatchType::Merge;
  std::string subresource;    // "" or "status" or "scale"
  std::string field_manager;  // required for Apply
  bool force = false;         // Apply only
};

// The end of a container's log.
struct LogOptions {
  std::string container;          // empty: the only one
  int tail_lines = 10;
  int limit_bytes = 64 << 10;     // of those lines, from their beginning
};

class Client {
 public:
  virtual ~Client() = default;

  virtual Result<nlohmann::json> get(const Resource& resource, const Key& key) = 0;
  // `ns` empty: all namespaces.
  virtual Result<ListPage> list(const Resource& resource, const std::string& ns,
                                const ListOptions& options) = 0;

  // Blocks until the server or `stop` ends the watch (success), or it fails. Error events are turned into the
  // error that they carry (410: Gone). `handler` runs on one thread at a time.
  virtual Outcome watch(const Resource& resource, const std::string& ns, const WatchOptions& options,
                        const std::function<void(WatchEvent)>& handler, std::stop_token stop) = 0;

  // Objects carry metadata.name (and metadata.namespace); writes return the object as stored.
  virtual Result<nlohmann::json> create(const Resource& resource, const nlohmann::json& object) = 0;
  // metadata.resourceVersion must be set. `subresource` is "" or "status".
  virtual Result<nlohmann::json> update(const Resource& resource, const nlohmann::json& object,
                                        const std::string& subresource = "") = 0;
  virtual Result<nlohmann::json> patch(const Resource& resource, const Key& key, const nlohmann::json& body,
                                       const PatchOptions& options) = 0;
  // Background propagation. `uid` (may be empty) guards against deleting a successor of the same name.
  virtual Outcome remove(const Resource& resource, const Key& key, const std::string& uid = "") = 0;

  // What a container wrote last. Bytes as they are: not necessarily UTF-8. NotFound: no such pod; Invalid: no such
  // container, or it has not begun.
  virtual Result<std::string> log(const Key& pod, const LogOptions& options) = 0;

  // "v1.35.8"; what /version answers. Also a way to ask whether the server is there.
  virtual Result<std::string> server_version() = 0;
};

}  // namespace sluice::kube
