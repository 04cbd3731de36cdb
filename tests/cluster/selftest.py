#!/usr/bin/env python3
"""Boots each tier for real and looks whether it does what it promises.

selftest.py [integration] [node] [crash]      all three when none is named

"crash" kills the program that starts a cluster at several moments and starts the same cluster again.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from cluster import Cluster, ClusterError, Options, Report, wait  # noqa: E402
from cluster.images import BASE_IMAGE  # noqa: E402
from cluster.paths import default_run_dir  # noqa: E402
from cluster.report import duration  # noqa: E402

NAMESPACE = "selftest"

# A web server of a few lines: the base image has no Python, but it has Perl.
SERVER = r"""
use IO::Socket::INET; $SIG{TERM} = sub { exit 0 }; $| = 1; my $n = 0;
my $s = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => $ARGV[1], Listen => 64, ReuseAddr => 1) or die $!;
while (my $c = $s->accept) {
  my $line = <$c> // ""; while (my $h = <$c>) { last if $h =~ /^\r?\n$/ }
  $n++ if $line =~ m{^GET /hello};
  my $body = "hello\n";
  $body = "# TYPE selftest_requests_total counter\nselftest_requests_total $n\n" if $line =~ m{^GET /metrics};
  my $length = length($body);
  print $c "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: $length\r\n";
  print $c "Connection: close\r\n\r\n$body";
  close $c;
}
"""

ROUTE = f"""
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: hello, namespace: {NAMESPACE}}}
spec:
  parentRefs: [{{name: public}}]
  rules: [{{backendRefs: [{{name: hello, port: 80}}]}}]
"""


def pods() -> str:
    """A server with probes and its Service, and a pod to ask from."""
    program = "\n".join("          " + line for line in SERVER.strip().splitlines())
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: hello, namespace: {NAMESPACE}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: hello}}}}
  template:
    metadata:
      labels: {{app: hello}}
      annotations: {{prometheus.io/scrape: "true", prometheus.io/port: "8080"}}
    spec:
      containers:
      - name: server
        image: {BASE_IMAGE}
        imagePullPolicy: Never
        command: [perl, -e]
        args:
        - |
{program}
        - 0.0.0.0
        - "8080"
        ports: [{{containerPort: 8080}}]
        readinessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 1}}
        livenessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: hello, namespace: {NAMESPACE}}}
spec: {{selector: {{app: hello}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: asker, namespace: {NAMESPACE}}}
spec:
  containers:
  - {{name: asker, image: {BASE_IMAGE}, imagePullPolicy: Never, command: [sleep, infinity]}}
  terminationGracePeriodSeconds: 0
"""


def main(wanted: list[str]) -> int:
    tests = {"integration": integration, "node": node, "crash": crash}
    for name in wanted or list(tests):
        if name == "hang":  # used by crash()
            Cluster("selfcrash", wanted[1], options=Options(gateway_namespace=NAMESPACE)).start()
            signal.pause()
        begun = time.monotonic()
        try:
            tests[name]()
        except (ClusterError, AssertionError) as problem:
            print(f"FAILED {name}: {problem}", file=sys.stderr)
            return 1
        print(f"passed {name} in {duration(time.monotonic() - begun)}")
    return 0


def integration() -> None:
    """Processes as backends: routed to, scraped, and still so after each component was restarted."""
    with Cluster("selftest", "integration", options=Options(gateway_namespace=NAMESPACE, audit=True)) as cluster:
        address = cluster.backend_address(1)
        cluster.spawn_in_netns(["perl", "-e", SERVER, address, "8000"], "hello")
        cluster.add_process_backend(NAMESPACE, "hello", address)
        cluster.add_scrape_target("hello", f"{address}:8000", NAMESPACE, "hello-1", app="hello")
        cluster.apply(ROUTE)
        through_gateway(cluster)
        in_prometheus(cluster, 'selftest_requests_total{namespace="selftest",pod="hello-1",app="hello"} > 0')
        in_prometheus(cluster, 'envoy_cluster_upstream_rq_total{envoy_cluster_name=~".*hello.*"} > 0')
        outer = subprocess.run(
            [cluster.tools.path("kubectl"), "get", "ns"],
            env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}, capture_output=True, text=True,
        )  # fmt: skip
        assert NAMESPACE in outer.stdout, outer.stderr
        for name in ("etcd", "kube-apiserver", "prometheus", "envoy-gateway", "forward"):
            with cluster.report.step(f"kill and start {name}"):
                cluster.kill_component(name)
                cluster.start_component(name)
        through_gateway(cluster)
        in_prometheus(cluster, 'selftest_requests_total{pod="hello-1"} > 0')
        assert cluster.audit_log.stat().st_size > 0
    nothing_left(cluster)


def node() -> None:
    """Pods: probes, Service, DNS, logs, exec, gateway, discovery by Prometheus."""
    with Cluster("selftest", "node", options=Options(gateway_namespace=NAMESPACE)) as cluster:
        with cluster.report.step("base image into the node"):
            cluster.images.ensure_base()
            cluster.load_image(BASE_IMAGE)
        with cluster.report.step("pods become ready"):
            cluster.apply(pods())
            cluster.apply(ROUTE)
            cluster.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/hello", "--timeout=90s")
            cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "pod/asker", "--timeout=60s")
        address = cluster.get_json("service", "hello", "-n", NAMESPACE)["spec"]["clusterIP"]
        names = ("hello", f"hello.{NAMESPACE}.svc.cluster.local", "public")
        for target in (f"{address}/80", *(f"{name}/80" for name in names), "prometheus.monitoring/9090"):
            answers_pod(cluster, target)
        through_gateway(cluster)
        in_prometheus(cluster, f'sum(selftest_requests_total{{namespace="{NAMESPACE}",app="hello",node="node1"}}) > 0')
        with cluster.report.step("containerd and kubelet restarted"):
            cluster.restart("containerd")
            cluster.restart("kubelet")
            cluster.kubectl("-n", NAMESPACE, "delete", "pod", "asker", "--timeout=60s")
        through_gateway(cluster)
    nothing_left(cluster)


def crash() -> None:
    """A killed starter leaves a mess; the next start of that name tidies up and works."""
    for tier, component in (("integration", "etcd"), ("node", "kubelet"), ("integration", "prometheus")):
        child = start_until(tier, component)
        child.kill()
        child.wait()
        print(f"killed the starter when {component} had begun; starting again")
        with Cluster("selfcrash", tier, options=Options(gateway_namespace=NAMESPACE), report=Report(None)) as cluster:
            cluster.kubectl("get", "gateway", "public", "-n", NAMESPACE)
        nothing_left(cluster)
    child = start_until("integration", "kube-apiserver")
    child.terminate()
    assert child.wait(60) == 128 + signal.SIGTERM, f"exit code {child.returncode} after SIGTERM"
    nothing_left(cluster)


def start_until(tier: str, component: str) -> subprocess.Popen:
    """A program of its own that starts a cluster, at the moment when it has started `component`."""
    log = default_run_dir("selfcrash") / "logs" / f"{component}.log"
    log.unlink(missing_ok=True)
    child = subprocess.Popen([sys.executable, __file__, "hang", tier], start_new_session=True)
    wait.until(log.exists, f"{component} to start", 60)
    return child


def through_gateway(cluster: Cluster) -> None:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{cluster.gateway_url}/hello", timeout=5) as answer:
                return answer.read() == b"hello\n"
        except urllib.error.HTTPError:
            return False

    with cluster.report.step("through the gateway, from outside"):
        cluster.wait_for(answers, "an answer through the gateway", 30)


def in_prometheus(cluster: Cluster, query: str) -> None:
    with cluster.report.step(f"in Prometheus: {query[:30]}..."):
        cluster.wait_for(lambda: cluster.query(query), f"{query} in Prometheus", 30)


def answers_pod(cluster: Cluster, target: str) -> None:
    """HOST/PORT answers a pod in HTTP (the base image has no curl, but bash opens connections)."""
    request = "GET /hello HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n"
    script = f"exec 3<>/dev/tcp/{target}; printf '{request}' >&3; cat <&3"
    ask = ("-n", NAMESPACE, "exec", "asker", "--", "timeout", "5", "bash", "-c", script)
    with cluster.report.step(f"{target} from a pod"):
        cluster.wait_for(lambda: "HTTP/1.1 " in cluster.kubectl(*ask), f"an answer of {target}", 30)


def nothing_left(cluster: Cluster) -> None:
    """No process, mount, cgroup, network namespace or state of a stopped cluster."""
    assert not cluster.site.namespaces.exists(), "the network namespace is still there"
    assert not cluster.site.state_dir.exists(), "the state folder is still there"
    assert not list(Path("/sys/fs/cgroup").glob(f"**/sluice-{cluster.name}")), "cgroups are still there"
    assert f"/{cluster.name}/" not in Path("/proc/mounts").read_text(), "mounts are still there"
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        assert str(cluster.site.run_dir) not in line, f"process {folder.name} is still there: {line[:200]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
