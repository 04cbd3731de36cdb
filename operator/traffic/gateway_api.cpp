// Kubernetes Gateway API: an HTTPRoute that Sluice creates and owns, named like the Rollout.
//
// Its rules, and how one split becomes another, are described in gateway_rules.h and gateway_arms.h.
//  - While there is a candidate both revisions are listed, also at weight 0: a gateway sends nothing there and
//    needs no endpoints for it, but checks the reference, so that one that is wrong is seen before the
//    candidate takes its first request. (The Service must therefore exist before it is listed.)
//  - A gateway hears of routes and of endpoints side by side. Seen with Envoy Gateway 1.9: a weight that was written
//    23 ms after the first endpoint was answered with 503 (flag NC) for 18 ms, most likely until the gateway had heard
//    of the endpoint, too. So pods are ready for a while before anything is sent to them (rollout/pods.cpp).
//  - Nothing that a route names comes or goes while it gets traffic. Seen with Envoy Gateway 1.9: where a backend's
//    weight rises from 0, or falls to it, Envoy may hear of the route some milliseconds before or after it hears of
//    the cluster, and answers what is routed there meanwhile with 500 (response flag NC; envoyproxy/gateway#6287).
//  - Each backend names its revision in a response header. Envoy Gateway gives a backend metrics of its own only
//    when it carries a filter (envoyproxy/gateway#7008), so this also tells the realised split.
//  - CRDs before Gateway API v1.3 do not know the percent of a mirror, and one without is a mirror of everything.
//    Seen with Kubernetes 1.35: an apply that names it is answered with 500 "field not declared in schema" (so it
//    looks like something to be tried again), and one that was stored before comes back without its percent. What is
//    asked for stands in an annotation as well, so that a mirror that was dropped is told from one that is not
//    written yet; it is then left out altogether, and the route is Unsupported.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "traffic/contained.h"
#include "traffic/gateway_arms.h"
#include "traffic/gateway_reading.h"
#include "traffic/gateway_rules.h"
#include "traffic/gateway_status.h"
#include "traffic/provider.h"

namespace sluice::traffic {
namespace {

constexpr const char* kLeftOut = "unsupported";

std::string mirror_mark(const Split& split, const std::string& what) { return split.candidate + " " + what; }

// What stands in kMirrorAnnotation beside a layout on the way to `split`; empty: no annotation.
std::string mirror_asked(const Split& split, bool left_out) {
  const Split wanted = normal(split);
  if (wanted.mirror_percent == 0) return {};
  return mirror_mark(wanted, left_out ? kLeftOut : std::to_string(wanted.mirror_percent));
}

// Whether the mirror of `split` was written, and the server has dropped it or its percent.
bool mirror_was_dropped(const RouteView& live, const Layout& layout, const Split& split) {
  const Split wanted = normal(split);
  if (wanted.mirror_percent == 0 || layout.arms.empty()) return false;
  if (!live.mirror.starts_with(mirror_mark(wanted, ""))) return false;
  return layout.mirror.revision != wanted.candidate || !layout.mirror.percent;
}

std::string mirror_sentence(const Split& split) {
  return "the Gateway API CRDs of this cluster do not know the percent of a RequestMirror, and without it everything "
         "would be mirrored instead of " + std::to_string(normal(split).mirror_percent) +
         " %: the mirror is left out; install the CRDs of Gateway API v1.3 or later, then retry the rollout";
}

// The server's words about a field that its schema does not have: of an apply, and of strict validation.
bool is_about_the_mirror(const std::string& message) {
  const auto says = [&](const char* words) { return message.find(words) != std::string::npos; };
  const bool unknown = says("not declared in schema") || says("unknown field");
  return unknown && (says("requestMirror") || says(".percent"));
}

std::string assignment_sentence(const Assignment& assignment) {
  const auto* header = std::get_if<HeaderAssignment>(&assignment);
  return "no request can be assigned: every match in spec.traffic.gatewayAPI.matches has a condition on the header " +
         (header == nullptr ? std::string("Cookie") : header->header) +
         " already, and a match can have only one; take it out of the matches, or assign by another header";
}

// Who else has written last what `wanted` says; empty: nobody.
std::string overwritten_by(const RouteView& live, const nlohmann::json& wanted) {
  for (const SpecWriter& writer : live.foreign_writers) {
    for (const std::string& field : writer.fields) {
      if (wanted.contains(field)) return writer.manager;
    }
  }
  return {};
}

bool belongs_to_other(const api::Rollout& rollout, const RouteView& live) {
  if (!live.owner_uid.empty()) return live.owner_uid != rollout.uid;
  return live.rollout != rollout.key.name;  // an orphan that carries our label may be taken up again
}

// The rules for assigned users that a route must have at any time: those of the spec's stages.
std::size_t rules_kept(const api::Spec& spec) {
  std::size_t rules = 0;
  for (const api::StageSpec& stage : spec.stages) {
    if (const auto* test = std::get_if<api::AbTestStage>(&stage.body)) {
      rules = std::max(rules, rules_of(test->assignment));
    }
  }
  return rules;
}

// A live route, and what is to be there for a split.
struct Journey {
  Layout live;
  Layout next;
  bool left_out = false;  // `next` is without the mirror that is wanted
};

Journey journey(const api::Rollout& rollout, const RouteView& view, const nlohmann::json& spec, const Split& wanted,
                bool foreign) {
  Journey found;
  found.live = layout_in(rollout, spec);
  found.next = next_layout(found.live, wanted, rules_kept(rollout.spec));
  // What somebody else has rewritten was not dropped by the server: it is set back as it was asked.
  found.left_out = view.mirror == mirror_asked(wanted, true) ||
                   (!foreign && mirror_was_dropped(view, found.live, wanted));
  if (normal(wanted).mirror_percent == 0) found.left_out = false;
  if (found.left_out) found.next.mirror = {};
  return found;
}

class GatewayApi final : public Provider {
 public:
  std::optional<kube::Resource> resource() const override { return kHttpRoutes; }

  Capabilities capabilities() const override {
    return {.shifts_traffic = true, .marks_responses = true, .mirrors = true, .assigns = true};
  }

  nlohmann::json desired(const api::Rollout& rollout, const Split& split) const override {
    return object(rollout, next_layout({}, split, rules_kept(rollout.spec)), mirror_asked(split, false));
  }

  std::optional<nlohmann::json> next_write(const api::Rollout& rollout, const RouteView* live,
                                           const Split& wanted) const override {
    if (live == nullptr) return desired(rollout, wanted);
    const RouteState state = observe(rollout, live, wanted);
    if (state.as_wanted || state.owned_by_other || live->deleting) return std::nullopt;
    return rewritten(rollout, *live, wanted, !state.foreign_writer.empty());
  }

  std::optional<nlohmann::json> instead_of_refused(const api::Rollout& rollout, const RouteView* live,
                                                   const Split& wanted, const Error& refusal) const override {
    const std::string mark = mirror_asked(wanted, true);
    if (mark.empty() || !is_about_the_mirror(refusal.message)) return std::nullopt;
    RouteView marked = live == nullptr ? RouteView{} : *live;
    if (marked.mirror == mark) return std::nullopt;  // it was left out already
    if (live != nullptr && (live->deleting || belongs_to_other(rollout, *live))) return std::nullopt;
    if (live == nullptr) {
      Layout next = next_layout({}, wanted, rules_kept(rollout.spec));
      next.mirror = {};
      return object(rollout, next, mark);
    }
    marked.mirror = mark;
    return rewritten(rollout, marked, wanted, false);
  }

  RouteState observe(const api::Rollout& rollout, const RouteView* live, const Split& wanted) const override {
    RouteState state;
    if (live == nullptr) {
      state.reason = "Missing";
      state.message = "HTTPRoute " + rollout.key.str() + " does not exist yet";
      return state;
    }
    state.exists = true;
    if (belongs_to_other(rollout, *live)) {
      state.owned_by_other = true;
      state.acceptance = Acceptance::Rejected;
      state.reason = "RouteConflict";
      state.message = "HTTPRoute " + live->key.str() + " exists and belongs to " +
                      (live->owner.empty() ? "nobody that Sluice knows" : live->owner) +
                      ": it is left alone; rename the Rollout, or delete the route";
      return state;
    }
    const nlohmann::json spec = nlohmann::json::parse(live->spec, nullptr, false);
    state.foreign_writer = overwritten_by(*live, route_spec(rollout, next_layout({}, wanted, 0)));
    const Journey way = journey(rollout, *live, spec, wanted, !state.foreign_writer.empty());
    state.as_wanted = state.foreign_writer.empty() && !live->deleting && live->owner_uid == rollout.uid &&
                      live->rollout == rollout.key.name && live->mirror == mirror_asked(wanted, way.left_out) &&
                      contained(complete_spec(rollout, way.next), spec);
    state.live = split_of(way.live, state.as_wanted ? wanted.stable : "");
    Answer answer = gateway_answer(*live, spec);
    state.acceptance = answer.acceptance;
    state.reason = std::move(answer.reason);
    state.message = std::move(answer.message);
    explain_unsupported(way, wanted, state);
    return state;
  }

 private:
  static nlohmann::json rewritten(const api::Rollout& rollout, const RouteView& live, const Split& wanted,
                                  bool foreign) {
    const nlohmann::json spec = nlohmann::json::parse(live.spec, nullptr, false);
    const Journey way = journey(rollout, live, spec, wanted, foreign);
    return object(rollout, way.next, mirror_asked(wanted, way.left_out));
  }

  // What cannot be had here is a refusal, whatever the gateway says of the rest.
  static void explain_unsupported(const Journey& way, const Split& wanted, RouteState& state) {
    const auto& assignment = way.next.assignment;
    if (way.left_out) {
      state.message = mirror_sentence(wanted);
    } else if (assignment && state.as_wanted && (!state.live || state.live->assignment != assignment)) {
      state.message = assignment_sentence(*assignment);
    } else {
      return;
    }
    state.acceptance = Acceptance::Rejected;
    state.reason = "Unsupported";
  }

  static nlohmann::json object(const api::Rollout& rollout, const Layout& layout, const std::string& mirror) {
    nlohmann::json owner = {{"apiVersion", api::kRollouts.api_version()},
                            {"kind", api::kRollouts.kind},
                            {"name", rollout.key.name},
                            {"uid", rollout.uid},
                            {"controller", true},
                            {"blockOwnerDeletion", true}};
    nlohmann::json labels = {{api::kRolloutLabel, rollout.key.name},
                             {"app.kubernetes.io/managed-by", "sluice"}};
    nlohmann::json metadata = {{"name", rollout.key.name},
                               {"namespace", rollout.key.ns},
                               {"labels", std::move(labels)},
                               {"ownerReferences", nlohmann::json::array({std::move(owner)})}};
    if (!mirror.empty()) metadata["annotations"] = {{kMirrorAnnotation, mirror}};
    return {{"apiVersion", kHttpRoutes.api_version()},
            {"kind", kHttpRoutes.kind},
            {"metadata", std::move(metadata)},
            {"spec", route_spec(rollout, layout)}};
  }
};

}  // namespace

const Provider& provider_of(const api::GatewayApiTraffic&) {
  static const GatewayApi provider;
  return provider;
}

}  // namespace sluice::traffic
