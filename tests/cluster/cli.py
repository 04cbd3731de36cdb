"""The command line: tools, up, down, status, env, kubectl."""

import argparse
import os
import sys
from pathlib import Path

from . import paths, signals, state
from .cluster import TIERS, Cluster
from .component import Options
from .errors import ClusterError
from .packages import install
from .report import Report
from .tools import Tools


def main(arguments: list[str]) -> int:
    """Run one command; problems that a person can solve end in one sentence and exit code 1."""
    parsed = _parser().parse_args(arguments)
    signals.terminate_as_exit()
    try:
        return parsed.run(parsed) or 0
    except ClusterError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster", description="A real Kubernetes cluster on this machine.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    tools = commands.add_parser("tools", help="build the programs of a tier, once")
    tools.add_argument("--tier", choices=TIERS, default="node")
    tools.set_defaults(run=_tools)

    up = commands.add_parser("up", help="start a cluster and leave it running")
    up.add_argument("name")
    up.add_argument("--tier", choices=TIERS, default="node")
    up.add_argument("--run-dir", type=Path, help="where its data and logs go")
    up.add_argument("--gateway-namespace", default="default", help="where the Gateway `public` is made")
    up.add_argument("--audit", action="store_true", help="log every API request to logs/audit.log")
    up.set_defaults(run=_up)

    down = commands.add_parser("down", help="stop a cluster and remove its data; its logs stay")
    down.add_argument("name")
    down.set_defaults(run=_down)

    commands.add_parser("status", help="the clusters of this machine").set_defaults(run=_status)

    env = commands.add_parser("env", help='print what to export: eval "$(cluster env NAME)"')
    env.add_argument("name")
    env.set_defaults(run=_env)

    kubectl = commands.add_parser("kubectl", help="run kubectl on a cluster")
    kubectl.add_argument("name")
    kubectl.add_argument("arguments", nargs=argparse.REMAINDER)
    kubectl.set_defaults(run=_kubectl)
    return parser


def _tools(parsed: argparse.Namespace) -> None:
    report = Report(sys.stderr)
    install(parsed.tier, report)
    tools = Tools(parsed.tier)
    tools.ensure(report)
    print(f"The tools of the {parsed.tier} tier are ready in {paths.cache_dir() / 'tools'}.")


def _up(parsed: argparse.Namespace) -> None:
    options = Options(audit=parsed.audit, gateway_namespace=parsed.gateway_namespace)
    cluster = Cluster(parsed.name, parsed.tier, parsed.run_dir, options).start(keep=True)
    print(
        f"\nThe cluster {cluster.name} runs.\n"
        f"  gateway     {cluster.gateway_url}\n"
        f"  Prometheus  {cluster.prometheus_url}\n"
        f"  logs        {cluster.logs}\n"
        f"To use it:    export KUBECONFIG={cluster.kubeconfig}\n"
        f"To stop it:   cluster down {cluster.name}"
    )


def _down(parsed: argparse.Namespace) -> None:
    cluster = Cluster.attach(parsed.name)
    cluster.state.refuse_when_owned()
    report = Report(sys.stderr)
    with report.step(f"stopping the cluster {parsed.name}"):
        cluster.stop()


def _status(_: argparse.Namespace) -> None:
    names = state.names()
    if not names:
        print("No cluster runs here.")
    for name in names:
        cluster = Cluster.attach(name)
        print(f"{name} ({cluster.tier} tier), logs in {cluster.logs}")
        for component, process in cluster.components().items():
            print(f"  {component:<26} {f'running, process {process.pid}' if process else 'not running'}")


def _env(parsed: argparse.Namespace) -> None:
    cluster = Cluster.attach(parsed.name)
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    print(f"export SLUICE_GATEWAY={cluster.gateway_url}")
    print(f"export SLUICE_PROMETHEUS={cluster.prometheus_url}")
    programs = ["kubectl", "helm"] if cluster.tier == "node" else ["kubectl"]
    folders = ":".join(str(cluster.tools.path(program).parent) for program in programs)
    print(f'export PATH="{folders}:$PATH"')


def _kubectl(parsed: argparse.Namespace) -> None:
    cluster = Cluster.attach(parsed.name)
    kubectl = str(cluster.tools.path("kubectl"))
    os.execv(kubectl, [kubectl, f"--kubeconfig={cluster.kubeconfig}", *parsed.arguments])
