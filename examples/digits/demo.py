#!/usr/bin/env python3
"""Sluice on a real cluster: a model is replaced three times, with real traffic.

    demo.py         make the cluster, play the story, leave all of it running
    demo.py down    stop and remove it

With SLUICE_DEMO_KUBECONFIG a cluster of yours is used instead of one made here; README.md beside
this file says what it has to have.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2] / "tests")]

from cluster import Cluster, ClusterError, Report  # noqa: E402
from cluster.tools import Tools  # noqa: E402
from load import ensure_locust  # noqa: E402
from places import EXAMPLE, ExistingCluster, OwnCluster, Place, checked  # noqa: E402
from story import NAME, NAMESPACE, Chapter, Story  # noqa: E402
from telling import sentence, table, telling  # noqa: E402

CLUSTER = "demo"
CHAPTERS = {
    "v2": ("a better model, through all stages", "Promoted"),
    "v3": ("an urgent fix, by the canary alone: 4 % of its answers are errors and one in ten is slow", "RolledBack"),
    "v4": ("v2 again under another name: there is no difference to be found", "Promoted"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", choices=("up", "down"), default="up")
    arguments = parser.parse_args()
    try:
        return down() if arguments.action == "down" else up()
    except ClusterError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. `make demo-down` removes what is there; `make demo` starts again.", file=sys.stderr)
        return 130


def up() -> int:
    begun = time.monotonic()
    report = Report(sys.stdout)
    place = find_place(report)
    story = Story(place)
    ensure_locust(report)
    report.begin("Setting the scene.", 3)
    with report.step("Sluice, by helm install", "10 s"):
        story.install_operator()
    with report.step("v1 becomes stable", "15 s"):
        first = story.serve_first()
    with report.step("traffic, 200 requests a second", "10 s"):
        story.start_traffic()
    names = {first.status["stableRevision"]: "v1"}
    chapters = []
    for version, (meaning, _) in CHAPTERS.items():
        chapters.append(play(story, version, meaning))
        names[chapters[-1].revision] = version
    show_refusal(story)
    show_summary(story, chapters, names)
    show_around(place, time.monotonic() - begun)
    return judge(chapters)


def find_place(report: Report) -> Place:
    """A cluster: the one that the environment names, else a fresh one of our own."""
    kubeconfig = os.environ.get("SLUICE_DEMO_KUBECONFIG")
    if kubeconfig:
        report.line(f"Using the cluster of {kubeconfig}. The story takes about five minutes.")
        return ExistingCluster(Path(kubeconfig), report)
    missing = Tools("node").missing()
    report.line("This makes a Kubernetes cluster on this machine, in a network of its own, and leaves it running.")
    if missing:
        report.line(
            f"{len(missing)} programs have to be built first, once: {', '.join(tool.name for tool in missing)}.\n"
            f"That takes 15 to 35 minutes on two cores; then a start takes a minute and the story five."
        )
    else:
        report.line("It takes about a minute to start, then the story about five.")
    return OwnCluster.start(CLUSTER, report, keep=True)


def play(story: Story, version: str, meaning: str) -> Chapter:
    print(f"\n$ kubectl apply -f examples/digits/{version}.yaml    # {meaning}", flush=True)
    teller = telling(story.place)
    try:
        chapter = story.roll(version, teller)
    finally:
        teller.close()
    print(sentence(chapter), flush=True)
    return chapter


def show_refusal(story: Story) -> None:
    print("\n$ kubectl apply -f examples/digits/bad.yaml    # its weights do not rise")
    print(story.refused(EXAMPLE / "bad.yaml") or "It was accepted.", flush=True)


def show_summary(story: Story, chapters: list[Chapter], names: dict[str, str]) -> None:
    history = reversed(story.look().status.get("history", []))
    print(f"\nSummary, from the status of the Rollout and the counts of Locust:\n\n{table(history, chapters, names)}\n")
    print(checked(story.place.kubectl("get", "mro", "-A"), "kubectl get mro -A"), flush=True)


def show_around(place: Place, seconds: float) -> None:
    predict = f"{place.url}/v2/models/digits/infer"
    path = f'PATH="{place.cluster.tools.path("kubectl").parent}:$PATH" ' if isinstance(place, OwnCluster) else ""
    prometheus = f"  {place.cluster.prometheus_url}    Prometheus\n" if isinstance(place, OwnCluster) else ""
    print(
        f"All of this took {seconds / 60:.1f} minutes. It still runs, with its traffic. To look around:\n"
        f"  export {path}KUBECONFIG={place.kubeconfig}\n"
        f"  kubectl get mro -A -o wide\n"
        f"  kubectl describe mro {NAME} -n {NAMESPACE}\n"
        f"  kubectl get configmaps -n {NAMESPACE} -l sluice.dev/rollout={NAME}    # of load tests: numbers, and charts as SVG\n"
        f"  curl -H 'Content-Type: application/json' -d @examples/digits/request.json {predict}\n"
        f"{prometheus}"
        f"  make demo-down    # removes it"
    )


def judge(chapters: list[Chapter]) -> int:
    """Exit status 1, and why, when the story did not end as it should."""
    wrong = [chapter for chapter in chapters if chapter.outcome != CHAPTERS[chapter.version][1]]
    for chapter in wrong:
        print(
            f"\n{chapter.version} should have been {CHAPTERS[chapter.version][1]} but was {chapter.outcome} "
            f"({chapter.reason}): {chapter.message}.",
            file=sys.stderr,
        )
    return 1 if wrong else 0


def down() -> int:
    report = Report(sys.stdout)
    kubeconfig = os.environ.get("SLUICE_DEMO_KUBECONFIG")
    if kubeconfig:
        place = ExistingCluster(Path(kubeconfig), report)
        with report.step("removing the example and Sluice"):
            place.stop_traffic()
            checked(place.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found"), "kubectl delete namespace")
            Story(place).uninstall_operator()
        return 0
    cluster = Cluster.attach(CLUSTER, report)
    cluster.state.refuse_when_owned()
    with report.step(f"removing the cluster {CLUSTER}"):
        cluster.stop()
    report.line(f"Its logs stay in {cluster.logs}; the built tools stay in the cache for the next time.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
