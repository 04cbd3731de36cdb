"""The kubelet that is played here does what a real one does, where a test depends on it."""

import pytest

REVISION_LABELS = {"sluice.dev/rollout": "alone", "sluice.dev/revision": "r1"}


@pytest.fixture
def pods(world, lane):
    """The path of the pods of a namespace; the one that the test makes is gone after it."""
    path = f"/api/v1/namespaces/{lane.namespace}/pods"
    yield path
    world.api.request("DELETE", f"{path}/alone?gracePeriodSeconds=0")


def test_pod_that_was_taken_for_lost_is_ready_again_at_its_address(world, pods):
    """The controller manager makes all pods unready whose node it could not hear of."""
    spec = {"containers": [{"name": "model", "image": "model"}], "automountServiceAccountToken": False}
    world.api.request("POST", pods, {"metadata": {"name": "alone", "labels": REVISION_LABELS}, "spec": spec})
    address = world.cluster.wait_for(lambda: address_if_ready(world, pods), "the pod to be ready")

    unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    world.api.request("PATCH", f"{pods}/alone/status", unready, "application/strategic-merge-patch+json")
    assert world.cluster.wait_for(lambda: address_if_ready(world, pods), "the pod to be ready again") == address


def address_if_ready(world, pods: str) -> str:
    status = world.api.request("GET", f"{pods}/alone")["status"]
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
    return status["podIP"] if ready else ""
