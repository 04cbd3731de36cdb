"""The one thing of a kubelet that the API server asks for: what the containers of pods have printed.

    python3 log_server.py ADDRESS:PORT CERTIFICATE KEY FOLDER

A pod's container prints into FOLDER/POD.log.
"""

import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


def serve(address: str, certificate: str, key: str, folder: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            file = folder / f"{url.path.split('/')[3]}.log"
            asked = {name: int(values[0]) for name, values in parse_qs(url.query).items() if values[0].isdigit()}
            found = file.exists()
            lines = file.read_bytes().splitlines(keepends=True) if found else [b"no such pod\n"]
            text = b"".join(lines[-asked["tailLines"] :] if "tailLines" in asked else lines)
            body = text[: asked.get("limitBytes", len(text))]
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    host, port = address.split(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(*sys.argv[1:4], Path(sys.argv[4]))
