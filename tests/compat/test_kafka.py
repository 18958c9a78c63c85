# SPDX-License-Identifier: Apache-2.0
"""weir and the Collector on either side of a real Kafka: what one writes the other reads, item for item, and the same
trace goes to the same partition whoever writes it."""

import contextlib
import random
import uuid

import pytest
import yaml
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.generate import REQUESTS, Generator
from support.items import counted, difference, items_in
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
        bodies[signal] = [request.SerializeToString() for request in requests if has_points(request)]
    return bodies


def has_points(request) -> bool:
    """A request without any data point ends in the Collector's otlp receiver."""
    return not hasattr(request, "resource_metrics") or any(
        len(value.data_points) for metric in items_in(request) for field, value in metric.ListFields() if field.message_type
        and hasattr(value, "data_points"))


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


## Partitions

PARTITIONED = """
exporters:
  kafka:
    brokers: ["{bootstrap}"]
    traces: {{topic: "{traces}"}}
    logs: {{topic: "{logs}"}}
    partition_traces_by_id: true
    partition_logs_by_trace_id: true
    record_partitioner: {{sticky_key: {{hasher: {hasher}}}}}
    sending_queue: {{enabled: false}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [kafka]}}
    logs: {{receivers: [otlp], exporters: [kafka]}}
"""
# Every byte occurs, also those that are negative as signed characters.
_random = random.Random(SEED)
TRACE_IDS = [*(_random.randbytes(16) for _ in range(300)), b"\xff" * 16, bytes(15) + b"\x01", b"\x80" + bytes(15)]


def with_trace_ids(signal: str) -> bytes:
    """Two items of each trace, in different resources, and in the traces a span that has no trace id."""
    request = REQUESTS[signal]()
    for _ in range(2):
        if signal == "traces":
            scope = request.resource_spans.add().scope_spans.add()
            for trace_id in [*TRACE_IDS, b""]:
                scope.spans.add(trace_id=trace_id, span_id=b"12345678", name="s")
        else:
            scope = request.resource_logs.add().scope_logs.add()
            for trace_id in TRACE_IDS:
                scope.log_records.add(trace_id=trace_id, time_unix_nano=1)
    return request.SerializeToString()


def partitions_of_traces(kafka, topic: str, signal: str) -> tuple:
    """Each trace id to the set of partitions that it is in; and how many items there are."""
    found, count = {}, 0
    for message in kafka.consume(topic):
        for item in items_in(REQUESTS[signal].FromString(message.value)):
            found.setdefault(item.trace_id, set()).add(message.partition)
            count += 1
    return found, count


@pytest.mark.parametrize("hasher", ["sarama_compat", "murmur2"])
@pytest.mark.parametrize("partitions", [6, 24])
def test_a_trace_goes_to_the_partition_that_the_collector_picks(kafka, weir, collector, partitions, hasher):
    topics = {}
    for name, run in (("weir", weir), ("collector", collector)):
        topics[name] = {signal: kafka.new_topic(f"{name}-{signal}", partitions) for signal in ("traces", "logs")}
        program = run(PARTITIONED.format(bootstrap=kafka.bootstrap, hasher=hasher, **topics[name]))
        for signal in topics[name]:
            send_all(program, signal, [with_trace_ids(signal)])

    for signal in ("traces", "logs"):
        ours, our_count = partitions_of_traces(kafka, topics["weir"][signal], signal)
        theirs, their_count = partitions_of_traces(kafka, topics["collector"][signal], signal)
        assert our_count == their_count
        assert all(len(of_trace) == 1 for of_trace in theirs.values())
        assert ours == theirs, signal
        assert len(set.union(*theirs.values())) == partitions
    # What weir sends is one message per partition, not one per trace.
    assert kafka.count(topics["weir"]["traces"]) == partitions
