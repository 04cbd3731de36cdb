"""A real Kubernetes cluster on one machine, for the demo and the tests. See README.md.

from cluster import Cluster, Options

with Cluster("it", tier="integration", options=Options(gateway_namespace="ml")) as cluster:
    cluster.apply(manifest)
"""

from .cluster import Cluster
from .component import Options
from .errors import ClusterError
from .process import Process
from .report import Report

__all__ = ["Cluster", "ClusterError", "Options", "Process", "Report"]
