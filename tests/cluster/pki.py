"""Certificates and kubeconfigs of one cluster: an authority, and an identity for each program."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from .errors import ClusterError
from .namespaces import NODE_ADDRESS

SERVICE_ADDRESS = "10.96.0.1"
NODE_NAME = "node1"
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
_CLIENTS = {
    # file: (common name, organisation)
    "admin": ("sluice-admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
    "apiserver-kubelet-client": ("apiserver-kubelet-client", "system:masters"),
}


class Pki:
    """The files in one folder; `create` makes them all in under a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def cert(self, name: str) -> str:
        return str(self._folder / f"{name}.crt")

    def key(self, name: str) -> str:
        return str(self._folder / f"{name}.key")

    def create(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        _openssl(
            "req", "-x509", *_KEY, "-subj", "/CN=sluice-cluster-ca", "-days", "3650",
            "-addext", "keyUsage=critical,keyCertSign,digitalSignature",
            "-keyout", self.key("ca"), "-out", self.cert("ca"),
        )  # fmt: skip
        names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        addresses = ["127.0.0.1", SERVICE_ADDRESS, NODE_ADDRESS]
        self._issue("apiserver", "/CN=kube-apiserver", "serverAuth", names, addresses)
        self._issue("kubelet-server", f"/CN={NODE_NAME}", "serverAuth", [NODE_NAME], [NODE_ADDRESS])
        for name, (common, organisation) in _CLIENTS.items():
            subject = f"/O={organisation}/CN={common}" if organisation else f"/CN={common}"
            self._issue(name, subject, "clientAuth", [], [])
        _openssl(
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.key("service-account")
        )
        _openssl("pkey", "-in", self.key("service-account"), "-pubout", "-out", self.cert("service-account"))

    def _issue(self, name: str, subject: str, usage: str, names: list[str], addresses: list[str]) -> None:
        alternatives = ",".join([f"DNS:{n}" for n in names] + [f"IP:{a}" for a in addresses])
        _openssl(
            "req", "-x509", *_KEY, "-subj", subject, "-days", "3650",
            "-CA", self.cert("ca"), "-CAkey", self.key("ca"),
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "keyUsage=critical,digitalSignature", "-addext", f"extendedKeyUsage={usage}",
            *(["-addext", f"subjectAltName={alternatives}"] if alternatives else []),
            "-keyout", self.key(name), "-out", self.cert(name),
        )  # fmt: skip

    def kubeconfig(self, user: str, server: str) -> dict[str, Any]:
        """A kubeconfig with everything inside, for a client certificate made by `create`."""
        identity = {
            "client-certificate-data": _data(self.cert(user)),
            "client-key-data": _data(self.key(user)),
        }
        return self._config(user, server, identity)

    def token_kubeconfig(self, token: str, server: str) -> dict[str, Any]:
        """A kubeconfig for a bearer token, such as a service account's."""
        return self._config("token", server, {"token": token})

    def _config(self, user: str, server: str, identity: dict[str, str]) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "sluice", "cluster": {"server": server, "certificate-authority-data": _data(self.cert("ca"))}}
            ],
            "users": [{"name": user, "user": identity}],
            "contexts": [{"name": "sluice", "context": {"cluster": "sluice", "user": user}}],
            "current-context": "sluice",
        }


def write_kubeconfig(file: Path, config: dict[str, Any]) -> Path:
    """Write a kubeconfig (JSON is YAML) that nobody else can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(config, indent=1))
    return file


def _data(file: str) -> str:
    return base64.b64encode(Path(file).read_bytes()).decode()


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"openssl {arguments[0]} failed: {done.stderr.strip()[-300:]}")
