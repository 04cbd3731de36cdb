"""The schedule: a few undisturbed runs tell which calls there are; then each call is broken in each way, once."""

import collections
import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from calls import Call
from end_state import State, differences
from fault_kinds import FAULTS, FAULTS_OF_QUERIES
from lane import Lane, Result
from scenario import Scenario

REFERENCES = 3  # undisturbed runs of a scenario: how often a call comes differs a little with the timing


@dataclass(frozen=True)
class Case:
    scenario: Scenario
    call: Call
    fault: str

    def __str__(self) -> str:
        return f"{self.scenario.name}: {self.call} {self.fault}"


@dataclass
class Reference:
    """What undisturbed runs of a scenario do, and the end that they come to."""

    calls: list[Call]
    state: State


class ReferencesDiffer(Exception):
    """Undisturbed runs come to no common end, so that there is nothing to compare with."""


def observe(lanes: list[Lane], scenarios: list[Scenario]) -> dict[str, Reference]:
    """Undisturbed runs, spread over the lanes."""
    results: dict[str, list[Result]] = {scenario.name: [] for scenario in scenarios}
    jobs = [scenario for scenario in scenarios for _ in range(REFERENCES)]
    on_lanes(lanes, jobs, lambda lane, scenario: results[scenario.name].append(lane.run(scenario)))
    found = {}
    for name, seen in results.items():
        problems = [problem for result in seen for problem in result.problems]
        problems += [line for result in seen for line in differences(seen[0].state, result.state)]
        if problems:
            raise ReferencesDiffer(f"undisturbed runs ({name}):\n    " + "\n    ".join(problems))
        calls = sorted({call for result in seen for call in result.calls})
        found[name] = Reference(calls, seen[0].state)
    return found


def cases(scenario: Scenario, reference: Reference) -> list[Case]:
    """Each call with each fault."""
    return [
        Case(scenario, call, fault)
        for call in reference.calls
        for fault in (FAULTS_OF_QUERIES if call.verb == "query" else FAULTS)
    ]


def sample(all_cases: list[Case], size: int, seed: int) -> list[Case]:
    return random.Random(seed).sample(all_cases, min(size, len(all_cases)))


def on_lanes(lanes: list[Lane], jobs: list, work: Callable) -> None:
    """work(lane, job) for each job, one at a time on each lane. An exception ends everything and is raised here."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    errors: list[BaseException] = []

    def serve(lane: Lane) -> None:
        while not errors:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                work(lane, job)
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=serve, args=(lane,), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException as ending:  # asked to end: nothing more is begun
        errors.append(ending)
        raise
    if errors:
        raise errors[0]


class Campaign:
    def __init__(self, lanes: list[Lane], references: dict[str, Reference], say: Callable[[str], None]) -> None:
        self._lanes = lanes
        self._references = references
        self._say = say
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._total = 0
        self._ended = False  # before its time: the cluster goes, and what still runs fails with it
        self.done = 0
        self.failed: list[Case] = []
        self.missed: list[Case] = []
        self.by_fault: collections.Counter[str] = collections.Counter()

    def run(self, wanted: list[Case]) -> None:
        self._total = len(wanted)
        try:
            on_lanes(self._lanes, wanted, self._run_one)
        except BaseException:
            with self._lock:
                self._ended = True
            raise

    def _run_one(self, lane: Lane, case: Case) -> None:
        reference = self._references[case.scenario.name].state
        result = lane.run(case.scenario, case.call, case.fault, reference)
        if result.ok and not result.reached:  # it came in a reference run, so it may come when tried again
            result = lane.run(case.scenario, case.call, case.fault, reference)
        with self._lock:
            if not self._ended:
                self._note(case, result)

    def _note(self, case: Case, result: Result) -> None:
        self.done += 1
        if not result.ok:
            self.failed.append(case)
            self._say(f"FAILED {case} (after {result.seconds:.0f} s)")
            for problem in result.problems:
                self._say(f"    {problem}")
            self._say(f"    the operator's log: {result.log}")
        elif not result.reached:
            self.missed.append(case)
        else:
            self.by_fault[case.fault] += 1
        if self.done % 50 == 0:
            minutes = (time.monotonic() - self._began) / 60
            self._say(f"{self.done} of {self._total} after {minutes:.1f} min, {len(self.failed)} failed")
