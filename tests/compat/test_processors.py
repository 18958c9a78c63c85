# SPDX-License-Identifier: Apache-2.0
"""`attributes` and `resource` in many configurations give what the Collector's give."""

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from compat.side_by_side import SideBySide
from support.collector import collector_binary, weir_binary

# The first resource has everything, the last has nothing.
RESOURCES = [
    {"service.name": "cart", "service.version": "1.2.3", "host.name": "node-1", "pid": 17, "load": 0.25, "edge": True},
    {"service.name": "payment-eu", "cloud.region": "eu", "tags": ["a", 1, False], "nested": {"k": "v"}},
    {"service.name": 5, "empty": None, "bytes": b"\x00\xff"},
    {},
]
SCOPES = [("http", "1.0"), ("sql", ""), ("", "")]
ATTRIBUTES = [
    {"http.url": "http://shop.example/cart/42?user=7", "http.method": "GET", "http.status_code": 200, "retry": False},
    {"db.statement": "select 1", "db.rows": "17", "db.time": 1.5, "user.email": "a@b.example", "user.id": 9007199254740993},
    {"http.status_code": "500", "ok": True, "no": False, "big": 1e21, "small": 1e-7, "minus": -0.0, "whole": 3.0, "text": "1e3"},
    {"list": [1, 2.5, "x", True, None, [1], {"a": 1}], "map": {"b": {"c": [1]}, "a": "<&>"}, "bytes": b"hello", "nothing": None, "empty": ""},
    {"huge": "99999999999999999999", "hex": "0x1F", "spaced": " 5 ", "plus": "+5", "under": "1_000", "nan": "nan", "inf": "-Infinity"},
    {"user.email": "x", "user.name": "Ünï", "http.url": "no match", "tab": "a\tb\n\"\\\u2028\x01é"},
    {},
]
BODIES = ["started", "stopped by user", 42, 1.25, True, b"raw", {"event": "login", "n": 1}, ["a", 2], None]

INSERTS = [
    {"key": "env", "value": "prod", "action": "insert"},
    {"key": "http.method", "value": "POST", "action": "insert"},
    {"key": "number", "value": 12, "action": "insert"},
    {"key": "ratio", "value": 0.5, "action": "insert"},
    {"key": "flag", "value": True, "action": "insert"},
]


def attributes(*actions, signals=None, **match):
    return {"attributes": {"actions": list(actions), **match}, "signals": signals or ["traces", "logs", "metrics"]}


def spans_only(*actions, **match):
    return attributes(*actions, signals=["traces"], **match)


def logs_only(*actions, **match):
    return attributes(*actions, signals=["logs"], **match)


def resource(*actions):
    return {"resource": {"attributes": list(actions)}, "signals": ["traces", "logs", "metrics"]}


def strict(**properties):
    return {"match_type": "strict", **properties}


def regexp(**properties):
    return {"match_type": "regexp", **properties}


MARK = {"key": "marked", "value": "yes", "action": "upsert"}

CASES = {
    "insert": attributes(*INSERTS),
    "update": attributes({"key": "http.method", "value": "PUT", "action": "update"}, {"key": "absent", "value": 1, "action": "update"}),
    "upsert": attributes({"key": "http.method", "value": "PUT", "action": "UPSERT"}, {"key": "fresh", "value": 1, "action": "Upsert"}),
    "upsert-list": attributes({"key": "list", "value": ["a", 1, 2.5, True], "action": "upsert"}),
    "upsert-map": attributes({"key": "map", "value": {"only": {"deep": [1]}}, "action": "upsert"}),
    "delete": attributes({"key": "http.url", "action": "delete"}, {"key": "absent", "action": "delete"}),
    "delete-pattern": attributes({"pattern": "^http\\.|email$", "action": "delete"}),
    "delete-both": attributes({"key": "ok", "pattern": "^user\\.", "action": "delete"}),
    "hash": attributes(*({"key": key, "action": "hash"} for name in ATTRIBUTES for key in name)),
    "hash-pattern": attributes({"pattern": "user\\..*", "action": "hash"}),
    "extract": attributes({
        "key": "http.url", "action": "extract",
        "pattern": "^(?P<http_protocol>.*):\\/\\/(?P<http_domain>.*)\\/(?P<http_path>.*)(\\?|\\&)(?P<http_query>.*)".replace("(\\?|\\&)", "[?&]"),
    }),
    "extract-optional": attributes({"key": "http.url", "pattern": "(?P<found>cart)(?P<port>:\\d+)?", "action": "extract"}),
    "extract-overwrite": attributes({"key": "user.email", "pattern": "^(?P<ok>[^@]+)@", "action": "extract"}),
    "convert-int": attributes(*({"key": key, "converted_type": "int", "action": "convert"} for name in ATTRIBUTES for key in name)),
    "convert-double": attributes(*({"key": key, "converted_type": "double", "action": "convert"} for name in ATTRIBUTES for key in name)),
    "convert-string": attributes(*({"key": key, "converted_type": "string", "action": "convert"} for name in ATTRIBUTES for key in name)),
    "from-attribute": attributes({"key": "copy", "from_attribute": "http.method", "action": "insert"}),
    "from-attribute-complex": attributes({"key": "copy", "from_attribute": "map", "action": "upsert"}),
    "from-attribute-default": attributes({"key": "copy", "from_attribute": "absent", "default_value": "none", "action": "upsert"}),
    "from-context": attributes({"key": "tenant", "from_context": "metadata.x-tenant", "action": "upsert"}),
    "from-context-plain": attributes({"key": "tenant", "from_context": "X-Tenant", "action": "upsert"}),
    "from-context-default": attributes({"key": "tenant", "from_context": "metadata.absent", "default_value": 7, "action": "upsert"}),
    "from-client-address": attributes({"key": "peer", "from_context": "client.address", "action": "insert"}),
    "many": attributes(
        {"key": "a", "value": 1, "action": "insert"}, {"key": "b", "from_attribute": "a", "action": "insert"},
        {"key": "a", "action": "delete"}, {"key": "b", "action": "convert", "converted_type": "string"},
        {"key": "b", "action": "hash"},
    ),
    "include-service": spans_only(MARK, include=strict(services=["cart", "5"])),
    "include-service-regexp": spans_only(MARK, include=regexp(services=["payment.*"])),
    "include-no-service": spans_only(MARK, include=regexp(services=["nil"])),
    "include-span-name": spans_only(MARK, include=strict(span_names=["span-1", "span-3"])),
    "exclude-span-name": spans_only(MARK, exclude=regexp(span_names=["[02]$"])),
    "include-kind": spans_only(MARK, include=strict(span_kinds=["SPAN_KIND_SERVER", "SPAN_KIND_CLIENT"])),
    "include-kind-regexp": spans_only(MARK, include=regexp(span_kinds=["UNSPECIFIED|PRODUCER"])),
    "include-attribute": attributes(MARK, include=strict(attributes=[{"key": "http.method", "value": "GET"}]), signals=["traces", "logs"]),
    "include-attribute-int": attributes(MARK, include=strict(attributes=[{"key": "http.status_code", "value": 200}]), signals=["traces", "logs"]),
    "include-attribute-any": attributes(MARK, include=strict(attributes=[{"key": "http.status_code"}]), signals=["traces", "logs"]),
    "include-attribute-list": attributes(
        MARK, include=strict(attributes=[{"key": "list2", "value": ["a", 1]}]), signals=["traces", "logs"],
    ),
    "include-attribute-regexp": attributes(
        MARK, include=regexp(attributes=[{"key": "http.status_code", "value": "^[25]0"}]), signals=["traces", "logs"],
    ),
    "include-attribute-regexp-kinds": attributes(
        MARK, include=regexp(attributes=[{"key": "big", "value": "^10+$"}, {"key": "minus", "value": "^-0$"}]), signals=["traces", "logs"],
    ),
    "include-resource": attributes(MARK, include=strict(resources=[{"key": "pid", "value": 17}]), signals=["traces", "logs"]),
    "include-resource-regexp": attributes(MARK, include=regexp(resources=[{"key": "edge", "value": "true"}]), signals=["traces", "logs"]),
    "include-library": attributes(MARK, include=strict(libraries=[{"name": "http", "version": "1.0"}]), signals=["traces", "logs"]),
    "include-library-unversioned": attributes(MARK, include=strict(libraries=[{"name": "sql", "version": ""}]), signals=["traces", "logs"]),
    "include-exclude": spans_only(MARK, include=regexp(services=["."]), exclude=strict(span_names=["span-1"])),
    "include-all-of-several": spans_only(MARK, include=strict(services=["cart"], span_names=["span-0", "span-4"])),
    "include-body": logs_only(MARK, include=strict(log_bodies=["started", "42", "1.25", "true"])),
    "include-body-regexp": logs_only(MARK, include=regexp(log_bodies=["user$", "login", "^\\["])),
    "include-severity-text": logs_only(MARK, include=strict(log_severity_texts=["ERROR"])),
    "include-severity-number": logs_only(MARK, include={"match_type": "strict", "log_severity_number": {"min": 9}}),
    "include-severity-undefined": logs_only(
        MARK, include={"match_type": "strict", "log_severity_number": {"min": 17, "match_undefined": True}},
    ),
    "include-metric": attributes(MARK, include=strict(metric_names=["gauge", "summary"]), signals=["metrics"]),
    "exclude-metric-regexp": attributes(MARK, exclude=regexp(metric_names=["histogram$"]), signals=["metrics"]),
    "resource-insert": resource({"key": "cluster", "value": "c1", "action": "insert"}, {"key": "pid", "value": 0, "action": "insert"}),
    "resource-upsert": resource({"key": "service.name", "value": "renamed", "action": "upsert"}),
    "resource-update": resource({"key": "service.version", "value": "2", "action": "update"}),
    "resource-delete": resource({"key": "host.name", "action": "delete"}, {"pattern": "^service", "action": "delete"}),
    "resource-hash": resource(*({"key": key, "action": "hash"} for name in RESOURCES for key in name)),
    "resource-extract": resource({"key": "service.version", "pattern": "^(?P<major>\\d+)\\.(?P<minor>\\d+)", "action": "extract"}),
    "resource-convert": resource({"key": "tags", "converted_type": "string", "action": "convert"}),
    "resource-from-attribute": resource({"key": "k8s.node", "from_attribute": "host.name", "action": "insert"}),
    "resource-from-context": resource({"key": "tenant", "from_context": "metadata.x-tenant", "action": "upsert"}),
}
BOTH = [(case, signal) for case, processors in CASES.items() for signal in processors["signals"]]
METADATA = (("x-tenant", "blue"), ("x-tenant", "green"))


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    binaries = {"weir": weir_binary(), "collector": collector_binary()}
    both = SideBySide(CASES, binaries, tmp_path_factory.mktemp("processors"))
    yield both
    both.stop()


def set_value(any_value, value):
    """Fills an AnyValue from what Python has for it."""
    if isinstance(value, list):
        any_value.array_value.SetInParent()
        for entry in value:
            set_value(any_value.array_value.values.add(), entry)
    elif isinstance(value, dict):
        any_value.kvlist_value.SetInParent()
        set_attributes(any_value.kvlist_value.values, value)
    elif value is not None:
        field = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}[type(value)]
        setattr(any_value, field, value)


def set_attributes(attributes_field, values):
    for key, value in values.items():
        entry = attributes_field.add(key=key)
        entry.value.SetInParent()
        set_value(entry.value, value)


def fill(list_of_resources, add_items):
    """Every resource with every scope with what `add_items` puts into it."""
    for values in RESOURCES:
        of_resource = list_of_resources.add()
        if values:
            set_attributes(of_resource.resource.attributes, values)
        for name, version in SCOPES:
            field = next(entry for entry in of_resource.DESCRIPTOR.fields if entry.name.startswith("scope"))
            of_scope = getattr(of_resource, field.name).add()
            if name:
                of_scope.scope.name, of_scope.scope.version = name, version
            add_items(of_scope)


def spans() -> ExportTraceServiceRequest:
    def add(scope):
        for number, values in enumerate(ATTRIBUTES):
            span = scope.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name=f"span-{number}", kind=number % 6)
            set_attributes(span.attributes, values)
            set_attributes(span.events.add(name="event").attributes, values)

    request = ExportTraceServiceRequest()
    fill(request.resource_spans, add)
    return request


def records() -> ExportLogsServiceRequest:
    def add(scope):
        for number, body in enumerate(BODIES):
            record = scope.log_records.add(severity_number=number * 3 % 24, severity_text=["INFO", "ERROR", ""][number % 3])
            set_value(record.body, body)
            set_attributes(record.attributes, ATTRIBUTES[number % len(ATTRIBUTES)])

    request = ExportLogsServiceRequest()
    fill(request.resource_logs, add)
    return request


def metrics() -> ExportMetricsServiceRequest:
    def add(scope):
        for kind in "gauge", "sum", "histogram", "exponential_histogram", "summary":
            metric = scope.metrics.add(name=kind, unit="1")
            for values in ATTRIBUTES:
                set_attributes(getattr(metric, kind).data_points.add(time_unix_nano=1).attributes, values)

    request = ExportMetricsServiceRequest()
    fill(request.resource_metrics, add)
    return request


@pytest.mark.parametrize("case,signal", BOTH, ids=lambda value: value)
def test_same_output(programs, case, signal):
    request = {"traces": spans, "logs": records, "metrics": metrics}[signal]()
    weir, collector = programs.both(case, signal, [request], METADATA)
    assert collector, "nothing came out of the Collector"
    assert len(weir) == len(collector)
    for ours, theirs in zip(weir, collector):
        assert ours == theirs
