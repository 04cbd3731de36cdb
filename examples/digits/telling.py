"""How the demo tells the story: a moving view on a terminal, plain lines elsewhere, a table at the end."""

import subprocess
import sys
import time
from typing import Any, Iterable

from load import Arm
from places import Place
from story import NAME, NAMESPACE, Chapter, Sight, seconds_of

COLUMNS = ("rollout", "revision", "outcome", "reason", "looks", "seconds", "requests", "failed", "digits right")


class Lines:
    """One line whenever a person would notice a difference."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._last = ""

    def __call__(self, sight: Sight) -> None:
        text = line_of(sight.status)
        if text != self._last:
            self._last = text
            print(f"  {int(time.monotonic() - self._begun):>4} s  {text}", flush=True)

    def close(self) -> None:
        """Nothing is left open."""


class View:
    """`sluice watch`, which draws the moving view, while the story follows the same Rollout."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command)

    def __call__(self, sight: Sight) -> None:
        """The view reads the cluster by itself."""

    def close(self) -> None:
        """Give it time to draw the end, then end it."""
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait()


def telling(place: Place) -> Lines | View:
    """What fits the terminal."""
    command = place.view("watch", NAME, "-n", NAMESPACE)
    return View(command) if command and sys.stdout.isatty() else Lines()


def line_of(status: dict[str, Any]) -> str:
    """The status in one line: weight as asked and realised, evidence against threshold, the message."""
    traffic, stage, summary = (status.get(name, {}) for name in ("traffic", "stage", "summary"))
    mirror = traffic.get("mirror", 0)
    parts = [f"{mirror:>3} % copied" if mirror else f"{traffic.get('candidate', 0):>3} % asked"]
    if traffic.get("realised"):
        parts.append(f"{traffic['realised']} realised")
    if stage.get("looks"):
        parts.append(f"look {stage['looks']}")
    if summary and stage:
        parts.append(f"harm {summary['harm']}, proof {summary['proof']}")
    return "; ".join(parts) + f": {status.get('message', '')}"


def sentence(chapter: Chapter) -> str:
    """How a version ended, and what users noticed."""
    failed, requests = chapter.traffic.failures, chapter.traffic.requests
    share = f"{failed / requests:.2%}" if requests else "none"
    return (
        f"{chapter.version}: {chapter.outcome}, {chapter.reason}, after {chapter.looks} looks in "
        f"{chapter.seconds:.0f} s. {chapter.message}.\n"
        f"Meanwhile users sent {requests} requests; {failed} failed ({share})."
    )


def table(history: Iterable[dict[str, Any]], chapters: Iterable[Chapter], names: dict[str, str]) -> str:
    """The summary: outcomes from the cluster's own history (oldest first), users' side from Locust."""
    seen = {chapter.revision: chapter for chapter in chapters}
    rows: list[tuple[str, ...]] = [COLUMNS]
    for entry in history:
        revision = entry["revision"]
        chapter = seen.get(revision)
        seconds = seconds_of(entry["finishedAt"]) - seconds_of(entry["startedAt"])
        users = ("-", "-", "-")
        if chapter:
            users = (str(chapter.traffic.requests), str(chapter.traffic.failures), right(chapter.traffic.arm(revision)))
        rows.append(
            (names.get(revision, "?"), revision, entry["outcome"], entry["reason"], str(entry.get("looks", 0)),
             f"{seconds:.0f}", *users)
        )  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    left = 4  # the first columns are words, the others numbers
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    lines.insert(1, "  " + "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def right(arm: Arm) -> str:
    """The share of a revision's good answers that named the right digit."""
    answered = arm.requests - arm.failures
    return f"{arm.right / answered:.1%}" if answered else "-"
