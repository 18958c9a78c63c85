# SPDX-License-Identifier: Apache-2.0
"""An application with the Python SDK as it comes makes 5,000 spans a second; weir syncs each request to disk before it
answers. The SDK's own queue (2,048 spans) must not run over, so answers must be quick.

    WEIR_LATENCY_S=20        how long, for each protocol

The figures are printed and written to build/reports/latency.md, beside the time that the disk needs for an fdatasync, and
that the same application waits for weir without a queue. Both must be quick for the answers to be held to their limit:
otherwise the machine is too slow or too busy to say.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.process import wait_until
from support.sink import Sink

SECONDS = float(os.environ.get("WEIR_LATENCY_S", "20"))
RATE = 5000
ANSWER_P99_MS_MAX = 20
QUICK_DISK_P99_MS, QUICK_MACHINE_P99_MS = 5, 10
LOAD = Path(__file__).parents[1] / "support" / "sdk_load.py"

CONFIG = """
extensions:
  file_storage: {directory: "${env:QUEUE}", create_directory: true}
exporters:
  otlp/backend:
    endpoint: "${env:BACKEND}"
    tls: {insecure: true}
    sending_queue: {storage: file_storage}
service:
  extensions: [health_check, file_storage]
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp/backend]}
"""


WITHOUT_QUEUE = """
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
"""


@pytest.fixture(scope="module")
def rows(report):
    """Lines of the table; reported at the end."""
    found = []
    yield found
    if found:
        heads = "| | answers | p50 ms | p99 ms | longest ms | without queue p50 ms | p99 ms | fdatasync p50 ms | p99 ms |"
        report("latency", "\n".join(["# Answers to one Python SDK at 5,000 spans a second, queue on disk", "", heads,
                                     "|" + "---|" * 9, *found, ""]))


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_sdk_drops_nothing(weir, tmp_path, rows, protocol):
    syncs_ms = sync_times_ms(tmp_path)
    quick = weir(WITHOUT_QUEUE)
    quick_ms = run_sdk(protocol, quick, SECONDS / 4)["answers_ms"]
    quick.stop_cleanly()
    arrived = SpanCount()
    with Sink(arrived, keep=False) as backend:
        load = run_sdk(protocol, weir(CONFIG, BACKEND=backend.endpoint, QUEUE=tmp_path / "queue"), SECONDS)
        wait_until(lambda: arrived.spans >= load["made"], 10, "all spans are at the backend")

    answers_ms = load["answers_ms"]
    rows.append(f"| OTLP/{protocol} | {len(answers_ms)} | {statistics.median(answers_ms):.1f} | {p99(answers_ms):.1f} "
                f"| {max(answers_ms):.1f} | {statistics.median(quick_ms):.1f} | {p99(quick_ms):.1f} "
                f"| {statistics.median(syncs_ms):.1f} | {p99(syncs_ms):.1f} |")
    assert load["made"] > 0.95 * RATE * SECONDS, "the application itself was too slow"
    assert load["failed"] == 0 and arrived.spans == load["made"], (arrived.spans, load["made"], load["failed"])
    if p99(syncs_ms) <= QUICK_DISK_P99_MS and p99(quick_ms) <= QUICK_MACHINE_P99_MS:
        assert p99(answers_ms) <= ANSWER_P99_MS_MAX


def run_sdk(protocol: str, program, seconds: float) -> dict:
    port = program.grpc_port if protocol == "grpc" else program.http_port
    words = [sys.executable, LOAD, protocol, f"127.0.0.1:{port}", RATE, seconds]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, timeout=seconds + 60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class SpanCount:
    """The `answer` of a Sink that only counts."""

    def __init__(self):
        self.spans = 0

    def __call__(self, request, context):
        self.spans += sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


def sync_times_ms(folder: Path, count: int = 200) -> list:
    """What this disk needs for an fdatasync after an append of 64 KiB, about a request of the SDK."""
    times = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(count):
            file.write(os.urandom(64 * 1024))
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    return times


def p99(values: list) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]
