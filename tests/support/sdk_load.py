# SPDX-License-Identifier: Apache-2.0
"""sdk_load.py grpc|http ENDPOINT RATE SECONDS: an application with the OpenTelemetry SDK as it comes, which makes RATE spans
a second. Every export is timed from its first byte to its answer. Prints a JSON object: `made` spans, `failed` exports,
`answers_ms`."""

import json
import logging
import sys
import time

import requests
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

TICKS_PER_S, TICKS_AT_ONCE = 100, 5


class TimedSession(requests.Session):
    def __init__(self, answers_ms: list):
        super().__init__()
        self._answers_ms = answers_ms

    def send(self, *arguments, **named):
        started = time.perf_counter()
        try:
            return super().send(*arguments, **named)
        finally:
            self._answers_ms.append((time.perf_counter() - started) * 1000)


class TimedStub:
    def __init__(self, stub, answers_ms: list):
        self._stub, self._answers_ms = stub, answers_ms

    def Export(self, *arguments, **named):  # noqa: N802, as gRPC calls it
        started = time.perf_counter()
        try:
            return self._stub.Export(*arguments, **named)
        finally:
            self._answers_ms.append((time.perf_counter() - started) * 1000)


class CountingExporter(SpanExporter):
    """Passes on, and counts what the SDK would drop: an export that did not succeed."""

    def __init__(self, exporter):
        self.failed = 0
        self._exporter = exporter

    def export(self, spans):
        result = self._exporter.export(spans)
        self.failed += result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self):
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def make_exporter(protocol: str, endpoint: str, answers_ms: list):
    if protocol == "http":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(f"http://{endpoint}/v1/traces", session=TimedSession(answers_ms))
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(endpoint, insecure=True)
    exporter._client = TimedStub(exporter._client, answers_ms)  # noqa: SLF001, there is no other way to its calls
    return exporter


def main(protocol: str, endpoint: str, rate: int, seconds: float):
    logging.basicConfig(level=logging.WARNING)
    answers_ms = []
    exporter = CountingExporter(make_exporter(protocol, endpoint, answers_ms))
    provider = TracerProvider(resource=Resource.create({"service.name": f"sdk-{protocol}"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("sdk_load")

    made, started = 0, time.perf_counter()
    while (now := time.perf_counter() - started) < seconds:
        # What was missed while others had the processor is not made up for in one burst, as no application would.
        for _ in range(min(int(rate * now) - made, rate * TICKS_AT_ONCE // TICKS_PER_S)):
            with tracer.start_as_current_span("request", attributes={"http.request.method": "GET", "http.route": "/cart",
                                                                     "http.response.status_code": 200, "number": made}):
                made += 1
        time.sleep(1 / TICKS_PER_S)
    provider.shutdown()
    print(json.dumps({"made": made, "failed": exporter.failed, "answers_ms": answers_ms}))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
