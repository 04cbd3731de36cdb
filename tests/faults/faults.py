#!/usr/bin/env python3
"""Breaks each single call of whole rollouts in each way, on a real API server, and compares how they end.

    faults.py                                          all calls x all faults, for all scenarios
    faults.py --sample 30 [--seed 7]                   some of them
    faults.py --scenario promoted --only 'apply httproutes R#2 kill-before'
    faults.py --list                                   the calls of undisturbed runs
"""

import argparse
import gc
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]

from calls import Call, parse_call  # noqa: E402
from campaign import Campaign, Case, Reference, ReferencesDiffer, cases, observe, sample  # noqa: E402
from cluster import Cluster, ClusterError, Report  # noqa: E402
from fault_kinds import FAULTS  # noqa: E402
from scenario import SCENARIOS  # noqa: E402
from world import World  # noqa: E402

LANES = 12  # for a sample
ALL_LANES = 24  # for everything: two cores have a little to spare, or the API server is too late


def main() -> int:
    asked = arguments()
    # What is decoded from the watches has no cycles; to look for some in all that is remembered took 40 % of a core.
    gc.set_threshold(100_000, 1_000)
    report = Report(sys.stdout)
    try:
        with Cluster(os.environ.get("SLUICE_TEST_CLUSTER", "faults"), "control-plane", report=report) as cluster:
            return run(World(cluster), asked, report)
    except (ClusterError, ReferencesDiffer) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0, help="only so many cases, drawn by the seed")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the sample; printed, to draw it again")
    parser.add_argument("--scenario", choices=SCENARIOS, help="only this one")
    parser.add_argument("--only", type=case, action="append", help="only this case: 'VERB RESOURCE NAME#N FAULT'")
    parser.add_argument("--lanes", type=int, help=f"rollouts at once ({ALL_LANES}; {LANES} for some of them)")
    parser.add_argument("--list", action="store_true", help="say which calls there are, and end")
    return parser.parse_args()


def case(text: str) -> tuple[Call, str]:
    call, _, fault = text.rpartition(" ")
    if fault not in FAULTS:
        raise argparse.ArgumentTypeError(f"{fault!r} is no fault; there are {', '.join(FAULTS)}")
    try:
        return parse_call(call), fault
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def run(world: World, asked: argparse.Namespace, report: Report) -> int:
    began = time.monotonic()
    scenarios = [SCENARIOS[asked.scenario]] if asked.scenario else list(SCENARIOS.values())
    lanes = world.lanes(asked.lanes or (LANES if asked.sample or asked.only else ALL_LANES))
    references = observe(lanes, scenarios)
    for name, reference in references.items():
        report.line(f"An undisturbed rollout that is {name}: {len(reference.calls)} calls.")
    if asked.list:
        for name, reference in references.items():
            for call in reference.calls:
                print(f"{name}: {call}")
        return 0
    campaign = Campaign(lanes, references, report.line)
    campaign.run(choose(scenarios, references, asked, report))
    summarise(campaign, time.monotonic() - began, report)
    return 1 if campaign.failed else 0


def choose(
    scenarios: list, references: dict[str, Reference], asked: argparse.Namespace, report: Report
) -> list[Case]:
    if asked.only:
        return [Case(scenario, call, fault) for scenario in scenarios for call, fault in asked.only]
    found = [one for scenario in scenarios for one in cases(scenario, references[scenario.name])]
    if asked.sample:
        report.line(f"{asked.sample} of {len(found)} cases, drawn with --seed {asked.seed}.")
        found = sample(found, asked.sample, asked.seed)
    return found


def summarise(campaign: Campaign, seconds: float, report: Report) -> None:
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(campaign.by_fault.items()))
    report.line(f"Rollouts that came to the same end: {sum(campaign.by_fault.values())} ({kinds}).")
    if campaign.missed:
        report.line(f"Calls that did not come again, so that nothing was broken: {len(campaign.missed)}:")
        for one in campaign.missed:
            report.line(f"    {one}")
    report.line(f"runs {campaign.done}, not reached {len(campaign.missed)}, failed {len(campaign.failed)}, "
                f"minutes {seconds / 60:.1f}")  # fmt: skip
    for one in campaign.failed:
        report.line(f"    faults.py --scenario {one.scenario.name} --only '{one.call} {one.fault}'")


if __name__ == "__main__":
    sys.exit(main())
