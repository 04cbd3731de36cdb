"""HTTP/1.1 close enough to the wire that an answer can be broken at a chosen byte.

A Wire is a socket with a buffer; requests and answers are read from it whole, and watches piece by piece. Blocking:
one thread per connection.
"""

import select
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

Headers = list[tuple[str, str]]
_PER_CONNECTION = ("connection", "transfer-encoding", "content-length", "keep-alive")


class Hangup(Exception):
    """This connection ends here: the other side closed it, or a fault says so."""


class ReaderGone(Hangup):
    """Nobody waits for this answer any more."""


class Wire:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()

    def line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        return self._take(end + 2)[:-2]

    def exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        return self._take(size)

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as problem:
            raise Hangup(str(problem)) from None

    def close(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def wait_closed(self) -> None:
        """Until the other side gives up, which is told as a Hangup. What it sends meanwhile is of no interest."""
        while True:
            self._fill()
            self._buffer.clear()

    def wait_readable(self, other: "Wire | None") -> None:
        """Until something can be read here; Hangup when `other`, whom it is for, has gone meanwhile."""
        if self._buffer or isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return
        sockets = [self.sock] + ([other.sock] if other else [])
        try:
            readable, _, _ = select.select(sockets, [], [])
            if other and other.sock in readable and not other.sock.recv(1, socket.MSG_PEEK):
                raise ReaderGone("closed before the answer")
        except (OSError, ValueError) as problem:
            raise Hangup(str(problem)) from None

    def _fill(self) -> None:
        try:
            data = self.sock.recv(1 << 16)
        except (OSError, ValueError) as problem:
            raise Hangup(str(problem)) from None
        if not data:
            raise Hangup("closed by the other side")
        self._buffer += data

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data


@dataclass
class Request:
    method: str
    target: str
    headers: Headers
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch", ["false"])[0] in ("true", "1")

    def text(self) -> bytes:
        return _head(f"{self.method} {self.target} HTTP/1.1", [*self.headers, *_length_of(self)]) + self.body


@dataclass
class Answer:
    """A whole answer, or with `pieces` one whose chunks arrive over time."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    pieces: Iterator[bytes] | None = None

    def head(self, chunked: bool) -> bytes:
        framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(self.body)))
        return _head(f"HTTP/1.1 {self.status} Played", [*_end_to_end(self.headers), framing])

    def give(self, client: Wire) -> None:
        if self.pieces is None:
            client.send(self.head(chunked=False) + self.body)
            return
        client.send(self.head(chunked=True))
        for piece in self.pieces:
            client.send(chunk(piece))
        client.send(b"0\r\n\r\n")


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def read_request(wire: Wire) -> Request | None:
    """The next request; None when the connection was closed between two."""
    try:
        method, target, _ = wire.line().decode("latin-1").split(" ", 2)
    except Hangup:
        return None
    headers = _read_headers(wire)
    return Request(method, target, _end_to_end(headers), _read_body(wire, headers))


def read_answer(wire: Wire, request: Request, reader: Wire | None = None) -> Answer:
    """The answer to `request`; that to a watch has pieces, which are read on behalf of `reader`."""
    wire.wait_readable(reader)
    status = int(wire.line().split()[1])
    headers = _read_headers(wire)
    if request.is_watch and status == 200 and _is_chunked(headers):
        return Answer(status, _end_to_end(headers), pieces=_pieces(wire, reader))
    body = _read_body(wire, headers)
    return Answer(status, _end_to_end(headers), body)


def header(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name.lower()), "")


def _pieces(wire: Wire, reader: Wire | None) -> Iterator[bytes]:
    while True:
        wire.wait_readable(reader)
        piece = _read_chunk(wire)
        if not piece:
            return
        yield piece


def _read_chunk(wire: Wire) -> bytes:
    size = int(wire.line().partition(b";")[0], 16)
    return wire.exactly(size + 2)[:-2]


def _read_headers(wire: Wire) -> Headers:
    headers: Headers = []
    while line := wire.line().decode("latin-1"):
        name, _, value = line.partition(":")
        headers.append((name.strip(), value.strip()))
    return headers


def _read_body(wire: Wire, headers: Headers) -> bytes:
    if _is_chunked(headers):
        body = b""
        while piece := _read_chunk(wire):
            body += piece
        return body
    length = header(headers, "Content-Length")
    return wire.exactly(int(length)) if length else b""


def _is_chunked(headers: Headers) -> bool:
    return header(headers, "Transfer-Encoding").lower() == "chunked"


def _end_to_end(headers: Headers) -> Headers:
    return [(name, value) for name, value in headers if name.lower() not in _PER_CONNECTION]


def _length_of(request: Request) -> Headers:
    return [("Content-Length", str(len(request.body)))] if request.body or request.method != "GET" else []


def _head(first: str, headers: Headers) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
