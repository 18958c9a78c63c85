# SPDX-License-Identifier: Apache-2.0
"""The kafka exporter with a real broker that comes and goes: an OK is the broker's acknowledgement, and what a message
cannot hold does not hold up the rest."""

import json
import subprocess
import time

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.books import assert_balanced, printed_books, read_books
from support.collector import weir_binary
from support.load import GrpcClient, numbered, numbers_in
from support.process import free_port, wait_until

pytestmark = pytest.mark.asan

CONFIG = """
receivers:
  otlp:
    protocols:
      grpc: {{include_metadata: true}}
exporters:
  kafka:
    brokers: ["{bootstrap}"]
    traces: {{topic: {topic}}}
    retry_on_failure: {{initial_interval: 100ms, max_interval: 300ms}}
    {more}
service:
  extensions: [health_check{extensions}]
  pipelines:
    traces: {{receivers: [otlp], exporters: [kafka]}}
"""
STORAGE = """
extensions:
  file_storage: {{directory: "{directory}", create_directory: true}}
"""
EXPORTER = "exporter", "kafka", "spans"
QUEUE = "queue", "kafka", "spans"


def config_for(bootstrap, topic, more="", storage=None):
    text = CONFIG.format(bootstrap=bootstrap, topic=topic, more=more, extensions=", file_storage" if storage else "")
    return STORAGE.format(directory=storage) + text if storage else text


def send(program, request, timeout=10):
    client = GrpcClient(program)
    try:
        return client.send(request.SerializeToString(), timeout)
    finally:
        client.close()


def read(kafka, topic):
    """The topic's messages and all numbers in them."""
    messages = kafka.consume(topic)
    numbers = [n for message in messages for n in numbers_in(ExportTraceServiceRequest.FromString(message.value))]
    return messages, sorted(numbers)


def stop_balanced(program):
    assert program.stop() == 0
    books = printed_books(program)
    assert_balanced(books)
    return books


def with_a_large_span(numbers, large, name_bytes):
    request = numbered(numbers)
    for span in request.resource_spans[0].scope_spans[0].spans:
        if int.from_bytes(span.span_id, "big") == large:
            span.name = "n" * name_bytes
    return request


def test_an_ok_means_one_message_for_each_partition_is_in_kafka(weir, kafka):
    topic = kafka.new_topic("spans", partitions=6)
    program = weir(config_for(kafka.bootstrap, topic))
    assert send(program, numbered(range(1, 501))).ok
    messages, numbers = read(kafka, topic)
    assert numbers == list(range(1, 501))
    assert sorted(message.partition for message in messages) == list(range(6))
    assert all(message.key is None and message.header("weir.slices") for message in messages)
    assert stop_balanced(program)[EXPORTER]["sent"] == 500


def test_a_trace_stays_in_its_partition(weir, kafka):
    topic = kafka.new_topic("spans", partitions=6)
    program = weir(config_for(kafka.bootstrap, topic))
    partitions_of = {}
    for _ in range(3):
        assert send(program, numbered(range(1, 101))).ok
    for message in kafka.consume(topic):
        for number in numbers_in(ExportTraceServiceRequest.FromString(message.value)):
            partitions_of.setdefault(number, set()).add(message.partition)
    assert len(partitions_of) == 100
    assert all(len(partitions) == 1 for partitions in partitions_of.values())


def test_json_and_headers(weir, kafka):
    topic = kafka.new_topic("spans", partitions=2)
    more = """include_metadata_keys: [tenant]
    record_headers: [{name: cluster, value: blue}]"""
    program = weir(config_for(kafka.bootstrap, topic, more).replace(f"topic: {topic}", f"topic: {topic}, encoding: otlp_json"))
    request = numbered(range(1, 51))
    with grpc.insecure_channel(program.grpc_endpoint) as channel:
        channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")(
            request.SerializeToString(), timeout=10, metadata=(("tenant", "a"), ("tenant", "b")))
    numbers = []
    for message in kafka.consume(topic):
        spans = [span for of_resource in json.loads(message.value)["resourceSpans"]
                 for of_scope in of_resource["scopeSpans"] for span in of_scope["spans"]]
        numbers += [int(span["spanId"], 16) for span in spans]
        assert [(name, value) for name, value in message.headers if name != "weir.slices"] == [
            ("cluster", b"blue"), ("tenant", b"a"), ("tenant", b"b")]
    assert sorted(numbers) == list(range(1, 51))


def test_messages_stay_below_the_limit_and_a_span_that_cannot_is_a_partial_success(weir, kafka):
    topic = kafka.new_topic("spans", partitions=2)
    program = weir(config_for(kafka.bootstrap, topic, "producer: {max_message_bytes: 5000}"))
    answer = send(program, with_a_large_span(range(1, 301), large=7, name_bytes=6000))
    assert answer.ok and answer.rejected == 1
    messages, numbers = read(kafka, topic)
    assert numbers == [n for n in range(1, 301) if n != 7]
    assert all(len(message.value) < 5000 for message in messages)
    before = kafka.count(topic)
    assert send(program, numbered(range(301, 341))).ok
    assert kafka.count(topic) == before + 2, "one message for each partition, as ever"
    books = stop_balanced(program)[EXPORTER]
    assert books["sent"] == 339 and books["rejected"] == 1


def test_a_span_that_is_too_large_is_a_dead_letter(weir, kafka, tmp_path):
    topic = kafka.new_topic("spans", partitions=2)
    more = """producer: {max_message_bytes: 5000}
    sending_queue: {storage: file_storage}"""
    program = weir(config_for(kafka.bootstrap, topic, more, tmp_path / "queue"))
    assert send(program, with_a_large_span(range(1, 101), large=7, name_bytes=6000)).ok
    wait_until(lambda: read_books(program)[QUEUE]["on_disk"] == 0, 10, "the queue is empty")
    assert read(kafka, topic)[1] == [n for n in range(1, 101) if n != 7]
    books = stop_balanced(program)
    assert books[QUEUE]["dead_lettered"] == 1 and books[QUEUE]["released"] == 99
    letters = b"".join(path.read_bytes() for path in (tmp_path / "queue" / "deadletter").glob("*.log"))
    assert b"n" * 6000 in letters and b"max_message_bytes" in letters
    assert letters.count(b"numbered") <= 1, "the other spans are not in it; the service is"


def test_a_topic_that_takes_less_gets_smaller_messages(weir, kafka):
    topic = kafka.new_topic("spans", partitions=1, max_message_bytes=4000)
    program = weir(config_for(kafka.bootstrap, topic))
    assert send(program, numbered(range(1, 301))).ok
    assert read(kafka, topic)[1] == list(range(1, 301))
    assert "producer.max_message_bytes" in program.output(), "it is said when weir starts"


def test_without_brokers_data_is_refused_at_once_and_taken_when_they_are_there(weir, new_kafka):
    kafka = new_kafka()
    topic = kafka.new_topic("spans", partitions=2)
    program = weir(config_for(kafka.bootstrap, topic))
    assert send(program, numbered([1])).ok
    kafka.kill()
    wait_until(lambda: not send(program, numbered([2]), timeout=2).ok, 30, "the broker is missed")

    def refused_at_once():
        started = time.monotonic()
        answer = send(program, numbered([3]))
        return answer.code == "UNAVAILABLE" and answer.retry_after and time.monotonic() - started < 0.5

    wait_until(refused_at_once, 30, "data is refused at once")
    kafka.start()
    wait_until(lambda: send(program, numbered([4])).ok, 30, "data is taken again")
    numbers = set(read(kafka, topic)[1])
    assert {1, 4} <= numbers <= {1, 2, 3, 4}
    stop_balanced(program)


def test_with_a_disk_queue_an_outage_costs_nothing(weir, new_kafka, tmp_path):
    kafka = new_kafka()
    topic = kafka.new_topic("spans", partitions=2)
    config = config_for(kafka.bootstrap, topic, "sending_queue: {storage: file_storage}", tmp_path / "queue")
    program = weir(config)
    kafka.kill()
    for first in range(1, 1001, 100):
        assert send(program, numbered(range(first, first + 100))).ok
    kafka.start()
    wait_until(lambda: read_books(program)[QUEUE]["on_disk"] == 0, 60, "the queue is empty")
    assert sorted(set(read(kafka, topic)[1])) == list(range(1, 1001))
    stop_balanced(program)


def test_it_ends_in_time_with_a_broker_that_is_not_there(weir):
    program = weir(config_for(f"127.0.0.1:{free_port()}", "spans"))
    assert not send(program, numbered([1]), timeout=2).ok
    started = time.monotonic()
    stop_balanced(program)
    assert time.monotonic() - started < 10


def test_required_acks_are_obeyed(weir, kafka):
    for acks in (0, 1, "all"):
        topic = kafka.new_topic("spans", partitions=2)
        program = weir(config_for(kafka.bootstrap, topic, f"producer: {{required_acks: {acks}}}"))
        assert send(program, numbered(range(1, 11))).ok
        wait_until(lambda topic=topic: kafka.count(topic) == 2, 10, "both messages are there")
        stop_balanced(program)


def validate(tmp_path, more, topic="spans"):
    """What `weir validate` says of the exporter: its exit code and all its lines."""
    path = tmp_path / "config.yaml"
    path.write_text(config_for("127.0.0.1:9092", topic, more).replace("[health_check]", "[]"))
    done = subprocess.run([weir_binary(), "validate", "--config", path], capture_output=True, text=True, timeout=15, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("more", "said"), [
    ("", "OK means all in-sync replicas of Kafka have the data"),
    ("producer: {required_acks: 1}", "is lost if the partition's leader dies"),
    ("producer: {required_acks: 0}", "OK means the data was sent to Kafka"),
    ("sending_queue: {wait_for_result: false}", "the brokers' acknowledgement all the same"),
    ("partition_traces_by_id: false", "no gateway of a group sees it whole"),
    ("record_partitioner: {round_robin: }", "no gateway of a group sees it whole"),
    ("timeout: 1s\n    producer: {linger: 5ms, compression: zstd, compression_params: {level: 3}}", "in-sync replicas"),
])
def test_validate_says_what_an_ok_means(tmp_path, more, said):
    code, output = validate(tmp_path, more)
    assert code == 0 and said in output, output


@pytest.mark.parametrize(("more", "said"), [
    ("topic: spans", "below traces, metrics or logs"),
    ("logs: {encoding: raw}", "use otlp_proto"),
    ("record_partitioner: {round_robin: , sticky_key: {hasher: murmur2}}", "only one partitioner"),
    ("record_partitioner: {extension: mine}", "use sticky_key"),
    ("partition_logs_by_resource_attributes: true\n    partition_logs_by_trace_id: true", "leave one out"),
    ("partition_metrics_by_resource_attributes: true\n    metrics: {message_key_from_metadata_key: k}", "leave one out"),
    ("include_metadata_keys: [tenant]\n    sending_queue: {batch: {}}", "must be in sending_queue.batch.partition.metadata_keys"),
    ("producer: {compression: gzip, compression_params: {level: 11}}", "gzip has no level 11"),
    ("producer: {max_message_bytes: 10}", "max_message_bytes"),
])
def test_validate_refuses_what_cannot_be_meant(tmp_path, more, said):
    code, output = validate(tmp_path, more)
    assert code != 0 and said in output, output
