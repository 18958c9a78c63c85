# SPDX-License-Identifier: Apache-2.0
"""The file exporter: what was answered OK is in the file, once and whole, whatever happens to weir or to the disk."""

import json
import os
import re
import resource
import stat
import threading

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.books import assert_balanced, printed_books
from support.load import GrpcClient, HttpClient, numbered, numbered_logs
from support.process import wait_until

CONFIG = """
exporters:
  file: {{path: {path}, {more}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
    logs: {{receivers: [otlp], exporters: [file]}}
"""


def config_for(path, more="append: true"):
    return CONFIG.format(path=path, more=more)


def send(program, numbers, signal="traces", make=numbered):
    client = HttpClient(program, signal)
    try:
        return client.send(make(numbers).SerializeToString())
    finally:
        client.close()


def spans_of(lines) -> list:
    """The numbers in lines of JSON."""
    return [
        int(span["spanId"], 16)
        for line in lines for of_resource in json.loads(line).get("resourceSpans", [])
        for of_scope in of_resource["scopeSpans"] for span in of_scope["spans"]
    ]


def lines_of(path) -> list:
    data = path.read_bytes()
    assert not data or data.endswith(b"\n")
    return data.splitlines()


def numbered_bodies(numbers, padding: int = 0) -> bytes:
    request = numbered(numbers)
    if padding:
        request.resource_spans[0].scope_spans[0].spans[0].name = "x" * padding
    return request


def test_a_line_is_there_when_the_answer_is(weir, tmp_path):
    path = tmp_path / "out.json"
    program = weir(config_for(path))
    for number in range(1, 20):
        assert send(program, [number]).ok
        assert spans_of(lines_of(path)) == list(range(1, number + 1))
    assert send(program, [7], "logs", numbered_logs).ok
    assert "resourceLogs" in json.loads(lines_of(path)[-1])
    program.stop_cleanly()
    books = printed_books(program)
    assert_balanced(books)
    assert books["exporter", "file", "spans"]["sent"] == 19


def test_only_append_keeps_what_was_there(weir, tmp_path):
    path = tmp_path / "out.json"
    path.write_text('{"before":1}\n')
    program = weir(config_for(path, "append: true"))
    assert send(program, [1]).ok
    program.stop_cleanly()
    assert len(lines_of(path)) == 2
    program = weir(config_for(path, "append: false"))
    assert send(program, [2]).ok
    program.stop_cleanly()
    assert spans_of(lines_of(path)) == [2]


def test_files_have_the_rights_of_the_umask_and_folders_those_written(weir, tmp_path):
    path = tmp_path / "some" / "folder" / "out.json"
    old = os.umask(0o027)
    try:
        program = weir(config_for(path, 'create_directory: true, directory_permissions: "0700"'))
    finally:
        os.umask(old)
    assert send(program, [1]).ok
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_a_path_that_cannot_be_written_stops_the_start(weir, tmp_path):
    program = weir(config_for(tmp_path / "missing" / "out.json"), start=False)
    with pytest.raises(AssertionError):
        program.start(timeout=10)
    assert "missing/out.json: No such file or directory" in program.output()


def test_two_exporters_on_one_file_stop_the_start(weir, tmp_path):
    path = tmp_path / "out.json"
    first = weir(config_for(path))
    second = weir(config_for(path), start=False)
    with pytest.raises(AssertionError):
        second.start(timeout=10)
    assert "another process or exporter writes to" in second.output()
    assert send(first, [1]).ok


def test_many_clients_on_several_workers_never_tear_a_line(weir, tmp_path):
    """Lines short and long (longer than the exporter's buffer) from eight connections."""
    path = tmp_path / "out.json"
    program = weir(config_for(path))
    answered = []

    def run(start):
        client = GrpcClient(program)
        for i in range(40):
            number = start + i
            padding = 600_000 if i % 10 == 0 else 100
            if client.send(numbered_bodies([number], padding).SerializeToString(), 30).ok:
                answered.append(number)
        client.close()

    threads = [threading.Thread(target=run, args=(1 + 1000 * worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answered) == 320
    assert sorted(spans_of(lines_of(path))) == sorted(answered)


def test_kill_9_and_start_again(weir, tmp_path):
    """Every number answered OK is in the file; lines are whole but for torn ones, which stand alone."""
    path = tmp_path / "out.json"
    answered, stop = [], threading.Event()
    numbers = iter(range(1, 10**9))

    def run(program):
        client = GrpcClient(program)
        while not stop.is_set():
            number = next(numbers)
            if not client.send(numbered_bodies([number], 20_000).SerializeToString(), 5).ok:
                break
            answered.append(number)
        client.close()

    for _ in range(5):
        program = weir(config_for(path))
        before = len(answered)
        thread = threading.Thread(target=run, args=(program,))
        thread.start()
        wait_until(lambda: len(answered) > before + 20, 20, "some answers")
        program.kill()
        thread.join()
    program = weir(config_for(path))
    program.stop_cleanly()
    whole = []
    for line in path.read_bytes().splitlines():
        try:
            whole += spans_of([line])
        except ValueError:
            continue
    assert set(answered) <= set(whole)
    assert len(whole) - len(set(whole)) == 0
    assert len(set(whole) - set(answered)) <= 5, "at most one unanswered per kill"


def limited(program, size: int):
    """From now on no file of the program may grow beyond `size`."""
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_full_disk_is_answered_and_leaves_no_torn_line(weir, tmp_path):
    path = tmp_path / "out.json"
    program = weir(config_for(path, "append: true, retry_on_failure: {enabled: false}"))
    assert send(program, [1]).ok
    limited(program, path.stat().st_size + 5000)
    client = HttpClient(program)
    answer = client.send(numbered_bodies([2], 100_000).SerializeToString())
    assert answer.code == "503"
    assert "File too large" in answer.text
    assert spans_of(lines_of(path)) == [1]
    assert client.send(numbered([3]).SerializeToString()).ok, "what fits still fits"
    limited(program, resource.RLIM_INFINITY)
    assert client.send(numbered_bodies([2], 100_000).SerializeToString()).ok
    client.close()
    assert spans_of(lines_of(path)) == [1, 3, 2]


def test_retries_wait_until_the_disk_has_room(weir, tmp_path):
    path = tmp_path / "out.json"
    program = weir(config_for(path, "append: true, sending_queue: {enabled: true, wait_for_result: false}, "
                              "retry_on_failure: {initial_interval: 100ms, max_interval: 200ms}"))
    assert send(program, [1]).ok
    wait_until(lambda: path.stat().st_size > 0, 10, "the first line")
    limited(program, path.stat().st_size)
    for number in range(2, 6):
        assert send(program, [number]).ok
    limited(program, resource.RLIM_INFINITY)
    wait_until(lambda: len(lines_of(path)) == 5, 10, "all lines")
    assert sorted(spans_of(lines_of(path))) == [1, 2, 3, 4, 5]


def test_rotation_loses_nothing(weir, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "data.json"
    program = weir(config_for(path, "rotation: {max_megabytes: 1, max_backups: 3}"))
    client = HttpClient(program)
    for number in range(1, 31):
        assert client.send(numbered_bodies([number], 100_000).SerializeToString()).ok
    client.close()
    program.stop_cleanly()
    aside = sorted(folder.glob("data-*.json"))
    assert len(aside) == 2, "thirty of 100 KB are two full files and one begun"
    for name in aside:
        assert re.fullmatch(r"data-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}-size\.json", name.name)
        assert name.stat().st_size <= 1 << 20
    assert [number for name in [*aside, path] for number in spans_of(lines_of(name))] == list(range(1, 31))
    program = weir(config_for(path, "rotation: {max_megabytes: 1, max_backups: 3}"))
    assert send(program, [31]).ok
    assert spans_of(lines_of(path))[-1] == 31, "with rotation a file is continued"
    assert len(spans_of(lines_of(path))) > 1


def test_groups(weir, tmp_path):
    program = weir(config_for(tmp_path / "out" / "*.json", "group_by: {enabled: true, resource_attribute: tenant, max_open_files: 2}"))
    client = HttpClient(program, "logs")
    for tenant in ["a", "b", "c", "a", "../b", "b/d"]:
        request = ExportLogsServiceRequest()
        of_resource = request.resource_logs.add()
        of_resource.resource.attributes.add(key="tenant").value.string_value = tenant
        of_resource.scope_logs.add().log_records.add().body.string_value = tenant
        assert client.send(request.SerializeToString()).ok
    tree = {str(path.relative_to(tmp_path / "out")): len(lines_of(path)) for path in (tmp_path / "out").rglob("*.json")}
    assert tree == {"a.json": 2, "b.json": 2, "c.json": 1, "b/d.json": 1}
    client.close()


def test_one_request_for_several_groups_and_none(weir, tmp_path):
    """What has no group is rejected, and said so; the rest is written, each file once."""
    program = weir(config_for(tmp_path / "*.json", "group_by: {enabled: true, resource_attribute: tenant}"))
    request = ExportTraceServiceRequest()
    for number, tenant in enumerate(["a", "b", "a", None, 7, "bad\x00name", "x" * 300], start=1):
        of_resource = numbered([number]).resource_spans[0]
        if tenant is not None:
            value = of_resource.resource.attributes.add(key="tenant").value
            setattr(value, "string_value" if isinstance(tenant, str) else "int_value", tenant)
        request.resource_spans.append(of_resource)
    client = GrpcClient(program)
    answer = client.send(request.SerializeToString())
    client.close()
    assert answer.ok and answer.rejected == 4
    assert spans_of(lines_of(tmp_path / "a.json")) == [1, 3]
    assert spans_of(lines_of(tmp_path / "b.json")) == [2]
    assert len(lines_of(tmp_path / "a.json")) == 1
    program.stop_cleanly()
    books = printed_books(program)
    assert_balanced(books)
    assert books["exporter", "file", "spans"]["rejected"] == 4


def test_bytes_that_are_not_utf8_still_make_a_line(weir, tmp_path):
    path = tmp_path / "out.json"
    program = weir(config_for(path))
    request = numbered([1])
    request.resource_spans[0].scope_spans[0].spans[0].name = "AAAA"
    client = HttpClient(program)
    assert client.send(request.SerializeToString().replace(b"AAAA", b"A\xff\xc3A")).ok
    client.close()
    span = json.loads(lines_of(path)[0].decode())["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert span["name"] == "A\ufffd\ufffdA"


DURABLE = """
extensions:
  file_storage: {{directory: {queue}, create_directory: true}}
exporters:
  file:
    path: {path}
    append: true
    sending_queue: {{storage: file_storage, wait_for_result: false}}
    retry_on_failure: {{initial_interval: 100ms, max_interval: 200ms}}
service:
  extensions: [health_check, file_storage]
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
"""


def test_behind_a_queue_on_disk_nothing_is_lost_while_the_file_is_full(weir, tmp_path):
    path = tmp_path / "out.json"
    config = DURABLE.format(path=path, queue=tmp_path / "queue")
    program = weir(config)
    assert send(program, [1]).ok
    wait_until(lambda: path.exists() and path.stat().st_size > 0, 10, "the first line")
    program.kill()
    program = weir(DURABLE.format(path="/dev/full", queue=tmp_path / "queue"))
    for number in range(2, 8):
        assert send(program, [number]).ok
    program.kill()
    program = weir(config)
    wait_until(lambda: set(spans_of(lines_of(path))) == set(range(1, 8)), 15, "all lines")
