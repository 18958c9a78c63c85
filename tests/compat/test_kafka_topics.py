# SPDX-License-Identifier: Apache-2.0
"""What the kafka exporter says of topics whose settings weaken the promise that an acknowledged message is safe, and how it
follows topics that come and change, on a real Kafka."""

import yaml

from support.load import GrpcClient, numbered, send_all
from support.process import wait_until

NUMBERS = range(1, 101)
HOUR_MS = 3600 * 1000
CHECK_S = 20


def config_for(broker, topic: str, **exporter) -> str:
    exporter = {"brokers": [broker.bootstrap], "traces": {"topic": topic}, "sending_queue": {"enabled": False}, **exporter}
    return yaml.safe_dump({
        "receivers": {"otlp": {"protocols": {"grpc": {}}}},
        "exporters": {"kafka": exporter},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["kafka"]}}},
    })


def said_of(weir, broker, topic: str, until: str, **exporter) -> str:
    """The lines about the topic, once one with `until` is among them."""
    program = weir(config_for(broker, topic, **exporter))
    send_all(program, "traces", [numbered(NUMBERS).SerializeToString()])
    wait_until(lambda: until in program.output(), CHECK_S, f"{until!r} in the log")
    return "".join(line + "\n" for line in program.output().splitlines() if f"topic {topic} " in line)


def test_a_single_replica_is_warned_about(weir, kafka):
    topic = kafka.new_topic()
    said = said_of(weir, kafka, topic, "has one replica")
    assert said.count("\n") == 1 and "  warn  " in said, said


def test_everything_that_loses_messages_is_warned_about(weir, kafka):
    topic = kafka.new_topic(retention_ms=HOUR_MS - 1, retention_bytes=1024, max_message_bytes=999_999,
                            cleanup_policy="compact,delete")
    program = weir(config_for(kafka, topic))
    for part in ("has one replica", "is compacted", "keeps messages for 3599 s only", "keeps 1024 bytes of each partition",
                 "takes no messages over 999999 bytes"):
        wait_until(lambda part=part: f"topic {topic} {part}" in program.output(), CHECK_S, f"{part!r} in the log")


def test_what_cannot_be_written_is_warned_about(weir, kafka):
    topic = kafka.new_topic(min_insync_replicas=2)
    program = weir(config_for(kafka, topic))
    wait_until(lambda: "nothing can be written with required_acks: all" in program.output(), CHECK_S, "the warning")


def test_a_topic_is_made_where_the_brokers_allow_it(weir, kafka):
    topic = kafka.new_topic() + "-made"
    program = weir(config_for(kafka, topic))
    send_all(program, "traces", [numbered(NUMBERS).SerializeToString()])
    assert len(kafka.partitions(topic)) == 6
    assert kafka.count(topic) > 0


def test_a_topic_is_not_made_where_the_exporter_may_not(weir, kafka):
    topic = kafka.new_topic() + "-never-made"
    program = weir(config_for(kafka, topic, producer={"allow_auto_topic_creation": False}))
    client = GrpcClient(program)
    assert not client.send(numbered(NUMBERS).SerializeToString(), timeout=3).ok
    client.close()
    wait_until(lambda: f"topic {topic}" in program.output(), CHECK_S, "the topic in the log")
    assert "create it" in program.output()
    assert kafka.partitions(topic) == []


def test_a_topic_that_is_made_at_last_is_written_to(weir, kafka):
    topic = kafka.new_topic() + "-late"
    program = weir(config_for(kafka, topic, producer={"allow_auto_topic_creation": False}))
    client = GrpcClient(program)
    assert not client.send(numbered(NUMBERS).SerializeToString(), timeout=2).ok
    client.close()
    kafka.create_topic(topic, partitions=3)
    send_all(program, "traces", [numbered(NUMBERS).SerializeToString()])
    assert {message.partition for message in kafka.consume(topic)} == {0, 1, 2}


def test_new_partitions_are_used_without_a_restart(weir, kafka):
    topic = kafka.new_topic(partitions=1)
    program = weir(config_for(kafka, topic, metadata={"refresh_interval": "200ms"}))
    send_all(program, "traces", [numbered(NUMBERS).SerializeToString()])
    kafka.add_partitions(topic, 3)

    def are_all_used():
        send_all(program, "traces", [numbered(NUMBERS).SerializeToString()])
        return {message.partition for message in kafka.consume(topic)} == {0, 1, 2}

    wait_until(are_all_used, CHECK_S, "messages in three partitions", every=0.3)
