# SPDX-License-Identifier: Apache-2.0
"""More than memory may hold: what does not fit is refused with a delay, memory stays bounded, and when the load falls
everything is taken again."""

from types import SimpleNamespace

import pytest

from support.books import assert_balanced, printed_books
from support.load import GrpcClient, HttpClient, JsonClient, numbered, send_together
from support.process import free_port, wait_until
from support.sink import Sink
from support.watch import Watch

LIMIT_MIB = 20
PROGRAM_MIB = 24  # what weir may use beside the telemetry it holds
REQUESTS = 200
REQUEST_BYTES = 2**20

CONFIG = f"""
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: {LIMIT_MIB}}}
exporters:
  otlp:
    endpoint: ${{env:SINK}}
    tls: {{insecure: true}}
    timeout: 30s
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter], exporters: [otlp]}}
"""
REFUSALS = {GrpcClient: {"RESOURCE_EXHAUSTED", "UNAVAILABLE"}, HttpClient: {"429", "503"}, JsonClient: {"429", "503"}}


@pytest.mark.parametrize("client", REFUSALS)
def test_what_does_not_fit_is_refused_with_a_delay(weir, client):
    bodies = [numbered([number], padding=REQUEST_BYTES).SerializeToString() for number in range(1, REQUESTS + 1)]
    with Sink() as sink:
        sink.hold()
        program = weir(CONFIG, SINK=sink.endpoint)
        with Watch(program, every=0.01) as watch:
            answers = send_together(program, bodies, [client])
            fit = LIMIT_MIB * 2**20 // REQUEST_BYTES
            wait_until(lambda: sum(answer.done() for answer in answers) >= REQUESTS - fit, 8, "what does not fit is refused")
            assert not any(answer.result().ok for answer in answers if answer.done()), "OK without anybody who has it"
            sink.release()
            answers = [answer.result() for answer in answers]
            refused = [answer for answer in answers if not answer.ok]

            assert len(refused) < REQUESTS, "what fits is taken"
            assert {answer.code for answer in refused} <= REFUSALS[client]
            assert all(answer.retry_after and answer.retry_after > 0 for answer in refused)

            wait_until(lambda: program.metric("weir_memory_account_used") == 0, 5, "memory is given back")
            again = [answer.result() for answer in send_together(program, bodies[:5], [client])]
            assert [answer.code for answer in again] == ["OK"] * 5

        accepted = [number for number, answer in enumerate(answers, start=1) if answer.ok]
        assert sorted(sink.numbers()) == sorted(accepted + [1, 2, 3, 4, 5])
        assert 0 < watch.held_mib <= watch.limit_mib == LIMIT_MIB
        if watch.rss_means_something:
            assert watch.rss_mib < LIMIT_MIB + PROGRAM_MIB
        program.stop_cleanly()
        assert_balanced(printed_books(program))


TWO_ROADS = f"""
receivers:
  otlp/free:
    protocols:
      http: {{endpoint: "127.0.0.1:${{env:FREE_PORT}}"}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: {LIMIT_MIB}}}
exporters:
  otlp/full: {{endpoint: "${{env:FULL_SINK}}", tls: {{insecure: true}}, timeout: 30s}}
  otlp/free: {{endpoint: "${{env:FREE_SINK}}", tls: {{insecure: true}}}}
service:
  pipelines:
    traces/full: {{receivers: [otlp], processors: [memory_limiter], exporters: [otlp/full]}}
    traces/free: {{receivers: [otlp/free], processors: [memory_limiter], exporters: [otlp/free]}}
"""


def held(program, exporter: str) -> float:
    return program.metric("weir_exporter_held_items", exporter=exporter)


def test_a_backend_that_does_not_answer_leaves_memory_for_the_others(weir):
    bodies = [numbered([number], padding=REQUEST_BYTES).SerializeToString() for number in range(1, LIMIT_MIB * 2)]
    with Sink() as full, Sink() as free:
        full.hold()
        port = free_port()
        program = weir(TWO_ROADS, FULL_SINK=full.endpoint, FREE_SINK=free.endpoint, FREE_PORT=port)
        piled_up = send_together(program, bodies, [HttpClient])
        wait_until(lambda: held(program, "otlp/full") + sum(answer.done() for answer in piled_up) == len(bodies), 8,
                   "each request is held or refused")
        assert held(program, "otlp/full") > 0 and not any(answer.result().ok for answer in piled_up if answer.done())

        client = HttpClient(SimpleNamespace(http_endpoint=f"http://127.0.0.1:{port}"))
        answers = [client.send(body) for body in bodies[:10]]
        client.close()

        assert [answer.code for answer in answers] == ["OK"] * 10
        assert len(free.numbers()) == 10 and not full.numbers()
        full.release()
        assert any(answer.result().ok for answer in piled_up)
