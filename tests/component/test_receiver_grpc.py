# SPDX-License-Identifier: Apache-2.0
"""The otlp receiver's gRPC port: what clients see, with connections and streams under the test's own control."""

import base64
import signal
import time

import grpc as grpcio
import h2.events
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from support.process import free_port, wait_until
from support.raw import Http2Connection, framed, grpc

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]

NOWHERE = """
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
"""

# Nothing listens on BACKEND_PORT.
TO_A_CLOSED_PORT = """
exporters:
  otlp:
    endpoint: 127.0.0.1:${env:BACKEND_PORT}
    tls: {insecure: true}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
"""


def request_of(spans: int, name: str = "work") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(1, spans + 1):
        scope.spans.add(trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), name=name)
    return request


def body_of(spans: int, name: str = "work") -> bytes:
    return framed(request_of(spans, name).SerializeToString())


def with_receiver(settings: str, config: str = NOWHERE) -> str:
    indented = "".join(f"        {line}\n" for line in settings.strip().splitlines())
    return f"receivers:\n  otlp:\n    protocols:\n      grpc:\n{indented}" + config


def test_grpcio_is_answered_and_counted(weir):
    program = weir(NOWHERE)
    with grpcio.insecure_channel(program.grpc_endpoint) as channel:
        for compression in grpcio.Compression.NoCompression, grpcio.Compression.Gzip:
            answer = TraceServiceStub(channel).Export(request_of(3), timeout=10, compression=compression)
            assert answer == ExportTraceServiceResponse()
    assert program.metric("otelcol_receiver_accepted_spans", receiver="otlp", transport="grpc") == 6
    assert program.metric("weir_receiver_requests", receiver="otlp", transport="grpc", outcome="accepted") == 2


def test_a_malformed_message_names_offset_and_field(weir):
    answer = grpc(weir(NOWHERE).grpc_port, TRACES, framed(body_of(1)[5:-1]))
    assert answer.grpc_code == 3
    assert "offset" in answer.headers["grpc-message"]


def test_a_message_may_come_in_frames_of_one_byte(weir):
    with Http2Connection(weir(NOWHERE).grpc_port) as connection:
        stream = connection.start(TRACES, GRPC)
        for byte in body_of(1):
            connection.send(stream, bytes([byte]), end=False)
        connection.send(stream, b"", end=True)
        assert connection.answer(stream).grpc_code == 0


def test_streams_of_one_connection_do_not_mix(weir):
    program = weir(NOWHERE)
    with Http2Connection(program.grpc_port) as connection:
        streams = [connection.start(TRACES, GRPC) for _ in range(50)]
        halves = body_of(2)
        for part, end in (halves[:20], False), (halves[20:], True):
            for stream in streams:
                connection.send(stream, part, end)
        # Read in the reverse order: answers must not depend on who asks first.
        codes = [connection.answer(stream).grpc_code for stream in streams[:1]]
    assert codes == [0]
    wait_until(lambda: program.metric("otelcol_receiver_accepted_spans", transport="grpc") == 100, 10)


def test_a_reset_in_the_middle_of_a_message_harms_nobody_else(weir):
    program = weir(NOWHERE)
    with Http2Connection(program.grpc_port) as connection:
        lost = connection.start(TRACES, GRPC)
        connection.send(lost, body_of(9)[:50], end=False)
        connection.reset(lost)
        stream = connection.start(TRACES, GRPC)
        connection.send(stream, body_of(1))
        assert connection.answer(stream).grpc_code == 0
    assert program.metric("otelcol_receiver_accepted_spans", transport="grpc") == 1
    assert program.metric("weir_receiver_requests", transport="grpc", outcome="client_gone") == 1


def test_a_too_large_message_is_refused_before_it_is_sent(weir):
    program = weir(with_receiver("max_recv_msg_size_mib: 1"))
    with Http2Connection(program.grpc_port) as connection:
        stream = connection.start(TRACES, GRPC)
        connection.send(stream, b"\0" + (2**20 + 1).to_bytes(4, "big"), end=False)
        answer = connection.answer(stream)
        assert answer.grpc_code == 8
        stream = connection.start(TRACES, GRPC)
        connection.send(stream, body_of(1))
        assert connection.answer(stream).grpc_code == 0, "the connection goes on"


def test_the_answer_comes_before_the_clients_deadline(weir):
    program = weir(TO_A_CLOSED_PORT, BACKEND_PORT=free_port())
    with Http2Connection(program.grpc_port) as connection:
        begin = time.monotonic()
        stream = connection.start(TRACES, [*GRPC, ("grpc-timeout", "800m")])
        connection.send(stream, body_of(1))
        answer = connection.answer(stream)
        waited = time.monotonic() - begin
    assert answer.grpc_code == 14, "unavailable: the client may send it again"
    assert waited < 0.8


def test_the_memory_limit_refuses_with_a_delay(weir):
    limited = TO_A_CLOSED_PORT.replace("{receivers: [otlp],", "{receivers: [otlp], processors: [memory_limiter],")
    config = with_receiver("max_recv_msg_size_mib: 64", "processors: {memory_limiter: {check_interval: 1s, limit_mib: 32}}\n" + limited)
    program = weir(config, BACKEND_PORT=free_port())
    answer = grpc(program.grpc_port, TRACES, body_of(1, "x" * (40 << 20)))
    assert answer.grpc_code in (8, 14)
    details = answer.headers["grpc-status-details-bin"]
    status = Status.FromString(base64.b64decode(details + "=" * (-len(details) % 4)))
    assert status.code == answer.grpc_code
    assert retry_delay(status.details[0]) > 0


def retry_delay(detail: Any) -> float:
    info = RetryInfo()
    assert detail.Unpack(info)
    return info.retry_delay.seconds + info.retry_delay.nanos / 1e9


@pytest.mark.parametrize("service, expected", [(b"", 0), (b"\x0a\x04none", 5)], ids=["server", "unknown"])
def test_health_check(weir, service, expected):
    answer = grpc(weir(NOWHERE).grpc_port, "/grpc.health.v1.Health/Check", framed(service))
    assert answer.grpc_code == expected
    if expected == 0:
        assert answer.body == framed(b"\x08\x01"), "serving"


def goaways_of(connection: Http2Connection) -> list[int]:
    """Reads until the other side closes; the last stream id of each GOAWAY."""
    seen = []
    connection.h2.clear_outbound_data_buffer()
    try:
        while True:
            seen += [event.last_stream_id for event in connection.events()
                     if isinstance(event, h2.events.ConnectionTerminated)]
    except ConnectionError:
        return seen


def test_an_old_connection_is_sent_away_and_the_next_is_not(weir):
    program = weir(with_receiver("keepalive: {server_parameters: {max_connection_age: 300ms}}"))
    with Http2Connection(program.grpc_port) as connection:
        stream = connection.start(TRACES, GRPC)
        connection.send(stream, body_of(1))
        assert connection.answer(stream).grpc_code == 0
        goaways = goaways_of(connection)
    assert goaways, "closed without a GOAWAY"
    assert goaways[-1] == stream, "the last GOAWAY names the last request that was served"
    assert grpc(program.grpc_port, TRACES, body_of(1)).grpc_code == 0


def test_sigterm_says_goodbye_and_answers_what_is_in_flight(weir):
    program = weir(NOWHERE)
    with Http2Connection(program.grpc_port) as connection:
        stream = connection.start(TRACES, GRPC)
        connection.send(stream, body_of(1)[:30], end=False)
        time.sleep(0.2)
        program.signal(signal.SIGTERM)
        connection.events()
        connection.send(stream, body_of(1)[30:])
        assert connection.answer(stream).grpc_code == 0
    assert program.wait(timeout=20) == 0
