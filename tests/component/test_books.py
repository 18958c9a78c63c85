# SPDX-License-Identifier: Apache-2.0
"""The books: every span that came in is found again as sent, sampled out, rejected or given back, per pipeline and
exporter, on /metrics and in what is printed at the end."""

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from support.books import assert_balanced, printed_books, read_books
from support.load import GrpcClient, HttpClient, numbered
from support.process import free_port, wait_until
from support.sink import Sink

TO_SINK = """
exporters:
  otlp:
    endpoint: ${env:SINK}
    tls: {insecure: true}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
"""

# One receiver, two pipelines: a sample to a backend that is there, everything to it and to one that is not.
TWO_PIPELINES = """
processors:
  probabilistic_sampler: {sampling_percentage: 25, hash_seed: 22}
exporters:
  otlp/there:
    endpoint: ${env:SINK}
    tls: {insecure: true}
  otlp/also:
    endpoint: ${env:SINK_OF_ALL}
    tls: {insecure: true}
  otlp/dead:
    endpoint: 127.0.0.1:${env:DEAD_PORT}
    tls: {insecure: true}
    retry_on_failure: {enabled: false}
service:
  pipelines:
    traces/sampled: {receivers: [otlp], processors: [probabilistic_sampler], exporters: [otlp/there]}
    traces/all: {receivers: [otlp], exporters: [otlp/also, otlp/dead]}
"""


@pytest.fixture
def sink():
    with Sink() as server:
        yield server


def send(program, *bodies, client=GrpcClient) -> list:
    connection = client(program)
    try:
        return [connection.send(body.SerializeToString()) for body in bodies]
    finally:
        connection.close()


def closed_books(program) -> dict:
    """The books of a program that is quiet, after it has ended: /metrics and the printed lines must say the same."""
    wait_until(lambda: all(of.get("held", 0) == 0 for of in read_books(program).values()), 10, "nothing is held")
    live = read_books(program)
    program.stop_cleanly()
    books = printed_books(program)
    assert books == live
    assert_balanced(books)
    return books


def exporter(**figures) -> dict:
    return {"taken": 0, "sent": 0, "rejected": 0, "returned": 0, "dropped": 0, "held": 0, **figures}


def test_two_pipelines_share_a_receiver_and_one_exporter_is_dead(weir, sink):
    with Sink() as sink_of_all:
        program = weir(TWO_PIPELINES, SINK=sink.endpoint, SINK_OF_ALL=sink_of_all.endpoint, DEAD_PORT=free_port())

        answers = send(program, *(numbered(range(1 + i * 100, 101 + i * 100)) for i in range(10)))

        books = closed_books(program)
        assert {answer.code for answer in answers} == {"UNAVAILABLE"}, "one exporter has not got it"
        kept = sink.numbers()
        assert sorted(sink_of_all.numbers()) == list(range(1, 1001))
        assert 150 < len(kept) < 350 and len(set(kept)) == len(kept)
        assert books == {
            ("pipeline", "traces/sampled"): {"received": 1000, "dropped": 1000 - len(kept), "handed": len(kept)},
            ("pipeline", "traces/all"): {"received": 1000, "dropped": 0, "handed": 1000},
            ("exporter", "otlp/there", "spans"): exporter(taken=len(kept), sent=len(kept)),
            ("exporter", "otlp/also", "spans"): exporter(taken=1000, sent=1000),
            ("exporter", "otlp/dead", "spans"): exporter(taken=1000, returned=1000),
        }


def test_what_the_receiver_counts_is_what_clients_were_told(weir, sink):
    program = weir(TO_SINK, SINK=sink.endpoint)

    answers = send(program, numbered(range(1, 8))) + send(program, numbered(range(8, 20)), client=HttpClient)

    assert all(answer.ok for answer in answers)
    assert program.metric("otelcol_receiver_accepted_spans", transport="grpc") == 7
    assert program.metric("otelcol_receiver_accepted_spans", transport="http") == 12
    assert program.metric("otelcol_receiver_refused_spans") == 0
    assert closed_books(program)["exporter", "otlp", "spans"] == exporter(taken=19, sent=19)


def test_a_partial_success_is_booked_and_passed_on(weir, sink):
    def take_all_but_three(_request, _context):
        response = ExportTraceServiceResponse()
        response.partial_success.rejected_spans = 3
        response.partial_success.error_message = "three are too old"
        return response

    sink.answer = take_all_but_three
    program = weir(TO_SINK, SINK=sink.endpoint)

    answers = send(program, numbered(range(1, 11)))

    assert [(answer.code, answer.rejected) for answer in answers] == [("OK", 3)]
    assert closed_books(program)["exporter", "otlp", "spans"] == exporter(taken=10, sent=7, rejected=3)


@pytest.mark.parametrize("client, refusal", [(GrpcClient, "INVALID_ARGUMENT"), (HttpClient, "400")])
def test_what_a_backend_refuses_for_good_is_rejected(weir, sink, client, refusal):
    sink.answer = lambda _request, context: context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such tenant")
    program = weir(TO_SINK, SINK=sink.endpoint)

    answers = send(program, numbered(range(1, 6)), client=client)

    assert [answer.code for answer in answers] == [refusal]
    assert answers[0].retry_after is None, "sending it again will not help"
    assert sink.arrived == 1
    assert program.metric("otelcol_receiver_refused_spans") == 5
    assert closed_books(program)["exporter", "otlp", "spans"] == exporter(taken=5, rejected=5)


def test_what_a_backend_refuses_at_first_is_sent_again(weir, sink):
    def refuse_the_first(_request, context):
        if sink.arrived == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "starting")

    sink.answer = refuse_the_first
    program = weir(TO_SINK.replace("tls:", "retry_on_failure: {initial_interval: 100ms}\n    tls:"), SINK=sink.endpoint)

    answers = send(program, numbered(range(1, 6)))

    assert [answer.code for answer in answers] == ["OK"]
    assert sink.numbers() == [1, 2, 3, 4, 5] and sink.arrived == 2
    assert program.metric("weir_exporter_retries") == 1
    assert closed_books(program)["exporter", "otlp", "spans"] == exporter(taken=5, sent=5)
