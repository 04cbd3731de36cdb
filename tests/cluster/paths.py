"""Where things live on this machine.

Everything that is dear to make (built tools, image layers) is kept in one cache folder that a
`make clean` does not touch; everything that describes a running cluster is kept under /run, which
the next boot empties, so that a process id written there is never one of an earlier boot.
"""

import os
import re
from pathlib import Path

from .errors import ClusterError

PACKAGE = Path(__file__).resolve().parent
STATE_ROOT = Path("/run/sluice")


def cache_dir() -> Path:
    """The folder of the built tools and images: $SLUICE_CACHE, else ~/.cache/sluice."""
    return Path(os.environ.get("SLUICE_CACHE") or Path.home() / ".cache" / "sluice").resolve()


def default_run_dir(name: str) -> Path:
    """Where a cluster that was given no folder keeps its data and logs."""
    return cache_dir() / "clusters" / name


def state_dir(name: str) -> Path:
    """Sockets and the state file of one cluster (short, because a socket's path may have 107 bytes)."""
    return STATE_ROOT / check_name(name)


def check_name(name: str) -> str:
    """A cluster's name becomes the name of a network namespace, a cgroup and folders."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", name):
        raise ClusterError(
            f"The cluster name {name!r} cannot be used: take up to 20 lower-case letters, digits and dashes."
        )
    return name
