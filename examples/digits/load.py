"""The example's traffic: Locust, run headless, and what it counted.

Locust counts answers by the revision that gave them (see traffic/locustfile.py) and adds a line to
a file each second; here those lines are read.
"""

import hashlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from cluster import ClusterError, Report
from cluster.paths import cache_dir
from cluster.wait import until

FOLDER = Path(__file__).resolve().parent / "traffic"
USERS = 20  # each sends ten images a second
RATE = 10 * USERS
RUN_TIME = "2h"  # it ends by itself when it was forgotten


def ensure_locust(report: Report) -> Path:
    """The program `locust`, installed once into the cache folder."""
    requirements = FOLDER / "requirements.txt"
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache_dir() / f"locust-{key}"
    program = folder / "bin" / "locust"
    complete = folder / "complete"  # written last: an interrupted installation starts over
    if not complete.exists():
        with report.step("Locust from the Python index", "20 s"):
            _run([sys.executable, "-m", "venv", "--clear", str(folder)])
            _run([str(folder / "bin" / "pip"), "install", "--quiet", "--no-deps", "-r", str(requirements)])
            complete.touch()
    return program


def command(program: Path, url: str, counts: Path) -> list[str]:
    """The command line that sends RATE requests a second to a gateway."""
    return [
        str(program), "--locustfile", str(FOLDER / "locustfile.py"), "--headless", "--host", url,
        "--users", str(USERS), "--spawn-rate", str(USERS), "--run-time", RUN_TIME, "--only-summary",
        "--counts", str(counts),
    ]  # fmt: skip


@dataclass(frozen=True)
class Arm:
    """What was counted for one revision."""

    requests: int = 0
    failures: int = 0
    right: int = 0

    def __sub__(self, other: "Arm") -> "Arm":
        return Arm(self.requests - other.requests, self.failures - other.failures, self.right - other.right)


@dataclass(frozen=True)
class Count:
    """One line: everything since the start of the traffic. The difference of two is what lies between."""

    time: float
    arms: dict[str, Arm] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return sum(arm.requests for arm in self.arms.values())

    @property
    def failures(self) -> int:
        return sum(arm.failures for arm in self.arms.values())

    def arm(self, revision: str) -> Arm:
        return self.arms.get(revision, Arm())

    def share(self, revision: str) -> float:
        """The part of all requests that a revision answered."""
        return self.arm(revision).requests / self.requests if self.requests else 0.0

    def __sub__(self, other: "Count") -> "Count":
        arms = {name: arm - other.arm(name) for name, arm in self.arms.items()}
        return Count(self.time - other.time, arms)


class Counts:
    """The file that Locust writes."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def all(self) -> list[Count]:
        """All whole lines so far."""
        try:
            lines = self.file.read_text().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return [_parse(line) for line in lines if line.endswith("\n")]

    def latest(self) -> Count:
        counts = self.all()
        return counts[-1] if counts else Count(0.0)

    def at(self, moment: float, timeout: float = 15) -> Count:
        """The first line that was written at `moment` (seconds since 1970) or later."""

        def found() -> Count | None:
            return next((count for count in self.all() if count.time >= moment), None)

        return until(found, "Locust to write its counts", timeout, interval=0.2)

    def flowing(self) -> Count | None:
        """The newest line once traffic has reached its rate and all of the last three seconds' requests
        were answered well; else None."""
        counts = self.all()
        if len(counts) < 5:
            return None
        recent = counts[-1] - counts[-4]
        fast_enough = recent.requests >= 0.9 * RATE * recent.time
        return counts[-1] if fast_enough and recent.failures == 0 else None


def _parse(line: str) -> Count:
    read = json.loads(line)
    arms = {
        name: Arm(int(arm["requests"]), int(arm["failures"]), int(arm["right"]))
        for name, arm in read["revisions"].items()
    }
    return Count(float(read["time"]), arms)


def _run(command: list[str]) -> None:
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ClusterError(
            f"`{' '.join(command[:4])} ...` failed after {time.monotonic() - begun:.0f} s ({last}): check the "
            f"network and run this again."
        )
