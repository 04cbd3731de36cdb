"""A backend that says which arm it is and counts what it is asked, whoever sees the answer.

    python3 arm_server.py ADDRESS:PORT ARM

POST is answered with the arm. GET /counts tells how many POSTs there were.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    arm = ""
    posts = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        with self.lock:
            self.answer({"arm": self.arm, "posts": Handler.posts})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.lock:
            Handler.posts += 1
        self.answer({"arm": self.arm})

    def answer(self, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    host, port = sys.argv[1].rsplit(":", 1)
    Handler.arm = sys.argv[2]
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
