"""The node: containerd, the kubelet and kube-proxy, with the settings that work where there is no
systemd, no CAP_SYS_RESOURCE and cgroups of version 1 as well as on an ordinary machine."""

import json
import shutil
import subprocess
from pathlib import Path

from . import cgroups
from .client import ApiClient
from .component import Component, Site, flags
from .control_plane import unix_socket_answers
from .errors import ClusterError
from .namespaces import DNS_ADDRESS, NODE_ADDRESS
from .pki import NODE_NAME

POD_RANGE = "10.244.0.0/16"
PAUSE_IMAGE = "localhost/pause:1"

# Folders that these programs use by absolute path; each cluster has its own, in memory.
PRIVATE_FOLDERS = tuple(Path(p) for p in ("/run/netns", "/run/containerd", "/var/lib/cni", "/var/log/containers"))

_CONTAINERD = """\
version = 2
root = "{data}/containerd"
state = "{state}/containerd"
disabled_plugins = [{disabled}]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true  # without it no sandbox starts where the score may not be lowered
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def socket_path(site: Site) -> str:
    return str(site.state_dir / "containerd.sock")


def prepare(site: Site) -> None:
    """What must exist before the first program of the node starts."""
    cgroups.create(site.name)
    if shutil.which("modprobe"):  # where it is not, the kernel has them built in or will not get them
        subprocess.run(["modprobe", "-a", "br_netfilter", "overlay"], capture_output=True)


def containerd(site: Site) -> Component:
    network = {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(site.data / "cni"),
                    "ranges": [[{"subnet": "10.244.0.0/24"}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
    site.write("cni/10-pods.conflist", json.dumps(network, indent=1))
    snapshotter = _snapshotter(site)
    unused = ["aufs", "btrfs", "devmapper", "zfs"] + ([] if snapshotter == "overlayfs" else ["overlayfs"])
    config = site.write(
        "containerd.toml",
        _CONTAINERD.format(
            data=site.data,
            state=site.state_dir,
            socket=socket_path(site),
            pause=PAUSE_IMAGE,
            cni=site.config / "cni",
            snapshotter=snapshotter,
            disabled=", ".join(f'"io.containerd.snapshotter.v1.{name}"' for name in unused),
        ),
    )
    return Component(
        "containerd", ["containerd", "--config", config], lambda: unix_socket_answers(socket_path(site)), mounts=True
    )


def kubelet(site: Site) -> Component:
    pki = site.pki
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{socket_path(site)}",
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": pki.cert("ca")}},
        "tlsCertFile": pki.cert("kubelet-server"),
        "tlsPrivateKeyFile": pki.key("kubelet-server"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroups.group(site.name),
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        "podLogsDir": str(site.logs / "pods"),
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": "/dev/null",  # there is no name outside the cluster that a pod may ask for
        "imageGCHighThresholdPercent": 100,  # images that cannot be pulled again must stay
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "shutdownGracePeriod": "0s",
        "serializeImagePulls": False,
    }
    argv = [
        str(site.tools.path("kubelet")),
        *flags({
            "config": site.write("kubelet.json", json.dumps(configuration, indent=1)),
            "kubeconfig": site.kubeconfig("kubelet"),
            "root-dir": site.data / "kubelet",
            "node-ip": NODE_ADDRESS,
            "hostname-override": NODE_NAME,
        }),
    ]  # fmt: skip
    return Component("kubelet", argv, lambda: site.http_ok(10248, "/healthz"), mounts=True)


def kube_proxy(site: Site) -> Component:
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": site.kubeconfig("kube-proxy")},
        "hostnameOverride": NODE_NAME,
        "mode": "iptables",
        "clusterCIDR": POD_RANGE,
        # Two pods of one bridge would answer each other directly, past the translation of the
        # Service's address, where the kernel does not filter bridged packets.
        "iptables": {"masqueradeAll": True},
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "oomScoreAdj": 0,
    }
    config = site.write("kube-proxy.json", json.dumps(configuration, indent=1))
    argv = [str(site.tools.path("kube-proxy")), f"--config={config}"]
    return Component("kube-proxy", argv, lambda: site.http_ok(10256, "/healthz"))


def coredns(site: Site) -> Component:
    """Cluster DNS as a process, on an address of its own."""
    corefile = f""".:53 {{
    bind {DNS_ADDRESS}
    errors
    ready {DNS_ADDRESS}:8181
    kubernetes cluster.local {{
        kubeconfig {site.kubeconfig("admin")}
        pods insecure
        ttl 5
    }}
}}
"""
    argv = [str(site.tools.path("coredns")), "-conf", site.write("Corefile", corefile)]
    return Component("coredns", argv, lambda: site.http_ok(8181, "/ready", DNS_ADDRESS))


def ready(api: ApiClient) -> bool:
    """Whether the node takes pods."""
    conditions = api.get(f"/api/v1/nodes/{NODE_NAME}")["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def import_image(site: Site, archive: Path) -> None:
    """Put an image archive (OCI or docker) into the node's containerd, as the kubelet sees it."""
    command = ["ctr", "--address", socket_path(site), "--namespace", "k8s.io", "images", "import"]
    command += ["--snapshotter", _snapshotter(site), str(archive)]
    done = subprocess.run(site.namespaces.enter(command, mounts=True), capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"containerd did not take the image {archive}: {done.stderr.strip()[-300:]}")


def _snapshotter(site: Site) -> str:
    """Overlay file systems where the data folder can carry them, else plain copies."""
    return "overlayfs" if overlay_works(site.data) else "native"


def overlay_works(folder: Path) -> bool:
    """Try to stack two folders there."""
    trial = folder / ".overlay-trial"
    for name in ("lower", "upper", "work", "merged"):
        (trial / name).mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
    mounted = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, str(trial / "merged")],
        capture_output=True,
    )
    return mounted.returncode == 0
