# SPDX-License-Identifier: Apache-2.0
"""Looking after what lies on disk: weir queue, weir deadletter and weir replay, beside a running weir and without one;
and what weir says at its end."""

import itertools
import json
import os
import signal
import struct
import subprocess
import time

import grpc
import pytest

from support.collector import weir_binary
from support.load import GrpcClient, numbered, numbered_logs
from support.process import free_port, wait_until
from support.sink import Sink

ON_DISK = """
extensions: {file_storage: {directory: '${env:QUEUE}', create_directory: true}}
exporters:
  otlp/backend:
    endpoint: ${env:BACKEND}
    tls: {insecure: true}
    sending_queue: {storage: file_storage, batch: {flush_timeout: 10ms, min_size: 1, max_size: 1}}
    retry_on_failure: {initial_interval: 50ms, max_interval: 100ms}
service:
  extensions: [health_check, file_storage]
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp/backend]}
    logs: {receivers: [otlp], exporters: [otlp/backend]}
"""


@pytest.fixture
def queue(tmp_path):
    return tmp_path / "queue"


@pytest.fixture
def run(tmp_path):
    """run(words…, NAME=value…): runs weir to its end; .returncode, .stdout, .stderr."""

    def run_weir(*words, timeout=30, **env):
        return subprocess.run([weir_binary(), *map(str, words)], capture_output=True, text=True, timeout=timeout,
                              cwd=tmp_path, env={**os.environ, **env}, check=False)

    return run_weir


def send(program, spans, logs=()):
    client, log_client = GrpcClient(program), GrpcClient(program, "logs")
    for number in spans:
        assert client.send(numbered([number]).SerializeToString()).ok
    for number in logs:
        assert log_client.send(numbered_logs([number]).SerializeToString()).ok
    client.close()
    log_client.close()


@pytest.fixture
def filled(weir, queue):
    """weir runs, and has three spans and two log records that its backend does not take: it is not there."""
    program = weir(ON_DISK, QUEUE=queue, BACKEND=f"127.0.0.1:{free_port()}")
    send(program, [1, 2, 3], [4, 5])
    return program


def dead_letters(weir, queue, numbers, reasons=itertools.repeat("no such tenant")):
    """weir runs, and has a dead letter for each number, from a backend that says INVALID_ARGUMENT to all."""

    def refuse(_request, context):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, next(reasons))

    with Sink(refuse) as sink:
        program = weir(ON_DISK, QUEUE=queue, BACKEND=sink.endpoint)
        send(program, numbers)
        wait_until(lambda: program.metric("weir_queue_dead_lettered_items") == len(numbers), 10, "dead letters")
    return program


def crc32c(bytes_):
    """RFC 3720's checksum, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in bytes_:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def span_numbers(text):
    """The span ids of plain lines of OTLP/JSON, as numbers."""
    return [int(span["spanId"], 16) for line in text.splitlines() for of_resource in json.loads(line)["resourceSpans"]
            for scope in of_resource["scopeSpans"] for span in scope["spans"]]


## weir queue


def check_list(run, queue, pid):
    listed = run("queue", "ls", queue)
    assert listed.returncode == 0 and listed.stderr == ""
    held = f", held by process {pid}" if pid else ""
    logs, traces = listed.stdout.splitlines()
    assert logs.startswith("otlp/backend logs: 2 records (2 log records), ") and logs.endswith(f" ago{held}")
    assert traces.startswith("otlp/backend traces: 3 records (3 spans), ") and traces.endswith(f" ago{held}")

    rows = [json.loads(line) for line in run("queue", "ls", "--json", queue).stdout.splitlines()]
    assert [(row["exporter"], row["signal"], row["records"], row["items"], row["pid"]) for row in rows] == [
        ("otlp/backend", "logs", 2, {"log_records": 2}, pid), ("otlp/backend", "traces", 3, {"spans": 3}, pid)]
    for row in rows:
        files = [file for file in os.scandir(row["path"]) if file.name.endswith((".log", ".done"))]
        assert row["damaged_bytes"] == row["torn_bytes"] == 0
        assert 0 < row["record_bytes"] < row["file_bytes"] <= sum(file.stat().st_size for file in files)


def test_ls_of_a_running_and_of_a_stopped_weir(filled, run, queue):
    check_list(run, queue, filled.pid)
    filled.stop_cleanly()
    check_list(run, queue, None)


def test_ls_and_cat_change_nothing(filled, run, queue):
    filled.stop_cleanly()
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in queue.rglob("*") if path.is_file()}
    run("queue", "ls", queue)
    run("queue", "cat", queue)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in queue.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("is_running", [True, False])
def test_cat_prints_every_record_as_otlp_json(filled, run, queue, is_running):
    if not is_running:
        filled.stop_cleanly()
    done = run("queue", "cat", queue, "--signal", "traces")
    assert done.returncode == 0 and done.stderr == ""
    assert span_numbers(done.stdout) == [1, 2, 3]
    assert span_numbers(run("queue", "cat", queue / "exporter_otlp_backend_traces", "--limit", 2).stdout) == [1, 2]
    assert len(run("queue", "cat", queue).stdout.splitlines()) == 5


def test_cat_with_meta_says_whose_and_when(filled, run, queue):
    lines = [json.loads(line) for line in run("queue", "cat", queue, "--signal", "traces", "--meta").stdout.splitlines()]
    assert {(line["exporter"], line["signal"], line["items"]) for line in lines} == {("otlp/backend", "traces", 1)}
    ids = [slice_["id"] for line in lines for slice_ in line["slices"]]
    assert len(set(ids)) == 3 and all(len(id_) == 32 for id_ in ids)
    assert span_numbers("\n".join(json.dumps(line["data"]) for line in lines)) == [1, 2, 3]
    assert all(line["time"].startswith(time.strftime("%Y-", time.gmtime())) for line in lines)


def test_a_damaged_record_is_told_and_passed_over(filled, run, queue):
    filled.stop_cleanly()
    segment = next((queue / "exporter_otlp_backend_traces").glob("*.log"))
    bytes_ = bytearray(segment.read_bytes())
    first_name = bytes_.index(b"numbered")
    bytes_[first_name] ^= 1
    segment.write_bytes(bytes_)

    row = json.loads(run("queue", "ls", "--json", queue / "exporter_otlp_backend_traces").stdout)
    assert row["records"] == 2 and row["damaged_bytes"] > 0
    assert "damaged" in run("queue", "ls", queue).stdout
    done = run("queue", "cat", queue, "--signal", "traces")
    assert span_numbers(done.stdout) == [2, 3] and "damaged" in done.stderr


def test_what_is_no_queue_is_named(run, tmp_path):
    missing = run("queue", "ls", tmp_path / "nowhere")
    assert missing.returncode == 1 and "there is no folder" in missing.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    for command in ["queue", "ls"], ["deadletter", "cat"], ["replay", "--to", "127.0.0.1:1"]:
        done = run(*command, empty)
        assert done.returncode == 1 and "holds no queue" in done.stderr, command


def test_a_newer_format_is_named_and_left_alone(filled, run, queue):
    filled.stop_cleanly()
    segment = next((queue / "exporter_otlp_backend_traces").glob("*.log"))
    newer = segment.read_bytes()[:8] + struct.pack("<I", 99)
    newer += struct.pack("<I", crc32c(newer))
    segment.write_bytes(newer + segment.read_bytes()[len(newer):])
    before = segment.read_bytes()

    for command in ["queue", "ls"], ["queue", "cat"], ["replay", "--to", "127.0.0.1:1"]:
        done = run(*command, segment.parent)
        assert done.returncode == 1 and "newer" in done.stderr, (command, done.stderr)
    assert segment.read_bytes() == before


@pytest.mark.parametrize("words, named", [
    (["queue"], "usage"), (["queue", "ls"], "which directory"), (["queue", "cat", "--signal", "spans", "."], "spans"),
    (["queue", "ls", "--meta", "."], "meta"), (["deadletter", "cat", "--limit", "none", "."], "none"),
    (["replay", "."], "--to"), (["replay", "--to", "nowhere", "."], "nowhere"), (["replay", "--header", "x", "."], '"x"'),
    (["queue", "ls", ".", "."], "one directory"),
])
def test_a_misused_command_line_ends_with_2(run, words, named):
    done = run(*words)
    assert done.returncode == 2
    assert named in done.stderr and done.stdout == ""


@pytest.mark.parametrize("words", [["queue", "--help"], ["queue", "cat", "--help"], ["deadletter", "--help"],
                                   ["deadletter", "ls", "-h"], ["replay", "--help"]])
def test_help(run, words):
    done = run(*words)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(f"usage: weir {words[0]} ") and "Exit code" in done.stdout


## weir deadletter


def test_deadletter_ls_groups_by_exporter_and_reason(weir, run, queue):
    program = dead_letters(weir, queue, [1, 2, 3])
    done = run("deadletter", "ls", queue)
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    assert line.startswith("otlp/backend: 3 records (3 spans), last 20") and "no such tenant" in line
    row = json.loads(run("deadletter", "ls", "--json", queue).stdout)
    assert (row["origin"], row["records"], row["items"]) == ("otlp/backend", 3, {"spans": 3})
    assert row["oldest"] <= row["newest"]
    assert run("deadletter", "ls", queue, "--origin", "otlp/other").stdout == ""
    assert "dead letters: 3 records (3 spans)" in run("queue", "ls", queue).stdout
    program.stop_cleanly()
    assert run("deadletter", "ls", queue).stdout == done.stdout


def test_deadletter_cat_has_the_data_and_why(weir, run, queue):
    dead_letters(weir, queue, [1, 2, 3])
    assert sorted(span_numbers(run("deadletter", "cat", queue).stdout)) == [1, 2, 3]
    lines = [json.loads(line) for line in run("deadletter", "cat", "--meta", "--limit", 2, queue).stdout.splitlines()]
    assert [line["origin"] for line in lines] == ["otlp/backend"] * 2
    assert all("no such tenant" in line["reason"] for line in lines)


def test_a_backends_words_are_shown_and_not_obeyed(weir, run, queue):
    dead_letters(weir, queue, [1], iter(["no\x1b[2J\nway \u009b2J"]))
    listed = run("deadletter", "ls", queue).stdout
    assert r"no\x1b[2J\x0away \x9b2J" in listed and len(listed.splitlines()) == 1


def test_a_thousand_reasons_are_listed_and_the_rest_together(weir, run, queue):
    dead_letters(weir, queue, range(1, 1011), (f"reason {number}" for number in itertools.count()))
    lines = run("deadletter", "ls", queue).stdout.splitlines()
    assert len(lines) == 1001
    assert lines[-1].startswith("others: 10 records") and lines[-1].endswith(": others")


## weir replay


def test_replay_sends_dead_letters_beside_a_running_weir(weir, run, queue):
    program = dead_letters(weir, queue, [1, 2, 3])
    with Sink() as sink:
        done = run("replay", queue, "--to", sink.endpoint)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"sent 3 records (3 spans) to {sink.endpoint}\n"
        assert sorted(sink.numbers()) == [1, 2, 3]
        assert run("deadletter", "cat", queue).stdout == ""
        assert "sent 0 records" in run("replay", queue, "--to", sink.endpoint).stdout
        assert len(sink.numbers()) == 3
    program.stop_cleanly()
    assert run("deadletter", "ls", queue).stdout == "", "still gone after weir has closed its log"


def test_replay_of_what_is_chosen(weir, run, queue):
    dead_letters(weir, queue, [1, 2, 3])
    first, second, third = span_numbers(run("deadletter", "cat", queue).stdout)
    with Sink() as sink:
        assert run("replay", queue, "--to", sink.endpoint, "--signal", "logs").stdout.startswith("sent 0 records")
        assert run("replay", queue, "--to", sink.endpoint, "--origin", "otlp/x").stdout.startswith("sent 0 records")
        assert run("replay", queue, "--to", sink.endpoint, "--limit", 2).returncode == 0
        assert sink.numbers() == [first, second]
    assert span_numbers(run("deadletter", "cat", queue).stdout) == [third]


def test_a_dry_run_sends_nothing(weir, run, queue):
    dead_letters(weir, queue, [1, 2])
    done = run("replay", queue, "--to", "127.0.0.1:1", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.count("would send: 1 record (1 span) of otlp/backend") == 2
    assert len(run("deadletter", "cat", queue).stdout.splitlines()) == 2


def test_what_is_refused_again_stays_and_is_listed(weir, run, queue):
    dead_letters(weir, queue, [1, 2, 3])

    def refuse_the_second(request, context):
        if request.resource_spans[0].scope_spans[0].spans[0].span_id[-1] == 2:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not that one")

    with Sink(refuse_the_second) as sink:
        done = run("replay", queue, "--to", sink.endpoint)
        assert done.returncode == 1
        assert "refused: 1 record (1 span) of otlp/backend" in done.stderr and "not that one" in done.stderr
        assert "sent 2 records (2 spans)" in done.stdout and "1 refused for good" in done.stdout
        assert sorted(sink.numbers()) == [1, 3]
    assert span_numbers(run("deadletter", "cat", queue).stdout) == [2]


def test_later_is_tried_again(weir, run, queue):
    dead_letters(weir, queue, [1, 2])
    answers = iter([True, False, True, False])

    def later_every_other_time(_request, context):
        if next(answers):
            context.abort(grpc.StatusCode.UNAVAILABLE, "later")

    with Sink(later_every_other_time) as sink:
        assert run("replay", queue, "--to", sink.endpoint).returncode == 0
        assert sorted(sink.numbers()) == [1, 2] and sink.arrived == 4


def test_an_endpoint_that_is_not_there_loses_nothing(weir, run, queue):
    dead_letters(weir, queue, [1, 2])
    done = run("replay", queue, "--to", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "stopped" in done.stderr and "2 not sent" in done.stdout
    assert sorted(span_numbers(run("deadletter", "cat", queue).stdout)) == [1, 2]


def test_partial_success_is_told(weir, run, queue):
    dead_letters(weir, queue, [1])

    def take_in_part(request, _context):
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
        return ExportTraceServiceResponse(partial_success={"rejected_spans": 1, "error_message": "too old"})

    with Sink(take_in_part) as sink:
        done = run("replay", queue, "--to", sink.endpoint)
    assert done.returncode == 1
    assert "too old" in done.stderr and "1 items of them were refused" in done.stdout
    assert run("deadletter", "cat", queue).stdout == "", "the endpoint has answered for it: it is not sent again"


def test_headers_are_sent(weir, run, queue):
    dead_letters(weir, queue, [1])
    seen = {}

    def remember(_request, context):
        seen.update(context.invocation_metadata())

    with Sink(remember) as sink:
        assert run("replay", queue, "--to", sink.endpoint, "--header", "X-Tenant=blue").returncode == 0
    assert seen["x-tenant"] == "blue" and seen["user-agent"].startswith("weir-replay/")


def test_ctrl_c_ends_replay_after_the_request_under_way(weir, queue):
    dead_letters(weir, queue, [1, 2, 3])
    with Sink() as sink:
        sink.hold()
        replay = subprocess.Popen([weir_binary(), "replay", queue, "--to", sink.endpoint], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        wait_until(lambda: sink.arrived == 1, 10)
        replay.send_signal(signal.SIGINT)
        time.sleep(0.2)
        sink.release()
        output, errors = replay.communicate(timeout=20)
        assert replay.returncode == 1
        assert "sent 1 record (1 span)" in output and "2 not sent" in output and "signal" in errors
        assert len(sink.numbers()) == 1


def test_a_queue_that_weir_holds_is_refused_and_sent_once_weir_has_ended(filled, run, queue):
    traces = queue / "exporter_otlp_backend_traces"
    with Sink() as sink:
        held = run("replay", traces, "--to", sink.endpoint)
        assert held.returncode == 1 and sink.numbers() == []
        assert f"{traces} is open in another process ({filled.pid})" in held.stderr
        assert run("replay", traces, "--to", sink.endpoint, "--origin", "otlp/backend").returncode == 2

        filled.stop_cleanly()
        done = run("replay", traces, "--to", sink.endpoint)
        assert (done.returncode, done.stderr) == (0, "")
        assert sink.numbers() == [1, 2, 3]
        assert "traces: 0 records" in run("queue", "ls", traces).stdout
        assert "there are no dead letters" in run("replay", queue, "--to", sink.endpoint).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts as somebody else")
def test_root_leaves_no_files_of_its_own_in_the_folder_of_another(weir, run, queue):
    dead_letters(weir, queue, [1, 2]).stop_cleanly()
    for path in [queue, *queue.rglob("*")]:
        os.chown(path, 4711, 4711)
    os.chmod(queue.parent, 0o755)
    for above in list(queue.parents)[:4]:
        os.chmod(above, os.stat(above).st_mode | 0o011)
    with Sink() as sink:
        # A process that has changed its user cannot be looked into, which is how leaks are searched for.
        done = run("replay", queue, "--to", sink.endpoint, "--limit", 1, ASAN_OPTIONS="detect_leaks=0")
        assert done.returncode == 0, done.stderr
        assert len(sink.numbers()) == 1
    assert {path.stat().st_uid for path in queue.rglob("*")} == {4711}


## what weir says at its end


def test_at_its_end_weir_says_what_is_where(filled):
    filled.stop_cleanly()
    assert "\n0 exported, 5 on disk\n" in filled.output()


def test_what_was_sent_and_what_stays_are_left_for_kubernetes(weir, queue, tmp_path):
    message = tmp_path / "termination"
    with Sink() as sink:
        program = weir(ON_DISK, QUEUE=queue, BACKEND=sink.endpoint, WEIR_TERMINATION_LOG=message)
        send(program, [1, 2])
        wait_until(lambda: len(sink.numbers()) == 2, 10)
        program.stop_cleanly()
    assert message.read_text() == "2 exported, 0 on disk"


def test_dead_letters_are_named_at_the_end(weir, queue):
    program = dead_letters(weir, queue, [1, 2])
    program.stop_cleanly()
    assert "\n0 exported, 0 on disk, 2 dead-lettered\n" in program.output()


def test_a_weir_without_disk_queues_says_nothing_of_them(weir):
    program = weir("{exporters: {nop: }, service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}}")
    program.stop_cleanly()
    assert "on disk" not in program.output()


def test_a_failed_start_is_left_for_kubernetes(run, filled, tmp_path):
    message = tmp_path / "termination"
    wrong = run("--config", "yaml:{receivers: {otpl: }}", WEIR_TERMINATION_LOG=message)
    assert wrong.returncode == 1 and "otpl" in message.read_text()
    taken = run(*filled.argv[1:], WEIR_TERMINATION_LOG=message, **filled.env)
    assert taken.returncode == 1 and message.read_text().startswith("cannot start: ")


def test_a_termination_message_that_cannot_be_written_is_no_harm(weir, queue):
    program = weir(ON_DISK, QUEUE=queue, BACKEND="127.0.0.1:1", WEIR_TERMINATION_LOG="/proc/nowhere/x")
    program.stop_cleanly()
