#!/usr/bin/env python3
"""From the JSON of oha to the one line that Sluice reads (docs/load-tests.md).

    oha --no-tui --output-format json -z 60s -q 50 -c 50 -m POST -d @body.json $SLUICE_URL/v2/models/m/infer >oha.json
    python3 oha_result.py --rate 50 --users 50 oha.json

oha's own histogram has eleven classes, too few to judge by. Its percentiles are finer: requests between two of them
are counted at the upper one. Quantiles at a percentile are exact then, and the bounds a little wide, to the safe side.
"""

import argparse
import json
import sys
import time

PERCENTILES = ("p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99")


def response_times(oha: dict, answered: int) -> dict[str, int]:
    """Milliseconds -> requests. Counts add up to `answered`."""
    marks = [(float(name[1:]) / 100, oha["latencyPercentiles"].get(name)) for name in PERCENTILES]
    marks.append((1.0, oha["summary"]["slowest"]))
    counts: dict[str, int] = {}
    counted = 0
    for share, seconds in marks:
        upto = round(share * answered)
        if seconds is not None and upto > counted:
            key = f"{seconds * 1000:.6g}"
            counts[key] = counts.get(key, 0) + upto - counted
            counted = upto
    return counts


def result(oha: dict, rate: float, users: int, now: float) -> dict:
    codes = {int(code): count for code, count in oha["statusCodeDistribution"].items()}
    lost = {what: count for what, count in oha["errorDistribution"].items() if "deadline" not in what}
    answered = sum(codes.values())
    errors = {f"HTTP {code}": count for code, count in codes.items() if code >= 400} | lost
    seconds = oha["summary"]["total"]
    return {
        "kind": "LoadTestResult", "apiVersion": "sluice.dev/v1alpha1", "startedAt": round(now - seconds, 3),
        "windows": [{
            "at": 0, "seconds": seconds, "askedRate": rate, "users": users, "requests": answered + sum(lost.values()),
            "failures": sum(errors.values()), "responseTimes": response_times(oha, answered),
        }],
        "errors": [{"what": what, "count": count} for what, count in errors.items()],
        "generator": {"tool": "oha"},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, required=True, help="requests a second: oha's -q")
    parser.add_argument("--users", type=int, default=0, help="connections: oha's -c")
    parser.add_argument("--now", type=float, default=None, help="seconds since 1970 when oha ended")
    parser.add_argument("file", nargs="?", default="-", help="oha's output; -: the standard input")
    given = parser.parse_args()
    with sys.stdin if given.file == "-" else open(given.file, encoding="utf-8") as source:
        oha = json.load(source)
    print(json.dumps(result(oha, given.rate, given.users, time.time() if given.now is None else given.now)))


if __name__ == "__main__":
    main()
