# SPDX-License-Identifier: Apache-2.0
"""The part of Elasticsearch that bulk requests need: it keeps documents by index and _id, refuses to create one twice, and
misbehaves when told to."""

import gzip
import itertools
import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

JSON = {"Content-Type": "application/vnd.elasticsearch+json;compatible-with=8", "X-Elastic-Product": "Elasticsearch"}
_PARAMETERS = {"_index", "_id", "pipeline", "require_data_stream"}


@dataclass
class Operation:
    """One document of a bulk request."""

    action: dict  # what is in its first line: _index, _id …
    document: dict

    @property
    def index(self) -> str:
        return self.action["_index"]

    @property
    def id(self) -> str | None:
        return self.action.get("_id")


@dataclass
class BulkRequest:
    path: str
    query: dict  # names to lists of values
    headers: dict  # names in lower case
    raw: bytes  # the body as it came
    operations: list = field(default_factory=list)

    @property
    def ids(self) -> list:
        return [operation.id for operation in self.operations]


@dataclass
class Answer:
    """`cut_at`: so many bytes of the body are sent, then the connection is closed."""

    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=lambda: dict(JSON))
    cut_at: int | None = None


def refused(status: int, kind: str, reason: str, **more) -> dict:
    """The result of a document that is not taken; for `on_document`."""
    return {"status": status, "error": {"type": kind, "reason": reason, **more}}


def error_answer(status: int, kind: str, reason: str, **headers) -> Answer:
    """The answer to a request that is not taken as a whole; for `on_request`."""
    error = {"type": kind, "reason": reason}
    body = {"error": {"root_cause": [error], **error}, "status": status}
    return Answer(status, json.dumps(body).encode(), {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that go away are part of the tests


class BulkSink:
    """Listens on a free port, or on `port`, from the start; a context manager that ends the server.

    These run for each request, on a thread of its connection, and may be set at any time:
    - `on_request(request)`: before anything is stored. None to go on; otherwise an Answer, "close" to close the connection
      without one, or "reset" to break it off
    - `on_document(operation)`: None to store it; otherwise its result (`refused(…)`)
    - `on_answer(request, answer)`: once the documents are stored. None to send the answer; otherwise what to do instead
    """

    def __init__(self, port: int = 0, knows_require_data_stream: bool = True, nodes: list | None = None):
        self.on_request = self.on_document = self.on_answer = None
        self.knows_require_data_stream = knows_require_data_stream
        self.nodes = nodes  # addresses that /_nodes/http tells of
        self.requests: list[BulkRequest] = []
        self.documents: dict[tuple[str, str], dict] = {}  # what was stored, by index and _id
        self.conflicts = 0
        self._own_ids = itertools.count(1)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), self._handler())
        self.port = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    # ---- what was stored ----

    def bodies(self) -> list:
        with self._lock:
            return list(self.documents.values())

    def numbers(self) -> list:
        """The numbers (support/load.py) of all documents of log records and spans, sorted, as often as they are there."""
        return sorted(number for number in map(number_of, self.bodies()) if number is not None)

    # ---- serving ----

    def _handler(sink):  # noqa: N805, the handler inside has the `self`
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802, as http.server calls it
                self.act(sink._nodes() if self.path == "/_nodes/http" and sink.nodes else error_answer(404, "no", "no such path"))

            def do_POST(self):  # noqa: N802
                url = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                raw = self.rfile.read(int(headers["content-length"]))
                request = BulkRequest(url.path, parse_qs(url.query), headers, raw)
                self.act(sink._take(request))

            def act(self, answer):
                if not isinstance(answer, Answer):
                    if answer == "reset":
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        self.connection.close()
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body[:answer.cut_at])
                self.wfile.flush()
                self.close_connection = answer.cut_at is not None

            def log_message(self, *_):
                pass

        return Handler

    def _nodes(self) -> Answer:
        nodes = {f"node-{number}": {"roles": ["data", "ingest"], "http": {"publish_address": address}}
                 for number, address in enumerate(self.nodes)}
        return Answer(200, json.dumps({"nodes": nodes}).encode())

    def _take(self, request: BulkRequest):
        body = gzip.decompress(request.raw) if request.headers.get("content-encoding") == "gzip" else request.raw
        assert body.endswith(b"\n"), "a bulk request must end with a newline"
        lines = body.decode().split("\n")[:-1]
        assert len(lines) % 2 == 0
        for action, document in zip(lines[::2], lines[1::2]):
            [(verb, parameters)] = json.loads(action).items()
            assert verb == "create" and set(parameters) <= _PARAMETERS, action
            request.operations.append(Operation(parameters, json.loads(document)))
        with self._lock:
            self.requests.append(request)
        instead = self.on_request(request) if self.on_request else None
        if instead:
            return instead
        if not self.knows_require_data_stream:
            for number, operation in enumerate(request.operations):
                if "require_data_stream" in operation.action:
                    return error_answer(400, "illegal_argument_exception", f"Action/metadata line [{number * 2 + 1}] contains an "
                                        "unknown parameter [require_data_stream]")
        items = [{"create": self._create(operation)} for operation in request.operations]
        body = {"errors": any("error" in item["create"] for item in items), "items": items}
        answer = Answer(200, json.dumps(body).encode())
        return (self.on_answer(request, answer) if self.on_answer else None) or answer

    def _create(self, operation: Operation) -> dict:
        result = (self.on_document(operation) if self.on_document else None)
        if result:
            return {"_index": operation.index, **result}
        with self._lock:
            key = operation.index, operation.id or f"own-{next(self._own_ids)}"
            if key in self.documents:
                self.conflicts += 1
                return {"_index": operation.index, **refused(409, "version_conflict_engine_exception",
                                                             f"[{key[1]}]: version conflict, document already exists")}
            self.documents[key] = operation.document
        return {"_index": operation.index, "status": 201}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


def number_of(document: dict) -> int | None:
    """Of a document in otel mode: of a log record its attribute `number`, of a span its id; None for a span's event."""
    if "number" in document.get("attributes", {}):
        return int(document["attributes"]["number"])
    if "event_name" in document or "span_id" not in document:
        return None
    return int(document["span_id"], 16)


def turns(*answers):
    """For the hooks: gives these, one call after the other, then None."""
    left, lock = list(answers), threading.Lock()

    def next_one(*_):
        with lock:
            return left.pop(0) if left else None

    return next_one
