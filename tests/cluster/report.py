"""Progress for people: numbered steps, how long each took, and how long the long ones usually take."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


def duration(seconds: float) -> str:
    """A duration as one would say it: 0.4 s, 12 s, 3 min 05 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


class Report:
    """Writes steps to a stream. On a terminal a running step shows its clock; in a log file a step
    that is known to be long says so at its start and gives a sign of life every half minute."""

    def __init__(self, stream: IO[str] | None = sys.stderr) -> None:
        self._stream = stream
        self._terminal = bool(stream and stream.isatty())
        self._number = 0
        self._total = 0

    def begin(self, title: str, total: int) -> None:
        """Start a numbered list of `total` steps."""
        self._number, self._total = 0, total
        self.line(title)

    def end(self) -> None:
        """The numbered list is complete; further steps have no number."""
        self._total = 0

    def line(self, text: str) -> None:
        self._write(text + "\n")

    @contextmanager
    def step(self, what: str, usual: str = "") -> Iterator[None]:
        """Show `what` while the body runs and how long it took when it is done."""
        self._number += 1
        label = f"  [{self._number}/{self._total}] {what}" if self._total else f"  {what}"
        usually = f" (usually about {usual})" if usual else ""
        begun = time.monotonic()
        finished = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(label, usually, begun, finished), daemon=True)
        ticker.start()
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            finished.set()
            ticker.join()
            mark = "" if outcome == "done" else f"{outcome} after "
            self._write(f"{self._clear()}{label:<58} {mark}{duration(time.monotonic() - begun)}\n")

    def _tick(self, label: str, usually: str, begun: float, finished: threading.Event) -> None:
        if not self._terminal and usually:
            self._write(f"{label}{usually} ...\n")
        period = 1 if self._terminal else 30
        while not finished.wait(0.2 if self._terminal and time.monotonic() - begun < 0.2 else period):
            elapsed = duration(time.monotonic() - begun)
            if self._terminal:
                self._write(f"{self._clear()}{label} ... {elapsed}{usually}")
            else:
                self._write(f"{label} ... {elapsed}{usually}\n")

    def _clear(self) -> str:
        return "\r\x1b[K" if self._terminal else ""

    def _write(self, text: str) -> None:
        if self._stream:
            self._stream.write(text)
            self._stream.flush()
