# SPDX-License-Identifier: Apache-2.0
"""The otlphttp exporter against backends and proxies that misbehave: every answer OK must be found at the backend, and
the books balance."""

import base64
import email.utils
import socket
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest
from google.rpc import status_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from support.books import assert_balanced, printed_books
from support.certificates import Authority
from support.http_sink import Answer, HttpSink, Proxy
from support.load import GrpcClient, numbered
from support.process import free_port

CONFIG = """
exporters:
  otlphttp:
    endpoint: {endpoint}
    retry_on_failure: {{initial_interval: 100ms, max_interval: 300ms}}
    {more}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlphttp]}}
"""
HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json"}


def config_for(endpoint, more="compression: gzip"):
    return CONFIG.format(endpoint=endpoint, more=more)


def send(program, numbers, timeout=10):
    client = GrpcClient(program)
    try:
        return client.send(numbered(numbers).SerializeToString(), timeout)
    finally:
        client.close()


def send_many(program, count, first=1):
    """Requests of one span each, all at the same time; their answers."""
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(send(program, [n]))) for n in range(first, first + count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def stop_balanced(program):
    program.stop_cleanly()
    books = printed_books(program)
    assert_balanced(books)
    return books["exporter", "otlphttp", "spans"]


def first_answers(*answers):
    """Gives these answers, one request after the other, then OK."""
    left = list(answers)
    lock = threading.Lock()

    def answer(_request):
        with lock:
            return left.pop(0) if left else None

    return answer


def status_body(message):
    return status_pb2.Status(code=3, message=message).SerializeToString()


# ---- what is sent ----


@pytest.mark.parametrize("compression", ["gzip", "zstd", "zlib", "deflate", "none", '""'])
def test_delivers_headers_and_data(weir, compression):
    with HttpSink() as sink:
        more = f'compression: {compression}\n    headers: {{X-Tenant: "blue", X-Empty: ""}}'
        program = weir(config_for(sink.endpoint, more))
        assert send(program, range(1, 200)).ok
        assert sorted(sink.numbers()) == list(range(1, 200))
        [request] = sink.requests
        assert request.path == "/v1/traces"
        assert request.headers["content-type"] == "application/x-protobuf"
        assert request.headers["x-tenant"] == "blue" and request.headers["x-empty"] == ""
        assert request.headers["user-agent"].startswith("weir/")
        assert request.headers.get("content-encoding") == (compression if compression not in ("none", '""') else None)
        assert "expect" not in request.headers
        assert stop_balanced(program)["sent"] == 199


@pytest.mark.parametrize("compression, level", [("gzip", 9), ("gzip", -2), ("zstd", 22), ("zstd", -3)])
def test_a_compression_level(weir, compression, level):
    with HttpSink() as sink:
        program = weir(config_for(sink.endpoint, f"compression: {compression}\n    compression_params: {{level: {level}}}"))
        assert send(program, range(1, 200)).ok
        assert sorted(sink.numbers()) == list(range(1, 200))


def test_a_batch_of_several_megabytes_arrives_whole(weir):
    with HttpSink() as sink:
        program = weir(config_for(sink.endpoint, "compression: none\n    write_buffer_size: 16KiB"))
        client = GrpcClient(program)
        assert client.send(numbered(range(1, 100), padding=3_000_000).SerializeToString(), 20).ok
        client.close()
        assert sink.numbers() == list(range(1, 100))
        assert len(sink.requests[0].raw) > 3_000_000


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_json(weir, compression):
    with HttpSink() as sink:
        program = weir(config_for(sink.endpoint, f"encoding: json\n    compression: {compression}"))
        client = GrpcClient(program)
        assert client.send(numbered(range(1, 5000), padding=1_000_000).SerializeToString(), 20).ok
        client.close()
        assert sink.numbers() == list(range(1, 5000))
        assert sink.requests[0].headers["content-type"] == "application/json"
        assert stop_balanced(program)["sent"] == 4999


def test_json_that_needs_more_memory_than_the_limit_is_sent_all_the_same(weir):
    """What has been admitted can always finish."""
    config = """
processors:
  memory_limiter: {limit_mib: 8, check_interval: 1s}
exporters:
  otlphttp: {endpoint: ENDPOINT, encoding: json, compression: none, sending_queue: {enabled: false}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter], exporters: [otlphttp]}
"""
    with HttpSink() as sink:
        program = weir(config.replace("ENDPOINT", sink.endpoint))
        client = GrpcClient(program)
        assert client.send(numbered(range(1, 50000)).SerializeToString(), 20).ok
        client.close()
        assert len(sink.requests[0].raw) > 8 << 20
        program.stop_cleanly()


def test_an_endpoint_for_one_signal_is_used_as_it_is(weir):
    with HttpSink() as sink:
        program = weir(config_for("http://127.0.0.1:9", f"traces_endpoint: {sink.endpoint}/some/where?tenant=1"))
        assert send(program, [1]).ok
        assert sink.requests[0].path == "/some/where?tenant=1"


def test_a_path_and_a_slash_at_the_end_of_the_endpoint(weir):
    with HttpSink() as sink:
        program = weir(config_for(sink.endpoint + "/otlp/"))
        assert send(program, [1]).ok
        assert sink.requests[0].path == "/otlp/v1/traces"


def test_ipv6(weir):
    with HttpSink(host="::1") as sink:
        program = weir(config_for(f'"{sink.endpoint}"'))
        assert send(program, [1]).ok
        assert sink.numbers() == [1]


def test_a_name_is_looked_up(weir):
    with HttpSink() as sink:
        program = weir(config_for(f"http://localhost:{sink.port}"))
        assert send(program, [1]).ok
        assert sink.requests[0].headers["host"] == f"localhost:{sink.port}"


# ---- connections ----


def test_connections_are_kept(weir):
    with HttpSink() as sink:
        program = weir(config_for(sink.endpoint), GOMAXPROCS=1)
        for number in range(1, 11):
            assert send(program, [number]).ok
        assert sorted(sink.numbers()) == list(range(1, 11))
        assert sink.connections <= 2, "one for each worker"


def test_without_keep_alive_every_request_has_its_own(weir):
    with HttpSink() as sink:
        program = weir(config_for(sink.endpoint, "disable_keep_alives: true"))
        for number in range(1, 5):
            assert send(program, [number]).ok
        assert sink.connections == 4
        assert all(request.headers["connection"] == "close" for request in sink.requests)


def test_no_more_connections_than_allowed(weir):
    def slow(_request):
        time.sleep(0.1)

    with HttpSink(slow) as sink:
        program = weir(config_for(sink.endpoint, "max_conns_per_host: 1\n    sending_queue: {num_consumers: 20}"))
        assert all(answer.ok for answer in send_many(program, 12))
        assert sink.connections <= 2, "one for each worker"
        assert sorted(sink.numbers()) == list(range(1, 13))


def test_many_at_the_same_time_on_all_workers(weir):
    with HttpSink() as sink:
        program = weir(config_for(sink.endpoint, "sending_queue: {num_consumers: 16}"))
        assert all(answer.ok for answer in send_many(program, 60))
        assert sorted(sink.numbers()) == list(range(1, 61))
        assert stop_balanced(program)["sent"] == 60


def test_cookies_come_back(weir):
    def set_cookie(_request):
        return Answer(headers={"Set-Cookie": "session=42; Path=/"})

    with HttpSink(set_cookie) as sink:
        program = weir(config_for(sink.endpoint, "cookies:"))
        for number in range(1, 6):
            assert send(program, [number]).ok
        assert any(request.headers.get("cookie") == "session=42" for request in sink.requests)


def test_cookies_are_not_kept_unless_asked(weir):
    with HttpSink(lambda _request: Answer(headers={"Set-Cookie": "session=42; Path=/"})) as sink:
        program = weir(config_for(sink.endpoint))
        for number in range(1, 4):
            assert send(program, [number]).ok
        assert not any("cookie" in request.headers for request in sink.requests)


def test_a_kept_connection_that_the_server_closed_is_no_failure(weir):
    class Closing:
        """Answers one request per connection and closes it without having said so."""

        def __init__(self):
            self.requests = 0
            self.listener = socket.create_server(("127.0.0.1", 0))
            threading.Thread(target=self.run, daemon=True).start()

        def run(self):
            while True:
                try:
                    connection, _ = self.listener.accept()
                except OSError:
                    return
                with connection, connection.makefile("rb") as stream:
                    length = 0
                    while (line := stream.readline()) not in (b"\r\n", b""):
                        if line.lower().startswith(b"content-length:"):
                            length = int(line.split(b":")[1])
                    stream.read(length)
                    self.requests += 1
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = Closing()
    retry = "retry_on_failure: {initial_interval: 60s, max_interval: 60s}"
    program = weir(CONFIG.replace("retry_on_failure: {{initial_interval: 100ms, max_interval: 300ms}}", "").format(
        endpoint=f"http://127.0.0.1:{server.listener.getsockname()[1]}", more=retry))
    for number in range(1, 6):
        assert send(program, [number]).ok, "at once, not after the backoff"
        time.sleep(0.05)
    assert server.requests == 5
    server.listener.close()


# ---- answers ----


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_unavailable_is_retried_behind_the_answer(weir, status):
    with HttpSink(first_answers(Answer(status), Answer(status))) as sink:
        program = weir(config_for(sink.endpoint))
        assert send(program, [1, 2, 3]).ok
        assert sink.numbers() == [1, 2, 3]
        assert len(sink.requests) == 3
        assert stop_balanced(program)["sent"] == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_a_minimum(weir, form):
    value = "2" if form == "seconds" else email.utils.formatdate(time.time() + 4, usegmt=True)
    with HttpSink(first_answers(Answer(503, headers={"Retry-After": value}))) as sink:
        program = weir(config_for(sink.endpoint))
        started = time.monotonic()
        assert send(program, [1]).ok
        assert time.monotonic() - started >= 1.9
        assert sink.numbers() == [1]


def test_what_is_too_large_is_split(weir):
    def only_small(request):
        return Answer(413) if len(request.raw) > 5000 else None

    with HttpSink(only_small) as sink:
        program = weir(config_for(sink.endpoint, "compression: none"))
        assert send(program, range(1, 501)).ok
        assert sorted(sink.numbers()) == list(range(1, 501))
        assert stop_balanced(program)["sent"] == 500


@pytest.mark.parametrize("headers, body", [
    ({"Content-Type": "application/x-protobuf"}, status_body("a bad span")),
    (JSON, b'{"code": 3, "message": "a bad span"}'),
    ({"Content-Type": "text/plain"}, b"a bad span\n"),
])
def test_a_permanent_refusal_reaches_the_client_with_its_reason_and_is_not_retried(weir, headers, body):
    with HttpSink(lambda _request: Answer(400, body, headers)) as sink:
        program = weir(config_for(sink.endpoint))
        answer = send(program, [1, 2])
        assert not answer.ok and answer.code != "UNAVAILABLE", answer
        assert len(sink.requests) == 1
        assert "a bad span" in program.output()
        assert stop_balanced(program)["rejected"] == 2


@pytest.mark.parametrize("headers, body", [
    ({"Content-Type": "application/x-protobuf"},
     trace_service_pb2.ExportTraceServiceResponse(partial_success=trace_service_pb2.ExportTracePartialSuccess(
         rejected_spans=3, error_message="three were bad")).SerializeToString()),
    (JSON, b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "three were bad"}}'),
])
def test_partial_success_is_booked(weir, headers, body):
    with HttpSink(lambda _request: Answer(200, body, headers)) as sink:
        program = weir(config_for(sink.endpoint))
        send(program, [1, 2, 3, 4, 5])
        exporter = stop_balanced(program)
        assert (exporter["sent"], exporter["rejected"]) == (2, 3)


@pytest.mark.parametrize("answer", [Answer(202), Answer(204, headers={}), Answer(200, b"ok", {"Content-Type": "text/plain"}),
                                    Answer(200, b"\xff\xff"), Answer(200, b"{", JSON)])
def test_any_success_is_one(weir, answer):
    with HttpSink(lambda _request: answer) as sink:
        program = weir(config_for(sink.endpoint))
        assert send(program, [1]).ok
        assert len(sink.requests) == 1
        assert stop_balanced(program)["sent"] == 1


@pytest.mark.parametrize("answer, text", [
    (Answer(401, b"who are you", {"Content-Type": "text/plain"}), "who are you"),
    (Answer(403), "HTTP 403"),
    (Answer(404), "HTTP 404"),
    (Answer(301, headers={"Location": "https://elsewhere.example/v1/traces"}), "https://elsewhere.example/v1/traces"),
    (Answer(200, b"<html><title>Please log in</title></html>", HTML), "Please log in"),
    (Answer(400, b"<html><body><h1>Bad Gateway Setup</h1></body></html>", HTML), "Bad Gateway Setup"),
])
def test_what_only_a_person_can_mend_holds_the_data_back_and_is_said(weir, answer, text):
    with HttpSink(first_answers(answer, answer)) as sink:
        program = weir(config_for(sink.endpoint))
        assert send(program, [1]).ok
        assert sink.numbers()[-1] == 1
        assert len(sink.requests) == 3
        assert text in program.output()
        assert "elsewhere" not in [request.headers["host"] for request in sink.requests]


# ---- failures ----


def test_a_backend_that_comes_up_late(weir):
    port = free_port()
    program = weir(config_for(f"http://127.0.0.1:{port}"))
    assert send(program, [1], timeout=1).code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
    with HttpSink(port=port) as sink:
        assert send(program, [2]).ok
        assert 2 in sink.numbers()
        stop_balanced(program)


def test_a_slow_backend_times_out_and_is_tried_again(weir):
    slow = [True]

    def first_is_slow(_request):
        if slow[0]:
            slow[0] = False
            time.sleep(2)

    with HttpSink(first_is_slow) as sink:
        program = weir(config_for(sink.endpoint, "timeout: 500ms"))
        assert send(program, [1]).ok
        assert set(sink.numbers()) == {1}
        assert len(sink.requests) >= 2


def test_a_connection_closed_without_an_answer_is_retried(weir):
    with HttpSink(first_answers("close", "close")) as sink:
        program = weir(config_for(sink.endpoint))
        assert send(program, [1]).ok
        assert sink.numbers() == [1]
        assert stop_balanced(program)["sent"] == 1


def test_an_ok_whose_body_breaks_off_is_an_ok(weir):
    """The status has said it; sending again would double the data."""
    with HttpSink(lambda _request: Answer(200, b"x" * 1000, cut_at=10)) as sink:
        program = weir(config_for(sink.endpoint))
        assert send(program, [1]).ok
        assert len(sink.requests) == 1


def test_an_endless_answer_is_not_read(weir):
    with HttpSink(first_answers(Answer(503, b"x" * 10_000_000))) as sink:
        program = weir(config_for(sink.endpoint))
        assert send(program, [1]).ok
        assert sink.numbers() == [1]


def test_something_that_does_not_speak_http(weir):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def talk_nonsense():
            while True:
                try:
                    connection, _ = listener.accept()
                    connection.sendall(b"220 mail.example ESMTP\r\n")
                    connection.close()
                except OSError:
                    return

        threading.Thread(target=talk_nonsense, daemon=True).start()
        program = weir(config_for(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        assert send(program, [1], timeout=1).code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
        exporter = stop_balanced(program)
        assert exporter["sent"] == 0 and exporter["returned"] == 1


def test_what_is_under_way_at_the_end_is_given_up(weir):
    hold = threading.Event()
    with HttpSink(lambda _request: hold.wait(30)) as sink:
        program = weir(config_for(sink.endpoint, "timeout: 60s"))
        assert send(program, [1], timeout=1).code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
        exporter = stop_balanced(program)
        assert exporter["returned"] == 1
        hold.set()


# ---- proxies ----


def test_a_configured_proxy_is_used_also_for_this_machine(weir):
    with HttpSink() as sink, Proxy() as proxy:
        secret = proxy.url.replace("http://", "http://user:word@")
        program = weir(config_for(sink.endpoint, f"proxy_url: {secret}"))
        assert send(program, [1]).ok
        assert sink.numbers() == [1]
        line, credentials = proxy.seen[0]
        assert line.startswith(f"POST {sink.endpoint}/v1/traces ")
        assert credentials == "Basic " + base64.b64encode(b"user:word").decode()
        assert "word@" not in program.output()


def test_the_environments_proxy_is_not_used_for_this_machine(weir):
    with HttpSink() as sink, Proxy() as proxy:
        program = weir(config_for(sink.endpoint), HTTP_PROXY=proxy.url, http_proxy=proxy.url)
        assert send(program, [1]).ok
        assert not proxy.seen


@pytest.mark.parametrize("exceptions, is_used", [("", True), ("example.test", False), ("other.test,.test", False)])
def test_the_environments_proxy(weir, exceptions, is_used):
    with Proxy(status=403) as proxy:
        program = weir(config_for("http://backend.example.test:4318"), HTTP_PROXY=proxy.url, NO_PROXY=exceptions)
        assert not send(program, [1], timeout=2).ok
        assert bool(proxy.seen) == is_used


def test_a_proxy_that_refuses_a_tunnel_is_the_endpoints_fault(weir):
    with Proxy(status=407) as proxy:
        program = weir(config_for("https://backend.example.test", f"proxy_url: {proxy.url}"))
        assert not send(program, [1], timeout=2).ok
        assert proxy.seen[0][0].startswith("CONNECT backend.example.test:443 ")
        assert "407" in program.output()
        assert stop_balanced(program)["returned"] == 1


# ---- TLS ----


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


def server_context(identity, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_tls_with_a_private_authority(weir, authority):
    with HttpSink(tls=server_context(authority.issue("server"))) as sink:
        program = weir(config_for(sink.endpoint, f"tls: {{ca_file: {authority.cert}, min_version: '1.3'}}"))
        assert send(program, [1]).ok
        assert sink.numbers() == [1]


def test_tls_with_suites_and_curves_of_ones_own(weir, authority):
    context = server_context(authority.issue("server"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    chosen = []
    with HttpSink(lambda _request: None, tls=context) as sink:
        original = sink._server.process_request_thread

        def note(request, address):
            request.do_handshake()
            chosen.append(request.cipher()[0])
            original(request, address)

        sink._server.process_request_thread = note
        more = (f"tls: {{ca_file: {authority.cert}, cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256], "
                "curve_preferences: [X25519MLKEM768, X25519, P256]}")
        program = weir(config_for(sink.endpoint, "MORE").replace("MORE", more))
        assert send(program, [1]).ok
        assert chosen == ["ECDHE-ECDSA-CHACHA20-POLY1305"]


def test_tls_with_suites_of_1_3_alone_speaks_nothing_older(weir, authority):
    context = server_context(authority.issue("server"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with HttpSink(tls=context) as sink:
        program = weir(config_for(sink.endpoint, f"tls: {{ca_file: {authority.cert}, cipher_suites: [TLS_AES_128_GCM_SHA256]}}"))
        assert not send(program, [1], timeout=1).ok
        assert not sink.requests
        assert "version" in program.output()


def test_tls_with_certificates_in_the_configuration(weir, authority):
    identity = authority.issue("client")
    with HttpSink(tls=server_context(authority.issue("server"), authority.cert)) as sink:
        more = ("tls: {ca_pem: '${env:CA}', cert_pem: '${env:CERT}', key_pem: '${env:KEY}'}")
        program = weir(config_for(sink.endpoint, "XX").replace("XX", more), CA=authority.cert.read_text(),
                       CERT=identity.cert.read_text(), KEY=identity.key.read_text())
        assert send(program, [1]).ok
        assert sink.numbers() == [1]


@pytest.mark.parametrize("more, reason", [
    ("tls: {}", "certificate"),
    ("tls: {insecure: true}", "certificate"),
    ("tls: {ca_file: CA, server_name_override: other.test}", "other.test"),
    ("tls: {ca_file: CA, max_version: '1.2'}", "version"),
])
def test_tls_refuses_what_it_cannot_trust(weir, authority, more, reason):
    context = server_context(authority.issue("server"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with HttpSink(tls=context) as sink:
        program = weir(config_for(sink.endpoint, more.replace("CA", str(authority.cert))))
        assert not send(program, [1], timeout=1).ok
        assert not sink.requests
        assert reason in program.output()


@pytest.mark.parametrize("more", ["insecure_skip_verify: true", "ca_file: CA, server_name_override: other.test"])
def test_tls_to_a_server_with_another_name(weir, authority, more):
    with HttpSink(tls=server_context(authority.issue("server", "DNS:other.test"))) as sink:
        program = weir(config_for(sink.endpoint, f"tls: {{{more.replace('CA', str(authority.cert))}}}"))
        assert send(program, [1]).ok
        assert sink.requests[0].headers["host"] == f"127.0.0.1:{sink.port}"


def test_mutual_tls_and_renewed_certificates(weir, authority, tmp_path):
    identity = authority.issue("client")
    cert, key = tmp_path / "client.crt", tmp_path / "client.key"
    identity.replace(cert, key)
    seen = []

    def answer(_request):
        return Answer(headers={"Connection": "close"})

    context = server_context(authority.issue("server"), authority.cert)
    with HttpSink(answer, tls=context) as sink:
        original = sink._server.process_request_thread

        def note(request, address):
            request.do_handshake()
            seen.append(request.getpeercert()["serialNumber"])
            original(request, address)

        sink._server.process_request_thread = note
        tls = f"tls: {{ca_file: {authority.cert}, cert_file: {cert}, key_file: {key}}}"
        program = weir(config_for(sink.endpoint, tls))
        assert send(program, [1]).ok
        renewed = authority.issue("client")
        renewed.replace(cert, key)
        assert send(program, [2]).ok
        assert [int(number, 16) for number in seen] == [int(identity.serial(), 16), int(renewed.serial(), 16)]


def test_tls_through_a_proxy(weir, authority):
    with HttpSink(tls=server_context(authority.issue("server"))) as sink, Proxy() as proxy:
        program = weir(config_for(sink.endpoint, f"proxy_url: {proxy.url}\n    tls: {{ca_file: {authority.cert}}}"))
        assert send(program, [1]).ok
        assert sink.numbers() == [1]
        assert proxy.seen[0][0] == f"CONNECT 127.0.0.1:{sink.port} HTTP/1.1"


@pytest.mark.parametrize("more, message", [
    ("tls: {ca_file: /nowhere/ca.crt}", "/nowhere/ca.crt"),
    ("compression: snappy", "zstd"),
    ("compression_params: {level: 99}", "level 99"),
    ("logs_endpoint: localhost:4318", "logs_endpoint"),
])
def test_what_cannot_work_is_said_at_the_start(weir, more, message):
    program = weir(config_for("http://localhost:4318", more), start=False)
    with pytest.raises(AssertionError):
        program.start(timeout=5)
    assert message in program.output()


class Http2Server:
    """HTTP/2 over TLS: answers every complete request with an empty 200. Says how many connections and requests it had,
    and what :authority they named."""

    def __init__(self, context):
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.connections, self.strangers, self.requests = 0, 0, []
        self._listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except ssl.SSLError:
                continue
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        state.initiate_connection()
        connection.sendall(state.data_to_send())
        try:
            self._answer(connection, state)
        except h2.exceptions.ProtocolError:
            self.strangers += 1  # HTTP/1.1
        except OSError:
            pass
        finally:
            connection.close()

    def _answer(self, connection, state):
        headers = {}
        while data := connection.recv(65536):
            for event in state.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers[event.stream_id] = dict(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.requests.append(headers.pop(event.stream_id))
                    state.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
            connection.sendall(state.data_to_send())

    def close(self):
        self._listener.close()


@pytest.mark.parametrize("attempt", [True, False])
def test_http2_where_the_server_offers_it(weir, authority, attempt):
    server = Http2Server(server_context(authority.issue("server")))
    more = f"tls: {{ca_file: {authority.cert}}}\n    force_attempt_http2: {str(attempt).lower()}"
    program = weir(config_for(f"https://localhost:{server.port}", more))
    if attempt:
        for number in range(1, 6):
            assert send(program, [number]).ok
        client = GrpcClient(program)
        assert client.send(numbered(range(10, 2000), padding=2_000_000).SerializeToString(), 10).ok
        client.close()
        assert len(server.requests) == 6 and server.connections <= 2, "one for each worker"
        assert {request[":authority"] for request in server.requests} == {f"localhost:{server.port}"}
    else:
        assert not send(program, [1], timeout=1).ok, "this server cannot answer HTTP/1.1"
        assert server.strangers > 0 and not server.requests
    server.close()
