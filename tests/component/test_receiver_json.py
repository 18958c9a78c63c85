# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON on the otlp receiver's HTTP port: what goes in comes out as protobuf, and every answer is JSON."""

import gzip
import json
import random
import socket
import zlib

import pytest
import requests
import zstandard
from google.protobuf import json_format
from google.rpc import error_details_pb2  # noqa: F401, what a Status may have in its details
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.generate import REQUESTS, Generator
from support.http_sink import Answer, HttpSink
from support.messages import as_the_collector_has_it
from support.otlp_json import JsonWriter, otlp_json
from support.process import free_port, wait_until
from support.raw import http_post, http_raw

FORWARD = """
exporters:
  otlphttp:
    endpoint: ${env:SINK}
    compression: none
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlphttp]}
    metrics: {receivers: [otlp], exporters: [otlphttp]}
    logs: {receivers: [otlp], exporters: [otlphttp]}
"""
NOWHERE = """
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
    logs: {receivers: [otlp], exporters: [nop]}
"""
TO_A_CLOSED_PORT = """
exporters:
  otlp:
    endpoint: 127.0.0.1:${env:BACKEND_PORT}
    tls: {insecure: true}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
"""
JSON = {"Content-Type": "application/json"}
POST = b"POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
ONE_LOG = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"}}]}]}]}'


def spans(count: int, name: str = "work") -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(1, count + 1):
        scope.spans.add(trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), name=name)
    return otlp_json(request)


def with_receiver(settings: str, config: str = NOWHERE) -> str:
    return f"receivers: {{otlp: {{protocols: {{http: {{{settings}}}}}}}}}\n" + config


def status_of(answer) -> Status:
    assert answer.headers["content-type"] == "application/json"
    return json_format.Parse(answer.body, Status())


COMPRESSORS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zlib": zlib.compress,
    "zstd": zstandard.compress,
    "": lambda text: text,
}


@pytest.mark.parametrize("encoding", COMPRESSORS)
def test_every_signal_arrives_as_protobuf(weir, encoding):
    with HttpSink() as sink, requests.Session() as session:
        program = weir(FORWARD, SINK=sink.endpoint)
        session.headers.update(JSON | ({"Content-Encoding": encoding} if encoding else {}))
        for signal, message in REQUESTS.items():
            generator, writer = Generator(f"7 {signal}"), JsonWriter(f"7 {signal}")
            for _ in range(20):
                request = message.FromString(generator.request(signal))
                sink.kept.clear()
                answer = session.post(f"{program.http_endpoint}/v1/{signal}",
                                      COMPRESSORS[encoding](writer.text(request).encode()))
                assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, "application/json", "{}")
                for kept in sink.kept:  # none if it has no items
                    assert kept.headers["content-type"] == "application/x-protobuf"
                    assert (as_the_collector_has_it(message, kept.raw) ==
                            as_the_collector_has_it(message, request.SerializeToString()))
        assert len(sink.requests) > 40


def test_json_is_counted_as_everything_over_http(weir):
    program = weir(NOWHERE)
    assert http_post(program.http_port, "/v1/traces", spans(5), JSON).http_status == 200
    assert http_post(program.http_port, "/v1/logs", ONE_LOG, JSON).http_status == 200
    assert http_post(program.http_port, "/v1/traces", spans(2)[:-1], JSON).http_status == 400
    assert http_post(program.http_port, "/v1/metrics", b"{}", JSON).http_status == 404
    assert program.metric("otelcol_receiver_accepted_spans", receiver="otlp", transport="http") == 5
    assert program.metric("otelcol_receiver_accepted_log_records", receiver="otlp", transport="http") == 1
    for outcome, count in ("accepted", 2), ("malformed", 1), ("not_served", 1):
        assert program.metric("weir_receiver_requests", transport="http", outcome=outcome) == count, outcome


def test_a_malformed_text_is_answered_with_where_and_what(weir):
    program = weir(NOWHERE)
    text = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102"}]}]}]}'
    answer = http_post(program.http_port, "/v1/traces", text, JSON)
    status = status_of(answer)
    assert (answer.http_status, status.code) == (400, 3)
    assert "offset" in status.message and "resourceSpans[0].scopeSpans[0].spans[0].traceId" in status.message


def test_the_connection_outlives_errors(weir):
    program = weir(NOWHERE)
    good, bad = (POST + b"Content-Length: %d\r\n\r\n%s" % (len(text), text) for text in (spans(1), b'{"resourceSpans":7}'))
    answers = http_raw(program.http_port, (good + bad) * 5, count=10)
    assert [answer.http_status for answer in answers] == [200, 400] * 5
    assert program.metric("otelcol_receiver_accepted_spans") == 5


def test_bodies_in_chunks_of_any_size(weir):
    program = weir(NOWHERE)
    text = spans(3000)
    for size in 1, 777, 100_000:
        some = text if size > 1 else spans(10)
        pieces = [some[at : at + size] for at in range(0, len(some), size)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        answer = http_raw(program.http_port, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")[0]
        assert (answer.http_status, answer.body) == (200, b"{}")
    assert program.metric("otelcol_receiver_accepted_spans") == 6010


def test_a_large_body(weir):
    program = weir(NOWHERE)
    text = spans(100_000)
    assert 5_000_000 < len(text) < 20_000_000
    assert http_post(program.http_port, "/v1/traces", text, JSON).http_status == 200
    assert program.metric("otelcol_receiver_accepted_spans") == 100_000
    wait_until(lambda: program.metric("weir_memory_account_used") == 0, 5, "memory is given back")


def test_the_limit_is_that_of_the_text(weir):
    program = weir(with_receiver("max_request_body_size: 1000"))
    answer = http_raw(program.http_port, POST + b"Content-Length: 1001\r\n\r\n")[0]
    assert (answer.http_status, status_of(answer).code) == (413, 8)
    answer = http_post(program.http_port, "/v1/traces", gzip.compress(spans(100)), {**JSON, "Content-Encoding": "gzip"})
    assert (answer.http_status, status_of(answer).code) == (413, 8)
    blanks = b" " * (1000 - len(ONE_LOG))
    assert http_post(program.http_port, "/v1/logs", blanks + ONE_LOG, JSON).http_status == 200


def test_who_must_wait_is_told_so_twice(weir):
    answer = Answer(503, b"", {"Retry-After": "7", "Content-Type": "text/plain"})
    with HttpSink(lambda request: answer) as sink:
        program = weir(FORWARD, SINK=sink.endpoint)
        told = http_post(program.http_port, "/v1/traces", spans(1), JSON)
    assert (told.http_status, told.headers["retry-after"]) == (429, "7")
    assert json.loads(told.body)["details"] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
    assert program.metric("otelcol_receiver_refused_spans", transport="http") == 1


def test_what_a_backend_refuses_for_good_is_told_in_json(weir):
    answer = Answer(400, b'{"code":3,"message":"no \\"spans\\" today"}', {"Content-Type": "application/json"})
    with HttpSink(lambda request: answer) as sink:
        told = http_post(weir(FORWARD, SINK=sink.endpoint).http_port, "/v1/traces", spans(1), JSON)
    assert told.http_status == 400
    assert 'no "spans" today' in status_of(told).message


@pytest.mark.parametrize("path, member, text", [
    ("/v1/traces", "rejectedSpans", spans(3)),
    ("/v1/logs", "rejectedLogRecords", b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{},{}]}]}]}'),
    ("/v1/metrics", "rejectedDataPoints",
     b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asInt":"1"},{"asInt":2}]}}]}]}]}'),
])
def test_a_partial_success_goes_through(weir, path, member, text):
    partial = b'{"partialSuccess":{"%s":"1","errorMessage":"too \\u00fcld"}}' % member.encode()
    with HttpSink(lambda request: Answer(200, partial, {"Content-Type": "application/json"})) as sink:
        told = http_post(weir(FORWARD, SINK=sink.endpoint).http_port, path, text, JSON)
    assert told.http_status == 200
    found = json.loads(told.body)["partialSuccess"]
    assert found[member] == "1" and "too üld" in found["errorMessage"]


def test_an_outcome_not_known_in_time(weir):
    program = weir(with_receiver("write_timeout: 500ms", TO_A_CLOSED_PORT), BACKEND_PORT=free_port())
    answer = http_post(program.http_port, "/v1/traces", spans(1), JSON)
    assert (answer.http_status, status_of(answer).code) == (503, 14)


def test_a_web_page_sends_json(weir):
    program = weir(with_receiver("cors: {allowed_origins: [http://app.example]}"))
    origin = {"Origin": "http://app.example"}
    question = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = http_post(program.http_port, "/v1/traces", b"", question, "OPTIONS")
    assert (allowed.http_status, allowed.headers["access-control-allow-headers"]) == (204, "content-type")
    for text, status in (spans(1), 200), (b"[", 400):
        answer = http_post(program.http_port, "/v1/traces", text, {**JSON, **origin})
        assert (answer.http_status, answer.headers["access-control-allow-origin"]) == (status, origin["Origin"])


def test_who_is_a_stranger_is_told_in_json(weir):
    program = weir('extensions: {basicauth: {htpasswd: {inline: "ann:good"}}}\n' +
                   with_receiver("auth: {authenticator: basicauth}") +
                   "  extensions: [basicauth, health_check]\n")
    answer = http_post(program.http_port, "/v1/traces", spans(1), JSON)
    assert (answer.http_status, status_of(answer).code) == (401, 16)


def test_garbage_is_refused_and_nothing_else(weir):
    """Whatever is sent, it is answered 200 or 400 in JSON, on connections that go on."""
    program = weir(NOWHERE)
    chance = random.Random(5)
    text = spans(3, name='a "b" \u00e9')
    with requests.Session() as session:
        session.headers.update(JSON)
        for number in range(1500):
            answer = session.post(f"{program.http_endpoint}/v1/traces", garbled(text, chance))
            assert answer.status_code in (200, 400), number
            assert answer.headers["content-type"] == "application/json"
            answer.json()
        assert session.post(f"{program.http_endpoint}/v1/traces", text).status_code == 200
    assert program.running
    assert program.metric("weir_memory_account_used") == 0


def garbled(text: bytes, chance) -> bytes:
    kind = chance.randrange(4)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        return text[: chance.randrange(len(text))]
    if kind == 2:
        return bytes(chance.choices(b'{}[]:,"\\u0129abcdefnrtl. -+eE\x00\xff\xf0', k=chance.randrange(300)))
    at = chance.randrange(len(text))
    return text[:at] + chance.randbytes(chance.randrange(1, 4)) + text[at + chance.randrange(3) :]


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(weir):
    program = weir(NOWHERE)
    for cut in 1, 100, 1000:
        with socket.create_connection(("127.0.0.1", program.http_port), timeout=10) as connection:
            connection.sendall(POST + b"Content-Length: 100000\r\n\r\n" + spans(100)[:cut])
    wait_until(lambda: program.metric("weir_memory_account_used") == 0, 5, "memory is given back")
    assert http_post(program.http_port, "/v1/traces", spans(1), JSON).http_status == 200
