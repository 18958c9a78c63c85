# SPDX-License-Identifier: Apache-2.0
"""The otlp exporter against backends that misbehave: every answer OK must be found at the backend, and the books balance."""

import collections
import socket
import struct
import threading
import time

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from support.books import assert_balanced, printed_books
from support.load import GrpcClient, numbered
from support.process import free_port
from support.sink import Sink

CONFIG = """
exporters:
  otlp:
    endpoint: {endpoint}
    tls: {{insecure: true}}
    retry_on_failure: {{initial_interval: 100ms, max_interval: 300ms}}
    {more}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
"""


def config_for(endpoint, more="compression: gzip"):
    return CONFIG.format(endpoint=endpoint, more=more)


def send(program, numbers, timeout=10):
    client = GrpcClient(program)
    try:
        return client.send(numbered(numbers).SerializeToString(), timeout)
    finally:
        client.close()


def stop_balanced(program):
    program.stop_cleanly()
    books = printed_books(program)
    assert_balanced(books)
    return books["exporter", "otlp", "spans"]


def fail_first(count, fail):
    """An answer that calls fail(context) for the first `count` requests."""
    left = [count]
    lock = threading.Lock()

    def answer(_request, context):
        with lock:
            left[0] -= 1
            fails = left[0] >= 0
        if fails:
            fail(context)

    return answer


def throttle(context, seconds):
    info = any_pb2.Any()
    info.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=seconds)))
    status = status_pb2.Status(code=code_pb2.UNAVAILABLE, message="not now", details=[info])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNAVAILABLE, "not now")


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_delivers_headers_and_data(weir, compression):
    seen = {}
    with Sink(lambda request, context: seen.update(context.invocation_metadata())) as sink:
        more = f'compression: {compression}\n    headers: {{X-Tenant: "blue"}}'
        program = weir(config_for(sink.endpoint, more))
        assert send(program, range(1, 200)).ok
        assert sorted(sink.numbers()) == list(range(1, 200))
        assert seen["x-tenant"] == "blue"
        assert seen["user-agent"].startswith("weir/")
        assert stop_balanced(program)["sent"] == 199


def test_a_scheme_in_front_of_the_endpoint(weir):
    with Sink() as sink:
        program = weir(config_for(f"http://localhost:{sink.port}"))
        assert send(program, [1]).ok
        assert sink.numbers() == [1]


def test_unavailable_is_retried_behind_the_answer(weir):
    with Sink(fail_first(2, lambda context: context.abort(grpc.StatusCode.UNAVAILABLE, "away"))) as sink:
        program = weir(config_for(sink.endpoint))
        assert send(program, [1, 2, 3]).ok
        assert sink.numbers() == [1, 2, 3]
        assert sink.arrived == 3
        assert stop_balanced(program)["sent"] == 3


def test_retry_info_is_a_minimum(weir):
    with Sink(fail_first(1, lambda context: throttle(context, 2))) as sink:
        program = weir(config_for(sink.endpoint))
        started = time.monotonic()
        assert send(program, [1]).ok
        assert time.monotonic() - started >= 2
        assert sink.numbers() == [1]


def test_what_is_too_large_is_split(weir):
    def only_small(request, context):
        if request.ByteSize() > 5000:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max")

    with Sink(only_small) as sink:
        program = weir(config_for(sink.endpoint))
        assert send(program, range(1, 501)).ok
        assert sorted(sink.numbers()) == list(range(1, 501))
        assert stop_balanced(program)["sent"] == 500


def test_a_permanent_refusal_reaches_the_client_and_is_not_retried(weir):
    with Sink(lambda _, context: context.abort(grpc.StatusCode.INVALID_ARGUMENT, "never")) as sink:
        program = weir(config_for(sink.endpoint))
        answer = send(program, [1, 2])
        assert not answer.ok and answer.code != "UNAVAILABLE", answer
        assert sink.arrived == 1
        assert stop_balanced(program)["rejected"] == 2


def test_partial_success_is_booked(weir):
    def takes_two(_request, _context):
        return trace_service_pb2.ExportTraceServiceResponse(
            partial_success=trace_service_pb2.ExportTracePartialSuccess(rejected_spans=3, error_message="three were bad"))

    with Sink(takes_two) as sink:
        program = weir(config_for(sink.endpoint))
        send(program, [1, 2, 3, 4, 5])
        exporter = stop_balanced(program)
        assert (exporter["sent"], exporter["rejected"]) == (2, 3)


def test_wrong_credentials_hold_the_data_back(weir):
    with Sink(fail_first(3, lambda context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you"))) as sink:
        program = weir(config_for(sink.endpoint))
        assert send(program, [1]).ok
        assert sink.numbers() == [1]
        assert "who are you" in program.output()


def test_a_backend_that_comes_up_late(weir):
    port = free_port()
    program = weir(config_for(f"127.0.0.1:{port}"))
    assert send(program, [1], timeout=1).code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
    exporter = stop_balanced(program)
    assert exporter["returned"] == 1 and exporter["sent"] == 0


def test_a_slow_backend_times_out_and_is_tried_again(weir):
    slow = [True]

    def first_is_slow(_request, _context):
        if slow[0]:
            slow[0] = False
            time.sleep(2)

    with Sink(first_is_slow) as sink:
        program = weir(config_for(sink.endpoint, "timeout: 500ms"))
        assert send(program, [1]).ok
        assert set(sink.numbers()) == {1}
        assert sink.arrived >= 2


# ---- a server by hand, for what a well-behaved library cannot be made to do ----

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field without indexing (RFC 7541 section 6.2.2), short strings without Huffman coding."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def answer_ok(connection, stream):
    headers = b"\x88" + literal(b"content-type", b"application/grpc")
    connection.sendall(frame(HEADERS, 4, stream, headers) + frame(DATA, 0, stream, b"\0\0\0\0\0") +
                       frame(HEADERS, 5, stream, literal(b"grpc-status", b"0")))


class RawServer:
    """Speaks HTTP/2 frames; `behave(server, connection, number, stream)` decides what happens to a complete request. `number`
    counts the connections from 1."""

    def __init__(self, behave, port=0, settings=b"", answers_pings=True):
        self._behave = behave
        self._settings = settings
        self._answers_pings = answers_pings
        self._listener = socket.create_server(("127.0.0.1", port))
        self.endpoint = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.requests = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection, number):
        try:
            self._read(connection, number)
        except OSError:
            pass
        finally:
            connection.close()

    def _read(self, connection, number):
        stream_in = connection.makefile("rb")
        if stream_in.read(len(PREFACE)) != PREFACE:
            return
        connection.sendall(frame(SETTINGS, 0, 0, self._settings))
        while len(head := stream_in.read(9)) == 9:
            size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
            payload = stream_in.read(size)
            if kind == SETTINGS and not flags & 1:
                connection.sendall(frame(SETTINGS, 1, 0))
            elif kind == PING and not flags & 1 and self._answers_pings:
                connection.sendall(frame(PING, 1, 0, payload))
            elif kind in (DATA, HEADERS) and flags & 1:
                self.requests += 1
                if self._behave(connection, number, stream) == "close":
                    return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake a thread in accept()
        self._listener.close()


def goaway(last_stream):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last_stream, 0))


def test_goaway_below_the_request_sends_it_again_at_once(weir):
    def refuse_first_connection(connection, number, stream):
        if number == 1:
            connection.sendall(goaway(0))
            return None
        return answer_ok(connection, stream)

    with RawServer(refuse_first_connection) as server:
        program = weir(config_for(server.endpoint, "retry_on_failure: {initial_interval: 60s, max_interval: 60s}"))
        assert send(program, [1]).ok, "not after the backoff: the server has not looked at it"
        assert server.connections == 2
        assert stop_balanced(program)["sent"] == 1


def test_goaway_above_the_request_lets_it_finish(weir):
    def leave_politely(connection, _number, stream):
        connection.sendall(goaway(stream))
        time.sleep(0.2)
        answer_ok(connection, stream)

    with RawServer(leave_politely) as server:
        program = weir(config_for(server.endpoint))
        assert send(program, [1]).ok
        assert send(program, [2]).ok
        assert (server.connections, server.requests) == (2, 2)


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_reset_or_a_closed_connection_is_retried(weir, how):
    failed = []

    def fail_once(connection, _number, stream):
        if failed:
            return answer_ok(connection, stream)
        failed.append(stream)
        if how == "close":
            return "close"
        connection.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", 2)))
        return None

    with RawServer(fail_once) as server:
        program = weir(config_for(server.endpoint))
        assert send(program, [1]).ok
        assert server.requests == 2
        assert stop_balanced(program)["sent"] == 1


def test_a_backend_that_restarts_loses_nothing(weir):
    port = free_port()
    with RawServer(lambda connection, _number, stream: answer_ok(connection, stream) or "close", port):
        program = weir(config_for(f"127.0.0.1:{port}"))
        assert send(program, [1]).ok
    client = GrpcClient(program)
    answers = []
    sender = threading.Thread(target=lambda: answers.append(client.send(numbered([2]).SerializeToString(), 8)))
    sender.start()
    time.sleep(0.5)
    assert not answers, "it waits for the backend"
    with RawServer(lambda connection, _number, stream: answer_ok(connection, stream), port) as again:
        sender.join()
        assert answers[0].ok, answers
        assert again.requests == 1
    client.close()
    assert stop_balanced(program)["sent"] == 2


def test_a_connection_that_died_silently_is_found_by_a_ping(weir):
    def silent_at_first(connection, number, stream):
        if number > 1:
            answer_ok(connection, stream)

    with RawServer(silent_at_first, answers_pings=False) as server:
        more = "timeout: 60s\n    keepalive: {time: 500ms, timeout: 500ms}"
        program = weir(config_for(server.endpoint, more))
        assert send(program, [1]).ok, "long before the timeout"
        assert server.connections == 2
        assert stop_balanced(program)["sent"] == 1


def test_no_more_calls_at_once_than_the_server_allows(weir):
    # Every worker has a connection of its own.
    open_now, most, lock = collections.Counter(), collections.Counter(), threading.Lock()

    def one_after_the_other(connection, number, stream):
        with lock:
            open_now[number] += 1
            most[number] = max(most[number], open_now[number])

        def later():
            time.sleep(0.2)
            with lock:
                open_now[number] -= 1
                answer_ok(connection, stream)

        threading.Thread(target=later, daemon=True).start()

    max_streams_is_1 = struct.pack(">HI", 3, 1)
    with RawServer(one_after_the_other, settings=max_streams_is_1) as server:
        program = weir(config_for(server.endpoint))
        clients = [GrpcClient(program) for _ in range(8)]
        assert all(client.send(numbered([n]).SerializeToString()).ok for n, client in enumerate(clients, 1))  # the limit is known
        answers = []
        threads = [threading.Thread(target=lambda c=c, n=n: answers.append(c.send(numbered([n]).SerializeToString())))
                   for n, c in enumerate(clients, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer.ok for answer in answers] == [True] * 8
        assert set(most.values()) == {1} and server.requests == 16
        assert stop_balanced(program)["sent"] == 16


def test_an_answer_that_is_no_grpc_is_the_endpoints_fault(weir):
    answers = [b"\x8d", b"\x88"]  # 404, then 200 without a gRPC status: a web server

    def web_server(connection, _number, stream):
        if answers:
            connection.sendall(frame(HEADERS, 5, stream, answers.pop(0) + literal(b"content-type", b"text/html")))
        else:
            answer_ok(connection, stream)

    with RawServer(web_server) as server:
        program = weir(config_for(server.endpoint))
        assert send(program, [1]).ok
        assert server.requests == 3
        assert stop_balanced(program)["sent"] == 1


def test_something_that_does_not_speak_http2(weir):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def talk_nonsense():
            while True:
                try:
                    connection, _ = listener.accept()
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.close()
                except OSError:
                    return

        threading.Thread(target=talk_nonsense, daemon=True).start()
        program = weir(config_for(f"127.0.0.1:{listener.getsockname()[1]}"))
        assert send(program, [1], timeout=1).code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
        exporter = stop_balanced(program)
        assert exporter["sent"] == 0 and exporter["returned"] == 1


def test_debug_shows_a_span(weir):
    program = weir("""
exporters:
  debug: {verbosity: detailed}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
""")
    assert send(program, [7]).ok
    output = program.output()
    assert 'Traces\t{"resource spans": 1, "spans": 1}' in output
    assert "     -> service.name: Str(numbered)" in output
    assert "    ID             : 0000000000000007" in output
