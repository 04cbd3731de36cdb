"""The Debian packages that each tier needs, installed when they are missing."""

import os
import subprocess

from . import checks
from .errors import ClusterError
from .report import Report

# gcc and libc6-dev are for the pause image, a static C program.
PACKAGES = {
    "integration": ["ca-certificates", "iproute2", "openssl", "python3", "python3-venv", "util-linux"],
    "node": [
        "buildah", "conntrack", "containerd", "containernetworking-plugins", "gcc", "iptables",
        "libc6-dev", "mmdebstrap", "runc",
    ],
}  # fmt: skip


def wanted(tier: str) -> list[str]:
    """Everything that a tier needs."""
    return PACKAGES["integration"] + (PACKAGES["node"] if tier == "node" else [])


def missing(names: list[str]) -> list[str]:
    """Those of `names` that are not installed."""
    try:
        answer = subprocess.run(
            ["dpkg-query", "-W", "-f", "${binary:Package} ${db:Status-Status}\n", *names],
            capture_output=True, text=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise ClusterError(
            "This is not a Debian machine (no dpkg): use Debian 12, or install by hand " + ", ".join(names) + "."
        ) from None
    lines = (line.split() for line in answer.stdout.splitlines())
    present = {line[0].partition(":")[0] for line in lines if line[1:] == ["installed"]}
    return [name for name in names if name not in present]


def install(tier: str, report: Report) -> None:
    """Install what is missing for a tier; nothing is printed and nothing done when all is there."""
    names = missing(wanted(tier))
    if not names:
        return
    checks.root()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with report.step(f"Debian packages: {' '.join(names)}", "15 s"):
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *names]):
            done = subprocess.run(
                ["apt-get", *command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            if done.returncode != 0:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise ClusterError(
                    f"apt-get {command[0]} failed ({last}): run `apt-get update` and "
                    f"`apt-get install --no-install-recommends {' '.join(names)}` by hand to see why."
                )
