#!/usr/bin/env python3
"""The operator on a real API server, gateway and Prometheus, in figures. README.md beside this says which.

    bench.py [--rollouts 200] [--idle 60] [--repeats 5]
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/integration"), str(Path(__file__).resolve().parent)]

from cluster import Cluster, ClusterError, Options, Report  # noqa: E402
from kubelet import Kubelet  # noqa: E402
from measure import AGENT, Audit, Request, cpu_seconds, own_requests, resident_megabytes  # noqa: E402
from story import NAMESPACE, Operator, Story  # noqa: E402

ROLLOUTS = f"/apis/sluice.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts"
IDLE_NAME = "idle-{:04}"
BATCH = 100  # manifests a kubectl apply


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=200, help="how many are many (200)")
    parser.add_argument("--idle", type=float, default=60, help="seconds to count requests in when idle (60)")
    parser.add_argument("--repeats", type=int, default=5, help="changes of a template to time (5)")
    asked = parser.parse_args()
    report = Report(sys.stdout)
    options = Options(gateway_namespace=NAMESPACE, audit=True)
    try:
        with Cluster("bench", "integration", options=options, report=report) as cluster, \
             tempfile.TemporaryDirectory() as folder:  # fmt: skip
            for crd in sorted((ROOT / "crds").glob("*.yaml")):
                cluster.install_crd(crd.read_text())
            cluster.wait_for(cluster.crds_established, "the CRDs to be served")
            Bench(cluster, Path(folder), report, asked).run()
    except ClusterError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return 0


class Bench:
    def __init__(self, cluster: Cluster, folder: Path, report: Report, asked: argparse.Namespace) -> None:
        self.cluster = cluster
        self.report = report
        self.asked = asked
        self.audit = Audit(cluster.audit_log)
        self.operator = Operator(cluster)
        self.kubelet = Kubelet(cluster, NAMESPACE)
        self.story = Story(cluster, folder, "digits")

    def run(self) -> None:
        self.operator.start("1m")
        self.kubelet.start()
        try:
            self.measure_verdict()
            one = self.measure_idle(1)
            self.make_idle_rollouts()
            many = self.measure_idle(self.asked.rollouts)
            self.tell_idle(one, many)
            self.measure_weights()
            self.measure_restart()
        finally:
            self.story.stop_users()
            self.kubelet.stop()
            self.operator.stop()

    # -- the verdict -------------------------------------------------------------------------------

    def measure_verdict(self) -> None:
        """A candidate with 5 % errors against a stable one without: at which look it is gone."""
        story = self.story
        with self.report.step("a bad candidate under traffic", "25 s"):
            story.apply("v1")
            story.wait_outcome()
            story.start_users()
            story.apply("bad", error_share=0.05)
            entry = story.wait_outcome(120)
            seen = sum(metric["candidate"]["total"] for metric in story.status["metrics"])
            story.stop_users()
        self.line(
            "a candidate with 5 % errors at 20 % of the traffic",
            f"{entry['outcome']} at look {entry['looks']}, after {seen:.0f} requests to it",
        )
        story.apply("v1")  # nothing under way, nothing rejected
        story.wait("the stable revision to be wanted again", lambda status: status["phase"] == "Healthy")

    # -- idle --------------------------------------------------------------------------------------

    def make_idle_rollouts(self) -> None:
        total = self.asked.rollouts
        with self.report.step(f"{total} Rollouts become stable", f"{10 + total // 8} s"):
            manifests = [self.idle_manifest(number, "v1") for number in range(1, total)]
            for start in range(0, len(manifests), BATCH):
                items = {"apiVersion": "v1", "kind": "List", "items": manifests[start : start + BATCH]}
                self.cluster.apply(json.dumps(items))
            self.cluster.wait_for(lambda: self.healthy() >= total, "all Rollouts to be Healthy", 60 + total, 1)

    def idle_manifest(self, number: int, version: str) -> dict:
        story = Story(self.cluster, Path(), IDLE_NAME.format(number))
        return story.manifest(version, 0.0, "idle", replicas=1)

    def healthy(self) -> int:
        found = self.cluster.api.get(ROLLOUTS)["items"]
        return sum(item.get("status", {}).get("phase") == "Healthy" for item in found)

    def measure_idle(self, rollouts: int) -> dict[str, float | dict[str, int]]:
        """Memory, processor time and requests while nothing happens."""
        self.kubelet.period = 5.0
        with self.report.step(f"idle with {rollouts}", f"{self.asked.idle + 10:.0f} s"):
            time.sleep(10)  # what was under way ends
            pid = self.operator.process.pid
            self.audit.skip()
            before, begun = cpu_seconds(pid), time.monotonic()
            time.sleep(self.asked.idle)
            minutes = (time.monotonic() - begun) / 60
            used = cpu_seconds(pid) - before
            requests = own_requests(self.audit.read())
        self.kubelet.period = 0.2
        return {"memory": resident_megabytes(pid), "cpu": used / minutes / 60, "minutes": minutes, "requests": requests}

    def tell_idle(self, one: dict, many: dict) -> None:
        rollouts = self.asked.rollouts
        a_rollout = (many["memory"] - one["memory"]) * 1024 / max(1, rollouts - 1)
        self.line("resident memory, idle, 1 Rollout", f"{one['memory']:.1f} MB")
        self.line(
            f"resident memory, idle, {rollouts} Rollouts",
            f"{many['memory']:.1f} MB   ({many['memory'] / one['memory']:.2f} x; {a_rollout:.1f} kB a Rollout)",
        )
        for name, seen in (("1 Rollout", one), (f"{rollouts} Rollouts", many)):
            watches = seen["requests"].pop("watch", 0)
            others = sum(seen["requests"].values())
            detail = f": {seen['requests']}" if others else ""
            self.line(
                f"API requests a minute, idle, {name}",
                f"{others / seen['minutes']:.1f}{detail}   (and {watches} watches begun again)",
            )
            self.line(f"processor time, idle, {name}", f"{seen['cpu']:.2%} of one core")

    # -- from a new template to the route ----------------------------------------------------------

    def measure_weights(self) -> None:
        """Change one Rollout among the many; the API server's log has the times."""
        whole, own, trips = [], [], []
        with self.report.step(f"{self.asked.repeats} new templates", f"{self.asked.repeats * 3} s"):
            for number in range(1, self.asked.repeats + 1):
                seconds, after_ready, requests = self.time_to_weight(number)
                whole.append(seconds)
                own.append(after_ready)
                trips.append(requests)
        self.line("kubectl apply until the first weight is on the route", spread(whole))
        self.line("of it, since the candidate's endpoints are ready", spread(own))
        self.line("requests of the operator in that time", f"median {statistics.median(trips):.0f}")

    def time_to_weight(self, number: int) -> tuple[float, float, int]:
        name = IDLE_NAME.format(number)
        story = Story(self.cluster, Path(), name)
        self.audit.skip()
        begun = time.time()
        self.cluster.apply(json.dumps(self.idle_manifest(number, "v2")))
        status = story.wait("the first weight", lambda s: s.get("traffic", {}).get("accepted") and s["traffic"]["candidate"])
        candidate = f"{name}-{status['candidateRevision']}"
        log = self.audit.read()
        ready = max(r.time for r in log if r.resource == "endpointslices" and r.name.startswith(candidate))
        routed = [r for r in log if of_operator(r, "httproutes", name) and r.time > ready]
        weighed = min(r.time for r in routed)
        between = [r for r in log if r.agent.startswith(AGENT) and ready < r.time <= weighed and r.verb != "watch"]
        return weighed - begun, weighed - ready, len([r for r in between if r.resource != "events"])

    # -- start -------------------------------------------------------------------------------------

    def measure_restart(self) -> None:
        """From the start of the process until it says that it is ready, with all Rollouts there."""
        self.operator.stop()
        begun = time.monotonic()
        self.operator.start("1m")
        self.cluster.wait_for(self.is_ready, "the operator to be ready", 60, 0.01)
        self.line(f"start until ready, {self.asked.rollouts} Rollouts", f"{time.monotonic() - begun:.2f} s")
        time.sleep(5)
        self.line("resident memory after it", f"{resident_megabytes(self.operator.process.pid):.1f} MB")

    def is_ready(self) -> bool:
        try:
            return self.cluster.http_get_in_netns("127.0.0.1", 8090, "/readyz")[0] == 200
        except OSError:
            return False

    def line(self, what: str, figure: str) -> None:
        self.report.line(f"{what:<58} {figure}")


def of_operator(request: Request, resource: str, name: str) -> bool:
    return request.agent.startswith(AGENT) and request.resource == resource and request.name == name


def spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f}"


if __name__ == "__main__":
    sys.exit(main())
