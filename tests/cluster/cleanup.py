"""Leaves nothing behind: processes, mounts, cgroups, the network, data. Needs only a name, so that it
also works on what a killed run left."""

import shutil
from pathlib import Path

from . import cgroups, process, wait
from .errors import ClusterError
from .namespaces import Namespaces
from .process import Process
from .state import State

FOLDERS = ("data", "config", "logs")
MARK = ".sluice-cluster"


def sweep(state: State, keep_logs: bool) -> None:
    """End every process of a cluster and remove what it made; `logs` may stay for the reader.

    Beside the recorded processes these are all that live in the cluster's network (a shim or an
    Envoy that lost its parent; one that was started in the instant before its starter was killed)
    and all in its cgroup (the containers).
    """
    namespaces = Namespaces(namespace_name(state.name))

    def left() -> list[Process]:
        found = {*state.all_processes(), *namespaces.processes(), *cgroups.processes(state.name)}
        return [one for one in found if one.alive()]

    def none_left() -> bool:
        process.kill(left())
        return not left()

    wait.until(none_left, f"the processes of {state.name} to end", 30)
    cgroups.remove(state.name)
    namespaces.remove()
    run_dir = Path(state.run_dir)
    if state.run_dir and (run_dir / MARK).exists():
        for folder in FOLDERS:
            if not (keep_logs and folder == "logs"):
                shutil.rmtree(run_dir / folder, ignore_errors=True)


def claim(run_dir: Path) -> None:
    """Mark a folder as a cluster's, so that what is removed later is never somebody's own files."""
    mark = run_dir / MARK
    if mark.exists():
        return
    foreign = [folder for folder in FOLDERS if (run_dir / folder).exists()]
    if foreign:
        raise ClusterError(f"{run_dir} has a folder {foreign[0]!r} of something else: choose another run folder.")
    run_dir.mkdir(parents=True, exist_ok=True)
    mark.write_text("The folder of a test cluster; data, config and logs in it are removed without asking.\n")


def namespace_name(name: str) -> str:
    """The network namespace of a cluster."""
    return f"sluice-{name}"
