"""A network and a set of mounts of one's own, so that clusters neither meet each other nor the host.

Programs enter by `nsenter`. (`ip netns exec` would remount /sys and thereby hide the cgroups from
the kubelet.) The mount namespace belongs to a small holder process; every mount that containerd
and the kubelet make lives in it and disappears with its last process.
"""

import ctypes
import http.client
import os
import socket
import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from . import process
from .errors import ClusterError
from .process import Process

NODE_ADDRESS = "10.77.0.1"
DNS_ADDRESS = "10.77.0.10"
SERVICE_RANGE = "10.96.0.0/16"
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_switching = threading.Lock()


class Namespaces:
    """The network namespace `name`, and beside it a mount namespace once `hold_mounts` was called."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = Path("/run/netns") / name
        self.holder: Process | None = None

    def create(self) -> None:
        """A fresh network: a node address on `lo`, a route for Services (whose packets are redirected
        on their way out, which needs a way out), forwarding on. All else is refused at once: a
        question to a name server that is not there must not wait for its time to run out."""
        _run("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")
        self.add_address(NODE_ADDRESS)
        self.add_address(DNS_ADDRESS)
        self.run("ip", "route", "add", SERVICE_RANGE, "dev", "lo")
        self.run("ip", "route", "add", "unreachable", "default")
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def exists(self) -> bool:
        return self.path.exists()

    def hold_mounts(self, binds: dict[Path, Path], private: Iterable[Path], log: Path) -> Process:
        """Make the mount namespace: `binds` maps a mount point to the folder seen there, `private`
        are folders that are empty in memory for this cluster alone."""
        lines = []
        for point, source in binds.items():
            point.mkdir(parents=True, exist_ok=True)
            lines.append(f"mount --bind '{source}' '{point}'")
        for folder in private:
            folder.mkdir(parents=True, exist_ok=True)
            lines.append(f"mount -t tmpfs sluice '{folder}'")
        lines.append("exec sleep infinity")
        script = " && ".join(lines)
        unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        self.holder = process.spawn([*self._net(), *unshare], log)
        return self.holder

    def holding(self) -> bool:
        """Whether the holder has made all its mounts."""
        if not self.holder:
            return False
        return Path(f"/proc/{self.holder.pid}/comm").read_text().strip() == "sleep"

    def enter(self, argv: Sequence[str], mounts: bool = False) -> list[str]:
        """The command line that runs `argv` in this network, and with `mounts` among its mounts."""
        also = [f"--mount=/proc/{self.holder.pid}/ns/mnt", "--wd=/"] if mounts and self.holder else []
        return [*self._net(), *also, "--", *argv]

    def run(self, *argv: str) -> str:
        """Run a short command inside the network and return its output."""
        return _run(*self._net(), *argv)

    def add_address(self, address: str) -> None:
        """Give `lo` one more address; nothing happens when it has it."""
        self.run("ip", "address", "replace", f"{address}/32", "dev", "lo")

    def processes(self) -> list[Process]:
        """All processes that live in the network namespace, whoever started them."""
        if not self.exists():
            return []
        pids = _run("ip", "netns", "pids", self.name).split()
        found = (process.of_pid(int(pid)) for pid in pids)
        return [one for one in found if one and one.pid != os.getpid()]

    def remove(self) -> None:
        if self.exists():
            _run("ip", "netns", "delete", self.name)

    def new_socket(self) -> socket.socket:
        """A TCP socket that belongs to this network; the thread is back in its own when this returns."""
        with _switching, open("/proc/thread-self/ns/net") as here, open(self.path) as there:
            _setns(there.fileno())
            try:
                return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            finally:
                _setns(here.fileno())

    def connect(self, host: str, port: int, timeout: float = 5.0) -> socket.socket:
        """A TCP connection inside this network."""
        connection = self.new_socket()
        connection.settimeout(timeout)
        try:
            connection.connect((host, port))
        except OSError:
            connection.close()
            raise
        return connection

    def http_get(
        self, host: str, port: int, path: str = "/", headers: dict[str, str] | None = None, timeout: float = 5.0
    ) -> tuple[int, bytes]:
        """GET inside this network: status and body."""
        client = http.client.HTTPConnection(host, port, timeout=timeout)
        client.sock = self.connect(host, port, timeout)
        try:
            client.request("GET", path, headers=headers or {})
            answer = client.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as problem:
            raise OSError(f"{host}:{port} did not answer in HTTP: {problem!r}") from problem
        finally:
            client.close()

    def _net(self) -> list[str]:
        return ["nsenter", f"--net={self.path}"]


def allow_many_watches() -> None:
    """The default of 128 inotify instances stops the kubelet; raise it, never lower it."""
    setting = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(setting.read_text()) < 1024:
        setting.write_text("1024")


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot enter the network namespace: {os.strerror(number)}")


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(argv)}` failed: {done.stderr.strip() or done.returncode}.")
    return done.stdout
