# SPDX-License-Identifier: Apache-2.0
"""The queue on disk: what was answered OK is delivered, whatever happens to weir or to the backend in between, and what
can never be delivered lies in the dead letters."""

import fcntl
import itertools
import re
import resource
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from support.books import assert_balanced, printed_books, read_books
from support.load import GrpcClient, HttpClient, Load, numbered, numbered_logs, numbers_in, send_together
from support.process import free_port, wait_until
from support.sink import Sink

CONFIG = """
extensions:
  file_storage: {directory: "${env:QUEUE}", create_directory: true}
exporters:
  otlp/backend:
    endpoint: "127.0.0.1:${env:BACKEND_PORT}"
    tls: {insecure: true}
    sending_queue: {storage: file_storage}
    retry_on_failure: {initial_interval: 100ms, max_interval: 300ms}
service:
  extensions: [health_check, file_storage]
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp/backend]}
    logs: {receivers: [otlp], exporters: [otlp/backend]}
"""

SPANS = "queue", "otlp/backend", "spans"


class Site:
    """weir with its queue in a folder of the test's, and a port for a backend that is there only when a test says so."""

    def __init__(self, run, directory):
        self.run, self.queue, self.port = run, directory / "queue", free_port()

    def weir(self, config: str = CONFIG, workers: int = 0, start: bool = True):
        program = self.run(config, start=False, BACKEND_PORT=self.port, QUEUE=self.queue)
        if workers:
            program.argv += ["--workers", str(workers)]
        return program.start() if start else program

    def backend(self, answer=None) -> Sink:
        return Sink(answer, port=self.port)


@pytest.fixture
def site(weir, tmp_path):
    return Site(weir, tmp_path)


def send_ok(program, numbers, kind=HttpClient, signal: str = "traces"):
    client = kind(program, signal)
    make = numbered if signal == "traces" else numbered_logs
    answer = client.send(make(numbers).SerializeToString())
    client.close()
    assert answer.ok, answer


def refused_to_start(program) -> str:
    program.start(ready=lambda: True)
    wait_until(lambda: not program.running, 10, "it refuses to start")
    assert program.child.returncode == 1, program.tail()
    return program.output()


def stop_balanced(program) -> dict:
    program.stop_cleanly()
    books = printed_books(program)
    assert_balanced(books)
    return books


def replace(config: str, old: str, new: str) -> str:
    assert old in config
    return config.replace(old, new, 1)


def test_answered_while_the_backend_is_away_and_delivered_when_it_is_back(site):
    program = site.weir()
    for kind in (GrpcClient, HttpClient):
        send_ok(program, range(1, 11) if kind is GrpcClient else range(11, 21), kind)
    assert read_books(program)[SPANS]["on_disk"] == 20
    with site.backend() as sink:
        wait_until(lambda: len(sink.numbers()) >= 20, 10, "the backend gets it")
        wait_until(lambda: read_books(program)[SPANS]["on_disk"] == 0, 5, "it is released")
        books = stop_balanced(program)
    assert sorted(sink.numbers()) == list(range(1, 21))
    assert books[SPANS]["released"] == 20


@pytest.mark.parametrize("workers", [1, 4])
def test_killed_and_started_again_delivers_what_was_answered(site, workers):
    program = site.weir(workers=workers)
    with Load(program, 8, spans=10) as load:
        wait_until(lambda: len(load.acknowledged) >= 500, 10, "a flow of answers")
        program.kill()
        load.stop()
    with site.backend() as sink:
        program.start()
        wait_until(lambda: load.acknowledged <= set(sink.numbers()), 10, "all that was answered OK arrives")
        wait_until(lambda: read_books(program)[SPANS]["on_disk"] == 0, 5, "it is released")
        books = stop_balanced(program)
    delivered = sink.numbers()
    assert len(delivered) == len(set(delivered)), "the backend was never there before: nothing has been sent twice"
    assert set(delivered) <= load.sent
    assert books[SPANS]["recovered"] == len(delivered) and books[SPANS]["stored"] == 0


def test_killed_under_load_with_a_backend_that_answers(site):
    with site.backend() as sink:
        program = site.weir(workers=2)
        with Load(program, 8, spans=10) as load:
            wait_until(lambda: len(load.acknowledged) >= 500, 10, "a flow of answers")
            program.kill()
            load.stop()
        program.start()
        wait_until(lambda: load.acknowledged <= set(sink.numbers()), 10, "all that was answered OK arrives")
        wait_until(lambda: read_books(program)[SPANS]["on_disk"] == 0, 5, "it is released")
        stop_balanced(program)


def test_signals_do_not_hold_each_other_back(site):
    def only_logs(request, context):
        if hasattr(request, "resource_spans"):
            context.abort(grpc.StatusCode.UNAVAILABLE, "no traces today")

    with site.backend(only_logs) as sink:
        program = site.weir()
        send_ok(program, range(1, 6))
        send_ok(program, range(6, 11), signal="logs")
        wait_until(lambda: sink.requests("logs"), 5, "logs arrive")
        assert [number for request in sink.requests("logs") for number in numbers_in(request)] == list(range(6, 11))
        books = stop_balanced(program)
    assert books[SPANS]["on_disk"] == 5
    assert books["queue", "otlp/backend", "log_records"]["released"] == 5


def test_a_permanent_rejection_is_a_dead_letter(site):
    def not_number_three(request, context):
        if 3 in numbers_in(request):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "three is wrong")

    with site.backend(not_number_three) as sink:
        program = site.weir()
        for number in range(1, 6):
            send_ok(program, [number])
        wait_until(lambda: read_books(program)[SPANS]["on_disk"] == 0, 5, "the queue is empty")
        books = stop_balanced(program)
    assert sorted(sink.numbers()) == [1, 2, 4, 5]
    assert books[SPANS]["dead_lettered"] == 1 and books[SPANS]["released"] == 4
    letters = b"".join(path.read_bytes() for path in (site.queue / "deadletter").glob("*.log"))
    assert b"three is wrong" in letters and b"otlp/backend" in letters


def test_only_the_guilty_part_of_a_batch_is_a_dead_letter(site):
    """Several records in one request, and one record cut in pieces: a piece may be dead while the rest is delivered."""
    def not_number_three(request, context):
        if 3 in numbers_in(request):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "three is wrong")

    config = replace(CONFIG, "storage: file_storage",
                     "storage: file_storage, batch: {min_size: 4, max_size: 4, flush_timeout: 100ms}")
    with site.backend(not_number_three) as sink:
        program = site.weir(config)
        send_ok(program, range(1, 7))
        send_ok(program, range(7, 13))
        wait_until(lambda: read_books(program)[SPANS]["on_disk"] == 0, 5, "the queue is empty")
        books = stop_balanced(program)
    dead = set(range(1, 13)) - set(sink.numbers())
    assert 3 in dead and len(dead) == books[SPANS]["dead_lettered"] <= 4
    assert books[SPANS]["released"] == 12 - len(dead)


def test_what_cannot_be_written_to_the_dead_letters_stays_in_the_queue(site):
    def no(request, context):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "all is wrong")

    letters = site.queue / "deadletter"
    letters.mkdir(parents=True)
    with site.backend(no), (letters / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = site.weir()
        send_ok(program, range(1, 6))
        wait_until(lambda: program.metric("weir_storage_errors", operation="append") >= 2, 10, "it is tried again")
        books = stop_balanced(program)
        assert books[SPANS]["on_disk"] == 5 and books[SPANS]["dead_lettered"] == 0
        program.start()
        wait_until(lambda: program.metric("weir_storage_errors", operation="append") >= 1, 10, "it is tried again")
        fcntl.flock(lock, fcntl.LOCK_UN)
        wait_until(lambda: read_books(program)[SPANS]["dead_lettered"] == 5, 10, "it is written")
        assert stop_balanced(program)[SPANS]["on_disk"] == 0


def test_what_expires_is_a_dead_letter(site):
    config = replace(CONFIG, "max_interval: 300ms", "max_interval: 300ms, max_elapsed_time: 1s")
    program = site.weir(config)
    send_ok(program, range(1, 6))
    wait_until(lambda: read_books(program)[SPANS]["dead_lettered"] == 5, 10, "it expires")
    books = stop_balanced(program)
    assert books["exporter", "otlp/backend", "spans"]["rejected"] == 5
    letters = b"".join(path.read_bytes() for path in (site.queue / "deadletter").glob("*.log"))
    assert b"expired" in letters


def test_what_is_older_than_max_age_is_a_dead_letter(site):
    config = replace(CONFIG, "create_directory: true", "create_directory: true, max_age: 1s")
    program = site.weir(config)
    send_ok(program, range(1, 6))
    program.kill()
    time.sleep(1.1)
    with site.backend() as sink:
        program.start()
        wait_until(lambda: read_books(program)[SPANS]["dead_lettered"] == 5, 5, "what was found is too old")
        send_ok(program, [6])
        wait_until(lambda: sink.numbers() == [6], 5, "what is new is sent")
        stop_balanced(program)


def test_what_waits_in_memory_gets_too_old_as_well(site):
    program = site.weir(replace(CONFIG, "create_directory: true", "create_directory: true, max_age: 1s"))
    send_ok(program, range(1, 6))
    wait_until(lambda: read_books(program)[SPANS]["dead_lettered"] == 5, 5, "it gets too old")
    stop_balanced(program)


def test_a_second_process_on_the_same_folder_is_told(site):
    first = site.weir()
    said = refused_to_start(site.weir(start=False))
    assert "another process holds it" in said and str(site.queue) in said
    send_ok(first, [1])


def test_a_queue_whose_exporter_is_gone_stops_the_start(site):
    program = site.weir()
    send_ok(program, range(1, 6))
    program.kill()
    other = CONFIG.replace("otlp/backend", "otlp/other")
    said = refused_to_start(site.weir(other, start=False))
    for told in ("5 items", "otlp/backend", "traces", "put it back", "weir replay", "delete"):
        assert told in said, said
    with site.backend() as sink:
        program.start()
        wait_until(lambda: len(sink.numbers()) == 5, 5, "with the exporter back it is delivered")
        stop_balanced(program)
    site.weir(other).stop_cleanly()
    assert not list(site.queue.glob("exporter_otlp_backend*")), "empty queues of nobody are removed"


def test_ids_that_look_alike_have_folders_of_their_own(site):
    config = """
extensions: {file_storage: {directory: "${env:QUEUE}", create_directory: true}}
exporters:
  otlp/a_b: &one {endpoint: "127.0.0.1:${env:BACKEND_PORT}", tls: {insecure: true}, sending_queue: {storage: file_storage}}
  otlp/a/b: *one
service:
  extensions: [health_check, file_storage]
  pipelines: {traces: {receivers: [otlp], exporters: [otlp/a_b, otlp/a/b]}}
"""
    program = site.weir(config)
    send_ok(program, range(1, 6))
    owners = {path.read_text() for path in site.queue.glob("*/owner")}
    assert owners == {"exporter otlp/a_b traces\n", "exporter otlp/a/b traces\n"}
    stop_balanced(program)


def test_sigterm_with_a_dead_backend_is_fast_and_keeps_everything(site):
    program = site.weir()
    for number in range(1, 21):
        send_ok(program, [number])
    started = time.monotonic()
    books = stop_balanced(program)
    assert time.monotonic() - started < 3
    assert books[SPANS]["on_disk"] == 20
    with site.backend() as sink:
        program.start()
        wait_until(lambda: sorted(sink.numbers()) == list(range(1, 21)), 10, "it comes after the restart")
        stop_balanced(program)


def test_sigterm_with_a_backend_that_does_not_answer_is_fast(site):
    with site.backend() as sink:
        sink.hold()
        program = site.weir()
        for number in range(1, 6):
            send_ok(program, [number])
        started = time.monotonic()
        books = stop_balanced(program)
        assert time.monotonic() - started < 5
    assert books[SPANS]["on_disk"] == 5


def test_fsync_false_is_warned_of(site):
    config = replace(CONFIG, "create_directory: true", "create_directory: true, fsync: false")
    program = site.weir(config)
    send_ok(program, [1])
    program.kill()
    assert "power cut" in program.output()
    with site.backend() as sink:
        program.start()
        wait_until(lambda: sink.numbers() == [1], 5, "a kill is survived")
        stop_balanced(program)


@pytest.mark.parametrize("kind, refused", [(GrpcClient, "UNAVAILABLE"), (HttpClient, "429")])
def test_a_full_queue_refuses_with_a_delay(site, kind, refused):
    config = replace(CONFIG, "storage: file_storage", "storage: file_storage, sizer: items, queue_size: 10")
    program = site.weir(config)
    send_ok(program, range(1, 11))
    client = kind(program)
    answer = client.send(numbered([11]).SerializeToString())
    client.close()
    assert answer.code == refused and answer.retry_after
    program.kill()
    program.start()
    answer = HttpClient(program).send(numbered([11]).SerializeToString())
    assert not answer.ok, "what was recovered counts"
    with site.backend() as sink:
        wait_until(lambda: len(sink.numbers()) == 10, 10, "it drains")
        wait_until(lambda: HttpClient(program).send(numbered([12]).SerializeToString()).ok, 10, "there is room again")
        stop_balanced(program)


def test_a_full_storage_refuses_and_goes_on(site):
    config = replace(CONFIG, "create_directory: true", "create_directory: true, max_size: 1048576")
    program = site.weir(config)
    client, padding, number = HttpClient(program), 20 * 1024, 0
    while client.send(numbered([number := number + 1], padding=padding).SerializeToString()).ok:
        assert number < 100
    assert number > 20
    total = sum(path.stat().st_size for path in site.queue.rglob("*") if path.is_file())
    assert total <= 1048576
    with site.backend() as sink:
        wait_until(lambda: client.send(numbered([1000]).SerializeToString()).ok, 10, "there is room again")
        wait_until(lambda: set(range(1, number)) | {1000} == set(sink.numbers()), 10, "all arrive")
        stop_balanced(program)
    client.close()


def test_block_on_overflow_waits_for_room(site):
    config = replace(CONFIG, "storage: file_storage",
                     "storage: file_storage, sizer: items, queue_size: 10, block_on_overflow: true")
    program = site.weir(config)
    send_ok(program, range(1, 11))
    answers = send_together(program, [numbered([number]).SerializeToString() for number in range(11, 15)])
    time.sleep(0.5)
    assert not any(answer.done() for answer in answers)
    with site.backend() as sink:
        assert all(answer.result(10).ok for answer in answers)
        wait_until(lambda: sorted(sink.numbers()) == list(range(1, 15)), 10, "all arrive")
        stop_balanced(program)


def test_behind_and_caught_up_again(site):
    """More than the window holds: it goes through the disk, in order, and everything arrives once."""
    config = replace(CONFIG, "exporters:", "processors: {memory_limiter: {check_interval: 1s, limit_mib: 16}}\nexporters:")
    config = replace(config, "traces: {receivers: [otlp], ", "traces: {receivers: [otlp], processors: [memory_limiter], ")
    program = site.weir(config, workers=2)
    with ThreadPoolExecutor(4) as pool:
        def send(number):
            client = HttpClient(program)
            answer = client.send(numbered([number], padding=200 * 1024).SerializeToString())
            client.close()
            return answer.ok
        assert all(pool.map(send, range(1, 201)))
    assert program.metric("weir_exporter_held_items") < 100, "the window is bounded"
    with site.backend() as sink:
        wait_until(lambda: len(sink.numbers()) >= 200, 20, "all arrive")
        wait_until(lambda: read_books(program)[SPANS]["on_disk"] == 0, 5, "it is released")
        stop_balanced(program)
    assert sorted(sink.numbers()) == list(range(1, 201))


def test_wait_for_result_and_storage_exclude_each_other(site):
    said = refused_to_start(
        site.weir(replace(CONFIG, "storage: file_storage", "storage: file_storage, wait_for_result: true"), start=False))
    assert re.search(r"wait_for_result: true and storage exclude each other", said)


def test_a_missing_directory_is_an_error_with_the_remedy(site):
    said = refused_to_start(site.weir(replace(CONFIG, ", create_directory: true", ""), start=False))
    assert str(site.queue) in said and "create_directory" in said


def test_a_storage_nobody_uses_is_harmless(site):
    program = site.weir(replace(CONFIG, "sending_queue: {storage: file_storage}", "sending_queue: {}"), start=False)
    with site.backend() as sink:
        program.start()
        send_ok(program, [1])
        assert sink.numbers() == [1]
        program.stop_cleanly()


def test_a_directory_open_to_others_is_warned_of(site):
    site.queue.mkdir()
    site.queue.chmod(0o777)
    program = site.weir()
    assert "permissions 777" in program.output()
    program.stop_cleanly()


def with_memory(config: str, limit_mib: int) -> str:
    config = replace(config, "exporters:",
                     f"processors: {{memory_limiter: {{check_interval: 1s, limit_mib: {limit_mib}, spike_limit_mib: 1}}}}\nexporters:")
    return replace(config, "traces: {receivers: [otlp], ", "traces: {receivers: [otlp], processors: [memory_limiter], ")


def test_a_record_larger_than_the_memory_limit_of_the_next_run(site):
    program = site.weir()
    client = HttpClient(program)
    assert client.send(numbered([1], padding=6 * 1024 * 1024).SerializeToString()).ok
    assert client.send(numbered([2]).SerializeToString()).ok
    program.kill()
    with site.backend() as sink:
        program = site.weir(with_memory(CONFIG, 4))
        wait_until(lambda: sorted(sink.numbers()) == [1, 2], 10, "it holds nothing up")
        stop_balanced(program)


def test_requests_that_wait_for_room_do_not_keep_the_queue_from_being_read(site):
    """They hold all of the memory, and wait for room that comes only when something is read into memory and sent."""
    config = replace(with_memory(CONFIG, 8), "storage: file_storage", "storage: file_storage, block_on_overflow: true")
    program = site.weir(replace(config, "create_directory: true", "create_directory: true, max_size: 8388608"))
    with Load(program, 40, spans=1, make=lambda numbers: numbered(numbers, padding=300000), timeout=30) as load:
        time.sleep(3)
        with site.backend() as sink:
            wait_until(lambda: len(sink.numbers()) >= 100, 20, "it flows")
            load.stop()
            wait_until(lambda: load.acknowledged <= set(sink.numbers()), 10, "all that was answered OK arrives")
            stop_balanced(program)


def test_a_deleted_folder_is_not_answered_ok(site):
    with site.backend() as sink:
        program = site.weir()
        send_ok(program, [1])
        wait_until(lambda: sink.numbers() == [1], 5, "it works")
        shutil.rmtree(next(site.queue.glob("exporter_*_traces")))
        answer = HttpClient(program).send(numbered([2]).SerializeToString())
        assert not answer.ok and answer.retry_after
        program.stop_cleanly()


def test_sigterm_while_a_request_is_received_and_the_backend_is_silent(site):
    body = numbered([1]).SerializeToString()
    with site.backend() as sink, closing(socket.socket()) as client:
        sink.hold()
        program = site.weir()
        client.connect(("127.0.0.1", int(program.http_endpoint.rsplit(":", 1)[1])))
        client.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: weir\r\nContent-Type: application/x-protobuf\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
        time.sleep(0.2)
        started = time.monotonic()
        program.signal(signal.SIGTERM)
        time.sleep(0.5)
        client.sendall(body[10:])
        assert b"200 OK" in client.recv(1000)
        program.wait(10)
        assert 1 < time.monotonic() - started < 5, "the backend is given its two seconds, and no more"
    assert printed_books(program)[SPANS]["on_disk"] == 1


def test_without_file_descriptors_data_is_refused_and_nothing_is_lost(site):
    config = replace(CONFIG, "create_directory: true", "create_directory: true, segment_size: 64KiB")
    program = site.weir(config)
    client, number, sent = HttpClient(program), 0, []

    def send() -> bool:
        nonlocal number
        number += 1
        answer = client.send(numbered([number], padding=40000).SerializeToString())
        sent.extend([number] if answer.ok else [])
        return answer.ok

    assert send()
    allowed = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)

    def refused_without_a_free_descriptor() -> bool:
        # Looked at each time: an attempt to reach the backend may have had one open, and given it back.
        open_files = {int(path.name) for path in Path(f"/proc/{program.pid}/fd").iterdir()}
        lowest_free = next(fd for fd in itertools.count() if fd not in open_files)
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (lowest_free, allowed[1]))
        return not send()

    wait_until(refused_without_a_free_descriptor, 5, "the next file cannot be opened")
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, allowed)
    wait_until(send, 5, "it goes on")
    with site.backend() as sink:
        wait_until(lambda: len(sink.numbers()) == len(sent), 10, "all that was answered OK arrives")
        assert sorted(sink.numbers()) == sent
        wait_until(lambda: read_books(program)[SPANS]["on_disk"] == 0, 5, "it is released")
        stop_balanced(program)
    client.close()
