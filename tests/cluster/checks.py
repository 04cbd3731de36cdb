"""What must hold before anything is started, found out first and said in one sentence each."""

import os
import shutil
from pathlib import Path

from .errors import ClusterError

GIB = 1 << 30
NODE_DISK = 15 * GIB
INTEGRATION_DISK = 8 * GIB
MEMORY = {"control-plane": 2 * GIB, "integration": 3 * GIB, "node": 5 * GIB}


def root() -> None:
    """Network namespaces, mounts and containers need root."""
    if os.geteuid() != 0:
        raise ClusterError("Root is needed for network namespaces and containers: run this again with sudo.")


def disk(folder: Path, needed: int) -> None:
    """Refuse early when the disk of `folder` (which may not exist yet) is too full."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ClusterError(
            f"{folder} needs {needed / GIB:.0f} GiB of free disk but has {free / GIB:.1f}: "
            f"free some, or set SLUICE_CACHE to a folder on a larger disk."
        )


def memory(tier: str) -> None:
    """Refuse when the API server and its friends would push the machine out of memory."""
    available = available_memory()
    needed = MEMORY[tier]
    if available < needed:
        raise ClusterError(
            f"The {tier} tier needs {needed / GIB:.0f} GiB of free memory but {available / GIB:.1f} are: "
            f"stop something else, or use a larger machine."
        )


def available_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def machine(tier: str, cache: Path, run_dir: Path, warm: bool) -> None:
    """All checks of a tier. Once the tools are built (`warm`), far less disk is needed."""
    root()
    needed = NODE_DISK if tier == "node" else INTEGRATION_DISK
    if warm:
        needed = 4 * GIB if tier == "node" else GIB
    disk(cache, needed)
    disk(run_dir, needed)
    memory(tier)
