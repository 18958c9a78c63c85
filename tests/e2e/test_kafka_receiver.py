# SPDX-License-Identifier: Apache-2.0
"""The kafka receiver with a real broker: offsets move behind the exporters only, whoever dies, and what cannot be read
does not hold up the rest."""

import random
import time
import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition

from support.books import assert_balanced, printed_books
from support.load import numbered
from support.process import wait_until
from support.sink import Sink

pytestmark = pytest.mark.asan

CONFIG = """
receivers:
  kafka:
    brokers: ["{bootstrap}"]
    group_id: {group}
    session_timeout: 6s
    heartbeat_interval: 500ms
    metadata: {{refresh_interval: 500ms}}
    autocommit: {{interval: 200ms}}
    dead_letter_topic: {group}-dead
    traces: {{topics: [{topic}], encoding: {encoding}}}
    {more}
exporters:
  otlp:
    endpoint: {sink}
    tls: {{insecure: true}}
    retry_on_failure: {{initial_interval: 100ms, max_interval: 300ms}}
service:
  extensions: [health_check]
  pipelines:
    traces: {{receivers: [kafka], exporters: [otlp]}}
"""


class Reader:
    """A topic, a group and a sink of the test's own, and receivers that lead from one to the other."""

    def __init__(self, weir, kafka, sink):
        self.weir, self.kafka, self.sink = weir, kafka, sink
        self.group = f"group-{uuid.uuid4().hex[:8]}"
        self.topic = kafka.new_topic("spans", partitions=3)

    def start(self, more: str = "", encoding: str = "otlp_proto"):
        return self.weir(CONFIG.format(bootstrap=self.kafka.bootstrap, group=self.group, topic=self.topic,
                                       sink=self.sink.endpoint, more=more, encoding=encoding))

    def write(self, numbers, partition: int):
        """A message for each number."""
        self.kafka.produce_all(self.topic, [numbered([n]).SerializeToString() for n in numbers], partition=partition)

    def wait_for_numbers(self, numbers, timeout: float = 30):
        wanted = set(numbers)
        wait_until(lambda: wanted <= set(self.sink.numbers()), timeout, "all spans in the sink")

    def wait_for_committed(self, **offsets):
        wanted = {int(name[1:]): offset for name, offset in offsets.items()}
        wait_until(lambda: self.kafka.committed(self.group, self.topic) == wanted, 30, f"commits of {wanted}", every=0.2)


@pytest.fixture
def reader(weir, kafka):
    with Sink() as sink:
        yield Reader(weir, kafka, sink)


def stop_balanced(program):
    assert program.stop() == 0
    assert_balanced(printed_books(program))


def test_messages_are_read_once_over_a_restart(reader):
    reader.write(range(1, 11), partition=0)
    first = reader.start()
    reader.wait_for_numbers(range(1, 11))
    reader.wait_for_committed(p0=10, p1=0, p2=0)
    stop_balanced(first)
    reader.write(range(11, 21), partition=1)
    second = reader.start()
    reader.wait_for_numbers(range(1, 21))
    reader.wait_for_committed(p0=10, p1=10, p2=0)
    stop_balanced(second)
    assert sorted(reader.sink.numbers()) == list(range(1, 21))


def test_offsets_wait_for_the_exporter(reader):
    reader.sink.hold()
    reader.write(range(1, 11), partition=0)
    program = reader.start()
    wait_until(lambda: reader.sink.arrived > 0, what="a push")
    reader.wait_for_committed(p0=0, p1=0, p2=0)
    program.kill()
    reader.sink.release()
    again = reader.start()
    reader.wait_for_numbers(range(1, 11))
    reader.wait_for_committed(p0=10, p1=0, p2=0)
    stop_balanced(again)


def test_another_member_takes_over_from_one_that_was_killed(reader):
    first, second = reader.start(), reader.start()
    for partition in range(3):
        reader.write(range(1 + 100 * partition, 101 + 100 * partition), partition)
    reader.wait_for_numbers(range(1, 301))
    first.kill()
    for partition in range(3):
        reader.write(range(301 + 100 * partition, 401 + 100 * partition), partition)
    reader.wait_for_numbers(range(1, 601), timeout=60)
    reader.wait_for_committed(p0=200, p1=200, p2=200)
    stop_balanced(second)


def test_a_poison_message_goes_to_the_dead_letters_and_the_partition_moves_on(reader):
    program = reader.start()
    reader.kafka.produce(reader.topic, b"no OTLP", key=b"key", headers={"tenant": b"acme"}, partition=2)
    reader.write([1], partition=2)
    reader.wait_for_numbers([1])
    reader.wait_for_committed(p0=0, p1=0, p2=2)
    (letter,) = reader.kafka.consume(f"{reader.group}-dead")
    assert (letter.value, letter.key, letter.header("tenant")) == (b"no OTLP", b"key", b"acme")
    assert letter.header("weir.topic") == reader.topic.encode()
    assert (letter.header("weir.partition"), letter.header("weir.offset")) == (b"2", b"0")
    assert letter.header("weir.signal") == b"traces" and letter.header("weir.error")
    assert program.metric("weir_kafka_receiver_dead_letters", reason="not_otlp") == 1
    stop_balanced(program)


def test_of_a_message_too_large_for_the_dead_letters_they_are_told_where_it_lies(reader):
    reader.topic = reader.kafka.new_topic("large", partitions=3, max_message_bytes=30_000_000)
    program = reader.start()
    reader.kafka.produce(reader.topic, random.randbytes(12_000_000), partition=2)
    reader.write([1], partition=2)
    reader.wait_for_numbers([1])
    reader.wait_for_committed(p0=0, p1=0, p2=2)
    (letter,) = reader.kafka.consume(f"{reader.group}-dead")
    assert (letter.value, letter.header("weir.offset"), letter.header("weir.left_out")) == (None, b"0", b"12000000")
    assert program.metric("weir_memory_account_used") < 64 << 20
    stop_balanced(program)


def test_what_waited_for_an_exporter_goes_on_as_soon_as_that_does(reader):
    reader.sink.hold()
    numbers = range(1, 4001)
    reader.write(numbers, partition=0)
    program = reader.start()
    wait_until(lambda: program.metric("weir_kafka_receiver_pauses") > 0, what="a pause")
    reader.sink.release()
    reader.wait_for_numbers(numbers, timeout=10)
    reader.wait_for_committed(p0=4000, p1=0, p2=0)
    stop_balanced(program)


def test_a_group_that_cannot_be_joined_is_told(reader):
    other = Consumer({"bootstrap.servers": reader.kafka.bootstrap, "group.id": reader.group,
                      "partition.assignment.strategy": "range"})
    other.subscribe([reader.topic])
    wait_until(lambda: other.poll(0.1) or other.assignment(), what="partitions of the other's")
    program = reader.start()
    wait_until(lambda: other.poll(0.1) or "write their group_rebalance_strategies" in program.output(), what="a reason")
    other.close()
    reader.write([1], partition=0)
    reader.wait_for_numbers([1])
    stop_balanced(program)


def test_json_and_headers_as_attributes(reader):
    program = reader.start("header_extraction: {extract_headers: true, headers: [tenant]}", encoding="otlp_json")
    reader.kafka.produce(reader.topic, b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}',
                         headers={"tenant": b"acme"})
    wait_until(reader.sink.requests, what="a request")
    (resource,) = reader.sink.requests()[0].resource_spans
    assert [(a.key, a.value.string_value) for a in resource.resource.attributes] == [("kafka.header.tenant", "acme")]
    assert resource.scope_spans[0].spans[0].name == "a"
    stop_balanced(program)


def test_partitions_that_are_added_are_read_from_their_beginning(reader):
    program = reader.start("initial_offset: latest")
    reader.wait_for_committed(p0=0, p1=0, p2=0)
    reader.kafka.add_partitions(reader.topic, 4)
    reader.write([1, 2], partition=3)
    reader.wait_for_numbers([1, 2])
    reader.wait_for_committed(p0=0, p1=0, p2=0, p3=2)
    stop_balanced(program)


def test_what_kafka_dropped_before_it_was_read_is_counted(reader):
    reader.write(range(1, 6), partition=0)
    stop_balanced_after(reader, range(1, 6))
    reader.write(range(6, 16), partition=0)
    deleted = reader.kafka.admin.delete_records([TopicPartition(reader.topic, 0, 12)])
    for answer in deleted.values():
        answer.result()
    program = reader.start()
    reader.wait_for_numbers(range(13, 16))
    assert program.metric("weir_kafka_receiver_lost_messages", topic=reader.topic) == 7
    assert f"topic={reader.topic} partition=0 from=5 to=11" in program.output()
    stop_balanced(program)


def stop_balanced_after(reader, numbers):
    program = reader.start()
    reader.wait_for_numbers(numbers)
    stop_balanced(program)


def test_a_member_that_joins_costs_the_others_nothing(reader):
    first = reader.start()
    reader.wait_for_committed(p0=0, p1=0, p2=0)
    numbers = iter(range(1, 1000))
    reader.write([next(numbers)], partition=0)
    second = reader.start()
    until = time.monotonic() + 5
    while time.monotonic() < until:  # so that there is something to commit at every moment
        for partition in range(3):
            reader.write([next(numbers)], partition)
    last = next(numbers)
    reader.wait_for_numbers(range(1, last))
    assert sorted(reader.sink.numbers()) == list(range(1, last))
    for program in (first, second):
        assert "partitions assigned" in program.output() and "partitions lost" not in program.output()
        stop_balanced(program)


def test_a_member_that_stops_leaves_the_group_at_once(reader):
    second = reader.start()
    reader.wait_for_committed(p0=0, p1=0, p2=0)
    first = reader.start()
    wait_until(lambda: "partitions assigned" in first.output(), what="partitions of its own")
    stop_balanced(first)
    reader.write(range(1, 4), partition=0)
    reader.write(range(4, 7), partition=1)
    reader.write(range(7, 10), partition=2)
    reader.wait_for_numbers(range(1, 10), timeout=5)  # less than session_timeout
    stop_balanced(second)
