// Who gets what on an HTTPRoute, without its JSON: from one split to the next in writes that lose no request.
// Private to traffic/. Pure and thread-safe.
//
// A gateway names what it keeps for a backend by the places of rule and backend in their lists (Envoy Gateway: a
// cluster `rule/0/backend/1`), and keeps nothing for weight 0. It tells its proxies of routes and of clusters side by
// side: a route that names a cluster which is new, or which has just gone, answers with an error until the other
// message is there too. So nothing that a route names may come or go in the write that gives or takes its traffic:
//  - the weighted rule stands first and has two places, each always with a weight. A revision keeps its place for as
//    long as it is routed to; a place that nobody needs is held by the revision that takes all, with one request in a
//    million. A write changes only whom a place leads to, and how much it gets: in whatever order the proxy hears of
//    the two, each request has a backend;
//  - a revision that is to get nothing stands behind the two places, at weight 0;
//  - the rules of assigned users are there as long as the Rollout has a stage that assigns: outside of it they are
//    parted, they match what nobody sends and lead to stable. Entering and leaving the stage changes only what they
//    match and whom they lead to. A rule that nobody asks for goes only after it has parted;
//  - a mirror may come and go at once: nobody waits for its answers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "traffic/provider.h"

namespace sluice::traffic {

// One backend of the weighted rule: the first two are its places, a third one is listed only.
struct Arm {
  std::string revision;
  int weight = 0;
  bool operator==(const Arm&) const = default;
};

// A rule of its own for users who have been assigned: all that it matches goes to one revision.
struct AssignedArm {
  std::string revision;
  bool parted = false;  // it matches nothing (yet, or any more)
  bool operator==(const AssignedArm&) const = default;
};

// A copy of requests to the weighted rule.
struct Mirror {
  std::string revision;        // empty: none
  std::optional<int> percent;  // nullopt: the route names none, so everything is mirrored
  bool operator==(const Mirror&) const = default;
};

// What a route says apart from what the user wrote.
struct Layout {
  std::vector<Arm> arms;
  std::vector<AssignedArm> assigned;  // the candidate's, then stable's
  std::optional<Assignment> assignment;
  Mirror mirror;
  bool operator==(const Layout&) const = default;
};

// The split in its bounds: shares in 0..100, and nothing for a candidate that there is not.
Split normal(Split split);

// How many rules an assignment needs: a header tells only who the candidate's users are, a cookie names the arm,
// whichever it is.
std::size_t rules_of(const Assignment& assignment);

// What is to be written for `split` where `live` is, each revision in the place that it has there. `kept`: so many
// rules for assigned users are there whether or not `split` assigns.
Layout next_layout(const Layout& live, const Split& split, std::size_t kept);

// The other way round; nullopt: it is none of ours. Which of two is the candidate is told by its rule, its mirror, by
// `stable` if that is one of them, or else by the order.
std::optional<Split> split_of(const Layout& layout, const std::string& stable);

}  // namespace sluice::traffic
