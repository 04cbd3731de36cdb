"""The cgroup that holds a cluster's pods: a place for the kubelet, and a sure way to find containers."""

from pathlib import Path

from . import process, wait
from .process import Process

_ROOT = Path("/sys/fs/cgroup")
# Beside the cgroup of all pods each other process of the machine counts as one of 1024 shares, or 100 in version 2.
# By default that of the pods would, too: less than on any node, and nothing on a busy machine.
_WEIGHTS = {"cpu.shares": 16 * 1024, "cpu.weight": 16 * 100}


def group(name: str) -> str:
    """The path of a cluster's cgroup below the root, as the kubelet wants it."""
    return f"/sluice-{name}"


def create(name: str) -> None:
    """Make the cgroup in every hierarchy that this machine has (one with version 2)."""
    for hierarchy in _hierarchies():
        folder = hierarchy / group(name)[1:]
        folder.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):  # empty at first in version 1, and then unusable
            file = folder / setting
            if hierarchy != _ROOT and file.exists() and not file.read_text().strip():
                file.write_text((hierarchy / setting).read_text())
    if _unified():
        controllers = (_ROOT / "cgroup.controllers").read_text().split()
        (_ROOT / "cgroup.subtree_control").write_text(" ".join(f"+{one}" for one in controllers))
    for hierarchy in _hierarchies():
        for setting, weight in _WEIGHTS.items():
            file = hierarchy / group(name)[1:] / setting
            if file.exists():
                file.write_text(str(weight))


def processes(name: str) -> list[Process]:
    """Every process in the cluster's cgroups."""
    pids = set()
    for folder in _folders(name):
        try:
            pids.update((folder / "cgroup.procs").read_text().split())
        except OSError:
            continue  # removed in the meantime
    found = (process.of_pid(int(pid)) for pid in pids if pid != "0")
    return [one for one in found if one]


def remove(name: str) -> None:
    """Remove the cgroups, innermost first; the kernel takes a moment to let go of them."""

    def gone() -> bool:
        for folder in _folders(name):
            folder.rmdir()
        return True

    wait.until(gone, f"the cgroups of {name} to be released", 10)


def _folders(name: str) -> list[Path]:
    """All cgroups of a cluster, innermost first."""
    tops = [hierarchy / group(name)[1:] for hierarchy in _hierarchies()]
    found = [folder for top in tops if top.is_dir() for folder in (top, *(p for p in top.rglob("*") if p.is_dir()))]
    return sorted(found, key=lambda folder: -len(folder.parts))


def _unified() -> bool:
    return (_ROOT / "cgroup.controllers").exists()


def _hierarchies() -> list[Path]:
    if _unified():
        return [_ROOT]
    return [path for path in _ROOT.iterdir() if (path / "cgroup.procs").exists() and not path.is_symlink()]
