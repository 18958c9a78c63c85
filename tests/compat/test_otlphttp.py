# SPDX-License-Identifier: Apache-2.0
"""Between weir and the Collector, both directions and every compression: what is sent arrives, once."""

import pytest

from support.http_sink import Answer, HttpSink
from support.load import GrpcClient, numbered, numbered_logs, numbers_in
from support.process import free_port
from support.sink import Sink

FORWARD = """
exporters:
  otlp/sink:
    endpoint: {sink}
    tls: {{insecure: true}}
    sending_queue: {{enabled: false}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp/sink]}}
"""
OTLPHTTP = """
exporters:
  otlphttp:
    endpoint: http://127.0.0.1:{port}
    compression: {compression}
    sending_queue: {{enabled: false}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlphttp]}}
    logs: {{receivers: [otlp], exporters: [otlphttp]}}
"""
OTLP = """
exporters:
  otlp:
    endpoint: 127.0.0.1:{port}
    tls: {{insecure: true}}
    compression: {compression}
    sending_queue: {{enabled: false}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
"""
# Enough that neither side knows its length before it ends: the Collector's encoder writes no size then.
NUMBERS = range(1, 4001)


def send(program, message):
    client = GrpcClient(program)
    try:
        return client.send(message.SerializeToString(), 20)
    finally:
        client.close()


def through(sender, receiver, config):
    """The numbers that arrive behind `receiver` when `sender` sends them to it over `config`."""
    with Sink() as sink:
        second = receiver(FORWARD.format(sink=sink.endpoint))
        port = second.grpc_port if "otlp:" in config else second.http_port
        first = sender(config.replace("{port}", str(port)).replace("{{", "{").replace("}}", "}"))
        assert send(first, numbered(NUMBERS)).ok
        assert sorted(sink.numbers()) == list(NUMBERS)


@pytest.mark.parametrize("compression", ["gzip", "zstd", "zlib", "deflate", "none"])
def test_weir_sends_over_http(weir, collector, compression):
    through(weir, collector, OTLPHTTP.replace("{compression}", compression))


@pytest.mark.parametrize("compression", ["gzip", "zstd", "zlib", "deflate", "none"])
def test_weir_receives_over_http(weir, collector, compression):
    through(collector, weir, OTLPHTTP.replace("{compression}", compression))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_weir_sends_over_grpc(weir, collector, compression):
    through(weir, collector, OTLP.replace("{compression}", compression))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_weir_receives_over_grpc(weir, collector, compression):
    through(collector, weir, OTLP.replace("{compression}", compression))


@pytest.mark.parametrize("send_one", [
    pytest.param(lambda program: send(program, numbered([1, 2, 3])), id="traces"),
    pytest.param(lambda program: GrpcClient(program, "logs").send(numbered_logs([1, 2, 3]).SerializeToString(), 20), id="logs"),
])
def test_the_request_is_the_same(weir, collector, send_one):
    """Path, the headers that a backend looks at, and the items. (The Collector adds empty messages where there were none.)"""
    seen = []
    for program in (weir, collector):
        with HttpSink() as sink:
            run = program(OTLPHTTP.format(port=sink.port, compression="gzip"))
            assert send_one(run).ok
            [request] = sink.requests
            headers = {name: request.headers.get(name) for name in ("content-type", "content-encoding")}
            seen.append((request.path, headers, numbers_in(request.message)))
    assert seen[0] == seen[1]


# What both do with an answer: (status, Retry-After), whether it is sent again.
ANSWERS = [
    (200, None, False), (202, None, False), (204, None, False),
    (400, None, False), (413, None, False), (415, None, False), (500, None, False), (501, None, False),
    (429, None, True), (429, "1", True), (502, None, True), (503, None, True), (503, "1", True), (504, None, True),
]


@pytest.mark.parametrize("status, retry_after, is_repeated", ANSWERS)
def test_what_is_repeated_is_the_same(weir, collector, status, retry_after, is_repeated):
    for program in (weir, collector):
        left = [Answer(status, headers={"Retry-After": retry_after} if retry_after else {})]
        with HttpSink(lambda _request: left.pop() if left else None) as sink:
            config = OTLPHTTP.format(port=sink.port, compression="none")
            run = program(config.replace("sending_queue", "retry_on_failure: {initial_interval: 100ms}\n    sending_queue"))
            send(run, numbered([1]))
            assert len(sink.requests) == (2 if is_repeated else 1), run.name


def test_a_backend_that_is_not_there(weir):
    run = weir(OTLPHTTP.format(port=free_port(), compression="gzip"))
    assert not GrpcClient(run).send(numbered([1]).SerializeToString(), 1).ok
