# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's SDK for JavaScript, which sends OTLP/JSON in chunked bodies, through weir."""

import pytest

from support.sink import Sink
from support.tools import jssdk

CONFIG = """
exporters:
  otlp:
    endpoint: ${env:SINK}
    tls: {insecure: true}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
    metrics: {receivers: [otlp], exporters: [otlp]}
    logs: {receivers: [otlp], exporters: [otlp]}
"""
COUNT = 1000


def attributes_of(item) -> dict:
    """As the SDK was told them; in JavaScript there is one kind of number."""
    return {one.key: value_of(one.value) for one in item.attributes}


def value_of(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {one.key: value_of(one.value) for one in value.kvlist_value.values}
    return getattr(value, kind)


def all_of(sink, signal: str, group: str, scope: str, items: str) -> list:
    groups = [one for request in sink.requests(signal) for one in getattr(request, group)]
    assert all(attributes_of(one.resource).items() >= {("service.name", "jssdk"), ("replicas", 3)} for one in groups)
    scopes = [one for group in groups for one in getattr(group, scope)]
    assert {(one.scope.name, one.scope.version) for one in scopes} == {("weir-test", "1")}
    return [item for one in scopes for item in getattr(one, items)]


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_everything_the_sdk_for_javascript_sends_arrives(weir, compression):
    with Sink() as sink:
        program = weir(CONFIG, SINK=sink.endpoint)
        assert jssdk(program.http_endpoint, COUNT, compression) == ""
        spans = all_of(sink, "traces", "resource_spans", "scope_spans", "spans")
        logs = all_of(sink, "logs", "resource_logs", "scope_logs", "log_records")
        metrics = {one.name: one for one in all_of(sink, "metrics", "resource_metrics", "scope_metrics", "metrics")}
    check_spans(spans)
    check_logs(logs, {attributes_of(span)["number"]: span for span in spans})
    assert [point.as_double or point.as_int for point in metrics["orders"].sum.data_points] == [COUNT]
    assert [(point.count, point.sum) for point in metrics["size"].histogram.data_points] == [(COUNT, sum(range(COUNT)))]
    for items, count in ("spans", COUNT), ("log_records", COUNT), ("metric_points", 2):
        assert program.metric(f"otelcol_receiver_accepted_{items}", transport="http") == count


def check_spans(spans: list):
    assert sorted(attributes_of(span)["number"] for span in spans) == list(range(COUNT))
    for span in spans:
        number = attributes_of(span)["number"]
        assert (span.name, span.kind, span.status.code, span.status.message) == (f"work {number}", 3, 2, "no")
        assert attributes_of(span) == {"number": number, "ratio": number / 4, "text": 'ein Gruß "🦫"', "flags": [True, False],
                                       "even": number % 2 == 0}
        assert [(event.name, attributes_of(event)) for event in span.events] == [("begun", {"step": 1})]
        assert 1.7e18 < span.start_time_unix_nano <= span.end_time_unix_nano
        assert len(span.trace_id) == 16 and len(span.span_id) == 8 and not span.parent_span_id


def check_logs(logs: list, spans: dict):
    assert sorted(attributes_of(log)["number"] for log in logs) == list(range(COUNT))
    for log in logs:
        number = attributes_of(log)["number"]
        assert (log.severity_number, log.severity_text) == (13, "WARN")
        assert value_of(log.body) == {"order": number, "parts": ["a", 1.5]}
        assert (log.trace_id, log.span_id) == (spans[number].trace_id, spans[number].span_id)
