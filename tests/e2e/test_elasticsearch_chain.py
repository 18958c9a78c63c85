# SPDX-License-Identifier: Apache-2.0
"""SDKs and `weir send` → sidecars → Kafka → two gateways of one consumer group → Jaeger and Elasticsearch (and OpenSearch):
all there is arrives once, as it was, a log record's trace is found in Jaeger, and the books balance."""

import json
import re
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from support.books import assert_balanced, printed_books
from support.collector import weir_binary
from support.process import wait_until

PARTITIONS = 6
SENT = re.compile(r"sent (\d+) spans (\d+) logs, refused 0 spans 0 logs, failed 0 spans 0 logs")
REQUESTS = 40
LOAD_PER_S, LOAD_S = 5000, 20
SDK_LOG_LOAD = Path(__file__).parents[1] / "support" / "sdk_log_load.py"

SIDECAR = """
exporters:
  kafka:
    brokers: ["${env:KAFKA}"]
    traces: {topic: "${env:SPANS}"}
    logs: {topic: "${env:LOGS}"}
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
  elasticsearch:
    endpoint: "${env:ELASTICSEARCH}"
service:
  pipelines:
    traces: {receivers: [kafka], exporters: [otlp/jaeger, elasticsearch]}
    logs: {receivers: [kafka], exporters: [elasticsearch]}
"""


class Chain:
    """Two sidecars and two gateways in front of `storage`, whose data streams are empty and as `weir setup` makes them."""

    def __init__(self, weir, kafka, jaeger, storage):
        self.kafka, self.storage, self.group = kafka, storage, f"chain-{uuid.uuid4().hex[:8]}"
        storage.delete_data_streams("*")
        done = subprocess.run([weir_binary(), "setup", "elasticsearch", "--endpoint", storage.url], capture_output=True,
                              text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        self.topics = kafka.new_topic("spans", PARTITIONS), kafka.new_topic("logs", PARTITIONS)
        topics = {"KAFKA": kafka.bootstrap, "SPANS": self.topics[0], "LOGS": self.topics[1]}
        self.gateways = [weir(GATEWAY, **topics, GROUP=self.group, NAME=name, JAEGER_PORT=jaeger.grpc_port,
                              ELASTICSEARCH=storage.url) for name in ("one", "other")]
        wait_until(self._both_read, 30, "both gateways read")
        self.sidecars = [weir(SIDECAR, **topics) for _ in range(2)]

    def _both_read(self) -> bool:
        """A member's id begins with its gateway's name; each worker of a gateway is one, and may have nothing to do."""
        members = self.kafka.sharing_members(self.group, *self.topics)
        return all(any(partitions and member.startswith(f"{name}-") for member, partitions in members.items())
                   for name in ("one", "other"))

    def wait_until_empty(self, timeout: float = 60):
        self.kafka.wait_for_lag(self.group, *self.topics, timeout=timeout)
        self.storage.refresh()

    def stop(self) -> dict:
        """What each exporter of all programs together has sent, by name and signal; the books of each are balanced."""
        sent = {}
        for program in [*self.sidecars, *self.gateways]:
            program.stop_cleanly()
            books = printed_books(program)
            assert_balanced(books)
            for line, figures in books.items():
                if line[0] == "exporter":
                    sent[line[1:]] = sent.get(line[1:], 0) + figures["sent"]
        return sent


@pytest.mark.timeout(180)
def test_what_was_sent_is_found(weir, kafka, jaeger, elasticsearch):
    chain = Chain(weir, kafka, jaeger, elasticsearch)
    spans, records = record(chain.group, chain.sidecars[0])
    demo_spans, demo_records = demo(chain.sidecars[1])
    chain.wait_until_empty()

    mine = {"term": {"resource.attributes.service.name": chain.group}}
    found = elasticsearch.documents("logs-*", mine)
    assert by_number(map(plain, found)) == by_number(map(expected_record, records))
    assert by_number(map(plain, elasticsearch.documents("traces-*", mine))) == by_number(map(expected_span, spans))
    assert_traces_in_jaeger(jaeger, found)

    sent = chain.stop()
    assert sent["elasticsearch", "spans"] == sent["otlp/jaeger", "spans"] == demo_spans + REQUESTS
    assert sent["elasticsearch", "log_records"] == sent["kafka", "log_records"] == demo_records + REQUESTS
    assert elasticsearch.count("traces-*") == demo_spans + REQUESTS
    is_record = {"bool": {"must": {"exists": {"field": "severity_number"}}}}
    assert elasticsearch.count("logs-*", is_record) == demo_records + REQUESTS


@pytest.mark.timeout(180)
def test_an_application_that_logs_a_lot_loses_nothing(weir, kafka, jaeger, elasticsearch):
    chain = Chain(weir, kafka, jaeger, elasticsearch)
    argv = [sys.executable, SDK_LOG_LOAD, chain.sidecars[0].grpc_endpoint, str(LOAD_PER_S), str(LOAD_S)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr[-2000:]
    made = json.loads(done.stdout)["made"]
    chain.wait_until_empty()

    hits = elasticsearch.search_all("logs-*")
    assert sorted(hit["_source"]["attributes"]["number"] for hit in hits) == list(range(made))
    assert made >= 0.9 * LOAD_PER_S * LOAD_S, "the machine is too busy for this test"
    assert chain.stop()["elasticsearch", "log_records"] == made


@pytest.mark.timeout(120)
def test_the_same_with_opensearch(weir, kafka, jaeger, opensearch):
    chain = Chain(weir, kafka, jaeger, opensearch)
    spans, records = record(chain.group, chain.sidecars[0])
    chain.wait_until_empty()

    assert by_number(map(plain, opensearch.documents("logs-*"))) == by_number(map(expected_record, records))
    assert by_number(map(plain, opensearch.documents("traces-*"))) == by_number(map(expected_span, spans))
    sent = chain.stop()
    assert sent["elasticsearch", "spans"] == sent["elasticsearch", "log_records"] == REQUESTS


def assert_traces_in_jaeger(jaeger, documents: list):
    """The trace id of each record leads to the span that it was written in."""
    for document in documents:
        trace = jaeger.get_trace(document["trace_id"])
        assert document["span_id"] in {span["spanID"] for span in trace["spans"]}


def demo(sidecar) -> tuple:
    """The (spans, records) of a made-up shop."""
    argv = [weir_binary(), "send", "--endpoint", sidecar.grpc_endpoint, "--rate", "0", "--visits", "40", "--quiet"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done
    return tuple(map(int, SENT.search(done.stdout + done.stderr).groups()))


def record(service: str, sidecar) -> tuple:
    """The spans of an application with the SDK as it comes, and the log records inside of them."""
    resource = Resource.create({"service.name": service, "service.version": "1.2"})
    spans, records = InMemorySpanExporter(), InMemoryLogRecordExporter()
    tracers, loggers = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    for processor in (SimpleSpanProcessor(spans), BatchSpanProcessor(OTLPSpanExporter(sidecar.grpc_endpoint, insecure=True))):
        tracers.add_span_processor(processor)
    for processor in (SimpleLogRecordProcessor(records),
                      BatchLogRecordProcessor(OTLPLogExporter(sidecar.grpc_endpoint, insecure=True))):
        loggers.add_log_record_processor(processor)
    tracer, logger = tracers.get_tracer("shop", "3"), loggers.get_logger("shop.log", "4")
    for number in range(REQUESTS):
        with tracer.start_as_current_span("GET /cart", attributes={"number": number, "http.route": "/cart", "cold": True}):
            logger.emit(severity_number=SeverityNumber.WARN, severity_text="WARN", body=f"cart {number} is empty ✗",
                        attributes={"number": number, "user.id": f"u{number}", "ratio": number / 7, "tags": ["a", "b"]})
    tracers.shutdown()
    loggers.shutdown()
    return spans.get_finished_spans(), records.get_finished_logs()


## How a document is to look


def by_number(documents) -> dict:
    documents = list(documents)
    numbered = {document["attributes"]["number"]: document for document in documents}
    assert len(numbered) == len(documents) == REQUESTS
    return numbered


def plain(document: dict) -> dict:
    """Times, which are milliseconds with a fraction, as nanoseconds."""
    return {key: int(Decimal(value) * 1_000_000) if key.endswith("timestamp") else value for key, value in document.items()}


def expected_record(record) -> dict:
    log = record.log_record
    return {"@timestamp": log.timestamp or log.observed_timestamp, "observed_timestamp": log.observed_timestamp,
            "severity_text": log.severity_text, "severity_number": log.severity_number.value, "body": {"text": log.body},
            **expected_of("logs", log, record)}


def expected_span(span) -> dict:
    return {"@timestamp": span.start_time, "duration": span.end_time - span.start_time, "name": span.name, "kind": "Internal",
            "links": [], "status": {}, **expected_of("traces", span.context, span, span.attributes)}


def expected_of(kind: str, ids, item, attributes=None) -> dict:
    """What a record and a span have in common."""
    attributes = dict(item.log_record.attributes if attributes is None else attributes)
    return {
        "data_stream": {"type": kind, "dataset": "generic.otel", "namespace": "default"},
        "trace_id": f"{ids.trace_id:032x}",
        "span_id": f"{ids.span_id:016x}",
        "attributes": {name: list(value) if isinstance(value, tuple) else value for name, value in attributes.items()},
        "resource": {"attributes": dict(item.resource.attributes)},
        "scope": {"name": item.instrumentation_scope.name, "version": item.instrumentation_scope.version},
    }
