"""Load for one model server, made by Locust as Sluice asks for it, and what came of it as one line of JSON.

    export SLUICE_LOAD_TEST='{"steps": [{"seconds": 60, "rate": 50}], "windowSeconds": 1, "warmUpSeconds": 3,
        "protocol": "V2", "path": "", "model": "digits", "payload": "", "locustfile": ""}'
    locust -f sluice_load.py --headless --only-summary --exit-code-on-error 0 --stop-timeout 30 -H http://HOST:PORT

With --master and --worker the same file is given to both. A second file after a comma brings users of its own: the
shape, the windows and the result stay those of this file. Users without a wait_time take the pace from here.

The rate of a step is made by so many users, each of which begins one request a second; their phases are spread, and
a user whose answer took longer begins the next one at once. A request counts in the window in which it began.
Workers count and the master merges: each worker's clock starts when it hears of the start, so clocks need not agree.

The line is the last one on standard output. An exit code other than 0 means that there was no load to speak of.
"""

import json
import math
import os
import random
import time
from pathlib import Path

import gevent
from locust import FastHttpUser, LoadTestShape, events, task
from locust import __version__ as locust_version
from locust.runners import STATE_MISSING, WorkerRunner

if "SLUICE_LOAD_TEST" not in os.environ:
    raise SystemExit("SLUICE_LOAD_TEST is not set: `sluice load --print-config` prints it for a stage")
CONFIG = json.loads(os.environ["SLUICE_LOAD_TEST"])
STEPS = [(float(step["seconds"]), float(step["rate"])) for step in CONFIG["steps"]]
WARM_UP = float(CONFIG.get("warmUpSeconds", 0))
MOST_BYTES = 900_000  # what Sluice reads of a result
MOST_ERRORS = 20
PATIENCE = 30.0  # seconds for one answer
REPORT = 3.5  # seconds in which each worker has reported once more; Locust's own interval is 3


def make_windows() -> list[dict]:
    """Windows of about the asked length that end where steps end."""
    out, begin = [], 0.0
    for seconds, rate in STEPS:
        pieces = max(1, round(seconds / float(CONFIG["windowSeconds"])))
        for piece in range(pieces):
            out.append({"at": begin + seconds * piece / pieces, "seconds": seconds / pieces, "rate": rate})
        begin += seconds
    return out


WINDOWS = make_windows()
TOTAL = sum(seconds for seconds, _ in STEPS)


def window_at(moment: float) -> int | None:
    """The window in which a moment, in seconds since the start, lies."""
    if moment < 0 or moment >= TOTAL:
        return None
    return max(i for i, window in enumerate(WINDOWS) if window["at"] <= moment)


def rate_at(moment: float) -> float:
    window = window_at(min(max(moment, 0.0), TOTAL - 1e-6))
    return WINDOWS[window or 0]["rate"]


def bucket(milliseconds: float, growth: float) -> str:
    """The middle of a response time's class; neighbours differ by `growth`, so the error is half of that."""
    steps = round(math.log(max(milliseconds, 0.01)) / math.log(growth))
    return f"{growth**steps:.4g}"


class Tally:
    """Counts by window, of one worker or of all. Only what is new since the last report is sent."""

    def __init__(self) -> None:
        self.windows: dict[int, dict] = {}
        self.errors: dict[str, int] = {}
        self.seconds = 0  # in which a worker watched itself
        self.busy = 0  # of these, with its processor full
        self.late = 0  # of these, woken too late

    def add(self, window: int, milliseconds: float, error: str) -> None:
        counts = self.windows.setdefault(window, {"requests": 0, "failures": 0, "times": {}})
        counts["requests"] += 1
        counts["failures"] += bool(error)
        key = bucket(milliseconds, 1.02)
        counts["times"][key] = counts["times"].get(key, 0) + 1
        if error:
            self.add_error(error, 1)

    def add_error(self, what: str, count: int) -> None:
        if what not in self.errors and len(self.errors) >= MOST_ERRORS - 1:
            what = "others"
        self.errors[what] = self.errors.get(what, 0) + count

    def as_report(self) -> dict:
        windows = {str(key): value for key, value in self.windows.items()}
        return {"windows": windows, "errors": self.errors, "health": [self.seconds, self.busy, self.late]}

    def merge(self, report: dict) -> None:
        for key, new in report["windows"].items():
            counts = self.windows.setdefault(int(key), {"requests": 0, "failures": 0, "times": {}})
            counts["requests"] += new["requests"]
            counts["failures"] += new["failures"]
            for milliseconds, count in new["times"].items():
                counts["times"][milliseconds] = counts["times"].get(milliseconds, 0) + count
        for what, count in report["errors"].items():
            self.add_error(what, count)
        seconds, busy, late = report["health"]
        self.seconds, self.busy, self.late = self.seconds + seconds, self.busy + busy, self.late + late


class Load:
    """What this process knows of the load: when it began, what was counted, how the generator fared."""

    def __init__(self) -> None:
        self.began: float | None = None  # seconds since 1970, by this process's clock
        self.tally = Tally()
        self.workers: dict[str, Tally] = {}  # the master's: health by worker
        self.expected: set[str] = set()
        self.lost: set[str] = set()
        self.users: dict[int, list[int]] = {}
        self.is_worker = False

    def elapsed(self) -> float:
        """Seconds since the start; below 0 in the warm-up."""
        return -1.0 if self.began is None else time.time() - self.began

    def saturated(self) -> str:
        """Why the generator could not keep up; empty: it could."""
        for name, health in sorted(self.workers.items()):
            for count, what in ((health.busy, "used a whole processor"), (health.late, "was woken too late")):
                if count >= 2 and count > 0.1 * health.seconds:
                    return f"worker {name} {what} in {count} of {health.seconds} seconds: use more workers"
        return ""


LOAD = Load()


def pace(user) -> float:
    """Seconds until a user's next request: as many a second as the step asks for, by all users together."""
    rate = rate_at(LOAD.elapsed())
    period = math.ceil(rate) / rate
    now = time.perf_counter()
    due = getattr(user, "_sluice_due", None)
    if due is None:  # a user with an on_start of its own
        due = now - random.random() * period
    user._sluice_due = max(due + period, now)
    return user._sluice_due - now


class Steps(LoadTestShape):
    """The steps after the warm-up; then no users, until the last answer has been counted."""

    def __init__(self) -> None:
        super().__init__()
        self.first: float | None = None  # when the users of the warm-up were asked for
        self.ended: float | None = None

    def tick(self) -> tuple[int, float] | None:
        most = math.ceil(max(rate for _, rate in STEPS))
        if self.first is None:
            self.first = time.time()
        if LOAD.began is None and self._sleep_until(self.first + WARM_UP):
            self._begin()
        if LOAD.began is None:
            return math.ceil(STEPS[0][1]), most
        self._watch()
        boundary = LOAD.began + next((end for end in self._ends() if end > LOAD.elapsed() + 1e-3), TOTAL)
        self._sleep_until(boundary)
        if LOAD.elapsed() < TOTAL:
            return math.ceil(rate_at(LOAD.elapsed())), most
        return (0, most) if self._draining() else None

    def _ends(self) -> list[float]:
        return [sum(seconds for seconds, _ in STEPS[: i + 1]) for i in range(len(STEPS))]

    def _sleep_until(self, moment: float) -> bool:
        """Locust asks once a second; so that steps begin on time, what is nearer than that is waited for."""
        rest = moment - time.time()
        if rest > 1.05:
            return False
        gevent.sleep(max(rest, 0.0))
        return True

    def _begin(self) -> None:
        LOAD.expected = set(getattr(self.runner, "clients", {}))
        begin()
        if LOAD.expected:
            self.runner.send_message("sluice_begin", {})

    def _watch(self) -> None:
        clients = getattr(self.runner, "clients", {})
        present = {name for name in clients if clients[name].state != STATE_MISSING}
        LOAD.lost |= LOAD.expected - present
        window = window_at(LOAD.elapsed())
        if window is not None:
            LOAD.users.setdefault(window, []).append(self.runner.user_count)

    def _draining(self) -> bool:
        if self.runner.user_count > 0 and LOAD.elapsed() < TOTAL + PATIENCE:
            return True
        self.ended = self.ended or time.time()
        return bool(LOAD.expected) and time.time() < self.ended + REPORT


def begin(**_) -> None:
    LOAD.began = time.time()
    LOAD.tally = Tally()
    gevent.spawn(watch_self)


def watch_self() -> None:
    """Once a second: is this process at the end of what its processor gives?"""
    while LOAD.elapsed() < TOTAL:
        wall, used = time.perf_counter(), time.process_time()
        gevent.sleep(1)
        passed = time.perf_counter() - wall
        LOAD.tally.seconds += 1
        LOAD.tally.busy += (time.process_time() - used) / passed > 0.9
        LOAD.tally.late += passed > 1.2


@events.init.add_listener
def on_init(environment, runner, **_) -> None:
    LOAD.is_worker = isinstance(runner, WorkerRunner)
    if LOAD.is_worker:
        runner.register_message("sluice_begin", begin)
    for user in environment.user_classes:
        owner = next(base for base in user.__mro__ if "wait_time" in vars(base))
        if owner.__module__.startswith("locust."):  # its default is not to wait at all
            user.wait_time = pace


@events.request.add_listener
def on_request(response_time, exception, start_time=None, **_) -> None:
    if LOAD.began is None:
        return
    started = start_time if start_time is not None else time.time() - response_time / 1000
    window = window_at(started - LOAD.began)
    if window is not None:
        error = f"{type(exception).__name__}: {exception}"[:200] if exception else ""
        LOAD.tally.add(window, response_time, error)


@events.report_to_master.add_listener
def on_report(client_id, data, **_) -> None:
    data["sluice"] = LOAD.tally.as_report()
    LOAD.tally = Tally()


@events.worker_report.add_listener
def on_worker_report(client_id, data, **_) -> None:
    report = data.get("sluice")
    if report:
        LOAD.tally.merge(report)
        health = {"windows": {}, "errors": {}, "health": report["health"]}
        LOAD.workers.setdefault(client_id, Tally()).merge(health)


@events.quitting.add_listener
def on_quitting(environment, **_) -> None:
    requests = sum(counts["requests"] for counts in LOAD.tally.windows.values())
    if not LOAD.is_worker and requests == 0:
        print("sluice: no request was counted: see the log of the workers", flush=True)
        environment.process_exit_code = 1


@events.quit.add_listener
def on_quit(exit_code, **_) -> None:
    """Locust has printed its summary by now."""
    if exit_code == 0 and LOAD.began is not None and LOAD.tally.windows and not LOAD.is_worker:
        if not LOAD.expected:
            LOAD.workers = {"this process": LOAD.tally}
        print(result_line(), flush=True)


def coarser(times: dict[str, int], growth: float) -> dict[str, int]:
    out: dict[str, int] = {}
    for milliseconds, count in sorted(times.items(), key=lambda entry: float(entry[0])):
        key = bucket(float(milliseconds), growth) if growth > 1.02 else milliseconds
        out[key] = out.get(key, 0) + count
    return out


def result_line() -> str:
    """The result, with classes of response times as fine as its limit of size lets them be."""
    for growth in (1.02, 1.05, 1.1, 1.2, 1.5):
        line = json.dumps(result(growth), separators=(",", ":"))
        if len(line) <= MOST_BYTES:
            break
    return line


def result(growth: float) -> dict:
    windows = []
    for i, window in enumerate(WINDOWS):
        if window["at"] > LOAD.elapsed():
            break
        counts = LOAD.tally.windows.get(i, {"requests": 0, "failures": 0, "times": {}})
        users = LOAD.users.get(i) or [math.ceil(window["rate"])]
        windows.append({
            "at": round(window["at"], 3), "seconds": round(window["seconds"], 3), "askedRate": window["rate"],
            "users": round(sum(users) / len(users), 1), "requests": counts["requests"],
            "failures": counts["failures"], "responseTimes": coarser(counts["times"], growth),
        })  # fmt: skip
    why = LOAD.saturated()
    return {
        "kind": "LoadTestResult", "apiVersion": "sluice.dev/v1alpha1", "startedAt": round(LOAD.began, 3),
        "windows": windows,
        "errors": [{"what": what, "count": count} for what, count in sorted(LOAD.tally.errors.items())],
        "generator": {"tool": f"locust {locust_version}", "workers": max(1, len(LOAD.expected)),
                      "lostWorkers": len(LOAD.lost), "saturated": bool(why), "why": why},
    }  # fmt: skip


# --- the built-in users -------------------------------------------------------------------------------------


def bodies() -> list[bytes]:
    """The payload: one body, or several that take turns."""
    if not CONFIG.get("payload"):
        return []
    read = json.loads(Path(CONFIG["payload"]).read_text())
    return [json.dumps(body).encode() for body in (read if isinstance(read, list) else [read])]


def request_of_protocol() -> tuple[str, list[bytes]]:
    """Path and bodies. What a V2 model takes is not known here: it needs a payload."""
    protocol, model, given = CONFIG.get("protocol", "Http"), CONFIG.get("model", ""), bodies()
    if protocol == "V2":
        if not given:
            raise ValueError("SLUICE_LOAD_TEST: the protocol V2 needs a payload")
        return CONFIG.get("path") or f"/v2/models/{model}/infer", given
    if protocol == "OpenAI":
        chat = {"model": model, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16}
        return CONFIG.get("path") or "/v1/chat/completions", given or [json.dumps(chat).encode()]
    return CONFIG.get("path") or "/", given


if not CONFIG.get("locustfile"):
    PATH, BODIES = request_of_protocol()

    class Client(FastHttpUser):
        """Sends one body after the other, whatever came back for the one before."""

        wait_time = pace
        connection_timeout = PATIENCE
        network_timeout = PATIENCE
        max_retries = 0
        max_redirects = 0

        def on_start(self) -> None:
            period = math.ceil(rate_at(LOAD.elapsed())) / rate_at(LOAD.elapsed())
            delay = random.random() * period
            self._sluice_due = time.perf_counter() + delay
            self._turn = random.randrange(max(1, len(BODIES)))
            gevent.sleep(delay)

        @task
        def send(self) -> None:
            if not BODIES:
                self.client.get(PATH)
                return
            self._turn = (self._turn + 1) % len(BODIES)
            self.client.post(PATH, data=BODIES[self._turn], headers={"Content-Type": "application/json"})
