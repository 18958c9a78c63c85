# SPDX-License-Identifier: Apache-2.0
"""The Python SDK, through weir, to a real Jaeger: what the SDK recorded is what Jaeger shows, field by field."""

import pytest
from grpc import Compression as GrpcCompression
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import Compression as HttpCompression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

from support.books import assert_balanced, printed_books
from support.sdk_spans import expected_of, key_of, record_a_shop, shown_by_jaeger

FORWARD = """
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 64}
  batch:
exporters:
  otlp/jaeger:
    endpoint: 127.0.0.1:${env:BACKEND_PORT}
    tls:
      insecure: true
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp/jaeger]}
"""

EXPORTERS = {
    "grpc": lambda weir: GrpcExporter(weir.grpc_endpoint, insecure=True),
    "grpc-gzip": lambda weir: GrpcExporter(weir.grpc_endpoint, insecure=True, compression=GrpcCompression.Gzip),
    "http": lambda weir: HttpExporter(f"{weir.http_endpoint}/v1/traces"),
    "http-gzip": lambda weir: HttpExporter(f"{weir.http_endpoint}/v1/traces", compression=HttpCompression.Gzip),
}


@pytest.mark.parametrize("client", EXPORTERS)
def test_what_the_sdk_recorded_is_what_jaeger_shows(weir, jaeger, client):
    service = f"sdk-{client}"
    program = weir(FORWARD, BACKEND_PORT=jaeger.grpc_port)

    recorded = record_a_shop(service, EXPORTERS[client](program))

    traces = jaeger.wait_for_spans(service, len(recorded))
    assert shown_by_jaeger(traces) == {key_of(span): expected_of(span) for span in recorded}
    program.stop_cleanly()
    books = printed_books(program)
    assert_balanced(books)
    assert books["exporter", "otlp/jaeger", "spans"]["sent"] == len(recorded)


def test_over_http_to_jaeger(weir, jaeger):
    service = "sdk-otlphttp"
    over_http = FORWARD.replace("otlp/jaeger:\n    endpoint: 127.0.0.1:", "otlphttp/jaeger:\n    endpoint: http://127.0.0.1:")
    program = weir(over_http.replace("[otlp/jaeger]", "[otlphttp/jaeger]"), BACKEND_PORT=jaeger.http_port)

    recorded = record_a_shop(service, EXPORTERS["grpc"](program))

    traces = jaeger.wait_for_spans(service, len(recorded))
    assert shown_by_jaeger(traces) == {key_of(span): expected_of(span) for span in recorded}
