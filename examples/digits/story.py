"""The story that the demo tells and the end-to-end tests check, step by step.

Nothing here prints or asserts: the steps wait for conditions in the cluster and return what they
saw. All verdicts come from the Rollout's own status; Locust tells what users noticed.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, TypeVar

from cluster import ClusterError
from cluster.wait import until

from load import Count, Counts, ensure_locust
from places import CHART, EXAMPLE, Place, checked, last_words

T = TypeVar("T")

NAMESPACE = "ml"
NAME = "digits"
SYSTEM_NAMESPACE = "sluice-system"
RELEASE = "sluice"


@dataclass(frozen=True)
class Sight:
    """The Rollout's status at one moment."""

    time: float  # seconds since 1970
    status: dict[str, Any]

    @property
    def weight(self) -> int:
        """Percent of the traffic that is asked for the candidate."""
        return int(self.status.get("traffic", {}).get("candidate", 0))

    @property
    def looks(self) -> int:
        """Looks taken at this weight."""
        return int(self.status.get("stage", {}).get("looks", 0))


@dataclass
class Chapter:
    """One version from `kubectl apply` to its end."""

    version: str
    revision: str
    outcome: str  # Promoted, RolledBack, Superseded
    reason: str
    looks: int
    message: str
    seconds: float  # from start to verdict, by the cluster's own clock
    sights: list[Sight]
    traffic: Count  # what Locust counted from `kubectl apply` to the end
    by_weight: dict[int, Count] = field(default_factory=dict)  # the same while a weight was in effect

    @property
    def stages(self) -> list[str]:
        """The stages in the order in which they were seen."""
        seen: list[str] = []
        for sight in self.sights:
            name = sight.status.get("stage", {}).get("name")
            if name and name not in seen:
                seen.append(name)
        return seen

    @property
    def weights(self) -> list[int]:
        """The weights in the order in which they were seen, without the 0 before and after."""
        seen: list[int] = []
        for sight in self.sights:
            if sight.weight and (not seen or seen[-1] != sight.weight):
                seen.append(sight.weight)
        return seen


class Story:
    """Plays the example in a place."""

    path = f"/apis/sluice.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts/{NAME}"

    def __init__(self, place: Place) -> None:
        self.place = place
        self.counts = Counts(place.logs / "locust-counts.jsonl")

    # -- setting the scene -------------------------------------------------------------------------

    def install_operator(self) -> None:
        """`helm install` of the chart; returns when the operator is ready."""
        repository, _, tag = self.place.operator_image.rpartition(":")
        done = self.place.helm(
            "upgrade", "--install", RELEASE, str(CHART), "--namespace", SYSTEM_NAMESPACE, "--create-namespace",
            "--set", f"image.repository={repository}", "--set-string", f"image.tag={tag}",
            "--set", "statusInterval=1s", "--wait", "--timeout", "3m",  # 1 s for people who watch; 60 s by default
        )  # fmt: skip
        if done.returncode != 0:
            pods = self.place.kubectl("describe", "pods", "-n", SYSTEM_NAMESPACE).stdout[-3000:]
            raise ClusterError(f"helm install failed: {done.stderr.strip()[-600:]}\n{pods}")

    def uninstall_operator(self) -> None:
        checked(
            self.place.helm("uninstall", RELEASE, "--namespace", SYSTEM_NAMESPACE, "--wait", "--timeout", "2m"),
            "helm uninstall",
        )

    def serve_first(self) -> Sight:
        """Apply v1 and wait until it is stable and serves."""
        checked(self._apply(EXAMPLE / "namespace.yaml"), "kubectl apply of namespace.yaml")
        if self.place.kubectl("get", "mro", NAME, "-n", NAMESPACE, "-o", "name").returncode == 0:
            raise ClusterError("The Rollout digits exists already in namespace ml: run `make demo-down` first.")
        self.apply("v1")

        def stable() -> Sight | None:
            sight = self.look()
            wanted = sight.status.get("phase") == "Healthy" and sight.status.get("stableRevision")
            return sight if wanted else None

        return self.wait(stable, "v1 to become stable", 180)

    def start_traffic(self) -> Count:
        """Start Locust and wait until its full rate is answered without a failure."""
        program = ensure_locust(self.place.report)
        self.counts.file.parent.mkdir(parents=True, exist_ok=True)
        self.counts.file.unlink(missing_ok=True)
        self.place.start_traffic(program, self.counts.file)
        try:
            return until(self.counts.flowing, "traffic at its full rate without failures", 90, interval=0.5)
        except ClusterError as problem:
            raise ClusterError(f"{problem}\nOf Locust, {last_words(self.place.traffic_log())}") from None

    # -- chapters ----------------------------------------------------------------------------------

    def roll(
        self, version: str, on_sight: Callable[[Sight], None] = lambda _: None, timeout: float = 420, manifest: str = ""
    ) -> Chapter:
        """Apply a version (its file, or `manifest`) and follow it to its end. `on_sight` is called with each new
        status."""
        known = newest(self.look())
        before = self.counts.at(time.time())
        generation = self.apply(version, manifest)
        sights: list[Sight] = []

        def ended() -> bool:
            sight = self.look()
            if sight.status.get("observedGeneration", 0) < generation:
                return False
            if not sights or sights[-1].status != sight.status:
                on_sight(sight)
            sights.append(sight)
            if sight.status.get("phase") == "Paused":  # nothing goes on until a person says so
                raise ClusterError(f"{version} is neither promoted nor rolled back, and waits for a person.")
            return newest(sight) != known

        self.wait(ended, f"{version} to be promoted or rolled back", timeout)
        return self._chapter(version, before, sights)

    def apply(self, version: str, manifest: str = "") -> int:
        """`kubectl apply` of one of the versions; the generation that it made."""
        text = manifest or self.place.manifest(EXAMPLE / f"{version}.yaml")
        checked(self.place.kubectl("apply", "-f", "-", input=text), f"kubectl apply of {version}")
        return int(self.place.get(self.path)["metadata"]["generation"])

    def refused(self, file: Path) -> str:
        """Apply what must not be accepted; what kubectl says about it. Empty when it was accepted."""
        done = self._apply(file)
        return done.stderr.strip() if done.returncode != 0 else ""

    def look(self) -> Sight:
        """The Rollout's status now."""
        return Sight(time.time(), self.place.get(self.path).get("status", {}))

    # -- details -----------------------------------------------------------------------------------

    def _apply(self, file: Path) -> Any:
        return self.place.kubectl("apply", "-f", "-", input=self.place.manifest(file))

    def _chapter(self, version: str, before: Count, sights: list[Sight]) -> Chapter:
        entry = newest(sights[-1])
        finished = seconds_of(entry["finishedAt"])
        # Answers to requests that were under way at the verdict are counted a little later.
        after = self.counts.at(max(finished, sights[-1].time) + 2)
        return Chapter(
            version=version,
            revision=entry["revision"],
            outcome=entry["outcome"],
            reason=entry["reason"],
            looks=int(entry.get("looks", 0)),
            message=entry.get("message", ""),
            seconds=finished - seconds_of(entry["startedAt"]),
            sights=sights,
            traffic=after - before,
            by_weight=self._by_weight(sights),
        )

    def _by_weight(self, sights: list[Sight]) -> dict[int, Count]:
        """What Locust counted while each weight of the canary was certainly in effect: from a second after it
        was first seen on the accepted route until it was last seen."""
        spans: dict[int, tuple[float, float]] = {}
        for sight in sights:
            by_request = sight.status.get("stage", {}).get("name") == "canary"
            if by_request and sight.weight and sight.status["traffic"].get("accepted"):
                first, _ = spans.get(sight.weight, (sight.time, sight.time))
                spans[sight.weight] = (first, sight.time)
        counts = self.counts.all()
        result: dict[int, Count] = {}
        for weight, (first, last) in spans.items():
            inside = [count for count in counts if first + 1 <= count.time <= last]
            if len(inside) >= 2:
                result[weight] = inside[-1] - inside[0]
        return result

    def wait(self, condition: Callable[[], T], what: str, timeout: float) -> T:
        """The first true value of `condition`; ClusterError with the Rollout's state when time is over."""
        try:
            return until(condition, what, timeout, interval=0.5)
        except ClusterError as problem:
            raise ClusterError(f"{problem} {self._state()}") from None

    def _state(self) -> str:
        """What the cluster says about it, for a message."""
        described = self.place.kubectl("describe", "rollouts.sluice.dev", NAME, "-n", NAMESPACE).stdout
        status = self.look().status
        return f"The Rollout says: {status.get('phase')}, {status.get('message')}\n{described[-4000:]}"


def newest(sight: Sight) -> dict[str, Any]:
    """The newest entry of the history; empty when there is none yet."""
    history = sight.status.get("history", [])
    return history[0] if history else {}


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    """A condition by its type; empty when it is not there."""
    return next((one for one in status.get("conditions", []) if one["type"] == kind), {})


def seconds_of(timestamp: str) -> float:
    """An RFC 3339 time of the API as seconds since 1970."""
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()
