"""A model server small enough to run by the dozen: answers POST, fails as often as asked, counts for Prometheus.

    python3 model_server.py ADDRESS:PORT ERROR_SHARE ORDER_SHARE DELAY CAT_SHARE

Of the answers that did not fail, ORDER_SHARE make the user order something, and CAT_SHARE are the class cat, the rest
is dog. Each answer is DELAY seconds late.
"""

import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Counts:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.codes = {200: 0, 500: 0}
        self.buckets = [0] * (len(EDGES) + 1)
        self.seconds = 0.0
        self.orders = 0
        self.predictions = {"cat": 0, "dog": 0}

    def add(self, code: int, seconds: float, ordered: bool, predicted: str) -> None:
        with self.lock:
            self.orders += ordered
            if code == 200:
                self.predictions[predicted] += 1
            self.codes[code] += 1
            self.seconds += seconds
            self.buckets[next((i for i, edge in enumerate(EDGES) if seconds <= edge), len(EDGES))] += 1

    def text(self) -> str:
        with self.lock:
            # A real server has no series for a code that it never gave: neither has this one.
            lines = [f'http_requests_total{{code="{code}"}} {n}' for code, n in self.codes.items() if n]
            lines.append(f"orders_total {self.orders}")
            lines += [f'predictions_total{{class="{name}"}} {n}' for name, n in self.predictions.items() if n]
            running = 0
            for edge, n in zip((*map(str, EDGES), "+Inf"), self.buckets):
                running += n
                lines.append(f'http_request_duration_seconds_bucket{{le="{edge}"}} {running}')
            lines.append(f"http_request_duration_seconds_sum {self.seconds}")
            lines.append(f"http_request_duration_seconds_count {running}")
            return "\n".join(lines) + "\n"


COUNTS = Counts()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    error_share = 0.0
    order_share = 0.0
    cat_share = 0.0
    delay = 0.0  # seconds

    def do_GET(self) -> None:
        self.answer(200, COUNTS.text().encode())

    def do_POST(self) -> None:
        started = time.monotonic()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.delay:
            time.sleep(self.delay)
        code = 500 if random.random() < self.error_share else 200
        self.answer(code, b"{}")
        ordered = code == 200 and random.random() < self.order_share
        COUNTS.add(code, time.monotonic() - started, ordered, "cat" if random.random() < self.cat_share else "dog")

    def answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    host, port = sys.argv[1].rsplit(":", 1)
    Handler.error_share, Handler.order_share, Handler.delay, Handler.cat_share = map(float, sys.argv[2:])
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
