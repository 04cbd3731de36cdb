"""What can happen to one call. A fault is a function of an Exchange: it asks, gives, breaks, or ends the operator.

`hit` is called when the fault takes effect. That may never be: a watch without an event cannot be cut in one.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from wire import Answer, Hangup, Request, Wire, chunk

DELAY = 3.0  # seconds; well below the deadline of a call, 10 s
_JSON = [("Content-Type", "application/json")]
_NOISE = bytes(range(256)) * 3 + b"\n"
_REASONS = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


class Backend(Protocol):
    """Who answers a connection's requests when nothing is broken."""

    def ask(self, request: Request, reader: Wire | None) -> Answer: ...

    def fresh(self) -> "Backend": ...

    def close(self) -> None: ...


@dataclass
class Exchange:
    request: Request
    client: Wire
    backend: Backend
    hit: Callable[[], None]
    crash: Callable[[], None]  # ends the operator as SIGKILL does, and starts it again

    def ask(self) -> Answer:
        return self.backend.ask(self.request, self.client)

    @contextmanager
    def asked_aside(self) -> Iterator[Answer]:
        """The same question over a connection of its own."""
        other = self.backend.fresh()
        try:
            yield other.ask(self.request, self.client)
        finally:
            other.close()

    def crash_now(self) -> None:
        self.hit()
        self.crash()
        raise Hangup("the operator was killed")


def untouched(x: Exchange) -> None:
    x.ask().give(x.client)


def kill_before(x: Exchange) -> None:
    x.crash_now()


def kill_between(x: Exchange) -> None:
    with x.asked_aside():
        x.crash_now()


def kill_after(x: Exchange) -> None:
    answer = x.ask()
    if answer.pieces is None:
        answer.give(x.client)
    else:
        x.client.send(answer.head(chunked=True))
    x.crash_now()


def drop_before(x: Exchange) -> None:
    x.hit()
    raise Hangup("dropped before the request")


def drop_after(x: Exchange) -> None:
    with x.asked_aside():
        x.hit()
    raise Hangup("dropped after the request")


def delay(x: Exchange) -> None:
    x.hit()
    time.sleep(DELAY)
    untouched(x)


def silence(x: Exchange) -> None:
    """Carried out, and never answered, with the connection open; of a watch the head comes, but no event."""
    with x.asked_aside() as answer:
        x.hit()
        if answer.pieces is not None:
            x.client.send(answer.head(chunked=True))
    x.client.wait_closed()


def cut(x: Exchange) -> None:
    """The connection ends in the middle of a chunk; for a watch, in the middle of its first event."""
    answer = x.ask()
    x.client.send(answer.head(chunked=True))
    for piece in answer.pieces or iter([answer.body]):
        x.hit()
        x.client.send(chunk(piece)[: len(piece) // 2])
        break
    raise Hangup("cut in a chunk")


def repeat(x: Exchange) -> None:
    """The request arrives twice; the operator is given the second answer."""
    with x.asked_aside():
        x.hit()
    untouched(x)


def garbage(x: Exchange) -> None:
    x.hit()
    if x.request.is_watch:
        Answer(200, _JSON, pieces=iter([_NOISE])).give(x.client)
    else:
        Answer(200, _JSON, _NOISE).give(x.client)


def _refusal(code: int) -> Callable[[Exchange], None]:
    def refuse(x: Exchange) -> None:
        x.hit()
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code}
        text = json.dumps({**status, "reason": _REASONS[code], "message": f"played {code}"})
        if code == 410 and x.request.is_watch:  # how a server says it once the watch was begun
            event = f'{{"type":"ERROR","object":{text}}}\n'.encode()
            Answer(200, _JSON, pieces=iter([event])).give(x.client)
            return
        retry = [("Retry-After", "1")] if code == 429 else []
        Answer(code, _JSON + retry, text.encode()).give(x.client)

    return refuse


KILLS = {"kill-before": kill_before, "kill-between": kill_between, "kill-after": kill_after}
FAULTS: dict[str, Callable[[Exchange], None]] = {
    **KILLS,
    "drop-before": drop_before,
    "drop-after": drop_after,
    "delay": delay,
    "silence": silence,
    "cut": cut,
    **{str(code): _refusal(code) for code in (409, 410, 429, 500, 503)},
    "garbage": garbage,
    "repeat": repeat,
}
# Of a query, which changes nothing: it does not matter when it is lost, and some answers are no answers to it.
FAULTS_OF_QUERIES = [name for name in FAULTS if name not in ("drop-after", "409", "410", "repeat")]
