# SPDX-License-Identifier: Apache-2.0
"""A real Jaeger away for half a minute while clients keep sending: what was answered OK is there afterwards, the books
balance, memory stays under its bound."""

import time

from support.books import assert_balanced, printed_books, read_books
from support.load import Load, numbered
from support.process import wait_until
from support.watch import Watch

OUTAGE_S = 30
LIMIT_MIB = 8
PROGRAM_MIB = 24  # what weir may use beside the telemetry it holds
CLIENTS, SPANS, PADDING = 32, 10, 160 * 1024

FORWARD = f"""
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: {LIMIT_MIB}}}
exporters:
  otlp/jaeger:
    endpoint: 127.0.0.1:${{env:BACKEND_PORT}}
    tls: {{insecure: true}}
    timeout: 2s
    retry_on_failure: {{initial_interval: 500ms, max_interval: 2s}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter], exporters: [otlp/jaeger]}}
"""


def test_nothing_acknowledged_is_lost_when_jaeger_is_away(weir, jaeger_on_disk):
    program = weir(FORWARD, BACKEND_PORT=jaeger_on_disk.grpc_port)

    def make(numbers):
        return numbered(numbers, service="outage", padding=PADDING, one_trace=True)

    with Watch(program) as watch, Load(program, CLIENTS, SPANS, make, pause=1, retry=True) as load:
        wait_until(lambda: len(load.acknowledged) >= CLIENTS * SPANS, 20, "a first round of requests")
        # Ended, not killed: Jaeger answers before it writes, so a kill would lose what it has acknowledged.
        jaeger_on_disk.stop()
        time.sleep(0.5)  # the last answers are on their way
        acknowledged_before = len(load.acknowledged)
        time.sleep(OUTAGE_S)
        acknowledged_during = len(load.acknowledged) - acknowledged_before
        sent = len(load.sent)
        jaeger_on_disk.start()
        load.stop()

    assert acknowledged_during == 0, "answered OK with nobody to take it"
    assert len({answer.code for answer in load.answers}) > 1, "no client noticed the outage"
    assert load.acknowledged >= load.sent and len(load.sent) >= sent > 0, "with retries everything arrives in the end"
    assert_all_in_jaeger(jaeger_on_disk, load.acknowledged)
    assert_memory_was_bounded(watch)
    assert_books(program)


def assert_all_in_jaeger(jaeger, acknowledged: set):
    wait_until(lambda: "outage" in jaeger.get_services(), 10, "Jaeger knows the service")
    deadline = time.monotonic() + 10
    while missing := acknowledged - numbers_in_jaeger(jaeger):
        assert time.monotonic() < deadline, f"{len(missing)} of {len(acknowledged)} acknowledged spans are lost"
        time.sleep(0.5)


def numbers_in_jaeger(jaeger) -> set:
    return {int(span["spanID"], 16) for trace in jaeger.get_traces("outage") for span in trace["spans"]}


def assert_memory_was_bounded(watch: Watch):
    assert watch.limit_mib == LIMIT_MIB
    assert 1 < watch.held_mib <= LIMIT_MIB, "more than one MiB was held, so the test has pressed, and no more than allowed"
    assert watch.rss_mib < LIMIT_MIB + PROGRAM_MIB


def assert_books(program):
    books = read_books(program)
    assert_balanced(books)
    assert books["exporter", "otlp/jaeger", "spans"]["held"] == 0
    program.stop_cleanly()
    printed = printed_books(program)
    assert_balanced(printed)
    assert printed == books
