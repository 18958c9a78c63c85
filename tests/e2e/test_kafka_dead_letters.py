# SPDX-License-Identifier: Apache-2.0
"""The kafka receiver in front of a backend that refuses some documents of a message: they alone become dead letters, and
are sent with the same _id once somebody has mended what was wrong. A real broker; the backend is a fake that refuses on
demand."""

import json
import uuid

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from support.books import assert_balanced, printed_books
from support.bulk_sink import BulkSink, number_of, refused, turns
from support.load import numbered_logs, numbers_in
from support.process import wait_until

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
    dead_letter_topic: {dead}
    logs: {{topics: [{topic}], encoding: {encoding}}}
exporters:
  elasticsearch:
    endpoint: {sink}
    logs_index: logs-weir.otel-tests
    sending_queue: {{batch: {{flush_timeout: 100ms}}}}
    retry: {{initial_interval: 100ms, max_interval: 300ms}}
service:
  extensions: [health_check]
  pipelines:
    logs: {{receivers: [kafka], exporters: [elasticsearch]}}
"""
MESSAGES, OF_EACH = 6, 10
REFUSED = set(range(4, MESSAGES * OF_EACH, 5))


class Road:
    """Topics of the test's own, a fake Elasticsearch, and weirs that read one topic into it."""

    def __init__(self, weir, kafka, sink, encoding: str):
        self.weir, self.kafka, self.sink, self.encoding = weir, kafka, sink, encoding
        self.topic, self.dead = kafka.new_topic("logs", partitions=2), kafka.new_topic("dead", partitions=1)

    def start(self, topic: str):
        self.group = f"group-{uuid.uuid4().hex[:8]}"
        return self.weir(CONFIG.format(bootstrap=self.kafka.bootstrap, group=self.group, topic=topic,
                                       dead=self.dead if topic == self.topic else f"{self.dead}-again",
                                       sink=self.sink.endpoint, encoding=self.encoding))

    def wait_until_read(self, topic: str):
        self.kafka.wait_for_lag(self.group, topic)

    def ids_of(self, numbers) -> dict:
        """Each of these numbers to the _ids it was tried with."""
        found = {}
        for request in list(self.sink.requests):
            for operation in request.operations:
                if (number := number_of(operation.document)) in numbers:
                    found.setdefault(number, set()).add(operation.id)
        return found


@pytest.fixture
def road(weir, kafka):
    def build(encoding: str = "otlp_proto") -> Road:
        return Road(weir, kafka, sink, encoding)

    with BulkSink() as sink:
        yield build


def refuse_some(operation):
    number = number_of(operation.document)
    if number not in REFUSED:
        return None
    if number % 2:
        return refused(400, "document_parsing_exception", "failed to parse field [attributes.number]")
    return refused(400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded")


def test_refused_documents_alone_become_dead_letters_and_keep_their_ids(road):
    it = road()
    it.sink.on_document = refuse_some
    it.kafka.produce_all(it.topic, [numbered_logs(range(first, first + OF_EACH), "shop").SerializeToString()
                                    for first in range(0, MESSAGES * OF_EACH, OF_EACH)], headers={"tenant": b"acme"})
    program = it.start(it.topic)
    it.wait_until_read(it.topic)
    assert it.sink.numbers() == sorted(set(range(MESSAGES * OF_EACH)) - REFUSED)

    letters = it.kafka.consume(it.dead)
    held = [number for letter in letters for number in numbers_in(ExportLogsServiceRequest.FromString(letter.value))]
    assert sorted(held) == sorted(REFUSED), "each refused record is in one letter, and nothing else"
    for letter in letters:
        headers = dict(letter.headers)
        odd = numbers_in(ExportLogsServiceRequest.FromString(letter.value))[0] % 2
        assert ("document_parsing_exception" if odd else "Limit of total fields") in headers["weir.error"].decode()
        assert headers["tenant"] == b"acme" and headers["weir.topic"] == it.topic.encode()
        assert [name for name, _ in letter.headers].count("weir.slices") == 1
    assert program.metric("weir_kafka_receiver_dead_letters", reason="refused") == len(letters)
    assert program.metric("otelcol_receiver_refused_log_records") == len(REFUSED)
    assert program.metric("otelcol_receiver_accepted_log_records") == MESSAGES * OF_EACH - len(REFUSED)
    program.stop_cleanly()
    assert_balanced(printed_books(program))

    first_ids = it.ids_of(REFUSED)
    it.sink.on_document = None
    again = it.start(it.dead)
    it.wait_until_read(it.dead)
    again.stop_cleanly()
    assert it.sink.numbers() == list(range(MESSAGES * OF_EACH))
    assert it.ids_of(REFUSED) == first_ids, "what is read again has the _id it had"
    assert all(len(ids) == 1 for ids in first_ids.values()) and not it.sink.conflicts


def test_letters_of_a_json_topic_are_json_and_can_be_read_again(road):
    it = road("otlp_json")
    it.sink.on_document = refuse_some
    records = [{"timeUnixNano": "1700000000000000000", "attributes": [{"key": "number", "value": {"intValue": str(number)}}]}
               for number in range(OF_EACH)]
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
    it.kafka.produce(it.topic, body)
    program = it.start(it.topic)
    it.wait_until_read(it.topic)
    program.stop_cleanly()
    assert all(json.loads(letter.value)["resourceLogs"] for letter in it.kafka.consume(it.dead))
    it.sink.on_document = None
    again = it.start(it.dead)
    it.wait_until_read(it.dead)
    again.stop_cleanly()
    assert it.sink.numbers() == list(range(OF_EACH))
    assert all(len(ids) == 1 for ids in it.ids_of(range(OF_EACH)).values())


def test_documents_that_are_to_be_sent_again_go_alone_and_the_offset_waits_for_them(road):
    it = road()
    not_yet = turns(*[refused(429, "es_rejected_execution_exception", "rejected execution of coordinating operation")] * 3)
    it.sink.on_document = lambda operation: not_yet() if number_of(operation.document) == 3 else None
    it.kafka.produce(it.topic, numbered_logs(range(OF_EACH)).SerializeToString())
    program = it.start(it.topic)
    it.wait_until_read(it.topic)
    assert it.sink.numbers() == list(range(OF_EACH)) and not it.sink.conflicts
    assert [len(request.operations) for request in it.sink.requests] == [OF_EACH, 1, 1, 1]
    assert it.kafka.count(it.dead) == 0
    wait_until(lambda: program.metric("weir_exporter_held_items") == 0)
    program.stop_cleanly()
    assert_balanced(printed_books(program))
