# SPDX-License-Identifier: Apache-2.0
"""Which topic and partition an item goes to and what stands beside it in its message: the same whether weir or the
Collector writes it, so that both can write into the same topics."""

import random
from collections import Counter

import pytest
import yaml

from support.generate import REQUESTS, Generator
from support.items import items_in, points_of, stripped, walk
from support.load import send_all

SEED = 20260506
# Every byte occurs, also those that are negative as signed characters.
_random = random.Random(SEED)
TRACE_IDS = [*(_random.randbytes(16) for _ in range(300)), b"\xff" * 16, bytes(15) + b"\x01", b"\x80" + bytes(15)]
RESOURCES = 150
OWN_HEADER = "weir.slices"


def written_by(run, kafka, bodies: dict, topics: dict, metadata=(), **options) -> list:
    """The messages that are in the topics once the program has had all requests. `options` are the exporter's."""
    exporter = {"brokers": [kafka.bootstrap], "sending_queue": {"enabled": False}, "timeout": "30s", **options}
    config = {
        "receivers": {"otlp": {"protocols": {"grpc": {"include_metadata": True}}}},
        "exporters": {"kafka": exporter},
        "service": {"pipelines": {signal: {"receivers": ["otlp"], "exporters": ["kafka"]} for signal in bodies}},
    }
    program = run(yaml.safe_dump(config))
    for signal, of_signal in bodies.items():
        send_all(program, signal, of_signal, metadata=metadata)
    return [message for topic in topics for message in kafka.consume(topic)]


def by_both(weir, collector, kafka, bodies: dict, partitions: int, **options) -> dict:
    """{signal: [weir's messages, the Collector's]}, each program with a topic of its own for each signal."""
    written = {signal: [] for signal in bodies}
    for run in (weir, collector):
        topics = {signal: kafka.new_topic(signal, partitions) for signal in bodies}
        where = {signal: {"topic": topic} for signal, topic in topics.items()}
        messages = written_by(run, kafka, bodies, topics.values(), **where, **options)
        for signal, topic in topics.items():
            written[signal].append([message for message in messages if message.topic == topic])
    return written


def places_by(key, messages: list, signal: str) -> dict:
    """What `key` makes of each item's (resource's, scope's, item) → the partitions it is in."""
    places = {}
    for message in messages:
        for found in walk(REQUESTS[signal].FromString(message.value)):
            places.setdefault(key(*found), set()).add(message.partition)
    return places


def assert_same_places(written: list, signal: str, bodies: list, key) -> dict:
    """The same, and each in one partition; and weir has sent everything once."""
    ours, theirs = (places_by(key, messages, signal) for messages in written)
    assert all(ours[place] == theirs[place] for place in ours), signal
    assert theirs and all(len(partitions) == 1 for partitions in theirs.values())
    assert count_items(signal, (message.value for message in written[0])) == count_items(signal, bodies), f"{signal} by weir"
    return theirs


def count_items(signal: str, bodies) -> int:
    """Of metrics only those with data points: the others are no items."""
    return sum(signal != "metrics" or points_of(item) > 0
               for body in bodies for item in items_in(REQUESTS[signal].FromString(body)))


## Partitions


def with_trace_ids(signal: str) -> bytes:
    """Two items of each trace, in different resources; among the spans also some that have no trace id."""
    request = REQUESTS[signal]()
    for _ in range(2):
        if signal == "traces":
            scope = request.resource_spans.add().scope_spans.add()
            for trace_id in [*TRACE_IDS, b"", bytes(16)]:
                scope.spans.add(trace_id=trace_id, span_id=b"12345678", name="s")
        else:
            scope = request.resource_logs.add().scope_logs.add()
            for trace_id in TRACE_IDS:
                scope.log_records.add(trace_id=trace_id, time_unix_nano=1)
    return request.SerializeToString()


@pytest.mark.parametrize("hasher", ["sarama_compat", "murmur2"])
@pytest.mark.parametrize("partitions", [6, 24])
def test_a_trace_goes_to_the_partition_that_the_collector_picks(kafka, weir, collector, partitions, hasher):
    bodies = {signal: [with_trace_ids(signal)] for signal in ("traces", "logs")}
    written = by_both(weir, collector, kafka, bodies, partitions, partition_traces_by_id=True,
                      partition_logs_by_trace_id=True, record_partitioner={"sticky_key": {"hasher": hasher}})

    for signal, of_signal in written.items():
        places = assert_same_places(of_signal, signal, bodies[signal], lambda _, __, item: item.trace_id.lstrip(b"\0"))
        assert len(set.union(*places.values())) == partitions
        # One message for each partition, not one for each trace.
        assert len(of_signal[0]) == partitions < len(of_signal[1])


def test_a_trace_goes_there_without_being_told_to(kafka, weir, collector):
    """partition_traces_by_id is weir's default."""
    bodies = [with_trace_ids("traces")]
    topics = [kafka.new_topic("traces") for _ in range(2)]
    written = [written_by(weir, kafka, {"traces": bodies}, topics[:1], traces={"topic": topics[0]}),
               written_by(collector, kafka, {"traces": bodies}, topics[1:], traces={"topic": topics[1]},
                          partition_traces_by_id=True)]
    assert_same_places(written, "traces", bodies, lambda _, __, item: item.trace_id.lstrip(b"\0"))


def test_traces_are_spread_when_the_file_says_so(kafka, weir):
    topic = kafka.new_topic("traces", 6)
    messages = written_by(weir, kafka, {"traces": [with_trace_ids("traces")] * 2}, [topic], traces={"topic": topic},
                          partition_traces_by_id=False)
    assert count_items("traces", (message.value for message in messages)) == 4 * (len(TRACE_IDS) + 2)
    assert len(messages) <= 2, "requests were cut for no reason"


def with_resources(signal: str) -> list:
    """Requests whose resources have attributes of all kinds, each resource twice."""
    generator = Generator(f"{SEED} {signal}")
    bodies = []
    while len(bodies) < RESOURCES:
        request = REQUESTS[signal].FromString(generator.request(signal))
        for of_resource, _, _ in walk(request):
            drop_repeated_keys(of_resource.resource.attributes)
        if signal == "logs" or any(map(points_of, items_in(request))):
            bodies.append(request.SerializeToString())
    return bodies * 2


def drop_repeated_keys(attributes):
    """Of two with one key the Collector takes now this one, now the other."""
    known = set()
    for at in reversed(range(len(attributes))):
        value = attributes[at].value
        if attributes[at].key in known:
            del attributes[at]
            continue
        known.add(attributes[at].key)
        for inner in [value, *value.array_value.values]:
            drop_repeated_keys(inner.kvlist_value.values)


@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_a_resource_goes_to_the_partition_that_the_collector_picks(kafka, weir, collector, signal):
    by_resource = {f"partition_{signal}_by_resource_attributes": True}
    bodies = with_resources(signal)
    written = by_both(weir, collector, kafka, {signal: bodies}, 24, **by_resource)[signal]

    places = assert_same_places(written, signal, bodies, lambda of_resource, _, __: stripped(of_resource.resource))
    assert len(set.union(*places.values())) > 12


## Topics, keys and headers


def of_teams(signal: str, teams: list) -> bytes:
    """A span in a resource for each; None: a resource that names no team."""
    request = REQUESTS[signal]()
    for number, team in enumerate(teams):
        of_resource = request.resource_spans.add()
        of_resource.resource.attributes.add(key="number").value.int_value = number
        if team:
            of_resource.resource.attributes.add(key="team").value.string_value = team
        of_resource.scope_spans.add().spans.add(trace_id=TRACE_IDS[number], span_id=b"12345678", name="s")
    return request.SerializeToString()


def test_an_attribute_names_the_topic(kafka, weir, collector):
    written = []
    for run in (weir, collector):
        names = {name: kafka.new_topic(name, 3) for name in ("blue", "green", "rest")}
        body = of_teams("traces", [names["blue"], names["green"], None, names["blue"], None])
        messages = written_by(run, kafka, {"traces": [body]}, names.values(), traces={"topic": names["rest"]},
                              topic_from_attribute="team", partition_traces_by_id=True)
        name_of = {topic: name for name, topic in names.items()}
        written.append({
            of_resource.resource.attributes[0].value.int_value: (name_of[message.topic], message.partition)
            for message in messages for of_resource, _, _ in walk(REQUESTS["traces"].FromString(message.value))
        })
    assert written[0] == written[1]
    assert [written[0][number][0] for number in range(5)] == ["blue", "green", "rest", "blue", "rest"]


def beside(messages: list) -> Counter:
    """(key, headers) of messages, without weir's own header."""
    return Counter((message.key or b"", tuple(header for header in message.headers if header[0] != OWN_HEADER))
                   for message in messages)


METADATA = (("tenant", "acme"), ("tenant", "emca"), ("other", "x"))


@pytest.mark.parametrize("options", [
    {"include_metadata_keys": ["tenant", "missing"]},
    {"record_headers": [{"name": "static", "value": "yes"}, {"name": "Static", "value": ""}]},
    {"include_metadata_keys": ["other"], "record_headers": [{"name": "other", "value": "static"}]},
    {"traces": {"message_key_from_metadata_key": "tenant"}},
    {"traces": {"message_key_from_metadata_key": "missing"}},
], ids=["metadata", "static", "both", "key", "no-key"])
def test_what_stands_beside_the_value_is_what_the_collector_puts_there(kafka, weir, collector, options):
    written = []
    for run in (weir, collector):
        topic = kafka.new_topic("traces", 6)
        where = {**options, "traces": {"topic": topic, **options.get("traces", {})}}
        written.append(written_by(run, kafka, {"traces": [of_teams("traces", [None])]}, [topic], METADATA,
                                  **{"partition_traces_by_id": False, **where}))
    ours, theirs = written
    assert beside(ours) == beside(theirs)
    assert len(ours) == 1 and ours[0].header(OWN_HEADER) and not theirs[0].header(OWN_HEADER)
    if ours[0].key:
        assert ours[0].partition == theirs[0].partition


def test_metadata_names_the_topic(kafka, weir, collector):
    for run in (weir, collector):
        named, rest = kafka.new_topic("named", 3), kafka.new_topic("rest", 3)
        written = written_by(run, kafka, {"traces": [of_teams("traces", [None])]}, [named, rest], (("to", named),),
                             traces={"topic": rest, "topic_from_metadata_key": "to"})
        assert [message.topic for message in written] == [named]
