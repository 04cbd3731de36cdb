"""The API server, or Prometheus, is away for a while in the middle of a canary: all holds, and goes on where it was.

The API server is away for many canaries at once: what the operator asks meanwhile must not grow with them.

    pytest tests/faults --away 300
"""

import collections
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from invariants import broken
from lane import Lane
from scenario import PROMOTED, Scenario

MOST = 3.0  # requests a second while nobody answers


def promoted_slowly(looks_at_each_weight: int) -> Scenario:
    canary = {"weights": [20, 50], "minLooks": looks_at_each_weight}
    return replace(PROMOTED, name="slow", spec=(("stages", [{"name": "canary", "canary": canary, "maxDuration": "2h"}]),))


SLOW = promoted_slowly(8)
BESIDE = promoted_slowly(60)  # longer than it takes until all of them are at work
MANY = 20


@pytest.fixture
def begun(lane):
    lane.begin(SLOW)
    yield lane
    try:
        lane.end()
    finally:
        lane.keep_log()  # with what it says when it is stopped


@pytest.fixture
def many(begun):
    """Rollouts beside the lane's own, each in a canary; their names."""
    names = [f"{begun.rollout}-beside-{number}" for number in range(MANY)]

    def tell(version: str, settled: Callable[[dict], bool]) -> None:
        for name in names:
            begun.tell(BESIDE, version, name)
        begun.world.cluster.wait_for(lambda: all(settled(begun.status(name)) for name in names), f"{version} of all", 120)

    tell("v1", lambda status: status.get("phase") == "Healthy")
    tell("v2", at_work)
    yield names
    for name in names:
        begun.remove(name)


@pytest.fixture
def canary(begun):
    """A lane in which a candidate has 20 % of the traffic and some evidence."""
    begun.tell(SLOW, "v1")
    begun.wait("v1 to be stable", lambda s: s["status"]["phase"] == "Healthy" and s["pods"] == 2)
    begun.tell(SLOW, "v2")
    begun.wait("evidence", lambda s: s["status"]["traffic"]["candidate"] == 20 and looks(begun) >= 2)
    return begun


@pytest.mark.parametrize("compacted", [False, True], ids=["restarted", "compacted"])
def test_api_server_away(world, many, canary, away, compacted):
    pid, before = canary.operator.pid, looks(canary)
    assert all(at_work(canary.status(name)) for name in many)
    world.cluster.stop_component("kube-apiserver")
    try:
        began = time.monotonic()
        if compacted:
            world.cluster.compact_etcd()
        time.sleep(away)
        asked = canary.proxy.requests_since(began)
        kinds = collections.Counter(request.split("?")[0] for _, request in asked)
        assert len(asked) / (time.monotonic() - began) <= MOST, kinds
        assert canary.operator.alive() and canary.operator.pid == pid
    finally:
        back = time.monotonic()
        world.cluster.start_component("kube-apiserver")
    # Looks go on in memory while nothing can be saved: after a long time the step may be passed at once.
    canary.wait("looks to go on", lambda s: looks(canary) > before)
    if compacted:  # no watch can have gone on: its version is forgotten
        world.cluster.wait_for(lambda: listed_anew(canary, back), "Rollouts to be listed anew", 60)
    world.cluster.wait_for(lambda: all(promoted(canary.status(name)) for name in many), "all to be promoted", 900)
    for name in many:
        assert broken(world.journal.changes(canary.namespace, name)) == []
    ends_as_it_should(canary, pid)


def test_prometheus_away(canary, away):
    pid, weights = canary.operator.pid, canary.state()["route"]
    canary.prometheus.go_away()
    began = time.monotonic()
    canary.wait("MetricsAvailable=False", lambda s: metrics_available(s) == ["False", "ProviderError"])
    before = looks(canary)
    time.sleep(max(0.0, away - (time.monotonic() - began)))
    assert len(canary.prometheus.requests_since(began)) / (time.monotonic() - began) <= MOST
    state = canary.state()
    assert state["route"] == weights and state["status"]["traffic"] == {"stable": 80, "candidate": 20}
    assert metrics_available(state) == ["False", "ProviderError"]
    assert looks(canary) == before
    canary.prometheus.come_back()
    canary.wait("looks to go on", lambda s: looks(canary) > before and metrics_available(s)[0] == "True")
    ends_as_it_should(canary, pid)


def ends_as_it_should(lane: Lane, pid: int) -> None:
    state = lane.wait("the promotion", lambda s: s["status"]["phase"] == "Healthy")
    history = [entry[1:3] for entry in state["status"]["history"]]
    assert history == [["Promoted", "NonInferior"], ["Promoted", "Initial"]]
    assert lane.operator.alive() and lane.operator.pid == pid
    assert broken(lane.world.journal.changes(lane.namespace, lane.rollout)) == []
    assert lane.operator.stop() == 0


def at_work(status: dict) -> bool:
    traffic = status.get("traffic", {})
    return status.get("phase") == "Progressing" and traffic.get("candidate", 0) > 0


def promoted(status: dict) -> bool:
    ended = [entry["outcome"] for entry in status.get("history", [])]
    return status.get("phase") == "Healthy" and ended == ["Promoted", "Promoted"]


def looks(lane: Lane) -> int:
    return max((metric.get("looks", 0) for metric in lane.status().get("metrics", [])), default=0)


def metrics_available(state: dict) -> list[str]:
    return state["status"]["conditions"].get("MetricsAvailable", ["", ""])


def listed_anew(lane: Lane, since: float) -> bool:
    """Whether all Rollouts were asked for: by a list, or by a watch that begins with one."""
    asked = [request for _, request in lane.proxy.requests_since(since) if "/rollouts?" in request]
    return any("sendInitialEvents=true" in request or "watch=" not in request for request in asked)
