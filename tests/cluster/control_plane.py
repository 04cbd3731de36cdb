"""etcd, the API server, the controller manager and the scheduler."""

import socket

from .client import ApiClient
from .component import Component, Site, flags
from .namespaces import NODE_ADDRESS, SERVICE_RANGE

API_PORT = 6443
ETCD_PORT = 2379

_AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


def etcd(site: Site) -> Component:
    """The store. Without fsync: a test's data need not survive a power cut, and disks are slow."""
    data = site.data / "etcd"
    argv = [
        str(site.tools.path("etcd")),
        *flags({
            "name": "default",
            "data-dir": data,
            "unsafe-no-fsync": True,
            "listen-client-urls": f"http://127.0.0.1:{ETCD_PORT}",
            "advertise-client-urls": f"http://127.0.0.1:{ETCD_PORT}",
            "listen-peer-urls": "http://127.0.0.1:2380",
            "initial-advertise-peer-urls": "http://127.0.0.1:2380",
            "initial-cluster": "default=http://127.0.0.1:2380",
        }),
    ]  # fmt: skip
    return Component("etcd", argv, lambda: site.http_ok(ETCD_PORT, "/health"))


def kube_apiserver(site: Site, api: ApiClient) -> Component:
    """The API server with the default admission plugins and NodeRestriction."""
    pki = site.pki
    values = {
        "etcd-servers": f"http://127.0.0.1:{ETCD_PORT}",
        "bind-address": "0.0.0.0",
        "advertise-address": NODE_ADDRESS,
        "secure-port": API_PORT,
        "service-cluster-ip-range": SERVICE_RANGE,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": True,
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": pki.cert("service-account"),
        "service-account-signing-key-file": pki.key("service-account"),
        "client-ca-file": pki.cert("ca"),
        "tls-cert-file": pki.cert("apiserver"),
        "tls-private-key-file": pki.key("apiserver"),
        "kubelet-client-certificate": pki.cert("apiserver-kubelet-client"),
        "kubelet-client-key": pki.key("apiserver-kubelet-client"),
        "kubelet-certificate-authority": pki.cert("ca"),
        "kubelet-preferred-address-types": "InternalIP",  # nobody resolves the node's name
        "shutdown-delay-duration": "0s",
    }
    if site.options.audit:
        values["audit-log-path"] = site.logs / "audit.log"
        values["audit-policy-file"] = site.write("audit-policy.yaml", _AUDIT_POLICY)
    argv = [str(site.tools.path("kube-apiserver")), *flags(values)]
    # Processors are few: collect garbage a quarter as often, for some more memory.
    return Component("kube-apiserver", argv, api.ready, env={"GOGC": "400"}, timeout=120)


def kube_controller_manager(site: Site) -> Component:
    """The controllers, each under its own account: the common one has too few rights to make pods."""
    argv = [
        str(site.tools.path("kube-controller-manager")),
        *flags({
            "kubeconfig": site.kubeconfig("kube-controller-manager"),
            "use-service-account-credentials": True,
            "leader-elect": False,
            "allocate-node-cidrs": False,
            "bind-address": "127.0.0.1",
            "kube-api-qps": 500,  # not the 20 of a machine that is shared: many rollouts are told at once
            "kube-api-burst": 500,
            "service-account-private-key-file": site.pki.key("service-account"),
            "root-ca-file": site.pki.cert("ca"),
        }),
    ]  # fmt: skip
    return Component("kube-controller-manager", argv, lambda: site.https_ok(10257, "/healthz"))


def kube_scheduler(site: Site) -> Component:
    argv = [
        str(site.tools.path("kube-scheduler")),
        *flags({
            "kubeconfig": site.kubeconfig("kube-scheduler"),
            "leader-elect": False,
            "bind-address": "127.0.0.1",
        }),
    ]  # fmt: skip
    return Component("kube-scheduler", argv, lambda: site.https_ok(10259, "/healthz"))


def unix_socket_answers(path: str) -> bool:
    """Whether a program accepts connections on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
    return True
