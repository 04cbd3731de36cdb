#include "runtime/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace sluice::runtime {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Thing {
  std::string owner;
  int value = 0;
};

json thing(const std::string& name, const std::string& version, int value, const std::string& owner = "") {
  return {{"metadata", {{"namespace", "ml"}, {"name", name}, {"resourceVersion", version}}},
          {"owner", owner},
          {"value", value}};
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    by_owner_ = store_.add_index([](const kube::Key& key, const Thing& t) -> std::vector<kube::Key> {
      if (t.owner.empty()) return {};
      return {{key.ns, t.owner}};
    });
    store_.on_change([this](const kube::Key& key, const auto& before, const auto& after) {
      const auto text = [](const auto& t) { return t ? std::to_string(t->value) : std::string("-"); };
      changes_.push_back(key.name + " " + text(before) + ">" + text(after));
      // A handler sees the store as it is after the change.
      EXPECT_EQ(store_.get(key), after);
    });
  }

  void list(std::vector<json> objects) {
    store_.list_started();
    for (json& object : objects) store_.list_item(object);
    store_.list_finished();
  }
  void apply(json object) { store_.applied(object); }
  void remove(json object) { store_.deleted(object); }
  std::vector<std::string> changes() { return std::exchange(changes_, {}); }
  std::vector<std::string> owned_by(const std::string& owner) const {
    std::vector<std::string> names;
    for (const auto& item : store_.indexed(by_owner_, {"ml", owner})) names.push_back(item.key.name);
    return names;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& item : store_.list()) names.push_back(item.key.name);
    return names;
  }

  int projections_ = 0;
  Store<Thing> store_{"things", [this](const json& object) -> std::optional<Thing> {
                        ++projections_;
                        if (object.at("value") == -1) return std::nullopt;
                        return Thing{object.at("owner"), object.at("value")};
                      }};
  Store<Thing>::IndexId by_owner_ = 0;
  std::vector<std::string> changes_;
};

TEST_F(StoreTest, WhatIsRemovedFromAListBeforeItsEndIsNotInIt) {
  list({thing("a", "1", 1), thing("b", "2", 2)});
  changes();
  json a = thing("a", "1", 1);
  json b = thing("b", "2", 2);
  json c = thing("c", "3", 3);
  json d = thing("d", "4", 4);
  store_.list_started();
  for (json* object : {&a, &b, &c, &d}) store_.list_item(*object);
  store_.list_removed(b);
  json newer = thing("c", "5", 30);
  store_.list_item(newer);
  json unwanted = thing("d", "6", -1);
  store_.list_item(unwanted);
  EXPECT_THAT(names(), ElementsAre("a", "b"));
  store_.list_finished();
  EXPECT_THAT(changes(), ElementsAre("b 2>-", "c ->30"));
}

TEST_F(StoreTest, WhatIsNotOursIsDroppedBeforeItIsRead) {
  store_.only([](const json& object) { return object.at("owner") == "us"; });
  list({thing("a", "1", 1, "us"), thing("b", "2", 2, "them")});
  EXPECT_EQ(projections_, 1);
  apply(thing("c", "3", 3, "them"));
  EXPECT_EQ(projections_, 1);
  EXPECT_THAT(names(), ElementsAre("a"));
  apply(thing("a", "4", 1, "them"));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(StoreTest, AListReplacesEverythingAtOnce) {
  list({thing("a", "1", 1), thing("b", "2", 2)});
  EXPECT_THAT(changes(), ElementsAre("a ->1", "b ->2"));
  json half = thing("c", "3", 3);
  store_.list_started();
  store_.list_item(half);
  EXPECT_THAT(names(), ElementsAre("a", "b"));  // nothing of it shows yet
  // An unfinished list leaves no trace.
  list({thing("b", "4", 20), thing("d", "5", 4)});
  EXPECT_THAT(names(), ElementsAre("b", "d"));
  EXPECT_THAT(changes(), ElementsAre("a 1>-", "b 2>20", "d ->4"));
}

TEST_F(StoreTest, ARelistWithoutChangesTellsNothingAndProjectsNothing) {
  list({thing("a", "1", 1), thing("b", "2", 2)});
  const auto before = store_.get({"ml", "a"});
  changes();
  projections_ = 0;
  list({thing("a", "1", 1), thing("b", "2", 2)});
  EXPECT_EQ(projections_, 0);
  EXPECT_THAT(changes(), IsEmpty());
  EXPECT_EQ(store_.get({"ml", "a"}), before);
}

TEST_F(StoreTest, EventsAddChangeAndDelete) {
  apply(thing("a", "1", 1));
  apply(thing("a", "2", 2));
  apply(thing("a", "2", 99));  // the same version again: nothing new
  remove(thing("a", "3", 2));
  remove(thing("a", "3", 2));
  EXPECT_THAT(changes(), ElementsAre("a ->1", "a 1>2", "a 2>-"));
  EXPECT_EQ(store_.size(), 0u);
}

TEST_F(StoreTest, SnapshotsOutliveTheirObject) {
  apply(thing("a", "1", 1));
  const auto kept = store_.get({"ml", "a"});
  apply(thing("a", "2", 2));
  remove(thing("a", "3", 2));
  EXPECT_EQ(kept->value, 1);
  EXPECT_EQ(store_.get({"ml", "a"}), nullptr);
}

TEST_F(StoreTest, AnIndexFollowsEachChange) {
  list({thing("a", "1", 1, "x"), thing("b", "2", 2, "x"), thing("c", "3", 3)});
  EXPECT_THAT(owned_by("x"), ElementsAre("a", "b"));
  EXPECT_THAT(owned_by(""), IsEmpty());
  apply(thing("a", "4", 1, "y"));
  EXPECT_THAT(owned_by("x"), ElementsAre("b"));
  EXPECT_THAT(owned_by("y"), ElementsAre("a"));
  remove(thing("b", "5", 2, "x"));
  EXPECT_THAT(owned_by("x"), IsEmpty());
  list({thing("c", "6", 3, "y")});
  EXPECT_THAT(owned_by("y"), ElementsAre("c"));
}

TEST_F(StoreTest, WhatTheProjectionTurnsDownIsAbsent) {
  apply(thing("a", "1", 1, "x"));
  apply(thing("a", "2", -1, "x"));  // no longer wanted
  EXPECT_THAT(changes(), ElementsAre("a ->1", "a 1>-"));
  EXPECT_THAT(owned_by("x"), IsEmpty());
  json broken = thing("a", "3", 3);
  broken.erase("owner");
  apply(broken);  // the projection throws
  EXPECT_THAT(changes(), IsEmpty());
  list({broken, thing("a", "4", 4), thing("b", "5", -1)});
  EXPECT_THAT(names(), ElementsAre("a"));
  EXPECT_THAT(changes(), ElementsAre("a ->4"));
  list({broken, thing("b", "5", 5)});
  EXPECT_THAT(changes(), ElementsAre("a 4>-", "b ->5"));
}

TEST_F(StoreTest, ObjectsWithoutAVersionAreAlwaysNew) {
  apply(thing("a", "", 1));
  apply(thing("a", "", 2));
  list({thing("a", "", 3)});
  EXPECT_THAT(changes(), ElementsAre("a ->1", "a 1>2", "a 2>3"));
}

}  // namespace
}  // namespace sluice::runtime
