# SPDX-License-Identifier: Apache-2.0
"""`weir send` against servers that behave and servers that do not: what it prints is what the server has."""

import re
import signal
import socket
import subprocess
import threading
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from support.collector import weir_binary
from support.process import free_port, wait_until

TOTALS = re.compile(
    r"sent (\d+) spans (\d+) logs, refused (\d+) spans (\d+) logs, failed (\d+) spans (\d+) logs, repeated (\d+) requests"
)
TRACES, LOGS = "traces", "logs"
REQUESTS = {
    TRACES: trace_service_pb2.ExportTraceServiceRequest,
    LOGS: logs_service_pb2.ExportLogsServiceRequest,
}
RESPONSES = {
    TRACES: trace_service_pb2.ExportTraceServiceResponse,
    LOGS: logs_service_pb2.ExportLogsServiceResponse,
}


def items_of(signal_name, request):
    if signal_name == TRACES:
        return [span for group in request.resource_spans for scope in group.scope_spans for span in scope.spans]
    return [log for group in request.resource_logs for scope in group.scope_logs for log in scope.log_records]


class Received:
    """What a server has answered OK, and how it is told to answer: `plan` gets (signal, number of the request from 1)
    and returns None for OK or a thing the server knows how to do instead."""

    def __init__(self, plan=lambda signal_name, number: None):
        self.plan = plan
        self.lock = threading.Lock()
        self.requests = 0
        self.times = []
        self.items = {TRACES: [], LOGS: []}

    def take(self, signal_name, body):
        request = REQUESTS[signal_name].FromString(body)
        with self.lock:
            self.requests += 1
            self.times.append(time.monotonic())
            instead = self.plan(signal_name, self.requests)
            if instead is None:
                self.items[signal_name] += items_of(signal_name, request)
        return instead

    @property
    def spans(self):
        return self.items[TRACES]

    @property
    def logs(self):
        return self.items[LOGS]


class GrpcServer:
    """`plan` may return a function of the call's context, which aborts, sleeps or gives a response of its own."""

    def __init__(self, received, port=0):
        self.received = received
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
        for signal_name, package, service in ((TRACES, "trace", "TraceService"), (LOGS, "logs", "LogsService")):
            name = f"opentelemetry.proto.collector.{package}.v1.{service}"
            export = grpc.unary_unary_rpc_method_handler(self._export(signal_name))
            self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": export}),))
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()

    def _export(self, signal_name):
        def export(body, context):
            instead = self.received.take(signal_name, body)
            answer = instead(context) if instead else None
            return (answer or RESPONSES[signal_name]()).SerializeToString()

        return export

    def stop(self):
        self.server.stop(0)


class HttpServer:
    """`plan` may return (status, headers, body)."""

    def __init__(self, received):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                signal_name = self.path.removeprefix("/v1/")
                assert self.headers["Content-Type"] == "application/x-protobuf"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                instead = received.take(signal_name, body)
                status, headers, answer = instead or (200, {"Content-Type": "application/x-protobuf"}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


SERVERS = {"grpc": GrpcServer, "http": HttpServer}


@pytest.fixture
def serve():
    """serve(protocol, received) -> server; all are stopped at the end."""
    started = []

    def start(protocol, received, **more):
        started.append(SERVERS[protocol](received, **more))
        return started[-1]

    yield start
    for server in started:
        server.stop()


class Sender:
    def __init__(self, port, *options):
        argv = [weir_binary(), "send", "--endpoint", f"127.0.0.1:{port}", "--seed", "7", *options]
        self.child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.output = self.errors = ""

    def wait(self, timeout=60):
        """The exit code. Never leaves the child behind."""
        try:
            self.output, self.errors = self.child.communicate(timeout=timeout)
        finally:
            self.child.kill()
        return self.child.returncode

    @property
    def totals(self):
        """Of the last line of totals: sent, refused, failed, each (spans, logs), and repeated."""
        numbers = [int(number) for number in TOTALS.findall(self.output)[-1]]
        return {"sent": (numbers[0], numbers[1]), "refused": (numbers[2], numbers[3]),
                "failed": (numbers[4], numbers[5]), "repeated": numbers[6]}


def counts(received):
    return (len(received.spans), len(received.logs))


def assert_everything_arrived_once(sender, received):
    assert sender.totals["sent"] == counts(received)
    assert sender.totals["refused"] == sender.totals["failed"] == (0, 0)
    span_ids = [(span.trace_id, span.span_id) for span in received.spans]
    assert len(set(span_ids)) == len(span_ids)
    assert {(log.trace_id, log.span_id) for log in received.logs} <= set(span_ids)


@pytest.mark.parametrize("protocol", SERVERS)
def test_all_visits_are_delivered(serve, protocol):
    received = Received()
    server = serve(protocol, received)
    sender = Sender(server.port, "--protocol", protocol, "--visits", "40", "--rate", "0")

    assert sender.wait() == 0

    assert len({span.trace_id for span in received.spans}) == 40
    assert sender.totals["repeated"] == 0
    assert_everything_arrived_once(sender, received)


def test_both_protocols_send_the_same_visits_for_a_seed(serve):
    spans = {}
    for protocol in SERVERS:
        received = Received()
        server = serve(protocol, received)
        assert Sender(server.port, "--protocol", protocol, "--visits", "10", "--rate", "0").wait() == 0
        spans[protocol] = sorted((span.span_id, span.name) for span in received.spans)
    assert spans["grpc"] == spans["http"]


def test_the_rate_is_kept(serve):
    received = Received()
    server = serve("grpc", received)
    start = time.monotonic()
    assert Sender(server.port, "--visits", "21", "--rate", "20").wait() == 0
    # 20 pauses of 50 ms; the upper end is generous because the machine may be busy.
    assert 0.95 < time.monotonic() - start < 5


def unavailable_with_delay(seconds, nanos=0):
    def abort(context):
        status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="full")
        status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos)))
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNAVAILABLE, "full")

    return abort


def test_retry_info_is_waited_for(serve):
    received = Received(lambda _, number: unavailable_with_delay(1, 200_000_000) if number == 1 else None)
    server = serve("grpc", received)
    sender = Sender(server.port, "--visits", "1")

    assert sender.wait() == 0

    assert received.times[-1] - received.times[0] >= 1.2
    assert sender.totals["repeated"] == 1
    assert_everything_arrived_once(sender, received)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(serve, status):
    received = Received(lambda _, number: (status, {"Retry-After": "1"}, b"") if number == 1 else None)
    server = serve("http", received)
    sender = Sender(server.port, "--protocol", "http", "--visits", "1")

    assert sender.wait() == 0

    assert received.times[1] - received.times[0] >= 0.99
    assert_everything_arrived_once(sender, received)


def test_unavailable_without_advice_is_tried_again(serve):
    def plan(_, number):
        return (lambda context: context.abort(grpc.StatusCode.UNAVAILABLE, "later")) if number <= 30 else None

    received = Received(plan)
    server = serve("grpc", received)
    sender = Sender(server.port, "--visits", "2", "--rate", "0")

    assert sender.wait() == 0

    assert "UNAVAILABLE: later" in sender.errors
    assert_everything_arrived_once(sender, received)


class CuttingProxy:
    """Passes bytes on to `port`; the first `cuts` connections are cut as soon as the client has sent something."""

    def __init__(self, port, cuts):
        self.target = port
        self.cuts_left = cuts
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.cuts_left > 0:
                self.cuts_left -= 1
                client.recv(1000)
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self.target))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
        except OSError:
            pass
        sink.close()

    def stop(self):
        self.listener.close()


@pytest.mark.parametrize("protocol", SERVERS)
def test_a_cut_connection_is_made_again(serve, protocol):
    received = Received()
    proxy = CuttingProxy(serve(protocol, received).port, cuts=3)
    sender = Sender(proxy.port, "--protocol", protocol, "--visits", "5", "--rate", "0")

    assert sender.wait() == 0
    proxy.stop()

    assert sender.totals["repeated"] > 0
    assert_everything_arrived_once(sender, received)


def test_a_server_that_closes_each_connection(serve):
    closing = (200, {"Content-Type": "application/x-protobuf", "Connection": "close"}, b"")
    received = Received()
    take = received.take
    received.take = lambda signal_name, body: take(signal_name, body) or closing
    server = serve("http", received)
    sender = Sender(server.port, "--protocol", "http", "--visits", "3", "--rate", "0")

    assert sender.wait() == 0

    assert_everything_arrived_once(sender, received)


def test_a_server_that_comes_late(serve):
    port = free_port()
    sender = Sender(port, "--visits", "3")
    time.sleep(0.5)
    received = Received()
    serve("grpc", received, port=port)

    assert sender.wait() == 0

    assert "Connection refused" in sender.errors
    assert_everything_arrived_once(sender, received)


def test_what_is_refused_for_good_is_counted_and_not_repeated(serve):
    def plan(signal_name, _):
        refuse = lambda context: context.abort(grpc.StatusCode.UNIMPLEMENTED, "no logs here")
        return refuse if signal_name == LOGS else None

    received = Received(plan)
    server = serve("grpc", received)
    sender = Sender(server.port, "--visits", "4", "--rate", "0")

    assert sender.wait() == 1

    assert sender.totals["sent"] == (len(received.spans), 0)
    assert sender.totals["refused"][0] == 0 and sender.totals["refused"][1] > 0
    assert sender.totals["repeated"] == 0
    assert "no logs here" in sender.errors


def test_partial_success_is_counted(serve):
    def refuse_two(_):
        response = RESPONSES[TRACES]()
        response.partial_success.rejected_spans = 2
        response.partial_success.error_message = "two are too old"
        return response

    received = Received(lambda signal_name, number: refuse_two if signal_name == TRACES and number == 1 else None)
    server = serve("grpc", received)
    # The order within a visit is traces first, so that request 1 is one for spans.
    sender = Sender(server.port, "--visits", "1")

    assert sender.wait() == 1

    assert sender.totals["refused"] == (2, 0)
    assert "two are too old" in sender.errors


def test_malformed_http_answers_do_not_hurt(serve):
    answers = {1: (200, {"Content-Type": "application/x-protobuf"}, b"\xff\xff\xff"),
               2: (400, {"Content-Type": "application/x-protobuf"}, b"\xff"),
               3: (500, {"Content-Type": "text/plain"}, b"x" * 60000)}
    received = Received(lambda _, number: answers.get(number))
    server = serve("http", received)
    sender = Sender(server.port, "--protocol", "http", "--visits", "3", "--rate", "0")

    assert sender.wait() == 1

    # Answer 1 is an OK with a body nobody can read; 2 and 3 are refusals. \xff is not for a terminal.
    assert "HTTP 400: ?" in sender.errors
    assert sum(sender.totals["sent"]) > sum(counts(received))
    assert sum(sender.totals["refused"]) > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_answers_come_in(serve, number):
    def slow(_):
        time.sleep(1)

    received = Received(lambda *_: None)
    take = received.take
    received.take = lambda signal_name, body: take(signal_name, body) or slow
    server = serve("grpc", received)
    sender = Sender(server.port, "--rate", "100")
    wait_until(lambda: received.requests > 0, what="the first request")
    sender.child.send_signal(number)

    assert sender.wait() == 0

    assert sender.totals["sent"][0] > 0
    assert_everything_arrived_once(sender, received)


def test_a_signal_ends_the_wait_for_a_server():
    sender = Sender(free_port())
    time.sleep(0.3)
    sender.child.send_signal(signal.SIGTERM)
    assert sender.wait(timeout=5) == 0
    assert sender.totals["sent"] == (0, 0)
    assert sender.totals["failed"][0] > 0


def test_totals_come_every_few_seconds_unless_quiet(serve):
    server = serve("grpc", Received())
    talking, quiet = Sender(server.port), Sender(server.port, "--quiet")
    time.sleep(6)
    for sender in (talking, quiet):
        sender.child.send_signal(signal.SIGINT)
        assert sender.wait() == 0
    assert len(TOTALS.findall(talking.output)) == 2
    assert len(TOTALS.findall(quiet.output)) == 1


@pytest.mark.parametrize("options, complaint", [
    (["--rate", "fast"], "--rate"),
    (["--rate", "-1"], "--rate"),
    (["--protocol", "udp"], "grpc or http"),
    (["--endpoint", "localhost"], "port"),
    (["--visits", "1.5"], "--visits"),
    (["--nonsense"], "nonsense"),
    (["more"], "more"),
])
def test_mistakes_on_the_command_line(options, complaint):
    done = subprocess.run([weir_binary(), "send", *options], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
