# SPDX-License-Identifier: Apache-2.0
"""Requests whose spans carry numbers, and clients that send them and remember what they were answered.

A number that was answered OK must be found where the spans end up: that is how the tests see a loss.
"""

import hashlib
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import requests
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from support.otlp_json import otlp_json

# So that clients of a program that has ended do not take the processor from the others.
PAUSE_AFTER_FAILURE = 0.05
# A program that is started again is found again at once, not after grpc's own backoff of seconds. What grpc calls the least
# backoff is how long it waits for a connection: a busy machine needs its time.
_CHANNEL = [
    ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 10000), ("grpc.max_reconnect_backoff_ms", 200),
]
_EXPORT = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}


def trace_id_of(number: int) -> bytes:
    """Spread like random ids, and the same in every run."""
    return hashlib.sha256(number.to_bytes(8, "big")).digest()[:16]


def numbered(numbers, service: str = "numbered", padding: int = 0, one_trace: bool = False) -> ExportTraceServiceRequest:
    """One span of now for each number (1 or more), its span id. Each has a trace of its own, or all share the first
    one's. The scope carries `padding` bytes that do not compress; Jaeger leaves a scope's attributes out."""
    numbers = list(numbers)
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = service
    scope_spans = resource_spans.scope_spans.add()
    if padding:
        noise = hashlib.shake_128(numbers[0].to_bytes(8, "big")).hexdigest(padding // 2)
        scope_spans.scope.attributes.add(key="padding").value.string_value = noise
    for number in numbers:
        started_ns = time.time_ns()
        scope_spans.spans.add(trace_id=trace_id_of(numbers[0] if one_trace else number), span_id=number.to_bytes(8, "big"),
                              name="numbered", start_time_unix_nano=started_ns, end_time_unix_nano=started_ns + 1000)
    return request


def numbered_logs(numbers, service: str = "numbered") -> ExportLogsServiceRequest:
    """One log record of now for each number, which is its attribute `number`."""
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    resource_logs.resource.attributes.add(key="service.name").value.string_value = service
    scope_logs = resource_logs.scope_logs.add()
    for number in numbers:
        record = scope_logs.log_records.add(time_unix_nano=time.time_ns(), severity_text="INFO")
        record.body.string_value = "numbered"
        record.attributes.add(key="number").value.int_value = number
    return request


def numbers_in(request) -> list:
    """The numbers in a message that `numbered` or `numbered_logs` made."""
    if hasattr(request, "resource_logs"):
        return [
            record.attributes[0].value.int_value
            for of_resource in request.resource_logs for of_scope in of_resource.scope_logs
            for record in of_scope.log_records
        ]
    return [
        int.from_bytes(span.span_id, "big")
        for of_resource in request.resource_spans for of_scope in of_resource.scope_spans for span in of_scope.spans
    ]


@dataclass(frozen=True)
class Answer:
    """`code` is gRPC's name or the HTTP status as text; "OK" for both when it went well. `retry_after` is in seconds,
    None unless the server named a delay. `rejected` is what a partial success says."""

    code: str
    text: str = ""
    retry_after: float | None = None
    rejected: int = 0

    @property
    def ok(self) -> bool:
        return self.code == "OK"


def _rejected_spans(reply: bytes) -> int:
    return ExportTraceServiceResponse.FromString(reply).partial_success.rejected_spans


def _rejected_log_records(reply: bytes) -> int:
    return ExportLogsServiceResponse.FromString(reply).partial_success.rejected_log_records


_REJECTED = {"traces": _rejected_spans, "logs": _rejected_log_records}


class GrpcClient:
    """One connection of its own."""

    def __init__(self, program, signal: str = "traces"):
        self._rejected = _REJECTED[signal]
        tls = getattr(program, "tls", None)
        self._channel = (grpc.secure_channel(program.grpc_endpoint, tls.grpc(), _CHANNEL) if tls
                         else grpc.insecure_channel(program.grpc_endpoint, _CHANNEL))
        self._export = self._channel.unary_unary(_EXPORT[signal])

    def send(self, body: bytes, timeout: float = 10) -> Answer:
        try:
            reply = self._export(body, timeout=timeout, wait_for_ready=False)
        except grpc.RpcError as error:
            return Answer(error.code().name, error.details() or "", _retry_info(error))
        return Answer("OK", rejected=self._rejected(reply))

    def close(self):
        self._channel.close()


def send_all(program, signal: str, bodies, timeout: float = 60, metadata: tuple = ()):
    """Serialized requests over one connection, all at a time; each must be answered OK."""
    with grpc.insecure_channel(program.grpc_endpoint, _CHANNEL) as channel:
        export = channel.unary_unary(_EXPORT[signal])
        for answer in [export.future(body, timeout=timeout, metadata=metadata) for body in bodies]:
            answer.result()


def _retry_info(error: grpc.RpcError) -> float | None:
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info = error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                return info.retry_delay.seconds + info.retry_delay.nanos / 1e9
    return None


class HttpClient:
    """One keep-alive connection of its own; `code` is "ConnectionError" and the like where no answer came."""

    def __init__(self, program, signal: str = "traces"):
        self._rejected = _REJECTED[signal]
        self._url = f"{program.http_endpoint}/v1/{signal}"
        self._session = requests.Session()
        if getattr(program, "tls", None):
            program.tls.use_in(self._session)
        self._session.headers["Content-Type"] = "application/x-protobuf"

    def send(self, body: bytes, timeout: float = 10) -> Answer:
        try:
            reply = self._session.post(self._url, data=body, timeout=timeout)
        except requests.RequestException as error:
            return Answer(type(error).__name__, str(error))
        if reply.status_code == 200:
            return Answer("OK", rejected=self._rejected(reply.content))
        delay = reply.headers.get("Retry-After")
        return Answer(str(reply.status_code), reply.text, float(delay) if delay else None)

    def close(self):
        self._session.close()


class JsonClient(HttpClient):
    """The same with OTLP/JSON. `send` takes protobuf all the same."""

    _MESSAGES = {"traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
                 "logs": (ExportLogsServiceRequest, ExportLogsServiceResponse)}

    def __init__(self, program, signal: str = "traces"):
        super().__init__(program, signal)
        self._request, response = self._MESSAGES[signal]
        self._session.headers["Content-Type"] = "application/json"
        self._rejected = lambda reply: _REJECTED[signal](json_format.Parse(reply, response()).SerializeToString())

    def send(self, body: bytes, timeout: float = 10) -> Answer:
        return super().send(otlp_json(self._request.FromString(body)), timeout)


def send_together(program, bodies: list, kinds=(GrpcClient, HttpClient), timeout: float = 30) -> list:
    """Each body from a client of its own, the kinds taking turns, all at once. Futures of the answers, in order."""
    pool = ThreadPoolExecutor(len(bodies))

    def send(kind, body: bytes) -> Answer:
        client = kind(program)
        try:
            return client.send(body, timeout)
        finally:
            client.close()

    futures = [pool.submit(send, kind, body) for kind, body in zip(itertools.cycle(kinds), bodies)]
    pool.shutdown(wait=False)
    return futures


class Load:
    """Clients in threads, half of them gRPC and half HTTP, each sending one request after the other until `stop()`. A
    context manager. `make(numbers)` gives the message for some new numbers; `pause` seconds lie between requests.

    With `retry` a request that is not answered OK is sent again, after the delay the server names but at most
    `pause_retry` seconds. All numbers that were ever answered OK are in `acknowledged`, all answers in `answers`.
    """

    def __init__(self, program, clients: int, spans: int, make=numbered, pause: float = 0, retry: bool = False,
                 pause_retry: float = 1, timeout: float = 10):
        self.acknowledged, self.answers, self.sent = set(), [], set()
        self.errors = []
        self._program, self._spans, self._make, self._timeout = program, spans, make, timeout
        self._pause, self._retry, self._pause_retry = pause, retry, pause_retry
        self._firsts = itertools.count(1, spans)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        kinds = itertools.cycle([GrpcClient, HttpClient])
        self._threads = [threading.Thread(target=self._run, args=(next(kinds),), daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, timeout: float = 30):
        """No new requests; returns when every client has its last answer, with `retry` an OK."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout)
        assert not any(thread.is_alive() for thread in self._threads), "a client waits for an answer that does not come"
        assert not self.errors, self.errors[0]

    def codes(self) -> set:
        with self._lock:
            return {answer.code for answer in self.answers}

    def _run(self, kind):
        client = kind(self._program)
        try:
            while not self._stopping.wait(self._pause):
                self._deliver(client)
        except Exception as error:  # a thread has nobody to raise to
            self.errors.append(error)
        finally:
            client.close()

    def _deliver(self, client):
        with self._lock:
            first = next(self._firsts)
        numbers = range(first, first + self._spans)
        body = self._make(numbers).SerializeToString()
        while True:
            answer = client.send(body, self._timeout)
            with self._lock:
                self.sent.update(numbers)
                self.answers.append(answer)
                if answer.ok:
                    self.acknowledged.update(numbers)
            if answer.ok:
                return
            if not self._retry:
                time.sleep(PAUSE_AFTER_FAILURE)
                return
            delay = self._pause_retry if answer.retry_after is None else min(answer.retry_after, self._pause_retry)
            time.sleep(delay)
