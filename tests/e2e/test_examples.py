# SPDX-License-Identifier: Apache-2.0
"""docs/examples: each file is valid, and chains run out of exactly these files."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.collector import collector_binary, weir_binary
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


@pytest.fixture
def storage(elasticsearch) -> dict:
    """Empty, and set up; as the programs' environment."""
    elasticsearch.delete_data_streams()
    setup = [weir_binary(), "setup", "elasticsearch", "--endpoint", elasticsearch.url]
    subprocess.run(setup, check=True, timeout=60, capture_output=True)
    return {"ELASTICSEARCH": elasticsearch.url}


@pytest.mark.timeout(120)
def test_the_whole_mission(around, jaeger, elasticsearch, storage):
    running, kafka = around
    with running:
        for _ in range(2):
            running.start("kafka-jaeger-elasticsearch", **storage)
        running.start("sidecar-kafka")
        send(running.env["OTLP_GRPC"], "example-mission")
        kafka.wait_for_lag("weir-jaeger", "otlp_spans")
        kafka.wait_for_lag("weir-elasticsearch", "otlp_spans", "otlp_logs")
        assert_stored(elasticsearch, jaeger, "example-mission")


@pytest.mark.timeout(120)
def test_one_process_without_kafka(jaeger, elasticsearch, storage, tmp_path):
    with Running(tmp_path, **alone(jaeger, tmp_path), **storage) as running:
        running.start("disk-jaeger-elasticsearch")
        send(running.env["OTLP_GRPC"], "example-disk")
        assert_stored(elasticsearch, jaeger, "example-disk")


@pytest.mark.timeout(120)
def test_log_files_by_the_collector(jaeger, elasticsearch, storage, tmp_path):
    lines = [json.dumps({"time": f"2026-11-23T10:00:00.{number:06d}Z", "level": "error", "number": number}) for number in range(200)]
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "one.log").write_text("\n".join([*lines, "this line is no JSON", ""]))
    with Running(tmp_path, **alone(jaeger, tmp_path), **storage) as running:
        running.start("disk-jaeger-elasticsearch")
        config = EXAMPLES / "log-files" / "collector.yaml"
        env = {"LOG_FILES": tmp_path / "app" / "*.log", "OFFSETS": tmp_path / "offsets", "OTLP_GRPC": running.env["OTLP_GRPC"]}
        reader = Process("collector", [collector_binary(), "--config", config], tmp_path / "collector.txt", env)
        running.programs.insert(0, reader)
        reader.start()
        elasticsearch.wait_for_count("logs-*", len(lines) + 1)

    found = elasticsearch.documents("logs-*")
    assert {document["body"]["text"] for document in found} == {*lines, "this line is no JSON"}
    parsed = {document["attributes"]["number"]: document for document in found if "number" in document["attributes"]}
    assert sorted(parsed) == list(range(200))
    assert parsed[7]["@timestamp"] == "1795428000000.007000" and parsed[7]["severity_number"] == 17
    assert parsed[7]["resource"]["attributes"] == {"service.name": "app"}


def alone(jaeger, directory: Path) -> dict:
    return {"JAEGER": f"127.0.0.1:{jaeger.grpc_port}", "OTLP_GRPC": f"127.0.0.1:{free_port()}",
            "OTLP_HTTP": f"127.0.0.1:{free_port()}", "QUEUE_DIRECTORY": directory / "queue"}


def assert_stored(elasticsearch, jaeger, service: str):
    """Each span and record once, and the spans in Jaeger too."""
    everything = list(range(1, REQUESTS * ITEMS + 1))
    elasticsearch.wait_for_count("logs-*", len(everything))
    elasticsearch.wait_for_count("traces-*", len(everything))
    assert sorted(document["attributes"]["number"] for document in elasticsearch.documents("logs-*")) == everything
    assert sorted(int(document["span_id"], 16) for document in elasticsearch.documents("traces-*")) == everything
    wait_until(lambda: len(numbers_in(jaeger, service)) >= len(everything), what="all spans in Jaeger", every=0.2)
    assert sorted(numbers_in(jaeger, service)) == everything
