"""What is compared between two runs: the end, with everything taken out that may rightly differ.

That is names of Rollouts, times, versions, and the counts of looks: a lost look is taken again, and one more look may
be needed when one was dropped.
"""

import json
import re
from typing import Any

from journal import Object

State = dict[str, Any]
_WORDS = ("stableRevision", "candidateRevision", "rejectedRevision", "verdict")


def end_state(found: dict[str, dict[str, Object]], rollout: str) -> State:
    """The state of a Rollout and of all that carries its label, as plain values without its name."""
    owner = found.get("rollouts", {}).get(rollout)
    if owner is None:
        return {}
    state = {
        "status": _status(owner),
        "route": {name: _route(o) for name, o in found.get("httproutes", {}).items()},
        "deployments": {
            name: {"replicas": o["spec"]["replicas"], "ready": o.get("status", {}).get("readyReplicas", 0)}
            for name, o in found.get("deployments", {}).items()
        },
        "services": {name: o["spec"].get("selector") for name, o in found.get("services", {}).items()},
        "pods": len(found.get("pods", {})),
        "jobs": len(found.get("jobs", {})),
    }
    return json.loads(re.sub(rf"\b{rollout}\b", "R", json.dumps(state, sort_keys=True)))


def differences(expected: State, seen: State, path: str = "") -> list[str]:
    """What differs, one line each."""
    if isinstance(expected, dict) and isinstance(seen, dict):
        lines = []
        for key in sorted({*expected, *seen}):
            lines += differences(expected.get(key), seen.get(key), f"{path}/{key}")
        return lines
    return [] if expected == seen else [f"{path or '/'}: {json.dumps(expected)} expected, {json.dumps(seen)} found"]


def _status(owner: Object) -> State:
    status = owner.get("status", {})
    current = status.get("observedGeneration") == owner["metadata"]["generation"]
    return {
        "phase": status.get("phase"),
        "current": current,
        **{name: status.get(name, "") for name in _WORDS},
        "history": [[entry.get(name) for name in ("revision", "outcome", "reason", "stage")]
                    for entry in status.get("history", [])],
        "traffic": {name: status.get("traffic", {}).get(name) for name in ("stable", "candidate")},
        "conditions": {c["type"]: [c["status"], c["reason"]] for c in status.get("conditions", [])},
        "replicas": [status.get("replicas"), status.get("readyReplicas")],
        "stage": status.get("stage"),
    }  # fmt: skip


def _route(route: Object) -> State:
    """Who gets which share, in percent: the places of the two are no part of the end."""
    weights: dict[str, int] = {}
    for backend in route["spec"]["rules"][0]["backendRefs"]:
        weights[backend["name"]] = weights.get(backend["name"], 0) + backend["weight"]
    total = sum(weights.values()) or 1
    return {"shares": {name: 100 * weight / total for name, weight in sorted(weights.items()) if weight}}
