"""Where the story is played: a cluster made on this machine, or one that exists.

Both give the same few things: kubectl, Helm, the API, a way to send traffic, and where the images
are. The story does not know which one it has.
"""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Mapping, Protocol, Sequence

from cluster import Cluster, ClusterError, Options, Report
from cluster.paths import cache_dir
from cluster.process import Process, of_pid, spawn, tail

from load import command

EXAMPLE = Path(__file__).resolve().parent
REPOSITORY = EXAMPLE.parents[1]
CHART = REPOSITORY / "charts" / "sluice"

# What the manifests in this folder say; an existing cluster may have them elsewhere.
MODEL_IMAGE = "localhost/digits:1"
LOCUST_IMAGE = "localhost/locust:2.47.0"
OPERATOR_IMAGE = "localhost/sluice:demo"
GATEWAY = ("gateways", "public")
PROMETHEUS = "http://prometheus.monitoring:9090"

Done = subprocess.CompletedProcess[str]


class Place(Protocol):
    """What the story needs of a cluster."""

    report: Report
    operator_image: str

    @property
    def kubeconfig(self) -> Path:
        """For programs of this machine."""
        ...

    @property
    def url(self) -> str:
        """The gateway, as programs of this machine reach it."""
        ...

    @property
    def logs(self) -> Path: ...

    def kubectl(self, *arguments: str, input: str | None = None, timeout: float = 120) -> Done:
        """Run kubectl to its end, whatever that is."""
        ...

    def helm(self, *arguments: str, timeout: float = 300) -> Done: ...

    def get(self, path: str) -> Any:
        """GET a path of the API."""
        ...

    def manifest(self, file: Path) -> str:
        """A manifest of this folder, as it has to read in this cluster."""
        ...

    def start_traffic(self, program: Path, counts: Path) -> None:
        """Start Locust unless it runs."""
        ...

    def traffic_log(self) -> Path: ...

    def stop_traffic(self) -> None: ...

    def view(self, *arguments: str) -> list[str] | None:
        """The command line of `sluice ARGUMENTS` on this cluster; None when there is no such program."""
        ...


class OwnCluster:
    """A cluster of this machine, made by tests/cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.report = cluster.report
        self.operator_image = OPERATOR_IMAGE
        self._traffic: Process | None = None

    @staticmethod
    def start(name: str, report: Report, keep: bool, audit: bool = False) -> "OwnCluster":
        """A fresh cluster, with the Gateway and with the images on its node."""
        options = Options(gateway_namespace=GATEWAY[0], audit=audit)
        place = OwnCluster(Cluster(name, "node", options=options, report=report))
        place.cluster.start(keep=keep)
        try:
            place.load_images()
        except BaseException:
            place.cluster.stop()
            raise
        return place

    def load_images(self) -> None:
        """Build the images (their layers are cached) and hand them to the node."""
        images = self.cluster.images
        with self.report.step("the model's image", "1 s; 3 min the first time"):
            images.build(EXAMPLE / "model" / "Dockerfile", EXAMPLE / "model", MODEL_IMAGE)
            self.cluster.load_image(MODEL_IMAGE)
        with self.report.step("the image of Locust, for load tests", "1 s; 1 min the first time"):
            images.build(EXAMPLE / "traffic" / "Dockerfile", EXAMPLE / "traffic", LOCUST_IMAGE)
            self.cluster.load_image(LOCUST_IMAGE)
        with self.report.step("the operator's image", "1 s; 10 min the first time"):
            images.build(REPOSITORY / "Dockerfile", REPOSITORY, OPERATOR_IMAGE)
            self.cluster.load_image(OPERATOR_IMAGE)

    @property
    def kubeconfig(self) -> Path:
        return self.cluster.kubeconfig

    @property
    def url(self) -> str:
        return self.cluster.gateway_url

    @property
    def logs(self) -> Path:
        return self.cluster.logs

    def kubectl(self, *arguments: str, input: str | None = None, timeout: float = 120) -> Done:
        return self.cluster.kubectl_result(*arguments, input=input, timeout=timeout)

    def helm(self, *arguments: str, timeout: float = 300) -> Done:
        argv = [str(self.cluster.tools.path("helm")), f"--kubeconfig={self.cluster.kubeconfig_inside}", *arguments]
        return self.cluster.run_in_netns(argv, timeout=timeout)

    def get(self, path: str) -> Any:
        return self.cluster.api.get(path)

    def manifest(self, file: Path) -> str:
        return file.read_text()

    def start_traffic(self, program: Path, counts: Path) -> None:
        if self._traffic and self._traffic.alive():
            return
        argv = command(program, self.cluster.gateway_url_inside, counts)
        self._traffic = self.cluster.spawn_in_netns(argv, "locust")

    def traffic_log(self) -> Path:
        return self.cluster.site.log("locust")

    def stop_traffic(self) -> None:
        if self._traffic:
            self._traffic.terminate(10)

    def view(self, *arguments: str) -> list[str] | None:
        return view_command(self, arguments)


class ExistingCluster:
    """A cluster that the environment names. What has to be there: see README.md, "On a cluster of yours"."""

    def __init__(self, kubeconfig: Path, report: Report, environment: Mapping[str, str] = os.environ) -> None:
        if not kubeconfig.is_file():
            raise ClusterError(
                f"SLUICE_DEMO_KUBECONFIG names {kubeconfig}, which is not a file: correct it or unset it."
            )
        for program in ("kubectl", "helm"):
            if not shutil.which(program):
                raise ClusterError(f"{program} is not on the path; it is needed for a cluster of yours.")
        self.report = report
        self.kubeconfig = kubeconfig
        self.url = _required(environment, "SLUICE_DEMO_URL", "the address of your gateway, such as http://10.0.0.7")
        self.operator_image = _required(
            environment, "SLUICE_DEMO_OPERATOR_IMAGE", "the operator's image in your registry"
        )
        self._model_image = _required(environment, "SLUICE_DEMO_MODEL_IMAGE", "the model's image in your registry")
        self._locust_image = _required(environment, "SLUICE_DEMO_LOCUST_IMAGE", "the image of Locust in your registry")
        self._prometheus = environment.get("SLUICE_DEMO_PROMETHEUS", PROMETHEUS)
        self._gateway = tuple(environment.get("SLUICE_DEMO_GATEWAY", "/".join(GATEWAY)).split("/"))
        if len(self._gateway) != 2 or not all(self._gateway):
            raise ClusterError("SLUICE_DEMO_GATEWAY has to be NAMESPACE/NAME.")
        self.logs = cache_dir() / "clusters" / "demo-existing" / "logs"

    def kubectl(self, *arguments: str, input: str | None = None, timeout: float = 120) -> Done:
        return self._run(["kubectl", f"--kubeconfig={self.kubeconfig}", *arguments], input, timeout)

    def helm(self, *arguments: str, timeout: float = 300) -> Done:
        return self._run(["helm", f"--kubeconfig={self.kubeconfig}", *arguments], None, timeout)

    def get(self, path: str) -> Any:
        done = self.kubectl("get", "--raw", path)
        if done.returncode != 0:
            raise ClusterError(f"The API server refused {path}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def manifest(self, file: Path) -> str:
        text = file.read_text()
        namespace, name = self._gateway
        changes = {
            MODEL_IMAGE: self._model_image,
            LOCUST_IMAGE: self._locust_image,
            PROMETHEUS: self._prometheus,
            f"{{name: {GATEWAY[1]}, namespace: {GATEWAY[0]}}}": f"{{name: {name}, namespace: {namespace}}}",
        }
        for old, new in changes.items():
            text = text.replace(old, new)
        return text

    def start_traffic(self, program: Path, counts: Path) -> None:
        if not self._running():
            started = spawn(command(program, self.url, counts), self.traffic_log())
            self._record.write_text(f"{started.pid} {started.started}")

    def traffic_log(self) -> Path:
        return self.logs / "locust.log"

    def stop_traffic(self) -> None:
        running = self._running()
        if running:
            running.send(signal.SIGTERM)
            running.wait(10)
        self._record.unlink(missing_ok=True)

    def view(self, *arguments: str) -> list[str] | None:
        return view_command(self, arguments)

    @property
    def _record(self) -> Path:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self.logs / "locust.pid"

    def _running(self) -> Process | None:
        """Locust, also when an earlier run of the demo started it."""
        try:
            pid, started = self._record.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        found = of_pid(int(pid))
        return found if found and found.started == int(started) else None

    def _run(self, argv: Sequence[str], input: str | None, timeout: float) -> Done:
        source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        return subprocess.run(list(argv), capture_output=True, text=True, timeout=timeout, **source)


def view_command(place: Place, arguments: Sequence[str]) -> list[str] | None:
    """`sluice ARGUMENTS` with the program that `make build` made, if there is one."""
    program = Path(os.environ.get("SLUICE_BINARY") or REPOSITORY / "build" / "release" / "sluice")
    if not program.exists():
        return None
    return ["env", f"KUBECONFIG={place.kubeconfig}", str(program), *arguments]


def checked(done: Done, what: str) -> str:
    """The output of a command that has to succeed."""
    if done.returncode != 0:
        raise ClusterError(f"{what} failed: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def last_words(log: Path) -> str:
    """The end of a log, to be added to a message."""
    return f"its log {log} ends with:\n{tail(log)}"


def _required(environment: Mapping[str, str], name: str, meaning: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise ClusterError(f"With SLUICE_DEMO_KUBECONFIG set, {name} has to name {meaning}.")
    return value
