# SPDX-License-Identifier: Apache-2.0
"""The same 1,000 requests of every signal through the file exporters of weir and of the Collector: equal, request by
request, but for the order of keys. Numbers are compared as they are written."""

import json
import re
import time

import pytest
import requests
import zstandard

from support.generate import REQUESTS, Generator
from support.messages import as_the_collector_has_it, frames

REQUESTS_PER_SIGNAL = 1000
SEED = 20260131

CONFIG = """
exporters:
  file/traces: {{path: {folder}/traces, {more}}}
  file/metrics: {{path: {folder}/metrics, {more}}}
  file/logs: {{path: {folder}/logs, {more}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [file/traces]}}
    metrics: {{receivers: [otlp], exporters: [file/metrics]}}
    logs: {{receivers: [otlp], exporters: [file/logs]}}
"""


def generated(signal: str, count: int = REQUESTS_PER_SIGNAL) -> list:
    generator = Generator(f"{SEED} {signal}")
    return [generator.request(signal) for _ in range(count)]


def send(program, signal: str, bodies: list):
    """One after the other, so that the file has them in this order."""
    with requests.Session() as session:
        session.headers["Content-Type"] = "application/x-protobuf"
        for body in bodies:
            answer = session.post(f"{program.http_endpoint}/v1/{signal}", data=body, timeout=30)
            assert answer.status_code == 200, answer.text


def write(run, folder, more: str, bodies: dict) -> dict:
    """What is in the files of one program once it has had all the requests and has ended."""
    folder.mkdir()
    program = run(CONFIG.format(folder=folder, more=more))
    for signal, of_signal in bodies.items():
        send(program, signal, of_signal)
    program.stop_cleanly()
    return {signal: (folder / signal).read_bytes() for signal in bodies}


def no_key_twice(pairs: list) -> dict:
    assert len({key for key, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def canonical(text: bytes) -> str:
    """With its keys sorted and its numbers as they stand."""
    value = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=no_key_twice)
    return json.dumps(value, sort_keys=True)


def inflate(frame: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(frame, read_across_frames=True).read()


@pytest.fixture(scope="module")
def bodies() -> dict:
    return {signal: generated(signal) for signal in REQUESTS}


def test_json_lines_are_equal_request_by_request(weir, collector, tmp_path, bodies):
    ours = write(weir, tmp_path / "ours", "format: json", bodies)
    theirs = write(collector, tmp_path / "theirs", "format: json", bodies)
    for signal in bodies:
        our_lines, their_lines = ours[signal].split(b"\n"), theirs[signal].split(b"\n")
        assert our_lines.pop() == their_lines.pop() == b"", "the last line has its end"
        assert len(our_lines) == len(their_lines)
        assert len(our_lines) > REQUESTS_PER_SIGNAL * 0.8, "most requests have items; empty ones are written by neither"
        for number, (our_line, their_line) in enumerate(zip(our_lines, their_lines)):
            assert canonical(our_line) == canonical(their_line), f"{signal} line {number}"


def test_protobuf_records_are_equal_messages(weir, collector, tmp_path, bodies):
    some = {signal: of_signal[:200] for signal, of_signal in bodies.items()}
    ours = write(weir, tmp_path / "ours", "format: proto", some)
    theirs = write(collector, tmp_path / "theirs", "format: proto", some)
    for signal, message in REQUESTS.items():
        our_frames, their_frames = frames(ours[signal]), frames(theirs[signal])
        assert len(our_frames) == len(their_frames)
        for number, (our_frame, their_frame) in enumerate(zip(our_frames, their_frames)):
            assert as_the_collector_has_it(message, our_frame) == as_the_collector_has_it(message, their_frame), number
            assert our_frame in some[signal], "weir writes the bytes it was sent, with what it does not know in them"


@pytest.mark.parametrize("form", ["json", "proto"])
def test_compressed_records_inflate_to_the_same(weir, collector, tmp_path, bodies, form):
    some = {"logs": bodies["logs"][:100]}
    ours = write(weir, tmp_path / "ours", f"format: {form}, compression: zstd", some)
    theirs = write(collector, tmp_path / "theirs", f"format: {form}, compression: zstd", some)
    plain = [[inflate(frame) for frame in frames(of["logs"])] for of in (ours, theirs)]
    if form == "json":
        plain = [[canonical(text) for text in of] for of in plain]
    else:
        plain = [[as_the_collector_has_it(REQUESTS["logs"], data) for data in of] for of in plain]
    assert plain[0] == plain[1]
    assert len(plain[0]) > 50


def test_files_put_aside_are_named_alike(weir, collector, tmp_path):
    names = {}
    padding = "x" * 400_000
    for run, who in (weir, "ours"), (collector, "theirs"):
        folder = tmp_path / who
        folder.mkdir()
        config = CONFIG.format(folder=folder, more="rotation: {max_megabytes: 1, max_backups: 2}")
        program = run(config.replace("/logs,", "/logs.json,"))
        for _ in range(10):
            request = REQUESTS["logs"]()
            request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = padding
            send(program, "logs", [request.SerializeToString()])
            time.sleep(0.01)
        program.stop_cleanly()
        names[who] = sorted(re.sub(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}", "TIME", path.name) for path in folder.iterdir())
    assert names["ours"] == [*["logs-TIME-size.json"] * 2, "logs.json", "metrics", "traces"]
    assert set(names["theirs"]) - {"metrics", "traces"} == {"logs-TIME-size.json", "logs.json"}


def test_groups_have_the_same_files(weir, collector, tmp_path):
    values = ["plain", "in/a/folder", "../out", "../../etc/x", "./here", "a/../../b", "..", "deep/../../../../up", "with space", "ümlaut"]
    trees = {}
    for run, who in (weir, "ours"), (collector, "theirs"):
        folder = tmp_path / who
        folder.mkdir()
        program = run(CONFIG.format(folder=folder, more="group_by: {enabled: true}").replace("/logs,", "/logs-*.json,")
                      .replace("/traces,", "/traces-*,").replace("/metrics,", "/metrics-*,"))
        for value in values:
            request = REQUESTS["logs"]()
            resource_logs = request.resource_logs.add()
            resource_logs.resource.attributes.add(key="fileexporter.path_segment").value.string_value = value
            resource_logs.scope_logs.add().log_records.add().body.string_value = value
            send(program, "logs", [request.SerializeToString()])
        program.stop_cleanly()
        trees[who] = {
            str(path.relative_to(folder)): [canonical(line) for line in path.read_bytes().splitlines()]
            for path in folder.rglob("*") if path.is_file()
        }
    assert trees["ours"] == trees["theirs"]
    assert len(trees["ours"]) >= 8
