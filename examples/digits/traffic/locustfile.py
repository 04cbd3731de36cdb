"""Users who send images of handwritten digits to the model, and what they got for it.

    locust -f locustfile.py --headless -H http://HOST:PORT -u 20 -r 20 --counts counts.jsonl

Each user sends ten images a second, so 20 users are 200 requests a second. After VISIT images another person takes the
place, who has none of the cookies of the one before. With each image goes what the person thought of the last answer,
as the parameter "feedback" of the request. The answer's header
x-sluice-revision, which Sluice adds to each route, tells which revision answered; requests that no
revision answered (the gateway itself failed) are counted under "none".

Once a second a line of JSON is added to the file of --counts. Everything in it is counted from the
start of the run, so that the difference of two lines is what happened between them:

    {"time": 1795581170.1, "requests": 900, "failures": 3, "seconds": 4.2,
     "revisions": {"6d9f0c11": {"requests": 900, "failures": 3, "right": 827, "seconds": 4.2}}}

`right` counts the images whose digit was recognised; `seconds` adds up the response times.
"""

import json
import logging
import random
import time
from pathlib import Path

import gevent
from locust import FastHttpUser, constant_throughput, events, task

MODEL = "digits"
HEADER = "x-sluice-revision"
VISIT = 10  # images of one person
PERIOD = 1.0  # seconds between two lines of counts
IMAGES = json.loads(Path(__file__).with_name("images.json").read_text())


class Counts:
    """What all users of this process have seen. Greenlets do not interrupt each other in here."""

    def __init__(self) -> None:
        self._revisions: dict[str, dict[str, float]] = {}

    def add(self, revision: str, failed: bool, right: bool, seconds: float) -> None:
        counts = self._revisions.setdefault(revision, {"requests": 0, "failures": 0, "right": 0, "seconds": 0.0})
        counts["requests"] += 1
        counts["failures"] += failed
        counts["right"] += right
        counts["seconds"] += seconds

    def line(self) -> str:
        """The counts so far, as one line of JSON."""
        total = {
            key: round(sum(counts[key] for counts in self._revisions.values()), 3)
            for key in ("requests", "failures", "seconds")
        }
        revisions = {
            name: {**counts, "seconds": round(counts["seconds"], 3)} for name, counts in self._revisions.items()
        }
        return json.dumps({"time": round(time.time(), 3), **total, "revisions": revisions})


COUNTS = Counts()


class Person(FastHttpUser):
    """Asks for one image after the other, whatever came back for the one before."""

    wait_time = constant_throughput(10)
    connection_timeout = 2
    network_timeout = 5

    def on_start(self) -> None:
        self._sent = random.randrange(VISIT)  # so that not all leave at once
        self._feedback = ""

    @task
    def recognise(self) -> None:
        self._sent += 1
        if self._sent > VISIT:
            self._sent, self._feedback = 1, ""
            self.client.cookiejar.clear()
        image = random.choice(IMAGES)
        body = {"inputs": [{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": image["pixels"]}]}
        if self._feedback:
            body["parameters"] = {"feedback": self._feedback}
        begun = time.monotonic()
        with self.client.post(f"/v2/models/{MODEL}/infer", json=body, name="recognise", catch_response=True) as answer:
            seconds = time.monotonic() - begun
            headers = answer.headers or {}
            failed = answer.status_code != 200
            right = False
            self._feedback = ""
            if failed:
                answer.failure(f"HTTP {answer.status_code}" if answer.status_code else f"{answer.error}")
            else:
                right = answer.json()["outputs"][0]["data"][0] == image["label"]
                self._feedback = "right" if right else "wrong"
                answer.success()
            COUNTS.add(headers.get(HEADER, "none"), failed, right, seconds)


@events.init_command_line_parser.add_listener
def add_arguments(parser) -> None:
    parser.add_argument("--counts", metavar="FILE", default="", help="Add a line of counts to FILE once a second")


@events.test_start.add_listener
def start_writing(environment, **_) -> None:
    name = environment.parsed_options.counts
    if name:
        gevent.spawn(write_counts, Path(name)).link_exception(
            lambda failed: logging.error("The counts are no longer written: %s", failed.exception)
        )


def write_counts(target: Path) -> None:
    """Add a line a second until the process ends. A line is written in one go: readers see it whole."""
    with target.open("a", buffering=1) as lines:
        while True:
            lines.write(COUNTS.line() + "\n")
            gevent.sleep(PERIOD)
