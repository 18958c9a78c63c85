# SPDX-License-Identifier: Apache-2.0
"""Requests written by hand, also those that no client library would send: gRPC frame by frame, HTTP/1.1 byte by byte."""

import http.client
import socket
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2  # noqa: F401, what a Status may have in its details
from google.rpc.status_pb2 import Status


@dataclass(frozen=True)
class Answer:
    """What of an answer is compared; `headers` and `body` are there to look at."""

    http_status: int | str  # a str when there is none: why
    grpc_code: int | None
    kind: str  # of the body
    headers: dict = field(compare=False, default_factory=dict)
    body: bytes = field(compare=False, default=b"", repr=False)

    def __str__(self):
        code = "" if self.grpc_code is None else f", grpc-status {self.grpc_code}"
        return f"{self.http_status}{code}, {self.kind}"


def framed(message: bytes, flags: int = 0) -> bytes:
    return bytes([flags]) + len(message).to_bytes(4, "big") + message


class Http2Connection:
    """One HTTP/2 connection that sends what it is told and understands what comes back."""

    def __init__(self, port: int, timeout: float = 10):
        config = h2.config.H2Configuration(
            client_side=True,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
        )
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.h2 = h2.connection.H2Connection(config)
        self._pending = []  # events nobody has asked for yet
        self._unread = b""  # the beginning of a frame
        self.h2.initiate_connection()
        self._flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def start(self, path: str, headers=(), method: str = "POST", end: bool = False, port_name: str = "test") -> int:
        """Sends a request's headers; the stream's number."""
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", port_name), (":path", path)]
        self.h2.send_headers(stream, [*pseudo, *headers], end_stream=end)
        self._flush()
        return stream

    def send(self, stream: int, data: bytes, end: bool = True):
        """Sends as much as the windows allow, and reads to have them opened."""
        while True:
            size = min(len(data), self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            self.h2.send_data(stream, data[:size], end_stream=end and size == len(data))
            data = data[size:]
            self._flush()
            if not data:
                return
            if self.h2.local_flow_control_window(stream) == 0 and not self._wait_for_window(stream):
                return

    def _wait_for_window(self, stream: int) -> bool:
        while self.h2.local_flow_control_window(stream) == 0:
            events = self.events()
            if any(isinstance(event, (h2.events.StreamReset, h2.events.StreamEnded)) for event in events):
                return False
        return True

    def reset(self, stream: int, code: int = 8):
        self.h2.reset_stream(stream, code)
        self._flush()

    def events(self) -> list:
        """What the next bytes bring; ConnectionError when none come any more."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self._unread += data
        events = []
        while len(self._unread) >= 9 and len(self._unread) >= 9 + int.from_bytes(self._unread[:3], "big"):
            size = 9 + int.from_bytes(self._unread[:3], "big")
            frame, self._unread = self._unread[:size], self._unread[size:]
            events += self._receive_frame(frame)
        self._pending += events
        self._flush()
        return events

    def _receive_frame(self, frame: bytes) -> list:
        """One frame at a time: h2 takes a connection for closed at GOAWAY, but requests in flight go on."""
        events = self.h2.receive_data(frame)
        if any(isinstance(event, h2.events.ConnectionTerminated) and event.error_code == 0 for event in events):
            self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        return events

    def answer(self, stream: int) -> Answer:
        """Waits for the end of this stream's answer."""
        headers, body, trailers_only = {}, b"", True
        try:
            while True:
                pending, self._pending = self._pending, []
                for event in pending:
                    if getattr(event, "stream_id", stream) != stream:
                        continue
                    if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                        headers.update(event.headers)
                    elif isinstance(event, h2.events.DataReceived):
                        body += event.data
                        trailers_only = False
                    elif isinstance(event, h2.events.StreamEnded):
                        return _grpc_answer(headers, body, trailers_only)
                    elif isinstance(event, h2.events.StreamReset) and not headers:
                        return Answer(f"reset {int(event.error_code)}", None, "nothing")
                    elif isinstance(event, h2.events.ConnectionTerminated) and event.error_code:
                        return Answer(f"goaway {int(event.error_code)}", None, "nothing")
                self.events()
        except (ConnectionError, TimeoutError) as error:
            return Answer(type(error).__name__, None, "nothing")


def _grpc_answer(headers: dict, body: bytes, trailers_only: bool) -> Answer:
    code = headers.get("grpc-status")
    kind = "nothing" if trailers_only else "message" if len(body) >= 5 else "data"
    return Answer(int(headers[":status"]), None if code is None else int(code), kind, headers, body)


def grpc(port: int, path: str, body: bytes = b"", headers: dict | None = None, method: str = "POST") -> Answer:
    """One gRPC call on a connection of its own. `body` is everything on the stream, prefix and all; `headers` replace the
    usual ones, and None removes one."""
    usual = {"content-type": "application/grpc", "te": "trailers", **(headers or {})}
    with Http2Connection(port) as connection:
        stream = connection.start(path, [(name, value) for name, value in usual.items() if value is not None], method)
        connection.send(stream, body)
        return connection.answer(stream)


def http_raw(port: int, request: bytes, count: int = 1) -> list[Answer]:
    """Sends these bytes, reads `count` answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        method = request.split(b" ", 1)[0].decode("latin-1")
        return [_http_answer(connection, method) for _ in range(count)]


def _http_answer(connection: socket.socket, method: str) -> Answer:
    response = http.client.HTTPResponse(_OneAtATime(connection), method=method)
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, OSError) as error:
        return Answer(type(error).__name__, None, "nothing")
    headers = {}
    for name, value in response.getheaders():
        before = headers.get(name.lower())
        headers[name.lower()] = value if before is None else f"{before}, {value}"  # RFC 9110 §5.3
    return Answer(response.status, None, _http_kind(response.status, headers, body), headers, body)


class _OneAtATime:
    """HTTPResponse reads ahead; pipelined answers need a file that does not."""

    def __init__(self, connection: socket.socket):
        self.connection = connection

    def makefile(self, *_, **__):
        return self.connection.makefile("rb", buffering=0)


def _http_kind(status: int, headers: dict, body: bytes) -> str:
    media_type = headers.get("content-type", "").split(";")[0].strip()
    if media_type == "application/x-protobuf" and status != 200:
        try:
            return f"Status of code {Status.FromString(body).code}"
        except DecodeError:
            return "not a Status"
    if media_type == "application/json" and status != 200:
        try:
            return f"Status of code {json_format.Parse(body, Status()).code} in JSON"
        except json_format.ParseError:
            return "not a Status in JSON"
    return media_type or ("nothing" if not body else "bytes without a type")


def http_post(port: int, path: str, body: bytes = b"", headers: dict | None = None, method: str = "POST") -> Answer:
    """One HTTP/1.1 request on a connection of its own. `headers` replace the usual ones, and None removes one."""
    usual = {
        "Host": "test",
        "Content-Type": "application/x-protobuf",
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in usual.items() if value is not None]
    return http_raw(port, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)[0]
