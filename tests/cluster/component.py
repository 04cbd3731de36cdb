"""The shape of one program of a cluster, and the surroundings that all of them share."""

import http.client
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .namespaces import Namespaces
from .pki import Pki
from .tools import Tools


@dataclass
class Component:
    """A long-running program: how to start it and how to tell that it works.

    `sockets` are host ports (0 for any free one) that are opened outside the network namespace and
    handed to the program as open descriptors; `children` names programs that it may leave behind
    when it dies, to be ended with it; `mounts` asks for the cluster's own mounts.
    """

    name: str
    argv: list[str]
    ready: Callable[[], bool]
    env: dict[str, str] = field(default_factory=dict)
    sockets: dict[str, int] = field(default_factory=dict)
    children: tuple[str, ...] = ()
    mounts: bool = False
    timeout: float = 60


@dataclass
class Options:
    """What a caller may choose."""

    audit: bool = False  # write every API request to logs/audit.log
    scrape_interval: str = "1s"
    gateway_namespace: str = ""  # make the Gateway `public` there at start
    ports: dict[str, int] = field(default_factory=dict)  # fixed host ports for api, gateway, prometheus


@dataclass
class Site:
    """Where a cluster lives: its tools, folders, namespaces and identities."""

    name: str
    tier: str
    run_dir: Path
    state_dir: Path
    tools: Tools
    namespaces: Namespaces
    pki: Pki
    options: Options

    @property
    def logs(self) -> Path:
        return self.run_dir / "logs"

    @property
    def data(self) -> Path:
        return self.run_dir / "data"

    @property
    def config(self) -> Path:
        return self.run_dir / "config"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    def kubeconfig(self, user: str) -> str:
        """The kubeconfig of an identity, for programs inside the network."""
        return str(self.config / f"{user}.kubeconfig")

    def write(self, name: str, text: str) -> str:
        """Write a configuration file and return its path."""
        file = self.config / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    def http_ok(self, port: int, path: str, host: str = "127.0.0.1") -> bool:
        """Whether a program inside the network answers a GET with 200."""
        return self.namespaces.http_get(host, port, path)[0] == 200

    def https_ok(self, port: int, path: str) -> bool:
        """The same over TLS, for the health ports that serve a certificate of their own making."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        client = http.client.HTTPConnection("127.0.0.1", port)
        client.sock = context.wrap_socket(self.namespaces.connect("127.0.0.1", port))
        try:
            client.request("GET", path)
            return client.getresponse().status == 200
        except http.client.HTTPException:
            return False
        finally:
            client.close()


def flags(values: dict[str, Any]) -> list[str]:
    """--name=value for each entry; booleans in lower case, as Go programs want them."""
    return [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in values.items()]
