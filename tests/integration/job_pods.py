"""Plays the kubelet for the pods of Jobs: their command runs as a process, and its exit code becomes the pod's.

There is no DNS and no Service address where nothing runs on a node, so SLUICE_URL leads to a pod of the revision.
"""

from collections.abc import Callable

from cluster.process import Process

STAGE = "sluice.dev/stage"  # the label by which a Job's pod is known


class JobPods:
    def __init__(
        self, cluster, namespace: str, address_of: Callable[[str], str | None], bind: Callable[[str], None]
    ) -> None:
        """`address_of` gives the ADDRESS:PORT of a running pod of a revision, `bind` puts a pod on the node."""
        self.cluster = cluster
        self.namespace = namespace
        self.address_of = address_of
        self.bind = bind
        self.running: dict[str, tuple[Process, str]] = {}  # with the container's name
        self.ended: set[str] = set()

    def visit(self, pods: list[dict]) -> None:
        wanted = {pod["metadata"]["name"]: pod for pod in pods if "deletionTimestamp" not in pod["metadata"]}
        for name, pod in wanted.items():
            if name not in self.running and name not in self.ended:
                self._start(name, pod)
        for name in list(self.running):
            process, container = self.running[name]
            if name not in wanted:
                process.kill()
            elif not process.alive():
                self._report_end(name, container, process.exit_code() or 0)
                self.ended.add(name)
            else:
                continue
            del self.running[name]

    def _start(self, name: str, pod: dict) -> None:
        container = pod["spec"]["containers"][0]
        if container["image"] == "never":
            return
        self.bind(name)
        env = {one["name"]: one.get("value", "") for one in container.get("env", [])}
        env["SLUICE_URL"] = f"http://{self.address_of(env['SLUICE_REVISION'])}"
        process = self.cluster.spawn_in_netns([*container["command"], *container.get("args", [])], name, env)
        self.running[name] = (process, container["name"])
        self._report(name, "Running", container["name"], {"running": {}})

    def _report_end(self, name: str, container: str, code: int) -> None:
        self._report(name, "Failed" if code else "Succeeded", container, {"terminated": {"exitCode": code}})

    def _report(self, name: str, phase: str, container: str, state: dict) -> None:
        one = {"name": container, "image": "played", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}/status"
        body = {"status": {"phase": phase, "containerStatuses": [one]}}
        self.cluster.api.request("PATCH", path, body, "application/strategic-merge-patch+json")
