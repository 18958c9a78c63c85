# SPDX-License-Identifier: Apache-2.0
"""An OTLP backend over HTTP that keeps what it takes and misbehaves when told to, and a proxy to stand in front of it."""

import base64
import gzip
import re
import select
import socket
import ssl
import threading
import zlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import zstandard
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.load import numbers_in

_MESSAGES = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}
_DECODERS = {
    None: lambda body: body,
    "gzip": gzip.decompress,
    "zlib": zlib.decompress,
    "deflate": zlib.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}


@dataclass
class Request:
    path: str
    headers: dict  # names in lower case
    raw: bytes  # the body as it came
    connection: int  # counts from 1
    message: object = None  # the body as a protobuf message, if the path is one of OTLP


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=lambda: {"Content-Type": "application/x-protobuf"})
    cut_at: int | None = None  # so many bytes of the body are sent, then the connection is closed


def read_message(kind, content_type: str, body: bytes):
    if content_type == "application/x-protobuf":
        return kind.FromString(body)
    # OTLP/JSON has ids in hex, where protobuf's own JSON has base64.
    text = re.sub(r'"((?:trace|span|parentSpan)Id)":"([0-9a-f]*)"',
                  lambda found: f'"{found[1]}":"{base64.b64encode(bytes.fromhex(found[2])).decode()}"', body.decode())
    return json_format.Parse(text, kind())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that go away are part of the tests


class _V6Server(_Server):
    address_family = socket.AF_INET6


class HttpSink:
    """Listens on a free port of `host` from the start; a context manager that ends the server.

    `answer(request)` runs for each request, on a thread of its connection, before it is kept. It may wait. It returns
    None for an empty 200, an Answer, or "close" to close the connection without one. What is answered with a 2xx is kept.
    With `tls`, an ssl.SSLContext, it speaks HTTPS.
    """

    def __init__(self, answer=None, host="127.0.0.1", port=0, tls: ssl.SSLContext | None = None):
        self.answer = answer
        self.requests: list[Request] = []
        self.kept: list[Request] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._server = (_V6Server if ":" in host else _Server)((host, port), self._handler())
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        address = f"[{host}]" if ":" in host else host
        self.endpoint = f"{'https' if tls else 'http'}://{address}:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _handler(sink):  # noqa: N805, the handler inside has the `self`
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                with sink._lock:
                    sink.connections += 1
                    self.number = sink.connections

            def do_POST(self):  # noqa: N802, as http.server calls it
                headers = {name.lower(): value for name, value in self.headers.items()}
                raw = self.rfile.read(int(headers.get("content-length", 0)))
                request = Request(self.path, headers, raw, self.number)
                if self.path in _MESSAGES:
                    body = _DECODERS[headers.get("content-encoding")](raw)
                    request.message = read_message(_MESSAGES[self.path], headers["content-type"], body)
                with sink._lock:
                    sink.requests.append(request)
                answer = (sink.answer(request) if sink.answer else None) or Answer()
                if answer == "close":
                    self.close_connection = True
                    return
                if 200 <= answer.status < 300:
                    with sink._lock:
                        sink.kept.append(request)
                self.respond(answer)

            def respond(self, answer):
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body[:answer.cut_at])
                self.wfile.flush()
                if answer.cut_at is not None:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        return Handler

    def numbers(self) -> list:
        """The numbers of all spans that were kept (support/load.py), as often as they were."""
        return [number for request in list(self.kept) for number in numbers_in(request.message)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class Proxy:
    """An HTTP proxy on a free port: requests with absolute URLs, and CONNECT. `seen` has the request lines and the value
    of Proxy-Authorization. With `status` other than 200 it refuses everything with it."""

    def __init__(self, status=200):
        self.status = status
        self.seen: list[tuple[str, str | None]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            head, _, rest = head.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            credentials = [line.split(": ", 1)[1] for line in lines if line.lower().startswith("proxy-authorization:")]
            self.seen.append((lines[0], credentials[0] if credentials else None))
            if self.status != 200:
                client.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % self.status)
                return
            method, target, _ = lines[0].split(" ")
            if method == "CONNECT":
                self._tunnel(client, target, b"", b"HTTP/1.1 200 OK\r\n\r\n")
                return
            authority, _, path = target.removeprefix("http://").partition("/")
            forwarded = [f"{method} /{path} HTTP/1.1"] + [line for line in lines[1:] if not line.lower().startswith("proxy-")]
            self._tunnel(client, authority, "\r\n".join(forwarded).encode() + b"\r\n\r\n" + rest, b"")

    @staticmethod
    def _tunnel(client, authority, to_server, to_client):
        host, _, port = authority.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as server:
            server.sendall(to_server)
            client.sendall(to_client)
            while True:
                for side in select.select([client, server], [], [], 30)[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    (server if side is client else client).sendall(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
