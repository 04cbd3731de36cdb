"""The API server in memory that unit tests and simulations use behaves like the real one: the same cases on both."""

from conftest import ROOT


def test_the_real_api_server_passes_the_cases_of_the_one_in_memory(cluster):
    # A server that is new remembers everything: one case is about a version that is forgotten.
    cluster.compact_etcd()
    cluster.restart("kube-apiserver")
    program = ROOT / "build/release/tests/conformance"
    done = cluster.run_in_netns([str(program), "--kubeconfig", str(cluster.kubeconfig_inside)], timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout
