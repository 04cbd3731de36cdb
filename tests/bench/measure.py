"""What the measurements read: the API server's audit log, and the kernel's account of a process."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

AGENT = "sluice/"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Request:
    """One request as the API server logged it when it had been answered (a watch: when it was begun)."""

    time: float  # seconds since 1970
    agent: str
    verb: str
    resource: str
    name: str
    code: int


class Audit:
    """Reads the log from where it was left."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = 0

    def skip(self) -> None:
        """Forget what was logged until now."""
        self._offset = self._log.stat().st_size

    def read(self) -> list[Request]:
        """All requests that were logged since the last call."""
        with open(self._log, "rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text.rfind(b"\n") + 1
        self._offset += whole
        return list(_requests(text[:whole].splitlines()))


def _requests(lines: list[bytes]) -> Iterator[Request]:
    for line in lines:
        event: dict[str, Any] = json.loads(line)
        about = event.get("objectRef", {})
        yield Request(
            datetime.fromisoformat(event["stageTimestamp"].replace("Z", "+00:00")).timestamp(),
            event.get("userAgent", ""),
            event["verb"],
            about.get("resource", ""),
            about.get("name", ""),
            event.get("responseStatus", {}).get("code", 0),
        )


def own_requests(requests: list[Request]) -> dict[str, int]:
    """The operator's requests by verb and resource; watches that were begun again count as `watch`."""
    counts: dict[str, int] = {}
    for request in requests:
        if request.agent.startswith(AGENT):
            what = request.verb if request.verb == "watch" else f"{request.verb} {request.resource}"
            counts[what] = counts.get(what, 0) + 1
    return counts


def memory(pid: int) -> dict[str, float]:
    """Megabytes of a process that are in RAM (VmRSS), and the most that were (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kept = [line.split() for line in lines if line.startswith(("VmRSS:", "VmHWM:"))]
    return {fields[0].rstrip(":"): int(fields[1]) / 1024 for fields in kept}


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
