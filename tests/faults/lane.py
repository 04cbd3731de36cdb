"""A lane: a namespace with an operator and proxies of its own, in which one Rollout after another is told."""

import itertools
import json
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from calls import Call
from cluster import process
from end_state import State, differences, end_state
from invariants import broken
from played import Prometheus, WithLogs
from proxy import ApiServer, Plan, Proxy
from scenario import Scenario

if TYPE_CHECKING:
    from world import World

TIMEOUT = 60.0  # seconds without any change; the longest backoff of one failed call is far below
LONGEST = 600.0  # seconds for one part of a story, however much happens; on a quiet machine it takes ten
SETTLED = 1.0  # seconds that the end must last
NOT_COMING = 4.0  # seconds after the end in which a call may still come
_names = itertools.count(1)


@dataclass
class Result:
    ok: bool
    reached: bool  # the call came and was broken
    seconds: float
    state: State = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    log: Path | None = None


class StoryFailed(Exception):
    pass


class Operator:
    """The operator of a lane as a process. Killed by a proxy's thread while the lane's own waits for the story."""

    def __init__(self, world: "World", lane: str, server: str) -> None:
        self._world = world
        self._name = lane
        self._lock = threading.Lock()
        self._process: process.Process | None = None
        self.started = 0.0  # monotonic
        self.log = world.cluster.site.log(lane)
        self._kubeconfig = world.cluster.site.write(f"{lane}.kubeconfig", json.dumps(_kubeconfig(server)))

    def start(self) -> None:
        with self._lock:
            self._start()

    def crash(self) -> None:
        """kill -9, and started again at once."""
        with self._lock:
            if self._process:
                self._process.kill()
                self._start()

    def stop(self) -> int | None:
        """As Kubernetes ends a pod; the exit status."""
        with self._lock:
            ended, self._process = self._process, None
        if ended is None:
            return None
        ended.terminate(25)
        return ended.exit_code()

    def alive(self) -> bool:
        with self._lock:
            return self._process is not None and self._process.alive()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def _start(self) -> None:
        self.started = time.monotonic()
        arguments = ["--kubeconfig", self._kubeconfig, "-n", self._name, "--bind", "", "--status-interval", "1s"]
        self._process = self._world.spawn([str(self._world.binary), "operator", *arguments], self._name)


class Lane:
    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self.namespace = f"lane-{number}"
        self.proxy = Proxy(world.listener(), lambda: WithLogs(ApiServer(world.connect), world.journal))
        self.prometheus = Proxy(world.listener(), lambda: Prometheus(world.users))
        self.operator = Operator(world, self.namespace, f"http://127.0.0.1:{self.proxy.port}")
        self.rollout = ""
        world.make_namespace(self.namespace)

    def run(
        self, scenario: Scenario, call: Call | None = None, fault: str = "", reference: State | None = None
    ) -> Result:
        """One whole rollout. `reference` is the end that it must come to; without one it is what it comes to."""
        began = time.monotonic()
        plan = self.begin(scenario, call, fault)
        problems, state = [], {}
        try:
            self.tell(scenario, "v1")
            self.wait("v1 to be stable", lambda s: s["status"]["phase"] == "Healthy")
            self.tell(scenario, "v2")
            state = self._await_end(scenario, plan, reference)
        except StoryFailed as problem:
            problems.append(str(problem))
        calls = list(plan.numbering.calls)
        exit_code = self.operator.stop()
        if exit_code != 0:
            problems.append(f"the operator ended with status {exit_code} when it was asked to stop")
        problems += broken(self.world.journal.changes(self.namespace, self.rollout))
        log = self.keep_log() if problems else None
        self.end()
        return Result(not problems, plan.hit.is_set(), time.monotonic() - began, state, calls, problems, log)

    # -- the parts of a story ------------------------------------------------------------------------

    def begin(self, scenario: Scenario, call: Call | None = None, fault: str = "") -> Plan:
        self.rollout = f"r{next(_names):05}"
        plan = Plan(self.rollout, call, fault, self.operator.crash)
        self.proxy.plan = self.prometheus.plan = plan
        self.operator.log.unlink(missing_ok=True)
        self.operator.start()
        return plan

    def tell(self, scenario: Scenario, version: str, rollout: str = "") -> None:
        """For the lane's Rollout, or another one beside it."""
        name = rollout or self.rollout
        address = f"http://127.0.0.1:{self.prometheus.port}"
        self.world.api.apply(self._path(name), scenario.manifest(self.namespace, name, address, version))

    def end(self) -> None:
        self.operator.stop()
        self.remove(self.rollout)

    def remove(self, rollout: str) -> None:
        self.world.api.request("DELETE", self._path(rollout))
        self.world.forget(self.namespace, rollout)

    def keep_log(self) -> Path:
        """What the operator has logged, under the Rollout's name: the next one begins with an empty log."""
        kept = self.operator.log.with_name(f"{self.rollout}.log")
        shutil.copyfile(self.operator.log, kept)
        return kept

    def state(self) -> State:
        return end_state(self.world.journal.objects(self.namespace, self.rollout), self.rollout)

    def status(self, rollout: str = "") -> dict:
        name = rollout or self.rollout
        return self.world.journal.objects(self.namespace, name).get("rollouts", {}).get(name, {}).get("status", {})

    def wait(self, what: str, predicate) -> State:
        """Until `predicate` holds of the state; StoryFailed when nothing happens any more, or for ever something."""
        began = moved = time.monotonic()
        seen = 0
        while True:
            state = self.state()
            if state and state["status"]["current"] and predicate(state):
                return state
            if not self.operator.alive():
                raise StoryFailed(f"the operator ended by itself while waiting for {what}")
            now, known = time.monotonic(), self.world.journal.count(self.namespace, self.rollout)
            if known != seen:
                seen, moved = known, now
            if now >= min(moved + TIMEOUT, began + LONGEST):
                raise StoryFailed(f"waited {now - began:.0f} s for {what}; the status is {self._told()}")
            self.world.journal.wait(self.namespace, 0.2)

    def _await_end(self, scenario: Scenario, plan: Plan, reference: State | None) -> State:
        state = self._await_same(scenario, reference)
        deadline = time.monotonic() + (NOT_COMING if reference else 0)
        while not plan.hit.is_set() and time.monotonic() < deadline:
            time.sleep(0.1)
        # What was broken at last may still have consequences.
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < (SETTLED if reference else 2 * SETTLED):
            time.sleep(0.1)
            if not self.proxy.requests_since(self.operator.started):  # one that was killed is not up yet
                quiet_since = time.monotonic()
                if quiet_since - self.operator.started > TIMEOUT:
                    raise StoryFailed("the operator was started again, and asks for nothing")
            if self.state() != state:
                state = self._await_same(scenario, reference)
                quiet_since = time.monotonic()
        return state

    def _await_same(self, scenario: Scenario, reference: State | None) -> State:
        try:
            return self.wait(
                f"the end of the rollout ({scenario.name})",
                (lambda s: s == reference) if reference else (lambda s: _ended(s, scenario)),
            )
        except StoryFailed as problem:
            lines = differences(reference, self.state()) if reference else []
            raise StoryFailed("\n    ".join([str(problem), *lines])) from None

    def _told(self) -> str:
        status = {name: value for name, value in self.status().items() if name not in ("evidence", "metrics")}
        return json.dumps(status)

    def _path(self, rollout: str) -> str:
        return f"/apis/sluice.dev/v1alpha1/namespaces/{self.namespace}/rollouts/{rollout}"


def _ended(state: State, scenario: Scenario) -> bool:
    """What the end must be, independently of any run: promoted or rolled back, and the other one scaled down."""
    status = state["status"]
    newest = (status["history"] or [[None] * 4])[0]
    candidate = newest[0]
    stable = status["stableRevision"]
    sizes = {name.removeprefix("R-"): d["replicas"] for name, d in state["deployments"].items()}
    shares = [route["shares"] for route in state["route"].values()]
    return (
        status["phase"] == scenario.phase
        and newest[1:3] == [scenario.outcome, scenario.reason]
        and len(status["history"]) == 2
        and (candidate == stable) == (scenario.outcome == "Promoted")
        and status["traffic"] == {"stable": 100, "candidate": 0}
        and {name: size for name, size in sizes.items() if size} == {stable: 2}
        and all(d["ready"] == d["replicas"] for d in state["deployments"].values())
        and shares == [{f"R-{stable}": 100}]
        and state["pods"] == 2
        and state["jobs"] == 0
    )


def _kubeconfig(server: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "proxy", "cluster": {"server": server}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
        "current-context": "proxy",
    }
