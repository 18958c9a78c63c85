# SPDX-License-Identifier: Apache-2.0
"""The end: SIGTERM under load loses nothing that was answered OK, tells the others to come back, and takes no longer
than it may."""

import signal
import time

from support.books import assert_balanced, printed_books
from support.load import GrpcClient, HttpClient, Load, numbered, send_together
from support.process import free_port, http_ok, wait_until
from support.sink import Sink

TO_SINK = """
exporters:
  otlp:
    endpoint: ${env:SINK}
    tls: {insecure: true}
    timeout: 30s
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
"""
IN_MEMORY = TO_SINK.replace("tls:", "sending_queue: {wait_for_result: false}\n    tls:")

CLIENTS = 12
DEADLINE_S = 2
# Answers may take a second after the deadline; the rest is for a machine that does other things too.
LATEST_S = DEADLINE_S + 1 + 2
# The gRPC library also calls it UNAVAILABLE when nobody listens any more.
NOT_TAKEN = {"UNAVAILABLE", "503", "ConnectionError"}


def start(weir, config: str, **env):
    program = weir(config, start=False, **env)
    program.argv += ["--shutdown-timeout", f"{DEADLINE_S}s"]
    return program.start()


def end(program) -> float:
    """SIGTERM; how many seconds it took to end with 0 and balanced books."""
    started = time.monotonic()
    program.signal(signal.SIGTERM)
    assert program.wait(30) == 0, program.tail()
    took = time.monotonic() - started
    assert_balanced(printed_books(program))
    return took


def wait_for_a_slow_answer(_request, _context):
    time.sleep(0.2)


def test_under_load_nothing_acknowledged_is_lost(weir):
    with Sink(wait_for_a_slow_answer) as sink:
        program = start(weir, TO_SINK, SINK=sink.endpoint)
        with Load(program, CLIENTS, spans=10) as load:
            wait_until(lambda: len(load.acknowledged) >= 200, 10, "a flow of answers")
            took = end(program)
            load.stop()

        delivered = set(sink.numbers())
        assert load.acknowledged <= delivered, f"{len(load.acknowledged - delivered)} acknowledged spans are lost"
        assert delivered <= load.sent
        assert load.codes() <= {"OK"} | NOT_TAKEN
        assert took < LATEST_S
        sent = printed_books(program)["exporter", "otlp", "spans"]["sent"]
        assert sent == len(sink.numbers()) >= len(load.acknowledged)


def test_killed_under_load_nothing_acknowledged_is_lost(weir):
    """No end at all: an OK must have meant that the backend has it, not that weir had it."""
    with Sink(wait_for_a_slow_answer) as sink:
        program = start(weir, TO_SINK, SINK=sink.endpoint)
        with Load(program, CLIENTS, spans=10) as load:
            wait_until(lambda: len(load.acknowledged) >= 200, 10, "a flow of answers")
            program.kill()
            load.stop()

        lost = load.acknowledged - set(sink.numbers())
    assert not lost, f"{len(lost)} of {len(load.acknowledged)} acknowledged spans are lost"


def send_from_all(program) -> list:
    """One request from each client, all of them waiting in the program; futures of their answers."""
    bodies = [numbered(range(1 + i * 10, 11 + i * 10)).SerializeToString() for i in range(CLIENTS)]
    answers = send_together(program, bodies)
    wait_until(lambda: program.metric("weir_exporter_held_items") == CLIENTS * 10, 10, "every client waits")
    return answers


def test_who_waits_for_a_dead_backend_is_told_at_once(weir):
    program = start(weir, TO_SINK, SINK=f"127.0.0.1:{free_port()}")
    answers = send_from_all(program)

    took = end(program)

    assert took < LATEST_S
    assert [answer.result().code for answer in answers] == ["UNAVAILABLE", "503"] * (CLIENTS // 2)
    books = printed_books(program)["exporter", "otlp", "spans"]
    assert books["taken"] == books["returned"] == CLIENTS * 10


def test_who_waits_for_a_backend_that_does_not_answer_is_told_at_the_deadline(weir):
    with Sink() as sink:
        sink.hold()
        program = start(weir, TO_SINK, SINK=sink.endpoint)
        answers = send_from_all(program)

        took = end(program)

    assert DEADLINE_S <= took < LATEST_S, "it has waited as long as it may, and no longer"
    assert [answer.result().code for answer in answers] == ["UNAVAILABLE", "503"] * (CLIENTS // 2)


def test_what_only_memory_holds_is_delivered_before_the_end(weir):
    with Sink(wait_for_a_slow_answer) as sink:
        program = start(weir, IN_MEMORY, SINK=sink.endpoint)
        clients = GrpcClient(program), HttpClient(program)
        sink.hold()
        answers = [
            client.send(numbered([number]).SerializeToString()) for number, client in enumerate(clients * 10, start=1)
        ]
        assert all(answer.ok for answer in answers)
        assert not sink.numbers()
        sink.release()

        end(program)

        assert sorted(sink.numbers()) == list(range(1, 21))
        for client in clients:
            client.close()


def test_what_only_memory_held_is_booked_as_dropped_when_time_is_up(weir):
    program = start(weir, IN_MEMORY, SINK=f"127.0.0.1:{free_port()}")
    client = HttpClient(program)
    assert client.send(numbered(range(1, 6)).SerializeToString()).ok
    client.close()

    took = end(program)

    assert DEADLINE_S <= took < LATEST_S
    assert printed_books(program)["exporter", "otlp", "spans"]["dropped"] == 5


def test_what_is_under_way_is_finished_and_nothing_new_is_taken(weir):
    with Sink() as sink:
        sink.hold()
        program = start(weir, TO_SINK, SINK=sink.endpoint)
        answers = send_from_all(program)

        program.signal(signal.SIGTERM)

        wait_until(lambda: not http_ok(program.health_url), 5, "health_check says no")
        late = HttpClient(program)
        assert late.send(numbered([1]).SerializeToString(), 5).code == "ConnectionError"
        late.close()
        assert program.running, "it still drains"
        sink.release()
        assert program.wait(10) == 0
    assert all(answer.result().ok for answer in answers)
    assert sorted(sink.numbers()) == list(range(1, CLIENTS * 10 + 1))
