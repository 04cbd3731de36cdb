"""Processes that outlive the program that started them, and are never mistaken for others.

A process is remembered by its id together with its start time. Signals go through a pidfd that was
opened before the start time was compared, so that an id that the kernel gave to somebody else in
the meantime is never hit.
"""

import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping, Sequence

_exit_codes: dict[int, int] = {}


@dataclass(frozen=True)
class Process:
    """One process: its id and the clock tick at which it was started."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether this very process still runs (one that only waits to be reaped does not)."""
        _reap(self.pid)
        stat = _stat(self.pid)
        return stat is not None and stat == (self.started, False)

    def send(self, number: int) -> bool:
        """Send a signal; False when the process has gone."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            if not self.alive():
                return False
            signal.pidfd_send_signal(descriptor, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)

    def wait(self, timeout: float) -> bool:
        """Wait until the process has ended; False when it still runs after `timeout`."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return True
        try:
            if not self.alive():
                return True
            select.select([descriptor], [], [], max(0.0, timeout))
            return not self.alive()
        finally:
            os.close(descriptor)

    def terminate(self, grace: float = 10) -> None:
        """Ask it to end, and end it when it has not after `grace` seconds."""
        stop([self], grace)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        kill([self])

    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal); known only to the program that started it."""
        self.alive()
        return _exit_codes.get(self.pid)


def of_pid(pid: int) -> Process | None:
    """The process that has this id now."""
    stat = _stat(pid)
    return Process(pid, stat[0]) if stat and not stat[1] else None


def spawn(
    argv: Sequence[str],
    log: Path,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    cwd: str | None = None,
) -> Process:
    """Start a program in a session of its own (a Ctrl-C of the terminal must not reach it) with its
    output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            pass_fds=tuple(pass_fds),
            cwd=cwd,
        )
    _exit_codes.pop(child.pid, None)
    child.returncode = 0  # never waited for through this object: `alive` reaps by id
    stat = _stat(child.pid)
    return Process(child.pid, stat[0] if stat else 0)


def stop(processes: Iterable[Process], grace: float) -> None:
    """Ask processes to end, and end those that did not within `grace` seconds."""
    asked = [process for process in processes if process.send(signal.SIGTERM)]
    for process in asked:
        process.send(signal.SIGCONT)  # a process that a test had frozen must be able to end
    deadline = time.monotonic() + grace
    late = [process for process in asked if not process.wait(deadline - time.monotonic())]
    kill(late)


def kill(processes: Iterable[Process]) -> None:
    """End processes at once and wait until they are gone."""
    hit = [process for process in processes if process.send(signal.SIGKILL)]
    for process in hit:
        process.wait(10)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, for error messages."""
    try:
        text = log.read_bytes()[-20000:].decode(errors="replace")
    except OSError:
        return ""
    return "\n".join("    " + line[:400] for line in text.splitlines()[-lines:])


def _stat(pid: int) -> tuple[int, bool] | None:
    """Start time and "is a zombie" of a process id."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name in brackets may hold blanks
    return int(fields[19]), fields[0] in ("Z", "X")


def _reap(pid: int) -> None:
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
    if done == pid:
        _exit_codes[pid] = os.waitstatus_to_exitcode(status)
