"""What a call is called, so that the same call is found again in the next run.

    apply rollouts/status R#3      the third server-side apply of the Rollout's status
    create events WeightSet#1      events by their reason: their names contain a hash of the object's uid
    get pods/log R-load-1#1        of a Job's pod: what is random in its name is left out
    query prometheus requests_total/R-h4k2d5f7#2

R stands for the Rollout, which has another name in each run; revisions are hashes of the template, the same in all.
"""

import collections
import json
import re
import threading
from dataclasses import dataclass
from urllib.parse import parse_qs

from wire import Request, header

_APPLY = "application/apply-patch+yaml"
_VERBS = {"POST": "create", "PUT": "update", "DELETE": "delete"}
_OBJECT = re.compile(
    r"/apis?/(?:v1|[^/]+/[^/]+)(?:/namespaces/[^/]+)?/(?P<kind>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>.+))?"
)
_OF_JOB = re.compile(r"(-[0-9a-z]{8})(-\d+)(-[0-9a-z]{5})?$")  # a Job's name has a hash of times, its pod's a suffix


@dataclass(frozen=True, order=True)
class Call:
    verb: str
    resource: str
    name: str
    ordinal: int = 0

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.name}#{self.ordinal}"


def parse_call(text: str) -> Call:
    match = re.fullmatch(r"(\S+) (\S+) (\S+)#(\d+)", text)
    if not match:
        raise ValueError(f"{text!r} names no call: write it as 'apply httproutes R#2'")
    return Call(match[1], match[2], match[3], int(match[4]))


class Numbering:
    """Names the calls of one run in their order, and remembers them."""

    def __init__(self, rollout: str) -> None:
        self._rollout = rollout
        self._counts: collections.Counter[Call] = collections.Counter()
        self._lock = threading.Lock()
        self.calls: list[Call] = []

    def number(self, request: Request) -> Call:
        bare = self._name(request)
        with self._lock:
            self._counts[bare] += 1
            call = Call(bare.verb, bare.resource, bare.name, self._counts[bare])
            self.calls.append(call)
        return call

    def _name(self, request: Request) -> Call:
        if request.path.endswith("/api/v1/query"):
            return self._query(request)
        match = _OBJECT.fullmatch(request.path)
        if not match:
            return Call(request.method.lower(), request.path, "-")
        resource = match["kind"] + (f"/{match['sub']}" if match["sub"] else "")
        return Call(_verb(request, match["name"]), resource, self._object(request, match["kind"], match["name"]))

    def _object(self, request: Request, kind: str, name: str | None) -> str:
        if kind == "events":
            return json.loads(request.body).get("reason", "series")
        if not name and request.method == "POST":
            name = json.loads(request.body)["metadata"]["name"]
        return self._stable_name(name or "-")

    def _stable_name(self, name: str) -> str:
        name = _OF_JOB.sub(r"\2", name)
        return "R" + name.removeprefix(self._rollout) if name.startswith(self._rollout) else name

    def _query(self, request: Request) -> Call:
        text = parse_qs(request.body.decode())["query"][0]
        metric = text.partition("{")[0]
        pods = re.search(r'pod=~"(.*?)-\[', text)
        return Call("query", "prometheus", f"{metric}/{self._stable_name(pods[1] if pods else '-')}")


def _verb(request: Request, name: str | None) -> str:
    if request.method == "GET":
        return "get" if name else "watch" if request.is_watch else "list"
    if request.method == "PATCH":
        return "apply" if header(request.headers, "Content-Type") == _APPLY else "patch"
    return _VERBS.get(request.method, request.method.lower())
