"""Users: POSTs at a steady rate over kept-alive connections, counted by the revision that answered (or by what came
instead, such as "HTTP 404"). They come once the service is there: a proxy may hear of a new route a moment after its
gateway has accepted it, and each of its threads for itself.

    python3 traffic.py HOST:PORT PATH RATE FILE     # FILE gets the counts as JSON, four times a second
"""

import collections
import http.client
import json
import os
import sys
import threading
import time

THREADS = 6
SURE = 20  # answers in a row, each by a connection of its own


def is_there(address: str, path: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("POST", path, b"{}", {"Host": "digits.test"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> None:
    address, path, rate, file = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
    answers: collections.Counter[str] = collections.Counter()
    failures: collections.Counter[str] = collections.Counter()
    lock = threading.Lock()

    def user(number: int) -> None:
        connection = http.client.HTTPConnection(address, timeout=5)
        due = time.monotonic() + number / rate
        while True:
            time.sleep(max(0.0, due - time.monotonic()))
            due += THREADS / rate
            revision, code = "", 0
            try:
                connection.request("POST", path, b"{}", {"Host": "digits.test"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status not in (200, 500):  # 500 is what a faulty model answers; the rest has a story
                    print(time.time(), answer.status, answer.getheaders(), body[:200], flush=True)
                code = answer.status
                revision = answer.getheader("x-sluice-revision", f"HTTP {code}")
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                revision = type(error).__name__
            with lock:
                answers[revision] += 1
                failures[revision] += code != 200

    there = 0
    while there < SURE:
        there = there + 1 if is_there(address, path) else 0
        time.sleep(0 if there else 0.05)
    for number in range(THREADS):
        threading.Thread(target=user, args=(number,), daemon=True).start()
    while True:
        time.sleep(0.25)
        with lock:
            text = json.dumps({"answers": answers, "failures": failures})
        with open(file + ".new", "w") as out:
            out.write(text)
        os.replace(file + ".new", file)


if __name__ == "__main__":
    main()
