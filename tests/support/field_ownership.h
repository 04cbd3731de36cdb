// Who owns which field of one object: the part of server-side apply that the in-memory API server has.
//
// Maps are merged field by field, so that applying an empty map takes nothing away; the empty map itself is
// owned like a value. A list is one value that is owned and replaced as a whole. (The real server merges some
// lists by key, e.g. containers; nothing here relies on that.)
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"

namespace sluice::test {

// Who writes: a field manager, through the main resource or a subresource.
struct Writer {
  std::string manager;
  std::string subresource;
};

class FieldOwnership {
 public:
  // Merges what `writer` applies into `live`, and takes out what it applied before and does not any more,
  // unless somebody else owns that too. Conflict, with the other's name, if somebody else owns a field with
  // another value and `force` is false. Changes the ownership only on success.
  Result<nlohmann::json> apply(const nlohmann::json& live, const nlohmann::json& applied,
                               const Writer& writer, bool force);

  // `writer` turned `before` into `after` by an update or a patch: it owns what it changed, alone.
  void updated(const nlohmann::json& before, const nlohmann::json& after, const Writer& writer);

  // metadata.managedFields, with `time` for the owners that changed since the last call.
  nlohmann::json managed_fields(const std::string& api_version, const std::string& time);

 private:
  using Paths = std::set<std::string>;  // JSON pointers
  struct Owner {
    Writer writer;
    bool applies = false;
    Paths paths;
    Paths stamped_paths;  // as of `time`
    std::string time;
  };

  static void collect(const nlohmann::json& value, const std::string& path, Paths& out);
  static Paths leaves(const nlohmann::json& object);
  Owner& owner(const Writer& writer, bool applies);
  bool owned_by_another(const std::string& path, const Owner& but) const;

  std::vector<Owner> owners_;
};

}  // namespace sluice::test
