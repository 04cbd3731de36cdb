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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_exit_codes: dict[int, int] = {}


@dataclass(frozen=True)
class Process:
    """One process: its id and the clock tick at which it was started."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether this very process still runs (one that only waits to be reaped does not)."""
        _reap(self.pid)
        with self._descriptor() as descriptor:
            return descriptor is not None and not _ended(descriptor, 0)

    def send(self, number: int) -> bool:
        """Send a signal; False when the process has gone."""
        with self._descriptor() as descriptor:
            if descriptor is None or _ended(descriptor, 0):
                return False
            try:
                signal.pidfd_send_signal(descriptor, number)
                return True
            except ProcessLookupError:
                return False

    def wait(self, timeout: float) -> bool:
        """Wait until the process has ended; False when it still runs after `timeout`."""
        with self._descriptor() as descriptor:
            ended = descriptor is None or _ended(descriptor, timeout)
        _reap(self.pid)
        return ended

    @contextmanager
    def _descriptor(self) -> Iterator[int | None]:
        """A pidfd of this process, or None when its id is free or somebody else's by now."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            yield None
            return
        try:
            yield descriptor if _start_time(self.pid) == self.started else None
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
    started = _start_time(pid)
    return None if started is None else Process(pid, started)


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
    return Process(child.pid, _start_time(child.pid) or 0)


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


def _start_time(pid: int) -> int | None:
    """The clock tick at which a process was started."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])  # the name in brackets may hold blanks


def _ended(descriptor: int, timeout: float) -> bool:
    """Whether the process of a pidfd ends within `timeout`. This waits for the last of its threads:
    while one is left, the process is a zombie already but its ports are still taken."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0.0, timeout) * 1000))


def _reap(pid: int) -> None:
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
    if done == pid:
        _exit_codes[pid] = os.waitstatus_to_exitcode(status)
