#!/usr/bin/env python3
"""The operator on a real API server, gateway and Prometheus, in figures. README.md beside this says which.

    bench.py [--rollouts 200] [--idle 60] [--repeats 20] [--idle-only]
"""

import argparse
import json
import math
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("", "integration", "faults")] + [str(HERE)]

from cluster import Cluster, ClusterError, Options, Report  # noqa: E402
from crowd import NAMESPACE as CROWD  # noqa: E402
from crowd import Crowd  # noqa: E402
from kubelet import Kubelet  # noqa: E402
from measure import AGENT, Audit, Request, cpu_seconds, memory, own_requests  # noqa: E402
from story import NAMESPACE, Operator, Story  # noqa: E402

CANNED_PORT = 9292
PAGES_PORT = 8090
MOST_MADE = 2000  # Rollouts; of more, one is made and the others are copies of it
AT_LAST = 1  # second before the weight: shorter than the wait before it, longer than what follows that wait
INTERVAL = 30  # seconds between two looks at one of the crowd
SETTLE = 65  # seconds until what was under way is over: events that were held back, and the first, short watches


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=200, help="how many are many (200)")
    parser.add_argument("--idle", type=float, default=60, help="seconds to count requests and processor time in (60)")
    parser.add_argument("--repeats", type=int, default=20, help="changes of a template to time (20)")
    parser.add_argument("--idle-only", action="store_true", help="leave out the many at work")
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/sluice", help="the operator")
    asked = parser.parse_args()
    report = Report(sys.stdout)
    options = Options(gateway_namespace=NAMESPACE, audit=True)
    name = os.environ.get("SLUICE_TEST_CLUSTER", "bench")
    try:
        with Cluster(name, "integration", options=options, report=report) as cluster, \
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
        self.operator = Operator(cluster, asked.binary)
        self.kubelet = Kubelet(cluster, NAMESPACE)
        self.story = Story(cluster, folder, "digits")
        self.rows: list[tuple[str, str, str]] = []

    def run(self) -> None:
        canned = [sys.executable, "-B", str(HERE / "canned_prometheus.py"), str(CANNED_PORT)]
        self.cluster.spawn_in_netns(canned, "canned-prometheus")
        copied = self.asked.rollouts > MOST_MADE
        self.operator.start("1m")
        self.kubelet.start()
        try:
            self.measure_verdict()
            one = self.measure_idle(1)
            self.copy_crowd() if copied else self.make_crowd()
            many = self.measure_idle(self.asked.rollouts)
            self.tell_idle(one, many)
            if not copied:
                self.measure_weights()
            self.measure_restart()
            if not copied and not self.asked.idle_only:
                self.measure_active()
        finally:
            self.story.stop_users()
            self.operator.stop()
            self.kubelet.stop()
        self.print_table()

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
        self.row(
            "a candidate with 5 % errors at 20 % of the traffic",
            f"{entry['outcome']} at look {entry['looks']}, after {seen:.0f} requests to it",
        )
        story.apply("v1")  # nothing under way, nothing rejected
        story.wait("the stable revision to be wanted again", lambda status: status["phase"] == "Healthy")
        self.kubelet.period = 5.0  # from here on nothing happens to its pods

    # -- idle --------------------------------------------------------------------------------------

    def make_crowd(self) -> None:
        total = self.asked.rollouts
        with self.report.step(f"{total} Rollouts become stable", f"{10 + total // 12} s"):
            self.crowd_of(total - 1)

    def copy_crowd(self) -> None:
        """Of one that became stable. Its controllers would make what they need for each of the copies anew."""
        total = self.asked.rollouts
        with self.report.step(f"{total} Rollouts, copies of one", f"{30 + total // 200} s"):
            self.crowd_of(1)
            self.operator.stop()
            self.cluster.stop_component("kube-controller-manager")
            self.crowd.copy(total - 1)
            self.operator.start("1m")
            self.wait_until_ready()

    def crowd_of(self, size: int) -> None:
        self.cluster.stop_component("envoy-gateway")  # it would read all that the crowd has, and the crowd's is played
        self.crowd = Crowd(self.cluster, size, f"http://127.0.0.1:{CANNED_PORT}")
        self.crowd.apply("v1")
        self.wait_for_crowd("to be Healthy", lambda status: status.get("phase") == "Healthy")

    def wait_for_crowd(self, what: str, predicate) -> None:
        size = self.crowd.size
        self.cluster.wait_for(lambda: self.crowd.count(predicate) >= size, f"all Rollouts {what}", 300 + 2 * size, 2 + size / 200)

    def measure_for(self, seconds: float) -> dict:
        """Processor time, and requests by kind and as reads and writes a minute."""
        pid = self.operator.process.pid
        self.audit.skip()
        before, begun = cpu_seconds(pid), time.monotonic()
        time.sleep(seconds)
        minutes = (time.monotonic() - begun) / 60
        used = cpu_seconds(pid) - before
        requests = own_requests(self.audit.read())
        watches = requests.pop("watch", 0)
        reads = sum(count for what, count in requests.items() if what.split()[0] in ("get", "list"))
        writes = sum(requests.values()) - reads
        return {
            "memory": memory(pid)["VmRSS"],
            "cpu": used / minutes / 60,
            "requests": requests,
            "reads": reads / minutes,
            "writes": writes / minutes,
            "watches": watches,
        }

    def measure_idle(self, rollouts: int) -> dict:
        with self.report.step(f"idle with {rollouts}", f"{self.asked.idle + SETTLE:.0f} s"):
            time.sleep(SETTLE)
            return self.measure_for(self.asked.idle)

    def tell_idle(self, one: dict, many: dict) -> None:
        rollouts = self.asked.rollouts
        each = (many["memory"] - one["memory"]) * 1024 / max(1, rollouts - 1)
        self.row("resident memory, idle, 1 Rollout", f"{one['memory']:.1f} MB")
        self.row(f"resident memory, idle, {rollouts} Rollouts", f"{many['memory']:.1f} MB ({each:.1f} kB each)",
                 "40 MB with 1000")  # fmt: skip
        for name, seen in (("1 Rollout", one), (f"{rollouts} Rollouts", many)):
            self.row(f"processor time, idle, {name}", f"{seen['cpu']:.2%} of one core")
            self.tell_requests(f"idle, {name}", seen, "0 and 0")

    def tell_requests(self, when: str, seen: dict, goal: str = "") -> None:
        detail = f"   {seen['requests']}" if seen["requests"] and goal else ""
        figure = f"{seen['reads']:.1f} and {seen['writes']:.1f}{detail}"
        self.row(f"API reads and writes a minute, {when}", figure, goal)

    # -- from a new template to the route ----------------------------------------------------------

    def measure_weights(self) -> None:
        """Change one Rollout among the many; the API server's log has the times."""
        whole, own, trips, last = [], [], [], []
        repeats = min(self.asked.repeats, self.crowd.size)
        with self.report.step(f"{repeats} new templates", f"{repeats * 3} s"):
            for number in range(1, repeats + 1):
                seconds, after_ready, requests, at_last = self.time_to_weight(number)
                whole.append(seconds)
                own.append(after_ready)
                trips.append(requests)
                last.append(at_last)
        self.row("change of the spec until the weight is on the route", quantiles(whole))
        self.row("of it, since the candidate's endpoints are ready (up to 3 s: waits for gateways)", quantiles(own))
        self.row("API round trips of the operator in that time, and once that wait is over",
                 f"median {statistics.median(trips):.0f} and {statistics.median(last):.0f}", "3 once it is over")  # fmt: skip

    def time_to_weight(self, number: int) -> tuple[float, float, int, int]:
        name = self.crowd.name(number)
        self.audit.skip()
        self.cluster.apply(json.dumps(self.crowd.manifest(number, "v2", active=True)))

        def weighed() -> dict | None:
            status = self.crowd.status(number)
            traffic = status.get("traffic", {})
            return status if traffic.get("accepted") and traffic["candidate"] else None

        status = self.cluster.wait_for(weighed, f"the first weight of {name}", 60, 0.1)
        candidate = f"{name}-{status['candidateRevision']}"
        log: list[Request] = []

        def routes() -> list[float]:
            log.extend(self.audit.read())
            return [r.time for r in log if by_operator(r) and r.resource == "httproutes" and r.name == name]

        at = max(self.cluster.wait_for(routes, f"the route of {name} in the audit log", 10))
        changed = min(r.time for r in log if r.resource == "rollouts" and r.name == name and not by_operator(r))
        ready = max(r.time for r in log if r.time < at and changes_endpoints(r, candidate))
        between = [r.time for r in log if by_operator(r) and ready < r.time <= at and is_trip(r, name)]
        at_last = [time for time in between if time > at - AT_LAST]
        return at - changed, at - ready, len(between), len(at_last)

    # -- start -------------------------------------------------------------------------------------

    def measure_restart(self) -> None:
        """From the start of the process until it says that it is ready, with all Rollouts there."""
        self.operator.stop()
        begun = time.monotonic()
        self.operator.start("1m")
        self.wait_until_ready()
        rollouts = self.asked.rollouts
        self.row(f"start of the process until ready, {rollouts} Rollouts", f"{time.monotonic() - begun:.2f} s", "1 s")
        time.sleep(5)
        found = memory(self.operator.process.pid)
        figure = f"{found['VmRSS']:.1f} and {found['VmHWM']:.1f} MB"
        self.row("resident memory after it, and the most until then", figure)

    def wait_until_ready(self) -> None:
        self.cluster.wait_for(lambda: self.page("/readyz"), "the operator to be ready", 60 + self.asked.rollouts / 20, 0.01)

    def page(self, path: str) -> str:
        """A page of the operator; empty while it does not answer, or not with 200."""
        try:
            status, body = self.cluster.http_get_in_netns("127.0.0.1", PAGES_PORT, path)
            return body.decode() if status == 200 else ""
        except OSError:
            return ""

    # -- at work -----------------------------------------------------------------------------------

    def measure_active(self) -> None:
        """All of the many in a canary stage: three metrics each, looked at every 30 s."""
        rollouts = self.crowd.size
        with self.report.step(f"{rollouts} candidates get traffic", f"{20 + rollouts // 6} s"):
            self.crowd.apply("v2", active=True)
            self.wait_for_crowd("to have a candidate with traffic", in_canary)
        seconds = INTERVAL * math.ceil(self.asked.idle / INTERVAL)  # whole ones: looks are not spread evenly over one
        with self.report.step(f"{rollouts} Rollouts are looked at", f"{seconds + 60:.0f} s"):
            time.sleep(60)
            before = self.looks()
            seen = self.measure_for(seconds)
            after = self.looks()
        taken = (after["ok"] - before["ok"]) / seconds
        failed = after["error"] - before["error"]
        due = rollouts / INTERVAL
        self.row(f"looks a second, {rollouts} at work (answers are canned)",
                 f"{taken:.1f} of {due:.1f} that are due, {failed:.0f} failed")  # fmt: skip
        self.row(f"processor time, {rollouts} at work", f"{seen['cpu']:.1%} of one core")
        self.row(f"resident memory, {rollouts} at work", f"{seen['memory']:.1f} MB")
        self.tell_requests(f"{rollouts} at work", seen)

    def looks(self) -> dict[str, float]:
        found = re.findall(r'^sluice_looks_total\{result="(\w+)"\} (\S+)', self.page("/metrics"), re.MULTILINE)
        return {result: float(count) for result, count in found}

    # -- the table ---------------------------------------------------------------------------------

    def row(self, what: str, figure: str, goal: str = "") -> None:
        self.rows.append((what, figure, goal))
        self.report.line(f"{what:<58} {figure}")

    def print_table(self) -> None:
        first, second = (max(len(row[column]) for row in self.rows) for column in (0, 1))
        self.report.line("")
        head = [("measured", "figure", "goal: at most"), ("-" * first, "-" * second, "-" * 15)]
        for what, figure, goal in head + self.rows:
            self.report.line(f"{what:<{first}}  {figure:<{second}}  {goal}".rstrip())


def in_canary(status: dict) -> bool:
    traffic = status.get("traffic", {})
    return bool(traffic.get("accepted") and traffic.get("candidate") == 20)


def changes_endpoints(request: Request, service: str) -> bool:
    """Of a Service. A slice that is created gets its name from the server, so that the log has none."""
    writes = request.verb in ("create", "update", "patch")
    return request.resource == "endpointslices" and writes and (not request.name or request.name.startswith(service))


def is_trip(request: Request, name: str) -> bool:
    """Whether something of a Rollout waits for its answer."""
    return request.verb != "watch" and request.resource != "events" and name in request.name


def by_operator(request: Request) -> bool:
    return request.agent.startswith(AGENT)


def quantiles(seconds: list[float]) -> str:
    """The largest stands for the 99th percentile of fewer than 100."""
    ordered = sorted(seconds)
    p50, p99 = (ordered[min(len(ordered) - 1, math.ceil(len(ordered) * q) - 1)] for q in (0.5, 0.99))
    return f"p50 {p50:.2f} s, p99 {p99:.2f} s, {len(ordered)} changes"


if __name__ == "__main__":
    sys.exit(main())
