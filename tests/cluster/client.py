"""A small client of the API server that works through the network namespace.

Polling with it costs a few milliseconds where a kubectl process costs a hundred.
"""

import http.client
import json
import ssl
from typing import Any

from .errors import ClusterError
from .namespaces import Namespaces
from .pki import Pki


class ApiError(ClusterError):
    """The API server refused a request; `code` is the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ApiClient:
    """Requests as cluster administrator. Each has a connection of its own, so threads may share this."""

    def __init__(self, namespaces: Namespaces, pki: Pki, port: int) -> None:
        self._namespaces = namespaces
        self._pki = pki
        self._port = port
        self._tls: ssl.SSLContext | None = None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float = 30,
    ) -> Any:
        """The parsed answer; ApiError for a status of 400 and above."""
        status, text = self._exchange(method, path, body, content_type, timeout)
        if status >= 400:
            raise ApiError(status, f"{method} {path}: {status} {_message(text)}")
        return json.loads(text) if text.startswith(b"{") else text.decode()

    def get(self, path: str) -> Any:
        return self.request("GET", path)

    def apply(self, path: str, manifest: dict[str, Any] | str, manager: str = "sluice-cluster") -> Any:
        """Server-side apply of one object, given as a tree or as YAML text."""
        return self.request(
            "PATCH", f"{path}?fieldManager={manager}&force=true", manifest, "application/apply-patch+yaml"
        )

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""
        return self._exchange("GET", "/readyz", None, "application/json", 5)[0] == 200

    def _exchange(self, method: str, path: str, body: Any, content_type: str, timeout: float) -> tuple[int, bytes]:
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        plain = self._namespaces.connect("127.0.0.1", self._port, timeout)
        try:
            client.sock = self._context().wrap_socket(plain, server_hostname="127.0.0.1")
            data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body)
            client.request(method, path, data, {"Content-Type": content_type, "Accept": "application/json"})
            answer = client.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as problem:
            raise OSError(f"the API server broke off: {problem!r}") from problem
        finally:
            client.close()
            plain.close()

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            context = ssl.create_default_context(cafile=self._pki.cert("ca"))
            context.load_cert_chain(self._pki.cert("admin"), self._pki.key("admin"))
            self._tls = context
        return self._tls


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text).get("message", ""))
    except ValueError:
        return text[:300].decode(errors="replace")
