# SPDX-License-Identifier: Apache-2.0
"""The Collector project's own client, through weir, to a real Jaeger."""

import pytest

from support.tools import telemetrygen

FORWARD = """
exporters:
  otlp:
    endpoint: 127.0.0.1:${env:BACKEND_PORT}
    tls:
      insecure: true
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
"""


SHOWN = {"error", "otel.status_code", "paid", "retries", "shop", "span.kind"}


def tags(*rows) -> list:
    """As Jaeger lists them: sorted by key."""
    return [{"key": key, "type": kind, "value": value} for key, kind, value in rows]


@pytest.mark.parametrize("http", [False, True], ids=["grpc", "http"])
def test_every_trace_arrives_whole(weir, jaeger, http):
    service = f"telemetrygen-{'http' if http else 'grpc'}"
    program = weir(FORWARD, BACKEND_PORT=jaeger.grpc_port)

    telemetrygen("traces", program.http_port if http else program.grpc_port, "--traces", 200, "--child-spans", 4,
                 "--telemetry-attributes", 'shop="north"', "--telemetry-attributes", "retries=3",
                 "--telemetry-attributes", "paid=true", "--otlp-attributes", 'zone="a"', "--status-code", "Error",
                 http=http, service=service)

    traces = jaeger.wait_for_spans(service, 1000)
    assert len(traces) == 200
    for trace in traces:
        ids = {span["spanID"] for span in trace["spans"]}
        parents = [ref["spanID"] for span in trace["spans"] for ref in span["references"]]
        assert len(ids) == 5
        assert len(parents) == 4 and set(parents) <= ids, "each child has its parent in the trace"
        assert [process["tags"] for process in trace["processes"].values()] == [tags(("zone", "string", "a"))]
        for span in trace["spans"]:
            kind = "server" if span["references"] else "client"
            assert [tag for tag in span["tags"] if tag["key"] in SHOWN] == tags(
                ("error", "bool", True), ("otel.status_code", "string", "ERROR"), ("paid", "bool", True),
                ("retries", "int64", 3), ("shop", "string", "north"), ("span.kind", "string", kind))
    assert program.metric("otelcol_receiver_accepted_spans") == 1000
    assert program.metric("otelcol_exporter_sent_spans") == 1000
