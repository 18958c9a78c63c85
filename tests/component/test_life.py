# SPDX-License-Identifier: Apache-2.0
"""The program's life: it starts, says that it is ready, takes a request, counts it, and ends when told to."""

import signal

import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from support.process import port_open

NOWHERE = """
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
"""


def request_of(spans: int) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(1, spans + 1):
        scope.spans.add(trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), name="work")
    return request.SerializeToString()


def post_traces(collector, body: bytes) -> requests.Response:
    headers = {"Content-Type": "application/x-protobuf"}
    return requests.post(f"{collector.http_endpoint}/v1/traces", data=body, headers=headers, timeout=10)


def test_a_request_is_answered_and_counted(weir):
    program = weir(NOWHERE)

    answer = post_traces(program, request_of(spans=3))

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 0
    assert program.metric("otelcol_receiver_accepted_spans", receiver="otlp", transport="http") == 3


def test_a_broken_request_is_refused_and_the_next_one_is_not(weir):
    program = weir(NOWHERE)

    assert post_traces(program, b"\x0a\xff").status_code == 400
    assert post_traces(program, request_of(spans=1)).status_code == 200


def test_sigterm_and_sigint_end_it(weir):
    for number in signal.SIGTERM, signal.SIGINT:
        program = weir(NOWHERE)
        program.signal(number)
        assert program.wait(timeout=10) == 0, program.tail()
        assert not port_open(program.grpc_port)


def test_a_wrong_configuration_is_named_and_nothing_starts(weir):
    program = weir(NOWHERE.replace("nop", "no_such_exporter"), start=False)
    program.start(ready=lambda: True)

    assert program.wait(timeout=10) != 0
    assert "no_such_exporter" in program.output()
