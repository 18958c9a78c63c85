# SPDX-License-Identifier: Apache-2.0
"""An application with the Python SDK as it comes makes 5,000 spans a second; weir syncs each request to disk before it
answers. The SDK's own queue (2,048 spans) must not run over, so answers must be quick.

    WEIR_LATENCY_S=20        how long, for each protocol

The figures are printed and written to build/reports/latency.md, beside what the machine itself needed at the same time
for an fdatasync and to wake a process. Both must be quick for the answers to be held to their limit, and a machine on
which the SDK drops spans without a queue, too, is too busy to say anything.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from support.process import wait_until
from support.sink import Sink

SECONDS = float(os.environ.get("WEIR_LATENCY_S", "20"))
RATE = 5000
ANSWER_P99_MS_MAX = 20
QUICK_SYNC_P99_MS, QUICK_WAKE_P99_MS = 5, 5
SUPPORT = Path(__file__).parents[1] / "support"

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
        heads = "| | answers | p50 ms | p99 ms | longest ms | fdatasync p50 ms | p99 ms | woken late p99 ms |"
        report("latency", "\n".join(["# Answers to one Python SDK at 5,000 spans a second, queue on disk", "", heads,
                                     "|" + "---|" * 8, *found, ""]))


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_sdk_drops_nothing(weir, tmp_path, rows, protocol):
    skip_if_too_busy(protocol, weir)
    arrived = SpanCount()
    with Sink(arrived, keep=False) as backend, probe(tmp_path) as machine:
        load = run_sdk(protocol, weir(CONFIG, BACKEND=backend.endpoint, QUEUE=tmp_path / "queue"), SECONDS)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: arrived.spans >= load["made"], 10)

    answers_ms, syncs_ms, late_ms = load["answers_ms"], machine["syncs_ms"], machine["late_ms"]
    rows.append(f"| OTLP/{protocol} | {len(answers_ms)} | {statistics.median(answers_ms):.1f} | {p99(answers_ms):.1f} "
                f"| {max(answers_ms):.1f} | {statistics.median(syncs_ms):.1f} | {p99(syncs_ms):.1f} | {p99(late_ms):.1f} |")
    assert load["made"] > 0.95 * RATE * SECONDS, "the application itself was too slow"
    assert load["failed"] == 0 and arrived.spans == load["made"], \
        f"{load['made']} spans made, {arrived.spans} arrived, {load['failed']} exports failed: {load['said']}"
    if p99(syncs_ms) <= QUICK_SYNC_P99_MS and p99(late_ms) <= QUICK_WAKE_P99_MS:
        assert p99(answers_ms) <= ANSWER_P99_MS_MAX


def skip_if_too_busy(protocol: str, weir):
    program = weir(WITHOUT_QUEUE)
    load = run_sdk(protocol, program, SECONDS / 4)
    accepted = program.metric("otelcol_receiver_accepted_spans")
    program.stop_cleanly()
    if accepted < load["made"] or load["made"] < 0.95 * RATE * SECONDS / 4:
        pytest.skip(f"this machine is too busy: without a queue {load['made']} spans were made and {accepted:.0f} arrived")


def run_sdk(protocol: str, program, seconds: float) -> dict:
    port = program.grpc_port if protocol == "grpc" else program.http_port
    words = [sys.executable, SUPPORT / "sdk_load.py", protocol, f"127.0.0.1:{port}", RATE, seconds]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, timeout=seconds + 60)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "said": done.stderr[-1000:]}


class SpanCount:
    """The `answer` of a Sink that only counts."""

    def __init__(self):
        self.spans = 0

    def __call__(self, request, context):
        self.spans += sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


@contextlib.contextmanager
def probe(folder: Path):
    """A dictionary with the machine's own times, filled at the end of the block."""
    words = [sys.executable, SUPPORT / "machine_probe.py", folder]
    child = subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    times = {}
    try:
        yield times
    finally:
        times |= json.loads(child.communicate(timeout=10)[0])


def p99(values: list) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]
