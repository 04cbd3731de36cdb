"""One real cluster: assembles the parts, starts them in order, and stops them whatever happens."""

import atexit
import shutil
import sys
from pathlib import Path

from . import (
    checks,
    cleanup,
    control_plane,
    gateway,
    images,
    namespaces,
    node,
    packages,
    paths,
    pki,
    process,
    prometheus,
    signals,
    state,
    wait,
)  # fmt: skip
from .client import ApiClient
from .component import Component, Options, Site
from .errors import ClusterError
from .helpers import Helpers
from .namespaces import NODE_ADDRESS, Namespaces
from .process import Process
from .report import Report
from .runner import Runner
from .state import State
from .tools import Tools

TIERS = ("control-plane", "integration", "node")
_USERS = ("admin", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")


class Cluster(Helpers):
    """A cluster by name. Use it as a context manager, or call `start` and `stop`.

    tier "control-plane": etcd, API server, controller manager; the Gateway API is known but nobody serves it.
    tier "integration": also Envoy Gateway with Envoy, and Prometheus.
    tier "node": also scheduler, containerd, kubelet, kube-proxy and cluster DNS, so pods run.
    """

    def __init__(
        self,
        name: str,
        tier: str = "integration",
        run_dir: Path | str | None = None,
        options: Options | None = None,
        report: Report | None = None,
    ) -> None:
        if tier not in TIERS:
            raise ClusterError(f"There is no tier {tier!r}: take one of {', '.join(TIERS)}.")
        self.name = paths.check_name(name)
        self.tier = tier
        self.report = report or Report(sys.stderr)
        folder = Path(run_dir or paths.default_run_dir(name)).resolve()
        network = Namespaces(cleanup.namespace_name(name))
        identities = pki.Pki(folder / "config" / "pki")
        self.tools = Tools(tier)
        self.site = Site(
            name, tier, folder, paths.state_dir(name), self.tools, network, identities, options or Options()
        )
        self.api = ApiClient(network, identities, control_plane.API_PORT)
        self.images = images.Images(paths.cache_dir(), self.report)
        self._use(State(name, tier, str(folder), options=vars(self.site.options)))

    @classmethod
    def attach(cls, name: str, report: Report | None = None) -> "Cluster":
        """Take up a cluster that another program started and left running."""
        known = State.load(paths.check_name(name))
        if not known:
            raise ClusterError(f"There is no cluster {name!r} here: start it with `cluster up {name}`.")
        found = cls(name, known.tier, known.run_dir, Options(**known.options), report)
        found._use(known)
        found.site.namespaces.holder = known.process("mounts")
        return found

    # -- life --------------------------------------------------------------------------------------

    def start(self, keep: bool = False) -> "Cluster":
        """Start everything and return when it works. Unless `keep` is set the cluster ends with this
        program; if anything fails it ends at once, and its logs stay."""
        signals.terminate_as_exit()
        with state.locked(self.name):
            leftover = State.load(self.name)
            if leftover:
                leftover.refuse_when_owned()
                cleanup.sweep(leftover, keep_logs=False)
            cleanup.claim(self.site.run_dir)
            self._prepare_machine()
            try:
                self._start(keep)
            except BaseException:
                self._stop()
                self.report.line(f"The cluster {self.name} was stopped; its logs are in {self.site.logs}.")
                raise
        if not keep:
            atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Stop everything, in reverse order, and remove what was made except for the logs."""
        atexit.unregister(self.stop)
        with state.locked(self.name):
            self._stop()

    def __enter__(self) -> "Cluster":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _use(self, known: State) -> None:
        self.state = known
        self.runner = Runner(self.site, known, self._describe)

    def _prepare_machine(self) -> None:
        warm = not self.tools.missing()
        checks.machine(self.tier, paths.cache_dir(), self.site.run_dir, warm)
        packages.install(self.tier, self.report)
        self.tools.ensure(self.report)
        if self.tier == "node":
            self.images.ensure_pause()

    def _start(self, keep: bool) -> None:
        on_node = self.tier == "node"
        served = self.tier != "control-plane"
        cleanup.sweep(State(self.name, run_dir=str(self.site.run_dir)), keep_logs=False)
        self._use(State(self.name, self.tier, str(self.site.run_dir), options=vars(self.site.options)))
        if not keep:
            self.state.own()
        self.state.save()
        step, runner = self.report.step, self.runner
        self.report.begin(f"Starting the cluster {self.name} ({self.tier} tier).", 8 if on_node else 5 if served else 4)
        with step("network, certificates"):
            self._prepare_site()
        with step("etcd, API server"):
            runner.start("etcd")
            if on_node:
                runner.launch("containerd")
            runner.start("kube-apiserver")
        with step("controllers, scheduler, kube-proxy" if on_node else "controllers"):
            others = ["kube-controller-manager", *(["kube-scheduler", "kube-proxy"] if on_node else [])]
            runner.launch(*others)
            if on_node:
                runner.start("containerd")
                runner.launch("kubelet")
            self._install_crds()
            runner.await_ready(*others)
            wait.until(self._accounts_exist, "the controllers to make the default service account", 60)
        with step("Envoy Gateway, Prometheus, ways in" if served else "a way in"):
            runner.start(*(["envoy-gateway", "prometheus"] if served else []), "forward")
            for path, manifest in prometheus.manifests() if served else []:
                self.api.apply(path, manifest)
        if on_node:
            with step("cluster DNS"):
                runner.start("coredns")
            with step("images"):
                node.import_image(self.site, self.images.ensure_pause())
            with step("the node is Ready"):
                runner.await_ready("kubelet")
                wait.until(lambda: node.ready(self.api), "the node to become Ready", 60)
        if served:
            with step("the gateway"):
                if self.site.options.gateway_namespace:
                    self.create_gateway(self.site.options.gateway_namespace)
        self.state.save()
        self.report.end()

    def _prepare_site(self) -> None:
        site = self.site
        for folder in (site.data, site.config, site.logs, site.state_dir):
            folder.mkdir(parents=True, exist_ok=True)
        namespaces.allow_many_watches()
        site.namespaces.create()
        site.pki.create()
        server = f"https://{NODE_ADDRESS}:{control_plane.API_PORT}"
        for user in _USERS:
            pki.write_kubeconfig(Path(site.kubeconfig(user)), site.pki.kubeconfig(user, server))
        if self.tier == "control-plane":
            return
        gateway.prepare(site)
        private = node.PRIVATE_FOLDERS if self.tier == "node" else ()
        holder = site.namespaces.hold_mounts({gateway.CERTS: gateway.certs_folder(site)}, private, site.log("mounts"))
        self.state.record("mounts", holder)
        wait.until(site.namespaces.holding, "the mounts of the cluster", 10, self._holder_alive)
        if self.tier == "node":
            node.prepare(site)

    def _holder_alive(self) -> None:
        if not self.state.process("mounts"):
            log = self.site.log("mounts")
            raise ClusterError(f"The mounts of the cluster could not be made:\n{process.tail(log)}")

    def _describe(self) -> list[Component]:
        """All components. Their configuration files are written on the way."""
        site = self.site
        described = [
            control_plane.etcd(site),
            control_plane.kube_apiserver(site, self.api),
            control_plane.kube_controller_manager(site),
            self._forward(),
        ]
        if self.tier != "control-plane":
            described += [gateway.envoy_gateway(site), prometheus.prometheus(site)]
        if self.tier == "node":
            described += [
                control_plane.kube_scheduler(site),
                node.containerd(site),
                node.kubelet(site),
                node.kube_proxy(site),
                node.coredns(site),
            ]
        return described

    def _forward(self) -> Component:
        targets = {
            "api": control_plane.API_PORT,
            "gateway": gateway.GATEWAY_PORT,
            "prometheus": prometheus.PORT,
        }
        script = str(paths.PACKAGE / "forward.py")
        argv = [sys.executable, script, *(f"{{{name}}}=127.0.0.1:{port}" for name, port in targets.items())]
        wanted = {name: self.site.options.ports.get(name, 0) for name in targets}
        return Component("forward", argv, self._write_outer_kubeconfig, sockets=wanted)

    def _write_outer_kubeconfig(self) -> bool:
        """The forwarder's sockets are open before it starts; what is left is to say where they are."""
        pki.write_kubeconfig(self.kubeconfig, self.site.pki.kubeconfig("admin", self.api_url))
        return True

    def _install_crds(self) -> None:
        served = self.tier != "control-plane"
        for file in self.tools.files("gateway-api") + (self.tools.files("envoy-gateway") if served else []):
            self.install_crd(file.read_text())
        if served:
            self.ensure_namespace(gateway.NAMESPACE)
        wait.until(self.crds_established, "the API server to serve the new kinds", 60)

    def _accounts_exist(self) -> bool:
        return bool(self.api.get("/api/v1/namespaces/default/serviceaccounts/default"))

    def _stop(self) -> None:
        known = State.load(self.name)
        if not known:
            return
        self.runner.stop_all()
        cleanup.sweep(known, keep_logs=True)
        shutil.rmtree(self.site.state_dir, ignore_errors=True)

    # -- single components -------------------------------------------------------------------------

    def components(self) -> dict[str, Process | None]:
        """What was started, component or other process, each with its process if it still runs."""
        return {name: self.runner.running(name) for name in self.state.processes}

    def start_component(self, name: str) -> None:
        """Start one component and wait until it works."""
        self.runner.start(name)

    def stop_component(self, name: str) -> None:
        """Stop one component as an administrator would."""
        self.runner.stop(name)

    def kill_component(self, name: str) -> None:
        """End one component as a crash would."""
        self.runner.kill(name)

    def freeze(self, name: str) -> None:
        """Make one component hang (its connections stay open) until `thaw`."""
        self.runner.freeze(name)

    def thaw(self, name: str) -> None:
        self.runner.thaw(name)

    def restart(self, name: str) -> None:
        """Stop one component and start it again."""
        self.runner.stop(name)
        self.runner.start(name)
