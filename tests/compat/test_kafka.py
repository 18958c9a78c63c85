# SPDX-License-Identifier: Apache-2.0
"""weir and the Collector on either side of a real Kafka: what one writes the other reads, item for item."""

import contextlib
import uuid

import pytest
import yaml
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.generate import REQUESTS, Generator
from support.items import counted, difference, items_in, points_of
from support.load import numbered, send_all, trace_id_of
from support.sink import Sink

SEED = 20260505
REQUESTS_PER_SIGNAL = 200
TRACES = 50

EXPORT = """
exporters:
  kafka:
    brokers: ["{bootstrap}"]
    traces: {{topic: "{traces}", encoding: {encoding}}}
    metrics: {{topic: "{metrics}", encoding: {encoding}}}
    logs: {{topic: "{logs}", encoding: {encoding}}}
    partition_traces_by_id: true
    partition_logs_by_trace_id: true
    timeout: 30s
    sending_queue: {{enabled: false}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [kafka]}}
    metrics: {{receivers: [otlp], exporters: [kafka]}}
    logs: {{receivers: [otlp], exporters: [kafka]}}
"""
RECEIVE = """
receivers:
  kafka:
    brokers: ["{bootstrap}"]
    group_id: {group}
    initial_offset: earliest
    traces: {{topics: ["{traces}"], encoding: {encoding}}}
    metrics: {{topics: ["{metrics}"], encoding: {encoding}}}
    logs: {{topics: ["{logs}"], encoding: {encoding}}}
exporters:
  otlp_grpc:
    endpoint: {sink}
    tls: {{insecure: true}}
    compression: none
    sending_queue: {{enabled: false}}
service:
  pipelines:
    traces: {{receivers: [kafka], exporters: [otlp_grpc]}}
    metrics: {{receivers: [kafka], exporters: [otlp_grpc]}}
    logs: {{receivers: [kafka], exporters: [otlp_grpc]}}
"""


@pytest.fixture(scope="module")
def generated() -> dict:
    """Requests of every signal. Spans and records share some traces, across resources and requests; some have none."""
    bodies = {}
    for signal, message in REQUESTS.items():
        generator = Generator(f"{SEED} {signal}")
        requests = [message.FromString(generator.request(signal)) for _ in range(REQUESTS_PER_SIGNAL)]
        for item in (item for request in requests for item in items_in(request) if isinstance(item, (Span, LogRecord))):
            if len(item.trace_id) and any(item.trace_id):
                item.trace_id = trace_id_of(generator.random.randrange(TRACES))
        # A request without any data point ends in the Collector's otlp receiver.
        bodies[signal] = [request.SerializeToString() for request in requests
                          if signal != "metrics" or any(map(points_of, items_in(request)))]
    return bodies


PROGRAMS = ["weir", "collector"]


@pytest.mark.parametrize("encoding", ["otlp_proto", "otlp_json"])
@pytest.mark.parametrize("receiver", PROGRAMS)
@pytest.mark.parametrize("sender", PROGRAMS)
def test_all_that_one_writes_the_other_reads(request, kafka, generated, sender, receiver, encoding):
    runs = {name: request.getfixturevalue(name) for name in {sender, receiver}}
    topics = {signal: kafka.new_topic(signal, partitions=3) for signal in generated}
    group = f"group-{uuid.uuid4().hex[:8]}"
    with Sink() as sink:
        place = {"bootstrap": kafka.bootstrap, "encoding": encoding, **topics}
        writer = runs[sender](EXPORT.format(**place))
        runs[receiver](RECEIVE.format(group=group, sink=sink.endpoint, **place))
        for signal, bodies in generated.items():
            send_all(writer, signal, bodies)

        kafka.wait_for_lag(group, *topics.values())

        for signal, bodies in generated.items():
            expected = counted(REQUESTS[signal].FromString(body) for body in bodies)
            arrived = counted(sink.requests(signal))
            assert expected.total() > REQUESTS_PER_SIGNAL
            assert difference(arrived, expected) is None, f"{signal} in {encoding}"


## Compression

COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"]


def writing_each(bootstrap: str, topics: dict) -> str:
    """The same spans into each topic, compressed as its key says."""
    exporters = {f"kafka/{compression}": {"brokers": [bootstrap], "traces": {"topic": topic}, "sending_queue": {"enabled": False},
                                          "producer": {"compression": compression}}
                 for compression, topic in topics.items()}
    pipelines = {"traces": {"receivers": ["otlp"], "exporters": list(exporters)}}
    return yaml.safe_dump({"exporters": exporters, "service": {"pipelines": pipelines}})


def reading_each(bootstrap: str, topics: dict, sinks: dict) -> str:
    """From each topic to the sink of the same key."""
    receivers, exporters, pipelines = {}, {}, {}
    for name, topic in topics.items():
        receivers[f"kafka/{name}"] = {"brokers": [bootstrap], "group_id": f"group-{topic}", "initial_offset": "earliest",
                                      "traces": {"topics": [topic]}}
        exporters[f"otlp_grpc/{name}"] = {"endpoint": sinks[name].endpoint, "tls": {"insecure": True},
                                          "sending_queue": {"enabled": False}}
        pipelines[f"traces/{name}"] = {"receivers": [f"kafka/{name}"], "exporters": [f"otlp_grpc/{name}"]}
    return yaml.safe_dump({"receivers": receivers, "exporters": exporters, "service": {"pipelines": pipelines}})


@pytest.mark.parametrize(("sender", "receiver"), [("weir", "collector"), ("collector", "weir")])
def test_every_compression_is_written_and_read(request, kafka, sender, receiver):
    topics = {compression: kafka.new_topic(compression, partitions=1) for compression in COMPRESSIONS}
    with contextlib.ExitStack() as stack:
        sinks = {compression: stack.enter_context(Sink()) for compression in COMPRESSIONS}
        writer = request.getfixturevalue(sender)(writing_each(kafka.bootstrap, topics))
        request.getfixturevalue(receiver)(reading_each(kafka.bootstrap, topics, sinks))

        send_all(writer, "traces", [numbered(range(1, 1001)).SerializeToString()])

        for compression, sink in sinks.items():
            kafka.wait_for_lag(f"group-{topics[compression]}", topics[compression])
            assert sorted(sink.numbers()) == list(range(1, 1001))
            assert kafka.compressions(topics[compression]) == {compression}
