# SPDX-License-Identifier: Apache-2.0
"""An OTLP backend over gRPC that keeps what it takes, and misbehaves when told to."""

import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from support.load import numbers_in

_SERVICES = {
    "traces": (trace_service_pb2_grpc.add_TraceServiceServicer_to_server, trace_service_pb2.ExportTraceServiceResponse),
    "metrics": (metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server,
                metrics_service_pb2.ExportMetricsServiceResponse),
    "logs": (logs_service_pb2_grpc.add_LogsServiceServicer_to_server, logs_service_pb2.ExportLogsServiceResponse),
}


class Sink:
    """Listens on 127.0.0.1:`port` (a free one unless given) from the start; a context manager that ends the server.

    `answer(request, context)` runs for each request on a thread of the server before the request is kept. It may wait,
    may `context.abort(code, text)`, so that the request is not kept, and may return a response; None is an empty one.
    While `hold()` is on, requests wait; `release()` lets them go on. `arrived` counts requests, also unanswered ones.
    `keep=False` keeps nothing but what `answer` keeps. With `credentials` it speaks TLS.
    """

    def __init__(self, answer=None, port: int = 0, keep: bool = True, credentials: grpc.ServerCredentials | None = None):
        self.answer = answer
        self._keep = keep
        self.arrived = 0
        self._kept = {signal: [] for signal in _SERVICES}
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._server = grpc.server(futures.ThreadPoolExecutor(32), options=[("grpc.max_receive_message_length", 1 << 28)])
        for signal, (add, response) in _SERVICES.items():
            add(self._servicer(signal, response), self._server)
        address = f"127.0.0.1:{port}"
        self.port = (self._server.add_secure_port(address, credentials) if credentials
                     else self._server.add_insecure_port(address))
        self._server.start()

    def _servicer(self, signal: str, response):
        sink = self

        class Servicer:
            def Export(self, request, context):  # noqa: N802, as gRPC calls it
                with sink._lock:
                    sink.arrived += 1
                sink._open.wait()
                answered = sink.answer(request, context) if sink.answer else None
                if sink._keep:
                    with sink._lock:
                        sink._kept[signal].append(request)
                return answered or response()

        return Servicer()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def hold(self):
        self._open.clear()

    def release(self):
        self._open.set()

    def requests(self, signal: str = "traces") -> list:
        """What was kept, as messages, in the order it was answered."""
        with self._lock:
            return list(self._kept[signal])

    def numbers(self) -> list:
        """The numbers of all spans that were kept (support/load.py), as often as they were."""
        return [number for request in self.requests() for number in numbers_in(request)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
        self._server.stop(None).wait(10)
