"""Two operators share the Rollouts of one API server: each Rollout is looked after by exactly one of them."""

import json
import re

import pytest

from kubelet import Kubelet
from story import NAMESPACE, ROOT, Story, gone

NAMES = [f"shared-{number}" for number in range(6)]
SHARDS = 2


class Shard:
    """One operator with `--shard index/2`."""

    def __init__(self, cluster, index: int) -> None:
        self.lease = f"sluice-{index}-of-{SHARDS}"
        self.log = cluster.site.log(f"shard-{index}")
        self.log.unlink(missing_ok=True)
        command = [ROOT / "build/release/sluice", "operator", "--bind", "", "--status-interval", "1s", "--leader-elect"]
        which = ["--lease-namespace", NAMESPACE, "--shard", f"{index}/{SHARDS}"]
        self.process = cluster.spawn_in_netns([*command, *which], f"shard-{index}")

    def identity(self) -> str | None:
        """As whom it holds the Lease of its shard; None: it does not yet."""
        text = self.log.read_text() if self.log.exists() else ""
        found = re.search(rf"this process leads lease={self.lease} identity=(\S+)", text)
        return found and found[1]


@pytest.fixture
def shards(cluster):
    started = [Shard(cluster, index) for index in range(SHARDS)]
    yield started
    for shard in started:
        shard.process.terminate()


@pytest.fixture
def kubelet(cluster):
    played = Kubelet(cluster, NAMESPACE).start()
    yield played
    played.stop()


def writers(cluster, since: int) -> dict[str, set[str]]:
    """Who wrote anything of each Rollout, as the audit log has it: the identity at the end of the User-Agent."""
    found: dict[str, set[str]] = {name: set() for name in NAMES}
    with open(cluster.audit_log, "rb") as log:
        log.seek(since)
        for line in log.read().splitlines():
            entry = json.loads(line)
            agent, about = entry.get("userAgent", ""), entry.get("objectRef", {})
            writes = entry["verb"] in ("create", "update", "patch", "delete")
            if not agent.startswith("sluice/") or not writes or about.get("resource") in ("leases", "events"):
                continue
            for name in NAMES:
                if re.fullmatch(rf"{name}(-[0-9a-z]+)?", about.get("name", "")):
                    found[name].add(agent.rpartition(" ")[2])
    return found


def test_each_rollout_is_looked_after_by_one_shard(cluster, shards, kubelet, tmp_path):
    identities = [cluster.wait_for(shard.identity, f"the Lease {shard.lease} to be held", 20) for shard in shards]
    since = cluster.audit_log.stat().st_size
    stories = [Story(cluster, tmp_path, name) for name in NAMES]
    try:
        for story in stories:
            story.apply("v1", image="idle", replicas=1)
        for story in stories:
            assert story.wait_outcome()["reason"] == "Initial"
        found = writers(cluster, since)
        assert all(len(agents) == 1 for agents in found.values()), found
        assert set().union(*found.values()) == set(identities), "both shards have work"
    finally:
        for name in NAMES:
            cluster.kubectl("delete", "rollout", name, "-n", NAMESPACE, "--wait=false", check=False)
        for name in NAMES:
            cluster.wait_for(lambda name=name: gone(cluster, name), f"everything of {name} to be gone", 60)
