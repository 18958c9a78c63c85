# SPDX-License-Identifier: Apache-2.0
"""Requests for load tests: 100 spans of about 600 bytes each, built with the published OTLP classes."""
import random
import struct

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

ROUTES = ["/api/v1/orders/{id}", "/api/v1/cart", "/api/v1/products/{id}/reviews", "/healthz", "/api/v1/checkout"]
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Safari/537.36"


def any_value(value):
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(v) for v in value]))
    return AnyValue(string_value=value)


def put(attributes, **values):
    for key, value in values.items():
        attributes.append(KeyValue(key=key.replace("__", "."), value=any_value(value)))


def fill_span(span, rng, start, trace_id, parent):
    route = rng.choice(ROUTES)
    span.trace_id, span.span_id, span.parent_span_id = trace_id, rng.randbytes(8), parent
    span.name, span.kind, span.flags = "GET " + route, rng.choice([1, 2, 3]), 0x101
    span.start_time_unix_nano = start
    span.end_time_unix_nano = start + rng.randrange(200_000, 90_000_000)
    put(span.attributes, http__request__method="GET", http__route=route,
        url__path=route.replace("{id}", str(rng.randrange(10**6))), http__response__status_code=rng.choice([200, 200, 503]),
        server__address="checkout.shop.svc.cluster.local", server__port=8443, user_agent__original=AGENT,
        app__cache__hit=rng.random() < 0.5, app__queue__wait_ms=round(rng.expovariate(0.2), 4),
        http__request__header__accept=["application/json", "text/html"])
    event = span.events.add(time_unix_nano=start + 50_000, name="cache.lookup")
    put(event.attributes, cache__key="order:%d" % rng.randrange(10**8), cache__shard=rng.randrange(64))


def traces(seed=1, spans=100):
    rng = random.Random(seed)
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    put(resource_spans.resource.attributes, service__name="checkout", service__version="4.12.3", service__namespace="shop",
        deployment__environment__name="production", host__name="ip-10-2-31-117.internal",
        k8s__pod__name="checkout-7d9c5b6f4-x2x8q", process__pid=4121)
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name, scope_spans.scope.version = "io.opentelemetry.contrib.http", "1.42.0"
    for i in range(spans):
        if i % 5 == 0:
            trace_id, parent = rng.randbytes(16), b""
        span = scope_spans.spans.add()
        fill_span(span, rng, 1_790_000_000_000_000_000 + i * 1_000_000, trace_id, parent)
        parent = span.span_id
    return request.SerializeToString()


def grpc_frame(message):
    return struct.pack(">BI", 0, len(message)) + message
