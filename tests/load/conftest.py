"""Runs of real Locust against small model servers, each with the script that ships and judged by `sluice load`."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path[:0] = [str(REPOSITORY / "examples" / "digits"), str(REPOSITORY / "tests")]

from cluster import Report  # noqa: E402
from load import ensure_locust  # noqa: E402

SLUICE = REPOSITORY / "build" / "release" / "sluice"
SCRIPT = REPOSITORY / "operator" / "loadtest" / "sluice_load.py"
LOADS = HERE / "loads.yaml"
REPLICAS = {"scalability": 3}
PAYLOADS = {
    "small.json": [{"inputs": [{"name": "x", "shape": [4], "datatype": "FP32", "data": [i] * 4}]} for i in range(3)],
    "large.json": {"inputs": [{"name": "x", "shape": [40000], "datatype": "FP32", "data": [0.125] * 40000}]},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--matrix", action="store_true", help="each weakness under each profile: 8 minutes")


@dataclass(frozen=True)
class Outcome:
    status: int  # of `sluice load`
    report: dict
    text: str
    folder: Path


@dataclass(frozen=True)
class Run:
    weakness: str
    profile: str

    @property
    def name(self) -> str:
        return f"{self.profile}-{self.weakness}"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until_listening(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


class Memory(threading.Thread):
    """Samples of a process's memory, as Prometheus would have them."""

    def __init__(self, pid: int, file: Path) -> None:
        super().__init__(daemon=True)
        self.pid, self.file, self.ended = pid, file, threading.Event()

    def run(self) -> None:
        with self.file.open("w") as out:
            while not self.ended.wait(0.5):
                pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
                out.write(f"{time.time():.3f},{pages * os.sysconf('SC_PAGE_SIZE')}\n")


def sluice_load(*arguments: str) -> subprocess.CompletedProcess:
    command = [str(SLUICE), "load", "--stage-of", str(LOADS), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def config_of(profile: str, folder: Path) -> str:
    """What the operator puts into SLUICE_LOAD_TEST, with the payload where it is here."""
    printed = sluice_load("--stage", profile, "--print-config")
    assert printed.returncode == 0, printed.stderr
    config = json.loads(printed.stdout)
    name = Path(config["payload"]).name
    (folder / name).write_text(json.dumps(PAYLOADS[name]))
    return json.dumps({**config, "payload": str(folder / name)})


class Generator:
    """A master and two workers, with the command lines of the operator's Jobs."""

    def __init__(self, locust: Path, config: str, folder: Path, url: str) -> None:
        port = free_port()
        self.folder, self.env = folder, {**os.environ, "SLUICE_LOAD_TEST": config, "SLUICE_URL": url}
        common = [str(locust), "-f", str(SCRIPT)]
        self.master = self.start("master", [
            *common, "--headless", "--master", "--master-bind-port", str(port), "--expect-workers", "2",
            "--expect-workers-max-wait", "120", "--only-summary", "--exit-code-on-error", "0", "--stop-timeout", "30",
            "-H", url,
        ])  # fmt: skip
        worker = [*common, "--worker", "--master-host", "127.0.0.1", "--master-port", str(port)]
        self.workers = [self.start(f"worker-{i}", worker) for i in (1, 2)]

    def start(self, name: str, command: list[str]) -> subprocess.Popen:
        with (self.folder / f"{name}.out").open("w") as out, (self.folder / f"{name}.err").open("w") as err:
            return subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=self.env)

    def stop(self) -> None:
        for process in (self.master, *self.workers):
            if process.poll() is None:
                process.kill()
            process.wait()


def attempt(run: Run, locust: Path, folder: Path) -> Outcome:
    folder.mkdir(parents=True)
    port, replicas = free_port(), str(REPLICAS.get(run.profile, 1))
    server = subprocess.Popen([sys.executable, str(HERE / "weak_server.py"), str(port), run.weakness, replicas])
    memory = Memory(server.pid, folder / "memory.csv")
    generator = None
    try:
        until_listening(port)
        memory.start()
        generator = Generator(locust, config_of(run.profile, folder), folder, f"http://127.0.0.1:{port}")
        status = generator.master.wait(timeout=300)
        assert status == 0, (folder / "master.err").read_text()
    finally:
        if generator:
            generator.stop()
        memory.ended.set()
        if memory.ident:
            memory.join()
        server.kill()
        server.wait()
    facts = ["--stage", run.profile, "--result", str(folder / "master.out"), "--replicas", replicas,
             "--memory", str(folder / "memory.csv"), "--charts", str(folder / "charts")]  # fmt: skip
    judged = sluice_load(*facts, "-o", "json")
    assert judged.returncode in (0, 1, 3), judged.stderr
    return Outcome(judged.returncode, json.loads(judged.stdout), sluice_load(*facts).stdout, folder)


def play(run: Run, locust: Path, root: Path) -> Outcome:
    """What decides nothing, because the machine was busy, is tried again."""
    outcome = attempt(run, locust, root / run.name)
    for again in (2, 3):
        if outcome.status != 3:
            break
        outcome = attempt(run, locust, root / f"{run.name}-{again}")
    return outcome


class Played:
    """All runs, four at a time: they wait more than they work."""

    def __init__(self, runs: list[Run], locust: Path, root: Path) -> None:
        self.pool = ThreadPoolExecutor(4)
        self.outcomes = {run: self.pool.submit(play, run, locust, root) for run in runs}

    def __getitem__(self, run: Run) -> Outcome:
        return self.outcomes[run].result()


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    items = [item for item in request.session.items if "run" in item.fixturenames]
    wanted = dict.fromkeys(item.callspec.params["run"] for item in items)
    all_runs = Played(list(wanted), ensure_locust(Report(sys.__stderr__)), tmp_path_factory.mktemp("loads"))
    yield all_runs
    all_runs.pool.shutdown(cancel_futures=True)
