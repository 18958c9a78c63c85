# SPDX-License-Identifier: Apache-2.0
"""The debug exporter prints what the Collector's prints, line by line; only its empty line after each block is left out."""
import re

import pytest
import requests
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from support.process import wait_until

CONFIG = """
exporters: {debug: {verbosity: %s, use_internal_logger: false}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    metrics: {receivers: [otlp], exporters: [debug]}
    logs: {receivers: [otlp], exporters: [debug]}
"""
NOW = 1_790_000_000_123_456_789
VALUES = {
    "text": AnyValue(string_value="a \"quoted\" wörd"), "yes": AnyValue(bool_value=True), "int": AnyValue(int_value=-7),
    "double": AnyValue(double_value=0.1), "big": AnyValue(double_value=1e21), "bytes": AnyValue(bytes_value=b"\x00\xff"),
    "list": AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue(string_value="x")])),
    "map": AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=AnyValue(int_value=2))])),
    "nothing": AnyValue(),
}


def fill(attributes):
    attributes.extend(KeyValue(key=key, value=value) for key, value in VALUES.items())


def traces():
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add(schema_url="https://example.com/r")
    fill(resource_spans.resource.attributes)
    scope_spans = resource_spans.scope_spans.add(schema_url="https://example.com/s")
    scope_spans.scope.name, scope_spans.scope.version = "scope", "1"
    for i in range(2):
        span = scope_spans.spans.add(trace_id=bytes(range(16)), span_id=bytes(range(i + 1, i + 9)), name=f"span {i}", kind=i + 1,
                                     start_time_unix_nano=NOW, end_time_unix_nano=NOW + 5_000_000, trace_state="a=b")
        span.status.code, span.status.message = i, "said"
        fill(span.attributes)
        fill(span.events.add(name="event", time_unix_nano=NOW, dropped_attributes_count=3).attributes)
        fill(span.links.add(trace_id=bytes(range(1, 17)), span_id=bytes(range(8, 16)), trace_state="c=d").attributes)
    return request


def logs():
    request = ExportLogsServiceRequest()
    scope_logs = request.resource_logs.add().scope_logs.add()
    for body in VALUES.values():
        record = scope_logs.log_records.add(time_unix_nano=NOW, observed_time_unix_nano=NOW + 1, severity_number=9,
                                            severity_text="Info", trace_id=bytes(range(16)), span_id=bytes(range(8)), flags=1)
        record.body.CopyFrom(body)
        fill(record.attributes)
    return request


def metrics():
    request = ExportMetricsServiceRequest()
    scope_metrics = request.resource_metrics.add().scope_metrics.add()
    gauge = scope_metrics.metrics.add(name="g", description="a gauge", unit="By")
    gauge.gauge.data_points.add(time_unix_nano=NOW, as_double=1.5)
    total = scope_metrics.metrics.add(name="s")
    total.sum.aggregation_temporality, total.sum.is_monotonic = 2, True
    fill(total.sum.data_points.add(start_time_unix_nano=NOW, time_unix_nano=NOW + 1, as_int=4).attributes)
    histogram = scope_metrics.metrics.add(name="h").histogram
    histogram.aggregation_temporality = 1
    histogram.data_points.add(time_unix_nano=NOW, count=3, sum=6, min=1, max=3, bucket_counts=[1, 2], explicit_bounds=[2])
    quantile = scope_metrics.metrics.add(name="q").summary.data_points.add(time_unix_nano=NOW, count=1, sum=2)
    quantile.quantile_values.add(quantile=0.5, value=2)
    return request


def printed(program, path, request):
    before = len(program.output())
    answer = requests.post(f"http://127.0.0.1:{program.http_port}/v1/{path}", data=request.SerializeToString(), timeout=10,
                           headers={"content-type": "application/x-protobuf"})
    assert answer.status_code == 200
    head = {"traces": "Traces\t", "logs": "Logs\t", "metrics": "Metrics\t"}[path]
    wait_until(lambda: head in program.output()[before:], 5, "the block is printed")
    program.stop()
    lines = program.output()[before:].splitlines()
    own_log = re.compile(r"^(\d{4}-\d\d-\d\dT|books |totals |warning: )")
    return [line for line in lines if line and not own_log.match(line)]


@pytest.mark.parametrize("verbosity", ["basic", "normal", "detailed"])
@pytest.mark.parametrize("signal, make", [("traces", traces), ("logs", logs), ("metrics", metrics)])
def test_same_lines(weir, collector, verbosity, signal, make):
    ours = printed(weir(CONFIG % verbosity), signal, make())
    theirs = printed(collector(CONFIG % verbosity), signal, make())
    assert ours == theirs
    assert len(ours) >= (1 if verbosity == "basic" else 3)
