# SPDX-License-Identifier: Apache-2.0
"""The real servers and the fixtures around them, tried without weir: when this fails, look here first."""

import signal

import pytest

from support.process import wait_until
from support.tools import h2spec, telemetrygen

FORWARD = """
exporters:
  otlp_grpc:
    endpoint: 127.0.0.1:${env:BACKEND_PORT}
    tls:
      insecure: true
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_grpc]}
"""

NOWHERE = """
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
"""


@pytest.mark.parametrize("http", [False, True], ids=["grpc", "http"])
def test_the_collector_forwards_to_jaeger(collector, jaeger, http):
    service = f"support-{'http' if http else 'grpc'}"
    peer = collector(FORWARD, BACKEND_PORT=jaeger.grpc_port)
    telemetrygen("traces", peer.http_port if http else peer.grpc_port, "--traces", 20, "--child-spans", 2,
                 http=http, service=service)

    traces = jaeger.wait_for_spans(service, 60)

    assert sorted(len(trace["spans"]) for trace in traces) == [3] * 20
    assert jaeger.get_trace(traces[0]["traceID"])["spans"]
    transport = "http" if http else "grpc"
    assert peer.metric("otelcol_receiver_accepted_spans", receiver="otlp", transport=transport) == 60
    assert peer.metric("otelcol_receiver_accepted_spans") == 60


def test_an_unknown_trace_is_none(jaeger):
    assert jaeger.get_trace("f" * 32) is None


def test_jaeger_on_disk_keeps_its_traces(jaeger_on_disk):
    telemetrygen("traces", jaeger_on_disk.grpc_port, "--traces", 5, "--child-spans", 1, service="kept")
    jaeger_on_disk.wait_for_spans("kept", 10)
    jaeger_on_disk.stop()

    jaeger_on_disk.start()

    assert len(jaeger_on_disk.get_traces("kept")) == 5


def test_a_client_that_is_refused_is_an_error(collector):
    peer = collector(NOWHERE)
    peer.stop_cleanly()
    with pytest.raises(AssertionError, match="telemetrygen ended"):
        telemetrygen("traces", peer.grpc_port, "--traces", 1)


def test_a_program_that_dies_at_start_is_reported_with_its_output(collector):
    with pytest.raises(AssertionError, match="no_such_exporter"):
        collector(NOWHERE.replace("nop", "no_such_exporter"))


def test_pause_and_kill(collector):
    peer = collector(NOWHERE)
    peer.pause()
    assert peer.running
    peer.resume()
    wait_until(peer._is_ready, 5, "an answer after resume")
    peer.kill()
    assert peer.wait() == -signal.SIGKILL


def test_h2spec_judges_the_collector(collector, tmp_path):
    cases = h2spec(collector(NOWHERE).grpc_port, tmp_path, "http2/6.5", "http2/6.7")

    assert {case.section.split("/")[1][:3] for case in cases} == {"6.5", "6.7"}
    assert sum(case.failure is None and not case.skipped for case in cases) >= 5
