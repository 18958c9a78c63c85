# SPDX-License-Identifier: Apache-2.0
"""SDKs and `weir send` → sidecars → Kafka → two gateways of one consumer group → Jaeger and files: all there is arrives,
once, as it was, and what belongs to a trace comes through one gateway, also when half of the sidecars are the Collector."""

import re
import subprocess
import uuid

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import set_span_in_context
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from support.books import assert_balanced, printed_books
from support.collector import weir_binary
from support.generate import Generator
from support.items import counted, items_in
from support.load import send_all
from support.messages import frames
from support.process import wait_until
from support.sdk_spans import expected_of, key_of, record_a_shop, shown_by_jaeger
from support.sink import Sink

PARTITIONS = 6
TRACES, SPANS_PER_TRACE = 60, 8
VISITS = 40
GENERATED_REQUESTS = 100
SENT = re.compile(r"sent (\d+) spans (\d+) logs, refused 0 spans 0 logs, failed 0 spans 0 logs")

SIDECAR = """
exporters:
  kafka:
    brokers: ["${env:KAFKA}"]
    traces: {topic: "${env:SPANS}"}
    logs: {topic: "${env:LOGS}"}
    partition_traces_by_id: true
    partition_logs_by_trace_id: true
    producer: {compression: zstd}
    sending_queue: {enabled: false}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [kafka]}
    logs: {receivers: [otlp], exporters: [kafka]}
"""
GATEWAY = """
receivers:
  kafka:
    brokers: ["${env:KAFKA}"]
    group_id: "${env:GROUP}"
    client_id: "${env:NAME}"
    traces: {topics: ["${env:SPANS}"]}
    logs: {topics: ["${env:LOGS}"]}
exporters:
  otlp/jaeger:
    endpoint: "127.0.0.1:${env:JAEGER_PORT}"
    tls: {insecure: true}
  otlp/sink:
    endpoint: "${env:SINK}"
    tls: {insecure: true}
  file:
    path: "${env:FILE}"
    format: proto
service:
  pipelines:
    traces: {receivers: [kafka], exporters: [otlp/jaeger, otlp/sink]}
    logs: {receivers: [kafka], exporters: [file]}
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kinds", [["weir", "weir"], ["weir", "collector"]], ids=["weir", "half-collector"])
def test_all_arrives_once_and_a_trace_at_one_gateway(weir, collector, kafka, jaeger, tmp_path, kinds):
    service = f"chain-{uuid.uuid4().hex[:8]}"
    topics = spans, logs = kafka.new_topic("spans", PARTITIONS), kafka.new_topic("logs", PARTITIONS)
    with Sink() as one, Sink() as other:
        files = [tmp_path / "one.logs", tmp_path / "other.logs"]
        gateways = [
            weir(GATEWAY, KAFKA=kafka.bootstrap, GROUP=service, SPANS=spans, LOGS=logs, JAEGER_PORT=jaeger.grpc_port,
                 SINK=sink.endpoint, FILE=file, NAME=file.stem)
            for sink, file in zip((one, other), files)
        ]
        wait_until(lambda: are_shared(kafka.sharing_members(service, *topics), files), 30, "both gateways read")
        assert_copartitioned(kafka.members(service), *topics)
        run = {"weir": weir, "collector": collector}
        sidecars = [run[kind](SIDECAR, KAFKA=kafka.bootstrap, SPANS=spans, LOGS=logs) for kind in kinds * 2]

        recorded = record_across(service, sidecars)
        for sidecar in sidecars:
            recorded += record_a_shop(service, exporter_of(sidecar))
        sent_spans, sent_logs = zip(*(weir_send(sidecar, seed) for seed, sidecar in enumerate(sidecars)))
        log_requests = send_logs(sidecars, [span.context.trace_id for span in recorded[:TRACES]])
        kafka.wait_for_lag(service, *topics, timeout=30)

        assert_shown(jaeger, service, recorded)
        in_sinks = [[span for request in sink.requests() for span in items_in(request)] for sink in (one, other)]
        spans_count = len(recorded) + sum(sent_spans)
        assert_each_once(in_sinks, spans_count)
        in_files = [[ExportLogsServiceRequest.FromString(frame) for frame in frames(file.read_bytes())] for file in files]
        assert_logs(in_files, log_requests, sum(sent_logs))
        assert_one_gateway_per_trace(in_sinks, in_files)
        assert kafka.lag(service, *topics) == 0
        assert_metrics(gateways, spans_count, sum(sent_logs) + counted(log_requests).total())
        assert_books(sidecars, gateways, spans_count, sum(sent_logs) + counted(log_requests).total())


def are_shared(members: dict, files: list) -> bool:
    """A member's id begins with its gateway's name; each worker of a gateway is one, and may have nothing to do."""
    return all(any(partitions and member.startswith(f"{file.stem}-") for member, partitions in members.items()) for file in files)


def assert_copartitioned(members: dict, spans: str, logs: str):
    """Partition k of both topics is with the same member."""
    for assigned in members.values():
        assert {k for topic, k in assigned if topic == spans} == {k for topic, k in assigned if topic == logs}


## What is sent


def exporter_of(sidecar):
    """gRPC to one kind of sidecar, HTTP to the other."""
    if sidecar.name == "weir":
        return GrpcExporter(sidecar.grpc_endpoint, insecure=True)
    return HttpExporter(f"{sidecar.http_endpoint}/v1/traces")


def record_across(service: str, sidecars: list) -> list:
    """Traces that go through a service beside each sidecar, in turns: no sidecar sees a whole one. Roots come first."""
    memory, providers = InMemorySpanExporter(), []
    for number, sidecar in enumerate(sidecars):
        provider = TracerProvider(resource=Resource.create({"service.name": service, "service.instance.id": str(number)}))
        provider.add_span_processor(SimpleSpanProcessor(memory))
        provider.add_span_processor(BatchSpanProcessor(exporter_of(sidecar), schedule_delay_millis=50, max_export_batch_size=50))
        providers.append(provider)
    for of_trace in range(TRACES):
        span = None
        for hop in range(SPANS_PER_TRACE):
            tracer = providers[(of_trace + hop) % len(providers)].get_tracer("hop")
            span = tracer.start_span(f"hop {hop}", set_span_in_context(span) if span else None, attributes={"trace": of_trace})
            span.end()
    for provider in providers:
        provider.shutdown()
    recorded = sorted(memory.get_finished_spans(), key=lambda span: span.name)
    assert len(recorded) == TRACES * SPANS_PER_TRACE
    return recorded


def weir_send(sidecar, seed: int) -> tuple:
    """A demo shop's (spans, logs)."""
    protocol = "http" if seed % 2 else "grpc"
    endpoint = f"127.0.0.1:{sidecar.http_port if seed % 2 else sidecar.grpc_port}"
    argv = [weir_binary(), "send", "--endpoint", endpoint, "--protocol", protocol, "--rate", "0", "--visits", str(VISITS),
            "--seed", str(seed), "--quiet"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done
    return tuple(map(int, SENT.search(done.stdout + done.stderr).groups()))


def send_logs(sidecars: list, trace_ids: list) -> list:
    """Records of the traces, and records with all that a record can have; each request through another sidecar."""
    requests = []
    for trace_id in trace_ids:
        request = ExportLogsServiceRequest()
        records = request.resource_logs.add().scope_logs.add().log_records
        records.add(trace_id=trace_id.to_bytes(16, "big"), time_unix_nano=1, severity_text="INFO").body.string_value = "in a trace"
        requests.append(request)
    generator = Generator(f"chain {len(sidecars)}")
    requests += [ExportLogsServiceRequest.FromString(generator.request("logs")) for _ in range(GENERATED_REQUESTS)]
    for number, sidecar in enumerate(sidecars):
        send_all(sidecar, "logs", [request.SerializeToString() for request in requests[number :: len(sidecars)]])
    return requests


## What has arrived


def assert_shown(jaeger, service: str, recorded: list):
    traces = jaeger.wait_for_spans(service, len(recorded))
    assert shown_by_jaeger(traces) == {key_of(span): expected_of(span) for span in recorded}


def assert_each_once(in_sinks: list, count: int):
    ids = [(span.trace_id, span.span_id) for spans in in_sinks for span in spans]
    assert len(ids) == len(set(ids)) == count
    assert all(in_sinks), "a gateway had nothing to do"


def assert_logs(in_files: list, sent: list, by_weir_send: int):
    arrived, expected = counted(request for requests in in_files for request in requests), counted(sent)
    assert not expected - arrived, f"missing:\n{min(expected - arrived)}"
    assert (arrived - expected).total() == by_weir_send


def assert_one_gateway_per_trace(in_sinks: list, in_files: list):
    """Spans and log records of a trace."""
    in_sinks = [{span.trace_id for span in spans} for spans in in_sinks]
    in_files = [{record.trace_id for request in requests for record in items_in(request)} - {b"", bytes(16)}
                for requests in in_files]
    of_one, of_other = (sink | file for sink, file in zip(in_sinks, in_files))
    assert not of_one & of_other
    assert all(sink & file for sink, file in zip(in_sinks, in_files)), "no trace has both"


def assert_metrics(gateways: list, spans: int, logs: int):
    def of_both(name: str) -> int:
        return sum(gateway.metric(name) for gateway in gateways)

    assert of_both("otelcol_receiver_accepted_spans") == spans
    assert of_both("otelcol_receiver_accepted_log_records") == logs
    for name in ("otelcol_receiver_refused_spans", "otelcol_receiver_failed_spans", "weir_kafka_receiver_lost_messages",
                 "weir_kafka_receiver_header_misfits", "otelcol_kafka_receiver_unmarshal_failed_spans"):
        assert of_both(name) == 0, name
    for name in ("otelcol_kafka_receiver_offset_lag", "weir_kafka_receiver_in_flight"):
        wait_until(lambda: of_both(name) == 0, 15, f"a {name} of 0")  # noqa: B023
    assert all(any(sample.name == "otelcol_kafka_receiver_offset_lag" for sample in gateway.samples()) for gateway in gateways)


def assert_books(sidecars: list, gateways: list, spans: int, logs: int):
    """The sidecars' own, as far as they are weir's, and the gateways'."""
    of_sidecars = [books_at_the_end(sidecar) for sidecar in sidecars if sidecar.name == "weir"]
    assert all(books["exporter", "kafka", "spans"]["sent"] > 0 for books in of_sidecars)
    if len(of_sidecars) == len(sidecars):
        assert total(of_sidecars, "exporter", "kafka", "spans") == spans
        assert total(of_sidecars, "exporter", "kafka", "log_records") == logs
    of_gateways = [books_at_the_end(gateway) for gateway in gateways]
    assert total(of_gateways, "exporter", "otlp/jaeger", "spans") == spans
    assert total(of_gateways, "exporter", "otlp/sink", "spans") == spans
    assert total(of_gateways, "exporter", "file", "log_records") == logs
    assert sum(books["pipeline", "traces"]["received"] for books in of_gateways) == spans


def books_at_the_end(program) -> dict:
    program.stop_cleanly()
    books = printed_books(program)
    assert_balanced(books)
    return books


def total(books: list, *line) -> int:
    return sum(of_one[line]["sent"] for of_one in books)
