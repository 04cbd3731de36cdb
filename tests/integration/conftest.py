"""What the integration tests share: one control plane with gateway and Prometheus, and an operator per test."""

import os
import sys
import zlib
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(HERE)]

from cluster import Cluster, Options, Report  # noqa: E402

from kubelet import Kubelet  # noqa: E402
from story import NAMESPACE, Operator, Story, gone  # noqa: E402


@pytest.fixture(scope="session")
def cluster():
    # Progress goes past pytest's capture: the programs may have to be built first.
    report, options = Report(sys.__stderr__), Options(gateway_namespace=NAMESPACE, audit=True)
    report.line("")
    name = os.environ.get("SLUICE_TEST_CLUSTER", "integration")
    with Cluster(name, "integration", options=options, report=report) as started:
        for crd in sorted((ROOT / "crds").glob("*.yaml")):
            started.install_crd(crd.read_text())
        started.wait_for(started.crds_established, "the CRDs to be served")
        yield started


@pytest.fixture
def operator(cluster):
    running = Operator(cluster)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def story(cluster, operator, tmp_path, request):
    """A Rollout with v1 stable and users on it."""
    name = f"digits-{zlib.crc32(request.node.name.encode()) % 100000}"
    kubelet = Kubelet(cluster, NAMESPACE).start()
    told = Story(cluster, tmp_path, name)
    try:
        told.apply("v1")
        assert told.wait_outcome()["reason"] == "Initial"
        told.start_users()
        yield told
    finally:
        told.stop_users()
        cluster.kubectl("delete", "rollout", name, "-n", NAMESPACE, "--wait=false", check=False)
        cluster.wait_for(lambda: gone(cluster, name), "everything of the Rollout to be gone", 60)
        kubelet.stop()
