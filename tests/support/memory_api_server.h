// MemoryApiServer: an API server in memory, for tests that need its real semantics but not its process.
//
//   VirtualClock clock;
//   MemoryApiServer server(clock);
//   server.create(resources::kConfigMaps, {...});                 // it is a kube::Client
//   server.as("kubectl")->patch(...);                             // somebody else
//
// What it does as the real one: one resourceVersion for everything, that only grows; uid and
// creationTimestamp; generation, bumped when something besides metadata and status changes; AlreadyExists,
// NotFound, Conflict on a stale resourceVersion or another uid; writes that change nothing leave the
// resourceVersion; status is written only through its subresource and nothing else is; merge, JSON and apply
// patches with field managers (field_ownership.h); finalizers and deletionTimestamp; deletion of what a
// deleted owner owned; label and field selectors, also on watches, where an object that stops matching is
// seen as deleted; paged lists from one snapshot; lists as the beginning of a watch; watches that replay from a
// version, bookmarks, and 410 Gone for what was compacted away.
//
// What it lacks: schemas (see admit()), authorisation, webhooks, merging of lists by key, generateName.
//
// Watches come in two forms. Threads use kube::Client::watch(), which blocks. A harness with one thread opens
// a watch with open_watch() and delivers what has happened with pump(): nothing moves between two pumps, and
// the same calls give the same events in the same order. Thread-safe; handlers are called without any lock.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "kube/client.h"
#include "support/field_ownership.h"
#include "support/watch_history.h"

namespace sluice::test {

// What MemoryApiServer serves without being told. Others: serve().
namespace resources {
extern const kube::Resource kConfigMaps;
extern const kube::Resource kSecrets;
extern const kube::Resource kServices;
extern const kube::Resource kPods;
extern const kube::Resource kNamespaces;
extern const kube::Resource kDeployments;
extern const kube::Resource kReplicaSets;
extern const kube::Resource kJobs;
extern const kube::Resource kLeases;
extern const kube::Resource kEvents;
extern const kube::Resource kEndpointSlices;
extern const kube::Resource kHttpRoutes;
extern const kube::Resource kGateways;
extern const kube::Resource kRollouts;
}  // namespace resources

class MemoryApiServer final : public kube::Client {
 public:
  struct Options {
    std::string manager = "memory-test";  // the field manager of whoever names none
    bool collect_at_once = true;          // false: dependents stay until collect_garbage()
    std::size_t history = 100'000;        // changes that are kept; older ones are compacted away
    std::uint64_t first_version = 1'000;
    bool streams_lists = true;  // false: refuses initial events, as servers before Kubernetes 1.34 do
  };
  struct Traits {
    bool status = true;      // has a status subresource
    bool generation = true;  // has metadata.generation
  };

  explicit MemoryApiServer(const Clock& clock, Options options);
  explicit MemoryApiServer(const Clock& clock);
  ~MemoryApiServer() override;

  // Serves one more resource; NotFound for those that are not served.
  void serve(const kube::Resource& resource, Traits traits);
  void serve(const kube::Resource& resource) { serve(resource, Traits{}); }
  // Called with each object that is about to be stored (`before` is null at a create): may fill in defaults;
  // a text returned refuses the write as Invalid. For schemas and CEL rules.
  using Admission =
      std::function<std::optional<std::string>(nlohmann::json& object, const nlohmann::json* before)>;
  void admit(const kube::Resource& resource, Admission admission);

  // The same server, as another field manager. Lives at most as long as the server.
  std::unique_ptr<kube::Client> as(std::string manager);

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
  // What write_log() was given, whatever the container; the last lines and the first bytes of them.
  Result<std::string> log(const kube::Key& pod, const kube::LogOptions& options) override;
  Result<std::string> server_version() override { return std::string("v1.35.0"); }

  // As the kubelet keeps it: as long as the pod is there.
  void write_log(const kube::Key& pod, std::string text);

  // ---- Watches of a harness with one thread ----
  using WatchId = std::uint64_t;
  struct WatchHandler {
    std::function<void(kube::WatchEvent)> on_event;
    std::function<void(const Outcome&)> on_end;  // once, from pump(); not after close_watch()
  };
  WatchId open_watch(const kube::Resource& resource, const std::string& ns, const kube::WatchOptions& options,
                     WatchHandler handler);
  void close_watch(WatchId id);
  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  // Delivers to every open watch, in the order of opening, at most so many events each. Returns their number.
  std::size_t pump(std::size_t at_most = kAll);
  std::size_t pump_one(WatchId id, std::size_t at_most = kAll);

  // ---- Faults and old age, for both forms of watch ----
  // Each watch that has caught up gets a bookmark (with the next pump).
  void send_bookmarks();
  // Ends all watches; what they have not delivered yet is lost to them.
  void break_watches(const Outcome& outcome);
  // Forgets all history: continue tokens, and watches from before now, are Gone.
  void compact();
  // The watch cache stands still: lists with resourceVersion "0" show this moment and watches deliver nothing
  // newer, while reads and writes go on.
  void freeze_watch_cache();
  void thaw_watch_cache();

  // Deletes what is owned only by what is gone. Returns how many objects it deleted or marked.
  std::size_t collect_garbage();

  // ---- For assertions ----
  std::uint64_t version() const;
  std::uint64_t requests() const;  // answered since the start, watches included
  std::uint64_t writes() const;    // that changed something
  std::size_t size(const kube::Resource& resource) const;

 private:
  class View;
  struct Entry {
    ObjectPtr object;
    FieldOwnership ownership;
  };
  struct Table {
    kube::Resource resource;
    Traits traits;
    Admission admission;
    std::map<kube::Key, Entry> entries;
  };
  struct Watcher;
  struct Delivery;

  Table* table(const kube::Resource& resource);
  Result<nlohmann::json> create_as(const std::string& manager, const kube::Resource&, const nlohmann::json&);
  Result<nlohmann::json> update_as(const std::string& manager, const kube::Resource&, const nlohmann::json&,
                                   const std::string& subresource);
  Result<nlohmann::json> patch_as(const std::string& manager, const kube::Resource&, const kube::Key&,
                                  const nlohmann::json& body, const kube::PatchOptions&);
  Result<nlohmann::json> apply(Table&, const kube::Key&, nlohmann::json body, const Writer&, bool force);
  Result<nlohmann::json> insert(Table&, const kube::Key&, nlohmann::json object, FieldOwnership ownership,
                                const Writer* updater);
  Result<nlohmann::json> change(Table&, const kube::Key&, Entry&, nlohmann::json next,
                                const std::string& subresource, FieldOwnership ownership,
                                const Writer* updater);
  bool mark_or_erase(Table&, const kube::Key&);
  ObjectPtr commit(Table&, const kube::Key&, WatchChange::Type, nlohmann::json object);
  void index_owners(const Table&, const kube::Key&, const ObjectPtr& before, const ObjectPtr& after);
  std::size_t collect_locked();
  std::size_t collect_dependent(Table&, const kube::Key& key);
  std::map<kube::Key, ObjectPtr> snapshot(const Table&, std::uint64_t version) const;
  std::uint64_t cache_version() const { return frozen_.value_or(history_.version()); }

  std::shared_ptr<Watcher> make_watcher(const kube::Resource&, const std::string& ns,
                                        const kube::WatchOptions&);
  void start_with_all(Watcher&, const Table& served) const;
  void fill(Watcher&) const;
  std::optional<Delivery> take(Watcher&) const;

  const Clock& clock_;
  const Options options_;

  mutable std::mutex mutex_;
  std::condition_variable_any happened_;  // for blocking watches
  std::map<std::string, Table> tables_;   // by plural.group
  WatchHistory history_;
  std::optional<std::uint64_t> frozen_;
  std::set<std::string> uids_;
  std::map<kube::Key, std::string> logs_;  // by pod
  std::map<std::string, std::set<std::pair<std::string, kube::Key>>> dependents_;  // by the owner's uid
  bool dangling_ = false;  // something may be owned by nobody
  std::uint64_t next_uid_ = 1;
  std::uint64_t requests_ = 0;
  std::uint64_t writes_ = 0;
  WatchId next_watch_ = 1;
  std::map<WatchId, std::shared_ptr<Watcher>> watchers_;
};

}  // namespace sluice::test
