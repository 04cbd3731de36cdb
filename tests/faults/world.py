"""What all lanes share: the real control plane, and those who are played beside it."""

import shutil
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path

from cluster import Cluster, process
from cluster.client import ApiError
from cluster.control_plane import API_PORT
from journal import Api, Journal
from lane import Lane
from played import Hands, Users, be_a_node
from wire import Hangup

ROOT = Path(__file__).resolve().parents[2]


class World:
    """For a cluster of the tier "control-plane" that runs."""

    def __init__(self, cluster: Cluster, binary: Path = ROOT / "build/release/sluice") -> None:
        self.cluster = cluster
        self.binary = Path(shutil.copy2(binary, cluster.site.data / "sluice"))  # a build may go on meanwhile
        self._spawning = threading.Lock()
        self._tls = ssl.create_default_context(cafile=cluster.site.pki.cert("ca"))
        self._tls.load_cert_chain(cluster.site.pki.cert("admin"), cluster.site.pki.key("admin"))
        for crd in sorted((ROOT / "crds").glob("*.yaml")):
            cluster.install_crd(crd.read_text())
        cluster.wait_for(cluster.crds_established, "the CRDs to be served")
        self.api = Api(self.connect)
        cluster.ensure_namespace("kube-node-lease")
        be_a_node(self.api)
        self.journal = Journal(self.api)
        self.journal.start()
        self.users = Users(self.journal)
        self.hands = Hands(self.api, self.journal)

    def lanes(self, count: int) -> list[Lane]:
        return [Lane(self, number) for number in range(1, count + 1)]

    def connect(self) -> ssl.SSLSocket:
        """To the API server, as administrator."""
        try:
            plain = self.cluster.site.namespaces.connect("127.0.0.1", API_PORT, timeout=30)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(None)
            return self._tls.wrap_socket(plain, server_hostname="127.0.0.1")
        except OSError as problem:
            raise Hangup(f"the API server cannot be reached: {problem}") from None

    def listener(self) -> socket.socket:
        """A listening socket inside the cluster's network."""
        listening = self.cluster.site.namespaces.new_socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        return listening

    def spawn(self, argv: Sequence[str], name: str) -> process.Process:
        with self._spawning:  # the cluster's state file has one writer
            return self.cluster.spawn_in_netns(argv, name)

    def make_namespace(self, name: str) -> None:
        self.cluster.ensure_namespace(name)
        self.cluster.wait_for(lambda: self._has_account(name), f"the default service account of {name}")

    def forget(self, namespace: str, rollout: str) -> None:
        self.users.forget(namespace, rollout)
        self.journal.forget(namespace, rollout)

    def _has_account(self, namespace: str) -> bool:
        try:
            return bool(self.api.request("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/default"))
        except ApiError:
            return False
