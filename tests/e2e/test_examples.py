# SPDX-License-Identifier: Apache-2.0
"""docs/examples: each file is valid, and chains run out of exactly these files."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.collector import weir_binary
from support.load import GrpcClient, numbered, numbered_logs
from support.process import Process, free_port, http_ok, wait_until

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
REQUESTS, ITEMS = 50, 10


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_is_valid(example):
    done = subprocess.run([weir_binary(), "validate", "--config", example], capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower(), done.stdout + done.stderr


class Running:
    """Programs out of the files, ended cleanly one after the other, those in front first."""

    def __init__(self, directory: Path, **env):
        self.directory, self.env, self.programs = directory, env, []

    def start(self, example: str, **env) -> Process:
        metrics = free_port()
        program = Process(example, [weir_binary(), "--config", EXAMPLES / f"{example}.yaml"],
                          self.directory / f"{example}-{len(self.programs)}.log",
                          {**self.env, **env, "METRICS_PORT": metrics})
        self.programs.append(program)
        program.start(lambda: http_ok(f"http://127.0.0.1:{metrics}/metrics"))
        return program

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for program in self.programs:
            if kind is None:
                assert program.stop() == 0, program.tail()
            program.kill()


@pytest.fixture
def around(new_kafka, jaeger, tmp_path):
    """The programs' environment, and the broker: the topics' names in the files are the defaults, so it is its own."""
    kafka = new_kafka()
    env = {"KAFKA_BROKER": kafka.bootstrap, "JAEGER": f"127.0.0.1:{jaeger.grpc_port}", "OTLP_GRPC": f"127.0.0.1:{free_port()}",
           "OTLP_HTTP": f"127.0.0.1:{free_port()}", "GATEWAY_GRPC": f"127.0.0.1:{(gateway := free_port())}",
           "GATEWAY": f"127.0.0.1:{gateway}", "GATEWAY_HTTP": f"127.0.0.1:{free_port()}", "QUEUE_DIRECTORY": tmp_path / "queue"}
    return Running(tmp_path, **env), kafka


@pytest.mark.timeout(120)
@pytest.mark.parametrize("in_front", [["sidecar-kafka"], ["sidecar-disk-kafka"], ["gateway-in-front", "sidecar-gateway"]],
                         ids=" and ".join)
def test_what_an_application_sends_comes_through(around, jaeger, tmp_path, in_front):
    running, kafka = around
    service = f"example-{in_front[-1]}"
    files = [tmp_path / f"logs-{number}.jsonl" for number in range(2)]
    with running:
        for file in files:
            running.start("kafka-jaeger", LOG_FILE=file)
        for example in in_front:
            running.start(example)

        send(running.env["OTLP_GRPC"], service)

        for group, topic in (("weir-spans", "otlp_spans"), ("weir-logs", "otlp_logs")):
            kafka.wait_for_lag(group, topic)
        wait_until(lambda: len(numbers_in(jaeger, service)) >= REQUESTS * ITEMS, what="all spans in Jaeger", every=0.2)
        assert sorted(numbers_in(jaeger, service)) == list(range(1, REQUESTS * ITEMS + 1))
        wait_until(lambda: records_in(files) >= REQUESTS * ITEMS, what="all records in the files", every=0.2)
        assert records_in(files) == REQUESTS * ITEMS


def records_in(files) -> int:
    return sum(file.read_text().count('"key":"number"') for file in files if file.exists())


def send(endpoint: str, service: str):
    program = SimpleNamespace(grpc_endpoint=endpoint)
    for signal, make in (("traces", numbered), ("logs", numbered_logs)):
        client = GrpcClient(program, signal)
        for first in range(1, REQUESTS * ITEMS, ITEMS):
            answer = client.send(make(range(first, first + ITEMS), service).SerializeToString())
            assert answer.ok, answer
        client.close()


def numbers_in(jaeger, service: str) -> list:
    """Other tests have sent spans with the same trace ids."""
    return [int(span["spanID"], 16) for trace in jaeger.get_traces(service) for span in trace["spans"]
            if trace["processes"][span["processID"]]["serviceName"] == service]
