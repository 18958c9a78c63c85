# SPDX-License-Identifier: Apache-2.0
"""What the Python SDK records, and how Jaeger is to show it."""

import json

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

## What is recorded

RESOURCE = {
    "service.version": "1.2.3-ü",
    "service.instance.id": "a-1",
    "process.pid": 4711,
    "deployment.fraction": 0.25,
    "deployment.canary": True,
    "host.ip": ["127.0.0.1", "::1"],
}
ATTRIBUTES = {
    "text": "Grüße, 世界 \"quoted\" \\ \n\t\u2028",
    "empty": "",
    "long": "x" * 40_000,
    "yes": True,
    "no": False,
    "zero": 0,
    "negative": -7,
    "int64.max": 2**63 - 1,
    "int64.min": -(2**63),
    "float": 0.1,
    "float.tiny": 5e-324,
    "float.whole": 3.0,
    "texts": ["a", "", "ü"],
    "numbers": [1, -2, 2**53],
    "floats": [0.5, -1.25],
    "flags": [True, False],
    "none": [],
}


def record_a_shop(service: str, exporter) -> list[ReadableSpan]:
    """Three traces with all that a span can have, into the exporter and beside it into memory."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": service, **RESOURCE}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=50))
    web = provider.get_tracer("shop.web", "2.0")
    queue = provider.get_tracer("shop.queue")

    with web.start_as_current_span("GET /cart", kind=SpanKind.SERVER, attributes=ATTRIBUTES, record_exception=False) as cart:
        cart.add_event("cache.miss", {"key": "cart/7", "tries": 2, "cold": True, "age": 1.5}, timestamp=cart.start_time + 5000)
        cart.add_event("cache.filled")
        cart.set_status(StatusCode.OK)
        with web.start_as_current_span("SELECT", kind=SpanKind.CLIENT):
            pass
        with web.start_as_current_span("render"):
            pass
    with pytest.raises(ZeroDivisionError), web.start_as_current_span("POST /order", kind=SpanKind.SERVER) as order:
        with queue.start_as_current_span("publish", kind=SpanKind.PRODUCER) as published:
            pass
        print(1 // 0)
    half_an_id = cart.get_span_context().trace_id % 2**64  # as tracers with ids of 64 bits make them
    remote = NonRecordingSpan(SpanContext(half_an_id, 0x1234, True, TraceFlags(1),
                                          TraceState([("vendor", "a1"), ("ot", "th:8")])))
    links = [Link(published.get_span_context(), {"messages": 3}), Link(order.get_span_context())]
    with queue.start_as_current_span("consume", set_span_in_context(remote), kind=SpanKind.CONSUMER, links=links) as consumed:
        consumed.set_status(Status(StatusCode.ERROR, "poison: 100 % ✗"))

    provider.shutdown()
    recorded = list(memory.get_finished_spans())
    assert len(recorded) == 6
    return recorded


## How Jaeger is to show it

KINDS = {
    SpanKind.INTERNAL: "internal", SpanKind.SERVER: "server", SpanKind.CLIENT: "client",
    SpanKind.PRODUCER: "producer", SpanKind.CONSUMER: "consumer",
}
LARGEST_EXACT = 2**53 - 1  # Jaeger writes larger numbers as text: browsers would round them


def tag_of(value) -> tuple:
    """(type, value) of an attribute."""
    if isinstance(value, (tuple, list)):
        return "string", json.loads(json.dumps(value))
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, int):
        return "int64", value if abs(value) <= LARGEST_EXACT else str(value)
    return ("float64", value) if isinstance(value, float) else ("string", value)


def tags_of(attributes) -> dict:
    return {key: tag_of(value) for key, value in (attributes or {}).items()}


def hex_ids(context) -> tuple:
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def key_of(span: ReadableSpan) -> tuple:
    return hex_ids(span.context)


def references_of(span: ReadableSpan) -> set:
    parent = {("CHILD_OF", *hex_ids(span.parent))} if span.parent else set()
    return parent | {("FOLLOWS_FROM", *hex_ids(link.context)) for link in span.links}


def status_tags_of(span: ReadableSpan) -> dict:
    code = span.status.status_code
    tags = {} if code is StatusCode.UNSET else {"otel.status_code": ("string", code.name)}
    if code is StatusCode.ERROR:
        tags["error"] = ("bool", True)
    if span.status.description:
        tags["otel.status_description"] = ("string", span.status.description)
    return tags


def scope_tags_of(span: ReadableSpan) -> dict:
    scope = span.instrumentation_scope
    fields = {"otel.scope.name": scope.name, "otel.scope.version": scope.version}
    return {key: ("string", value) for key, value in fields.items() if value}


def expected_of(span: ReadableSpan) -> dict:
    tags = {**tags_of(span.attributes), **status_tags_of(span), **scope_tags_of(span)}
    tags["span.kind"] = ("string", KINDS[span.kind])
    if span.context.trace_state:
        tags["w3c.tracestate"] = ("string", span.context.trace_state.to_header())
    process = tags_of(span.resource.attributes)
    return {
        "name": span.name,
        "start_us": span.start_time // 1000,
        "duration_us": (span.end_time - span.start_time) // 1000,
        "references": references_of(span),
        "tags": tags,
        "logs": [
            (event.timestamp // 1000, {"event": ("string", event.name), **tags_of(event.attributes)}) for event in span.events
        ],
        "service": process.pop("service.name")[1],
        "process": process,
    }


## What it shows


def plain_tags(tags: list) -> dict:
    """Lists are shown as JSON, without spaces: compared as lists."""
    assert len({tag["key"] for tag in tags}) == len(tags), "a tag twice"
    return {tag["key"]: (tag["type"], plain_value(tag)) for tag in tags}


def plain_value(tag: dict):
    is_list = tag["type"] == "string" and tag["value"].startswith("[")
    return json.loads(tag["value"]) if is_list else tag["value"]


def full_id(trace_id: str) -> str:
    """Jaeger leaves the upper half out when it is zero."""
    return trace_id.zfill(32)


def shown_by_jaeger(traces: list) -> dict:
    spans = [(span, trace["processes"][span["processID"]]) for trace in traces for span in trace["spans"]]
    shown = {
        (full_id(span["traceID"]), span["spanID"]): {
            "name": span["operationName"],
            "start_us": span["startTime"],
            "duration_us": span["duration"],
            "references": {(ref["refType"], full_id(ref["traceID"]), ref["spanID"]) for ref in span["references"]},
            "tags": plain_tags(span["tags"]),
            "logs": [(log["timestamp"], plain_tags(log["fields"])) for log in span["logs"]],
            "service": process["serviceName"],
            "process": plain_tags(process["tags"]),
        }
        for span, process in spans
    }
    assert len(shown) == len(spans), "a span twice"
    return shown
