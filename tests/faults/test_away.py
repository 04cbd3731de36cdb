"""The API server, or Prometheus, is away for a while in the middle of a canary: all holds, and goes on where it was.

    pytest tests/faults --away 300
"""

import collections
import time

import pytest

from invariants import broken
from lane import Lane
from scenario import PROMOTED, Scenario

MOST = 3.0  # requests a second while nobody answers
LOOKS = 8  # at each weight

SLOW = Scenario(
    "slow", PROMOTED.error_share, PROMOTED.outcome, PROMOTED.reason, PROMOTED.phase,
    spec=(("stages", [{"name": "canary", "canary": {"weights": [20, 50], "minLooks": LOOKS}, "maxDuration": "2h"}]),),
)  # fmt: skip


@pytest.fixture
def canary(lane):
    """A lane in which a candidate has 20 % of the traffic and some evidence."""
    lane.begin(SLOW)
    lane.tell(SLOW, "v1")
    lane.wait("v1 to be stable", lambda s: s["status"]["phase"] == "Healthy" and s["pods"] == 2)
    lane.tell(SLOW, "v2")
    lane.wait("evidence", lambda s: s["status"]["traffic"]["candidate"] == 20 and looks(lane) >= 2)
    yield lane
    lane.end()


@pytest.mark.parametrize("compacted", [False, True], ids=["restarted", "compacted"])
def test_api_server_away(world, canary, away, compacted):
    pid, before = canary.operator.pid, looks(canary)
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


def looks(lane: Lane) -> int:
    return max((metric.get("looks", 0) for metric in lane.status().get("metrics", [])), default=0)


def metrics_available(state: dict) -> list[str]:
    return state["status"]["conditions"].get("MetricsAvailable", ["", ""])


def listed_anew(lane: Lane, since: float) -> bool:
    """Whether all Rollouts were asked for: by a list, or by a watch that begins with one."""
    asked = [request for _, request in lane.proxy.requests_since(since) if "/rollouts?" in request]
    return any("sendInitialEvents=true" in request or "watch=" not in request for request in asked)
