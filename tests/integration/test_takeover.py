"""Two replicas of the operator: one leads, the other takes over, and at no time do both write."""

import json
import signal
import time
from dataclasses import dataclass
from datetime import datetime

import pytest

from story import NAMESPACE, ROOT

LEASE = "takeover"
SHORT = {"--lease-duration": "4s", "--renew-deadline": "3s", "--retry-period": "500ms"}
SHORT_LEASE = 4.0  # seconds
USUAL: dict[str, str] = {}  # 15 s, 10 s, 2 s


@dataclass(frozen=True)
class Write:
    """One request that changed something, as the API server's audit log has it."""

    received: float  # seconds since 1970
    answered: float
    agent: str
    what: str
    code: int


class Replica:
    def __init__(self, cluster, name: str, flags: dict[str, str]) -> None:
        self.log = cluster.site.log(name)
        self.log.unlink(missing_ok=True)
        lease = ["--leader-elect", "--lease-name", LEASE, "--lease-namespace", NAMESPACE]
        more = [part for flag in flags.items() for part in flag]
        self.process = cluster.spawn_in_netns(
            [ROOT / "build/release/sluice", "operator", "--bind", "", "--status-interval", "1s", *lease, *more], name
        )


class Replicas:
    """Two of them, and the Lease that says which one leads."""

    def __init__(self, cluster, flags: dict[str, str]) -> None:
        self.cluster = cluster
        self.audit_from = cluster.audit_log.stat().st_size
        self.all = [Replica(cluster, f"replica-{number}", flags) for number in (1, 2)]

    @property
    def holder(self) -> str:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{LEASE}"
        return self.cluster.api.get(path)["spec"].get("holderIdentity", "")

    def leader(self) -> Replica:
        """The one that says in its log that it leads under the identity that the Lease names."""
        holder = self.cluster.wait_for(lambda: self.holder, "a leader", 20)
        return self.cluster.wait_for(
            lambda: next((r for r in self.all if f"identity={holder}" in r.log.read_text()), None), "the leader's log"
        )

    def seconds_until_other_leads(self, than: str, timeout: float) -> float:
        began = time.monotonic()
        self.cluster.wait_for(lambda: self.holder not in ("", than), "the other one to lead", timeout, interval=0.02)
        return time.monotonic() - began

    def writes(self) -> list[Write]:
        """Of both; without those to the Lease itself, which are what decides who may write."""
        with open(self.cluster.audit_log, "rb") as log:
            log.seek(self.audit_from)
            entries = [json.loads(line) for line in log.read().splitlines() if line.endswith(b"}")]
        found = [
            Write(
                moment(entry["requestReceivedTimestamp"]),
                moment(entry["stageTimestamp"]),
                entry.get("userAgent", ""),
                f"{entry['verb']} {entry['objectRef']['resource']} {entry['objectRef'].get('name', '')}",
                entry.get("responseStatus", {}).get("code", 0),
            )
            for entry in entries
            if entry["verb"] in ("create", "update", "patch", "delete") and "objectRef" in entry
        ]
        return [write for write in found if write.agent.startswith("sluice/") and " leases " not in write.what]

    def stop(self) -> None:
        for replica in self.all:
            replica.process.send(signal.SIGCONT)
            replica.process.terminate()
        path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{LEASE}"
        self.cluster.api.request("DELETE", path)


@pytest.fixture
def flags():
    return SHORT


@pytest.fixture
def operator(cluster, flags):
    """In place of the one operator of the other tests."""
    replicas = Replicas(cluster, flags)
    yield replicas
    replicas.stop()


def test_after_kill_9_the_other_takes_over_within_the_lease(story, operator):
    to_the_middle(story)
    leader, holder = operator.leader(), operator.holder
    leader.process.kill()
    assert operator.seconds_until_other_leads(holder, 30) <= SHORT_LEASE + 2
    second = operator.holder
    assert story.wait_outcome()["reason"] == "NonInferior"
    assert [entry["reason"] for entry in story.status["history"]] == ["NonInferior", "Initial"]
    assert sum(story.counts()["failures"].values()) == 0
    first_writes, second_writes = of_both(operator.writes(), holder, second)
    assert max(w.answered for w in first_writes) < min(w.received for w in second_writes)


def test_a_leader_that_was_frozen_writes_nothing_when_it_thaws(story, operator):
    to_the_middle(story)
    leader, holder = operator.leader(), operator.holder
    leader.process.send(signal.SIGSTOP)
    operator.seconds_until_other_leads(holder, 30)
    second = operator.holder
    leader.process.send(signal.SIGCONT)
    assert leader.process.wait(20), "it must end by itself: it no longer leads"
    assert leader.process.exit_code() == 1
    assert story.wait_outcome()["reason"] == "NonInferior"
    first_writes, second_writes = of_both(operator.writes(), holder, second)
    took_over = min(w.received for w in second_writes)
    # Events tell what has happened; they decide nothing, and those of before the frost may still be told.
    late = [w for w in first_writes if w.received > took_over and w.code < 400 and " events " not in w.what]
    assert late == []


@pytest.mark.parametrize("flags", [USUAL], ids=["usual-times"])
def test_on_sigterm_the_lease_is_given_back_at_once(story, operator, flags):
    to_the_middle(story)
    leader, holder = operator.leader(), operator.holder
    leader.process.send(signal.SIGTERM)
    assert operator.seconds_until_other_leads(holder, 30) < 6  # and not 15: two tries of the standby, and a little
    assert leader.process.wait(5)
    assert leader.process.exit_code() == 0
    second = operator.holder
    assert story.wait_outcome()["reason"] == "NonInferior"
    first_writes, second_writes = of_both(operator.writes(), holder, second)
    assert max(w.answered for w in first_writes if " events " not in w.what) < min(w.received for w in second_writes)


def to_the_middle(story) -> None:
    story.apply("v2")
    story.wait("weight 20", lambda s: s["traffic"]["candidate"] == 20 and s["traffic"]["accepted"])


def of_both(writes: list[Write], first: str, second: str) -> tuple[list[Write], list[Write]]:
    """Told apart by the identity at the end of the User-Agent. All writes are of one or of the other."""
    split = [[w for w in writes if w.agent.endswith(f" {identity}")] for identity in (first, second)]
    assert split[0] and split[1] and len(split[0]) + len(split[1]) == len(writes), writes
    return split[0], split[1]


def moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
