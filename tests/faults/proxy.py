"""A server of the tests between the operator and what it talks to. Each call is named, and one of them is broken.

There is one a lane for the API server (it forwards) and one for Prometheus (it answers by itself). All sockets belong
to the cluster's network.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable

from calls import Call, Numbering
from fault_kinds import FAULTS, Backend, Exchange, untouched
from wire import Answer, Hangup, ReaderGone, Request, Wire, read_answer, read_request


class Plan:
    """One run: which call is broken, and how. Without a call nothing is."""

    def __init__(self, rollout: str, call: Call | None, fault: str, crash: Callable[[], None]) -> None:
        self.numbering = Numbering(rollout)
        self.crash = crash
        self.hit = threading.Event()
        self._call = call
        self._fault = fault

    def carry_out(self, request: Request, client: Wire, backend: Backend) -> None:
        act = FAULTS[self._fault] if self.numbering.number(request) == self._call else untouched
        act(Exchange(request, client, backend, self.hit.set, self.crash))


class Proxy:
    """Serves connections on a listening socket, each on a thread of its own, for as long as the process lives."""

    def __init__(self, listener: socket.socket, backend: Callable[[], Backend]) -> None:
        self._listener = listener
        self._backend = backend
        self._open: set[Wire] = set()
        self._lock = threading.Lock()
        self.plan: Plan | None = None  # set before a client may connect
        self.away = False  # close each connection at once
        self._requests: list[tuple[float, str]] = []  # when they came, monotonic, and what they were
        self.port: int = listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def go_away(self) -> None:
        """Like a server that was stopped: open connections end, and new ones come to nothing."""
        self.away = True
        with self._lock:
            wires = list(self._open)
        for wire in wires:
            wire.close()

    def come_back(self) -> None:
        self.away = False

    def requests_since(self, moment: float) -> list[tuple[float, str]]:
        """Requests, and connections that were closed at once, each with its time."""
        return [one for one in self._requests if one[0] >= moment]

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.away:
                self._requests.append((time.monotonic(), "a connection"))
                connection.close()
            else:
                threading.Thread(target=self._serve, args=(Wire(connection), self.plan), daemon=True).start()

    def _serve(self, client: Wire, plan: Plan | None) -> None:
        backend = self._backend()
        with self._lock:
            self._open.add(client)
        try:
            while plan and (request := read_request(client)):
                self._requests.append((time.monotonic(), f"{request.method} {request.target}"))
                plan.carry_out(request, client, backend)
        except (Hangup, OSError):
            pass
        finally:
            with self._lock:
                self._open.discard(client)
            client.close()
            backend.close()


class ApiServer:
    """A Backend: the real API server, over a TLS connection that lives as long as the client's."""

    def __init__(self, connect: Callable[[], ssl.SSLSocket]) -> None:
        self._connect = connect
        self._wire: Wire | None = None

    def ask(self, request: Request, reader: Wire | None = None) -> Answer:
        reused = self._wire is not None
        try:
            return self._exchange(request, reader)
        except ReaderGone:
            raise
        except Hangup:
            # The server may close a connection between two requests; then nothing of this one was done.
            if not reused or request.is_watch:
                raise
            self.close()
            return self._exchange(request, reader)

    def fresh(self) -> "ApiServer":
        return ApiServer(self._connect)

    def close(self) -> None:
        if self._wire:
            self._wire.close()
            self._wire = None

    def _exchange(self, request: Request, reader: Wire | None) -> Answer:
        if self._wire is None:
            self._wire = Wire(self._connect())
        self._wire.send(request.text())
        return read_answer(self._wire, request, reader)
