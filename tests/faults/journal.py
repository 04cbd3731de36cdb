"""All that happens to Rollouts and to what belongs to them, as the API server tells it to a watch.

Resource versions are revisions of one store, so that the changes of different kinds have one order: that in which
they became true. `Journal.changes` of a Rollout gives them in it.
"""

import bisect
import collections
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cluster.client import ApiError
from wire import Answer, Hangup, Request, Wire, header, read_answer

Object = dict[str, Any]
LABEL = "sluice.dev/rollout"
RETRY = 0.2  # seconds, when the API server is away
KINDS = {
    "rollouts": "/apis/sluice.dev/v1alpha1/rollouts",
    "deployments": "/apis/apps/v1/deployments",
    "services": "/api/v1/services",
    "endpointslices": "/apis/discovery.k8s.io/v1/endpointslices",
    "pods": "/api/v1/pods",
    "jobs": "/apis/batch/v1/jobs",
    "httproutes": "/apis/gateway.networking.k8s.io/v1/httproutes",
}


class Api:
    """Requests as administrator, each thread over a connection of its own that stays open."""

    def __init__(self, connect: Callable[[], ssl.SSLSocket]) -> None:
        self._connect = connect
        self._local = threading.local()

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Object:
        request = Request(method, path, [("Host", "api"), ("Content-Type", kind)], _bytes(body))
        answer = self._ask(request)
        if answer.status >= 400:
            raise ApiError(answer.status, f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return json.loads(answer.body)

    def apply(self, path: str, manifest: Object) -> Object:
        query = "?fieldManager=faults&force=true"
        return self.request("PATCH", path + query, manifest, "application/apply-patch+yaml")

    def stream(self, path: str) -> Iterator[Object]:
        """The events of a watch, until its end."""
        wire = Wire(self._connect())
        try:
            request = Request("GET", path, [("Host", "api")])
            wire.send(request.text())
            answer = read_answer(wire, request)
            if answer.pieces is None:
                raise ApiError(answer.status, f"{path}: {answer.status}")
            rest = b""
            for piece in answer.pieces:
                *lines, rest = (rest + piece).split(b"\n")
                yield from map(json.loads, lines)
        finally:
            wire.close()

    def _ask(self, request: Request) -> Answer:
        self._local.wire = getattr(self._local, "wire", None)
        reused = self._local.wire is not None
        for last in (not reused, True):
            try:
                if self._local.wire is None:
                    self._local.wire = Wire(self._connect())
                self._local.wire.send(request.text())
                answer = read_answer(self._local.wire, request)
                if header(answer.headers, "Connection").lower() == "close":
                    self._forget()
                return answer
            except Hangup as problem:
                self._forget()
                if last:
                    raise OSError(str(problem)) from None
        raise AssertionError("unreachable")

    def _forget(self) -> None:
        if self._local.wire:
            self._local.wire.close()
        self._local.wire = None


@dataclass(frozen=True)
class Change:
    version: int
    kind: str
    type: str  # ADDED, MODIFIED, DELETED
    object: Object

    @property
    def name(self) -> str:
        return self.object["metadata"]["name"]


class Journal:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._news: dict[str, threading.Condition] = collections.defaultdict(lambda: threading.Condition(self._lock))
        self._changes: dict[tuple[str, str], list[Change]] = collections.defaultdict(list)
        self._objects: dict[tuple[str, str], dict[str, dict[str, Object]]] = {}
        self._listeners: list[Callable[[Change], None]] = []
        self.synced = threading.Semaphore(0)

    def start(self) -> None:
        for kind, path in KINDS.items():
            threading.Thread(target=self._follow, args=(kind, path), daemon=True).start()
        for _ in KINDS:
            self.synced.acquire()

    def listen(self, listener: Callable[[Change], None]) -> None:
        """`listener` is called on the threads of the watches."""
        self._listeners.append(listener)

    def changes(self, namespace: str, rollout: str) -> list[Change]:
        with self._lock:
            return list(self._changes[namespace, rollout])

    def count(self, namespace: str, rollout: str) -> int:
        with self._lock:
            return len(self._changes.get((namespace, rollout), []))

    def objects(self, namespace: str, rollout: str) -> dict[str, dict[str, Object]]:
        """What there is now: kind -> name -> object."""
        with self._lock:
            found = self._objects.get((namespace, rollout), {})
            return {kind: dict(objects) for kind, objects in found.items()}

    def all_objects(self, kind: str) -> list[Object]:
        with self._lock:
            return [o for found in self._objects.values() for o in found.get(kind, {}).values()]

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        with self._lock:
            of_kind = (objects.get(kind, {}) for (ns, _), objects in self._objects.items() if ns == namespace)
            return next((objects[name] for objects in of_kind if name in objects), None)

    def wait(self, namespace: str, timeout: float) -> None:
        """Until something has changed in a namespace, or the time is over."""
        with self._lock:
            self._news[namespace].wait(timeout)

    def forget(self, namespace: str, rollout: str) -> None:
        """The history of a Rollout that was deleted; what is left of it is forgotten as it goes."""
        with self._lock:
            self._changes.pop((namespace, rollout), None)

    def _follow(self, kind: str, path: str) -> None:
        selector = "" if kind == "rollouts" else f"labelSelector={LABEL}&"
        version = ""
        while True:
            try:
                if not version:
                    version = self._list(kind, f"{path}?{selector}")
                query = f"{selector}watch=true&allowWatchBookmarks=true&resourceVersion={version}"
                for event in self._api.stream(f"{path}?{query}"):
                    if event["type"] == "ERROR":
                        version = ""
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self._note(Change(int(version), kind, event["type"], event["object"]))
            except (OSError, Hangup, ApiError, ValueError):
                time.sleep(RETRY)

    def _list(self, kind: str, path: str) -> str:
        found = self._api.request("GET", path)
        version = found["metadata"]["resourceVersion"]
        known = {(o["metadata"]["namespace"], o["metadata"]["name"]): o for o in self.all_objects(kind)}
        for item in found["items"] or []:
            known.pop((item["metadata"]["namespace"], item["metadata"]["name"]), None)
            self._note(Change(int(item["metadata"]["resourceVersion"]), kind, "MODIFIED", item))
        for gone in known.values():
            self._note(Change(int(version), kind, "DELETED", gone))
        self.synced.release()
        return version

    def _note(self, change: Change) -> None:
        metadata = change.object["metadata"]
        rollout = metadata["name"] if change.kind == "rollouts" else metadata.get("labels", {}).get(LABEL, "")
        key = (metadata["namespace"], rollout)
        with self._lock:
            bisect.insort(self._changes[key], change, key=lambda c: c.version)
            objects = self._objects.setdefault(key, {}).setdefault(change.kind, {})
            if change.type == "DELETED":
                objects.pop(change.name, None)
                if not any(self._objects[key].values()):
                    del self._objects[key]
                    self._changes.pop(key, None)
            else:
                objects[change.name] = change.object
            self._news[metadata["namespace"]].notify_all()
        for listener in self._listeners:
            listener(change)


def _bytes(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()
