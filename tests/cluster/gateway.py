"""Envoy Gateway: routes from the Kubernetes API, Envoy as a process beside it.

Envoy Gateway reads its certificates from the absolute path /certs; each cluster sees a folder of
its own there, by a bind mount in its mount namespace. It never gives the Gateway an address (there
is no load balancer), so the Gateway stays Programmed=False: what counts is an HTTPRoute's
`Accepted` and `ResolvedRefs`.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .component import Component, Site
from .errors import ClusterError
from .namespaces import NODE_ADDRESS

GATEWAY_NAME = "public"
GATEWAY_PORT = 10080  # 8080, 8081, 9443, 18000, 19000, 19001 and 19003 are taken by Envoy Gateway itself
GATEWAY_CLASS = "sluice"
NAMESPACE = "envoy-gateway-system"
ADMIN_PORT = 19001  # Envoy's; as a process beside Envoy Gateway it would take a random port
CERTS = Path("/certs")

_CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"

_CONFIG = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {{controllerName: {controller}}}
telemetry: {{metrics: {{prometheus: {{disable: true}}}}}}  # so that the port is Envoy's, see ADMIN_PORT
provider:
  type: Custom
  custom:
    resource: {{type: Kubernetes, kubernetes: {{leaderElection: {{disable: true}}}}}}
    infrastructure:
      type: Host
      host: {{configHome: {home}/config, dataHome: {home}/data, stateHome: {home}/state, runtimeDir: {home}/run}}
"""


def certs_folder(site: Site) -> Path:
    """What this cluster's Envoy Gateway sees as /certs."""
    return site.data / "envoy-gateway" / "certs"


def prepare(site: Site) -> None:
    """Put Envoy where it is looked for (so that none is downloaded) and make the certificates."""
    home = site.data / "envoy-gateway"
    link = home / "data" / "envoy-versions" / "1.39.0" / "bin" / "envoy"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(site.tools.path("envoy"))
    done = subprocess.run(
        [site.tools.path("envoy-gateway"), "certgen", "--local", "--config-home", str(home / "config")],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise ClusterError(f"Envoy Gateway could not make its certificates: {done.stderr.strip()[-300:]}")
    shutil.copytree(home / "config" / "certs" / "envoy-gateway", certs_folder(site))


def envoy_gateway(site: Site) -> Component:
    home = site.data / "envoy-gateway"
    config = site.write("envoy-gateway.yaml", _CONFIG.format(controller=_CONTROLLER, home=home))
    return Component(
        "envoy-gateway",
        [str(site.tools.path("envoy-gateway")), "server", "--config-path", config],
        lambda: site.http_ok(8081, "/readyz"),
        env={"KUBECONFIG": site.kubeconfig("admin"), "ENVOY_GATEWAY_NAMESPACE": NAMESPACE},
        children=("envoy",),
        mounts=True,
    )


# Shorter than the servers keep a connection (uvicorn, which MLServer runs on: 5 s): a request that is sent while the
# server closes is answered with 503.
_IDLE = "3s"


def manifests(namespace: str, name: str, port: int) -> list[tuple[str, dict[str, Any]]]:
    """The class, the Gateway, and a Service of the Gateway's name for callers inside the cluster."""
    gateway_api = "/apis/gateway.networking.k8s.io/v1"
    admin = {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN_PORT}}}}
    return [
        (
            f"/apis/gateway.envoyproxy.io/v1alpha1/namespaces/{NAMESPACE}/envoyproxies/{GATEWAY_CLASS}",
            {
                "apiVersion": "gateway.envoyproxy.io/v1alpha1",
                "kind": "EnvoyProxy",
                "metadata": {"name": GATEWAY_CLASS, "namespace": NAMESPACE},
                "spec": {"bootstrap": {"type": "Merge", "value": json.dumps(admin)}},
            },
        ),
        (
            f"{gateway_api}/gatewayclasses/{GATEWAY_CLASS}",
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "GatewayClass",
                "metadata": {"name": GATEWAY_CLASS},
                "spec": {
                    "controllerName": _CONTROLLER,
                    "parametersRef": {
                        "group": "gateway.envoyproxy.io",
                        "kind": "EnvoyProxy",
                        "namespace": NAMESPACE,
                        "name": GATEWAY_CLASS,
                    },
                },
            },
        ),
        (
            f"{gateway_api}/namespaces/{namespace}/gateways/{name}",
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "Gateway",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "gatewayClassName": GATEWAY_CLASS,
                    "listeners": [
                        {
                            "name": "http",
                            "protocol": "HTTP",
                            "port": port,
                            "allowedRoutes": {"namespaces": {"from": "All"}},
                        }
                    ],
                },
            },
        ),
        (
            f"/apis/gateway.envoyproxy.io/v1alpha1/namespaces/{namespace}/backendtrafficpolicies/{name}",
            {
                "apiVersion": "gateway.envoyproxy.io/v1alpha1",
                "kind": "BackendTrafficPolicy",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name}],
                    "timeout": {"http": {"connectionIdleTimeout": _IDLE}},
                },
            },
        ),
        *service_to(namespace, name, 80, [NODE_ADDRESS], port),
    ]


def service_to(
    namespace: str, name: str, port: int, addresses: list[str], target_port: int, labels: dict[str, str] | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """A Service without a selector and the EndpointSlice that stands for its pods."""
    core = f"/api/v1/namespaces/{namespace}/services/{name}"
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices/{name}"
    service: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {"ports": [{"name": "http", "port": port, "targetPort": target_port, "protocol": "TCP"}]},
    }
    endpoints: dict[str, Any] = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "sluice-cluster",
            },
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": target_port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
    }
    return [(core, service), (slices, endpoints)]
