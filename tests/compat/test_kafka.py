# SPDX-License-Identifier: Apache-2.0
"""weir and the Collector on either side of a real Kafka: what one writes the other reads, item for item, and the same
trace goes to the same partition whoever writes it."""

import random
import uuid
from collections import Counter

import grpc
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.generate import REQUESTS, Generator
from support.load import numbered, numbers_in, trace_id_of
from support.messages import strip
from support.process import wait_until
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
SERVICES = {"traces": "trace.v1.TraceService", "metrics": "metrics.v1.MetricsService", "logs": "logs.v1.LogsService"}


def send(program, signal: str, bodies):
    """As many at a time as gRPC likes; all are answered OK."""
    with grpc.insecure_channel(program.grpc_endpoint) as channel:
        export = channel.unary_unary(f"/opentelemetry.proto.collector.{SERVICES[signal]}/Export")
        for answer in [export.future(body, timeout=60) for body in bodies]:
            answer.result()


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


def walk(request):
    """(resource's, scope's, item) of every span, record and metric."""
    for of_resource in request.ListFields()[0][1] if request.ListFields() else []:
        for field, scopes in of_resource.ListFields():
            if field.name.startswith("scope_"):
                for of_scope in scopes:
                    for inner, items in of_scope.ListFields():
                        if inner.name in ("spans", "log_records", "metrics"):
                            yield from ((of_resource, of_scope, item) for item in items)


def items_in(request) -> list:
    return [item for _, _, item in walk(request)]


def alone(of_resource, of_scope, item) -> str:
    """An item with its resource and scope as text, however many neighbours it has had."""
    around = []
    for outer, lists in ((of_resource, "scope_"), (of_scope, ("spans", "log_records", "metrics"))):
        copy = type(outer)()
        for field, value in outer.ListFields():
            if not field.name.startswith(lists):
                if field.message_type:
                    getattr(copy, field.name).CopyFrom(value)
                else:
                    setattr(copy, field.name, value)
        around.append(copy)
    copy = type(item)()
    copy.CopyFrom(item)
    for message in (*around, copy):
        strip(message)
    return "\n".join(map(str, (*around, copy)))


def counted(requests) -> Counter:
    return Counter(alone(*found) for request in requests for found in walk(request))


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
            send(writer, signal, bodies)

        kafka.wait_for_lag(group, *topics.values())

        for signal, bodies in generated.items():
            expected = counted(REQUESTS[signal].FromString(body) for body in bodies)
            arrived = counted(sink.requests(signal))
            assert expected.total() > REQUESTS_PER_SIGNAL
            assert first_difference(arrived, expected) is None, f"{signal} in {encoding}"


def first_difference(arrived: Counter, expected: Counter) -> str | None:
    """None if both are equal; a whole Counter would be pages."""
    missing, surplus = expected - arrived, arrived - expected
    if not missing and not surplus:
        return None
    return (f"{missing.total()} missing, {surplus.total()} surplus of {expected.total()}; the first missing:\n"
            f"{next(iter(sorted(missing)), '')}\nthe first surplus:\n{next(iter(sorted(surplus)), '')}")


## Compression

COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"]


def fan(name: str, entries: dict) -> str:
    """A block of `name: {entry: text}`, each text on one line in YAML's flow style."""
    return f"{name}:\n" + "".join(f"  {entry}: {text}\n" for entry, text in entries.items())


@pytest.mark.parametrize(("sender", "receiver"), [("weir", "collector"), ("collector", "weir")])
def test_every_compression_is_written_and_read(request, kafka, sender, receiver):
    topics = {compression: kafka.new_topic(compression, partitions=1) for compression in COMPRESSIONS}
    group = f"group-{uuid.uuid4().hex[:8]}"
    sinks = {compression: Sink() for compression in COMPRESSIONS}
    try:
        exporters = {
            f"kafka/{compression}": f"{{brokers: ['{kafka.bootstrap}'], traces: {{topic: {topic}}}, "
            f"producer: {{compression: {compression}}}, sending_queue: {{enabled: false}}}}"
            for compression, topic in topics.items()
        }
        writer = request.getfixturevalue(sender)(
            fan("exporters", exporters)
            + f"service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [{', '.join(exporters)}]}}}}}}")
        receivers = {
            f"kafka/{compression}": f"{{brokers: ['{kafka.bootstrap}'], group_id: {group}-{compression}, "
            f"initial_offset: earliest, traces: {{topics: [{topic}]}}}}"
            for compression, topic in topics.items()
        }
        backends = {
            f"otlp_grpc/{compression}": f"{{endpoint: '{sink.endpoint}', tls: {{insecure: true}}, sending_queue: {{enabled: false}}}}"
            for compression, sink in sinks.items()
        }
        pipelines = {
            f"traces/{compression}": {"receivers": [f"kafka/{compression}"], "exporters": [f"otlp_grpc/{compression}"]}
            for compression in topics
        }
        request.getfixturevalue(receiver)(
            fan("receivers", receivers) + fan("exporters", backends) + f"service: {{pipelines: {pipelines}}}")

        send(writer, "traces", [numbered(range(1, 1001)).SerializeToString()])

        for compression, sink in sinks.items():
            wait_until(lambda: len(sink.numbers()) >= 1000, what=f"spans through {compression}")  # noqa: B023
            assert sorted(sink.numbers()) == list(range(1, 1001))
            assert kafka.compressions(topics[compression]) == {compression}
    finally:
        for sink in sinks.values():
            sink.__exit__()


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
            send(program, signal, [with_trace_ids(signal)])

    for signal in ("traces", "logs"):
        ours, our_count = partitions_of_traces(kafka, topics["weir"][signal], signal)
        theirs, their_count = partitions_of_traces(kafka, topics["collector"][signal], signal)
        assert our_count == their_count
        assert all(len(of_trace) == 1 for of_trace in theirs.values())
        assert ours == theirs, signal
        assert len(set.union(*theirs.values())) == partitions
    # What weir sends is one message per partition, not one per trace.
    assert kafka.count(topics["weir"]["traces"]) == partitions
