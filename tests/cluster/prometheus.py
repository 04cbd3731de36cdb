"""Prometheus with the pod discovery that people have at home, and file discovery for processes.

Pods are scraped when they carry the annotation prometheus.io/scrape=true; prometheus.io/port and
prometheus.io/path say where. Each sample gets the labels namespace, pod, node and those of the pod.
"""

import json
from pathlib import Path

from .component import Component, Site, flags
from .gateway import ADMIN_PORT, service_to
from .namespaces import NODE_ADDRESS

PORT = 9090

_CONFIG = """\
global: {{scrape_interval: {interval}, scrape_timeout: {interval}, evaluation_interval: {interval}}}
scrape_configs:
- job_name: kubernetes-pods
  kubernetes_sd_configs: [{{role: pod, kubeconfig_file: {kubeconfig}}}]
  relabel_configs:
  - {{source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: "true"}}
  - {{source_labels: [__meta_kubernetes_pod_phase], action: drop, regex: "Pending|Succeeded|Failed|Completed"}}
  - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path]
    regex: (.+)
    target_label: __metrics_path__
  - source_labels: [__meta_kubernetes_pod_ip, __meta_kubernetes_pod_annotation_prometheus_io_port]
    regex: (.+);(\\d+)
    replacement: $1:$2
    target_label: __address__
  - {{action: labelmap, regex: __meta_kubernetes_pod_label_(.+)}}
  - {{source_labels: [__meta_kubernetes_namespace], target_label: namespace}}
  - {{source_labels: [__meta_kubernetes_pod_name], target_label: pod}}
  - {{source_labels: [__meta_kubernetes_pod_node_name], target_label: node}}
- job_name: processes
  file_sd_configs: [{{files: ["{targets}/*.json"], refresh_interval: 5s}}]
- job_name: envoy
  metrics_path: /stats/prometheus
  static_configs: [{{targets: ["127.0.0.1:{admin_port}"]}}]
- job_name: prometheus
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def targets_folder(site: Site) -> Path:
    return site.config / "targets"


def prometheus(site: Site) -> Component:
    targets_folder(site).mkdir(parents=True, exist_ok=True)
    config = site.write(
        "prometheus.yaml",
        _CONFIG.format(
            interval=site.options.scrape_interval,
            kubeconfig=site.kubeconfig("admin"),
            targets=targets_folder(site),
            admin_port=ADMIN_PORT,
            port=PORT,
        ),
    )
    argv = [
        str(site.tools.path("prometheus")),
        *flags({
            "config.file": config,
            "storage.tsdb.path": site.data / "prometheus",
            "storage.tsdb.retention.time": "1d",
            "web.listen-address": f"0.0.0.0:{PORT}",
            "log.level": "warn",
        }),
    ]  # fmt: skip
    return Component("prometheus", argv, lambda: site.http_ok(PORT, "/-/ready"))


def manifests() -> list[tuple[str, dict]]:
    """What makes http://prometheus.monitoring:9090 work inside the cluster."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}}
    return [
        ("/api/v1/namespaces/monitoring", namespace),
        *service_to("monitoring", "prometheus", PORT, [NODE_ADDRESS], PORT),
    ]


def add_target(site: Site, name: str, address: str, labels: dict[str, str], path: str = "/metrics") -> None:
    """Have a process scraped, with the labels that a pod would have. Taken up within five seconds."""
    entry = [{"targets": [address], "labels": {**labels, "__metrics_path__": path}}]
    file = targets_folder(site) / f"{name}.json"
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(entry))
    temporary.replace(file)


def remove_target(site: Site, name: str) -> None:
    (targets_folder(site) / f"{name}.json").unlink(missing_ok=True)
