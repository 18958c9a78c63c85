# SPDX-License-Identifier: Apache-2.0
"""The otlp receiver's HTTP port: what clients see, byte by byte where it matters."""

import gzip
import socket

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from support.http_sink import Answer, HttpSink
from support.process import free_port
from support.raw import Http2Connection, framed, http_post, http_raw

NOWHERE = """
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
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

FORWARD = """
exporters:
  otlphttp:
    endpoint: ${env:SINK}
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlphttp]}
"""

POST = b"POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-protobuf\r\n"


def body_of(spans: int) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(1, spans + 1):
        scope.spans.add(trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), name="work")
    return request.SerializeToString()


def with_receiver(settings: str, config: str = NOWHERE) -> str:
    indented = "".join(f"        {line}\n" for line in settings.strip().splitlines())
    return f"receivers:\n  otlp:\n    protocols:\n      http:\n{indented}" + config


def test_requests_are_counted_by_how_they_end(weir):
    program = weir(NOWHERE)
    assert http_post(program.http_port, "/v1/traces", body_of(2)).http_status == 200
    assert http_post(program.http_port, "/v1/traces", gzip.compress(body_of(3)), {"Content-Encoding": "gzip"}).http_status == 200
    assert http_post(program.http_port, "/v1/traces", b"\x0a").http_status == 400
    assert http_post(program.http_port, "/nowhere").http_status == 404
    assert program.metric("otelcol_receiver_accepted_spans", receiver="otlp", transport="http") == 5
    for outcome, count in ("accepted", 2), ("malformed", 1), ("not_served", 1):
        assert program.metric("weir_receiver_requests", transport="http", outcome=outcome) == count, outcome


def test_a_malformed_body_is_answered_with_a_status_that_names_offset_and_field(weir):
    answer = http_post(weir(NOWHERE).http_port, "/v1/traces", body_of(1)[:-1])
    assert (answer.http_status, answer.headers["content-type"]) == (400, "application/x-protobuf")
    assert "offset" in Status.FromString(answer.body).message


def test_a_signal_without_a_pipeline_is_not_found(weir):
    assert http_post(weir(NOWHERE).http_port, "/v1/logs").http_status == 404


def test_pipelined_requests_are_answered_in_order(weir):
    good = POST + b"Content-Length: %d\r\n\r\n%s" % (len(body_of(1)), body_of(1))
    bad = POST + b"Content-Length: 1\r\n\r\n\x0a"
    answers = http_raw(weir(NOWHERE).http_port, good + bad + good, count=3)
    assert [answer.http_status for answer in answers] == [200, 400, 200]


def test_expect_100_continue(weir):
    with socket.create_connection(("127.0.0.1", weir(NOWHERE).http_port), timeout=10) as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body_of(1)))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body_of(1))
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_too_large_body_is_refused_before_it_is_sent(weir):
    program = weir(with_receiver("max_request_body_size: 1000"))
    answer = http_raw(program.http_port, POST + b"Content-Length: 1001\r\n\r\n")[0]
    assert (answer.http_status, answer.kind) == (413, "Status of code 8")


def test_chunked_bodies_grow_up_to_the_limit(weir):
    program = weir(with_receiver("max_request_body_size: 200000"))
    body = body_of(3000)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at : at + 777]), body[at : at + 777]) for at in range(0, len(body), 777))
    assert http_raw(program.http_port, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")[0].http_status == 200
    assert program.metric("otelcol_receiver_accepted_spans", transport="http") == 3000


def test_wrong_method_names_the_right_one(weir):
    answer = http_post(weir(NOWHERE).http_port, "/v1/traces", method="GET")
    assert (answer.http_status, answer.headers["allow"]) == (405, "POST")


def test_configured_paths_and_headers(weir):
    program = weir(with_receiver('traces_url_path: in/traces\nresponse_headers: {X-Served-By: "weir"}'))
    answer = http_post(program.http_port, "/in/traces", body_of(1))
    assert (answer.http_status, answer.headers["x-served-by"]) == (200, "weir")
    assert http_post(program.http_port, "/v1/traces", body_of(1)).headers["x-served-by"] == "weir"
    assert http_post(program.http_port, "/v1/traces", body_of(1)).http_status == 404


def test_only_configured_compression_is_taken(weir):
    program = weir(with_receiver('compression_algorithms: ["", deflate]'))
    assert http_post(program.http_port, "/v1/traces", body_of(1)).http_status == 200
    assert http_post(program.http_port, "/v1/traces", gzip.compress(body_of(1)), {"Content-Encoding": "gzip"}).http_status == 400


def test_what_is_not_utf8_leaves_the_answer_readable(weir):
    """Protobuf's parsers refuse a message whole if one of its strings is not UTF-8."""
    program = weir(NOWHERE)
    answer = http_raw(program.http_port, POST + b"Content-Encoding: caf\xe9\r\nContent-Length: 0\r\n\r\n")[0]
    assert answer.http_status == 400
    assert Status.FromString(answer.body).message.endswith("caf?")


@pytest.mark.parametrize("padding", ["", "x"])
def test_a_reason_cut_inside_a_character_leaves_the_answer_readable(weir, padding):
    partial = ExportTraceServiceResponse()
    partial.partial_success.rejected_spans = 1
    partial.partial_success.error_message = padding + "\u00e9" * 500
    told = Answer(200, partial.SerializeToString(), {"Content-Type": "application/x-protobuf"})
    with HttpSink(lambda request: told) as sink:
        answer = http_post(weir(FORWARD, SINK=sink.endpoint).http_port, "/v1/traces", body_of(3))
    found = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert found.rejected_spans == 1 and "\u00e9" * 50 in found.error_message


def test_an_outcome_not_known_in_time_is_503(weir):
    program = weir(with_receiver("write_timeout: 500ms", TO_A_CLOSED_PORT), BACKEND_PORT=free_port())
    answer = http_post(program.http_port, "/v1/traces", body_of(1))
    assert (answer.http_status, answer.kind) == (503, "Status of code 14")


@pytest.mark.parametrize("as_grpc", [False, True], ids=["post", "grpc"])
def test_http2_with_prior_knowledge(weir, as_grpc):
    path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export" if as_grpc else "/v1/traces"
    kind = "application/grpc" if as_grpc else "application/x-protobuf"
    program = weir(NOWHERE)
    with Http2Connection(program.http_port) as connection:
        stream = connection.start(path, [("content-type", kind)])
        connection.send(stream, framed(body_of(1)) if as_grpc else body_of(1))
        answer = connection.answer(stream)
    assert (answer.http_status, answer.grpc_code) == (200, 0 if as_grpc else None)
    assert program.metric("otelcol_receiver_accepted_spans", transport="grpc" if as_grpc else "http") == 1


CORS = "cors: {allowed_origins: [http://app.example]}"
ORIGIN = {"Origin": "http://app.example"}


@pytest.mark.parametrize("with_http2", [False, True], ids=["http1", "http2"])
def test_a_browser_asks_before_it_sends(weir, with_http2):
    program = weir(with_receiver(CORS + "\nresponse_headers: {Access-Control-Max-Age: '60'}"))
    question = {**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    if with_http2:
        with Http2Connection(program.http_port) as connection:
            headers = [(name.lower(), value) for name, value in question.items()]
            answer = connection.answer(connection.start("/v1/traces", headers, "OPTIONS", end=True))
    else:
        answer = http_post(program.http_port, "/v1/traces", b"", question, "OPTIONS")
    assert (answer.http_status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert (answer.headers["access-control-allow-headers"], answer.headers["access-control-max-age"]) == ("content-type", "60")
    assert program.metric("weir_receiver_requests", transport="http", outcome="preflight") == 1


def test_a_web_page_can_read_that_it_must_wait(weir):
    program = weir(with_receiver(CORS + "\nwrite_timeout: 300ms", TO_A_CLOSED_PORT), BACKEND_PORT=free_port())
    answer = http_post(program.http_port, "/v1/traces", body_of(1), ORIGIN)
    assert (answer.http_status, answer.headers["access-control-allow-origin"]) == (503, ORIGIN["Origin"])
    assert answer.headers["vary"] == "Origin"


def test_without_cors_nothing_is_said_to_browsers(weir):
    program = weir(NOWHERE)
    answer = http_post(program.http_port, "/v1/traces", body_of(1), ORIGIN)
    assert not {"vary", "access-control-allow-origin"} & answer.headers.keys()
    question = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    assert http_post(program.http_port, "/v1/traces", b"", question, "OPTIONS").http_status == 405
