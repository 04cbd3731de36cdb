"""What is known of a cluster outside the program that started it.

The state file names each process by id and start time and is written right after each start, so a
later run can clean up or take over. It lives under /run: a reboot forgets it together with the
processes.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import paths, process
from .errors import ClusterError
from .process import Process


@dataclass
class State:
    """The record of one cluster."""

    name: str
    tier: str = "integration"
    run_dir: str = ""
    owner: list[int] | None = None  # the program that will stop it; none for one that was left running
    options: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, list[int]] = field(default_factory=dict)

    @staticmethod
    def load(name: str) -> "State | None":
        try:
            return State(**json.loads(_file(name).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self) -> None:
        file = _file(self.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(self), indent=1))
        temporary.replace(file)

    def record(self, what: str, started: Process) -> None:
        self.processes[what] = [started.pid, started.started]
        self.save()

    def forget(self, what: str) -> None:
        if self.processes.pop(what, None):
            self.save()

    def process(self, what: str) -> Process | None:
        """The process of this name, if it still runs."""
        entry = self.processes.get(what)
        found = Process(*entry) if entry else None
        return found if found and found.alive() else None

    def all_processes(self) -> list[Process]:
        return [Process(*entry) for entry in self.processes.values()]

    def own(self) -> None:
        """Say that this program is the one that will stop the cluster."""
        me = process.of_pid(os.getpid())
        self.owner = [me.pid, me.started] if me else None

    def refuse_when_owned(self) -> None:
        """Two programs must not drive one cluster."""
        if self.owner and self.owner[0] != os.getpid() and Process(*self.owner).alive():
            raise ClusterError(
                f"The cluster {self.name} is in use by process {self.owner[0]}: wait for it, or take another name."
            )


def names() -> list[str]:
    """The clusters that this machine knows of."""
    return sorted(file.parent.name for file in paths.STATE_ROOT.glob("*/state.json"))


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Held while a cluster is started or stopped."""
    folder = paths.state_dir(name)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f".{name}.lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterError(f"The cluster {name} is being started or stopped by another run: wait for it.") from None
        yield


def _file(name: str) -> Path:
    return paths.state_dir(name) / "state.json"
