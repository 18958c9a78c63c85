# SPDX-License-Identifier: Apache-2.0
"""The real Kafka and the fixtures around it, tried without weir: when this fails, look here first."""

import time

import pytest
from confluent_kafka import Consumer, Producer

from support.certificates import Authority
from support.kafka import SASL_MECHANISMS
from support.process import wait_until


def test_messages_come_back_as_they_were_produced(kafka):
    topic = kafka.new_topic(partitions=3)
    kafka.produce(topic, b"one", key=b"k", headers=[("a", b"1"), ("a", b"2")], partition=2)
    kafka.produce_all(topic, [b"two", b"three"], partition=0)

    messages = kafka.consume(topic)

    assert [(m.partition, m.offset, m.value) for m in messages] == [(0, 0, b"two"), (0, 1, b"three"), (2, 0, b"one")]
    assert messages[2].key == b"k" and messages[2].headers == (("a", b"1"), ("a", b"2"))
    assert messages[2].header("a") == b"1" and messages[2].header("b") is None
    assert kafka.end_offsets(topic) == {0: 2, 1: 0, 2: 1}
    assert kafka.count(topic) == 3


def test_a_topic_grows_and_goes(kafka):
    topic = kafka.new_topic(partitions=1, max_message_bytes=4096)
    assert kafka.consume(topic) == []

    kafka.add_partitions(topic, 4)
    assert kafka.partitions(topic) == [0, 1, 2, 3]
    with pytest.raises(Exception, match="MSG_SIZE_TOO_LARGE"):
        kafka.produce(topic, bytes(5000))

    kafka.delete_topic(topic)
    assert kafka.partitions(topic) == []


def read(kafka, group: str, topic: str, count: int):
    """A member of the group reads that many messages, commits and stays."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})
    consumer.subscribe([topic])
    for _ in range(count):
        wait_until(lambda: consumer.poll(0.1), what="a message")
    consumer.commit(asynchronous=False)
    return consumer


def test_a_groups_members_and_lag_are_seen(kafka):
    topic = kafka.new_topic(partitions=2)
    kafka.produce_all(topic, [b"x"] * 5, partition=0)
    kafka.produce_all(topic, [b"x"] * 2, partition=1)
    group = f"group-of-{topic}"
    assert kafka.lag(group, topic) == 7

    consumer = read(kafka, group, topic, 7)

    assert kafka.committed(group, topic) == {0: 5, 1: 2}
    assert kafka.lag(group, topic) == 0
    assert list(kafka.wait_for_members(group, 1, topic).values()) == [{(topic, 0), (topic, 1)}]
    kafka.produce(topic, b"later", partition=1)
    assert kafka.lag(group, topic) == 1
    consumer.close()
    assert kafka.members(group) == {}


def test_a_broker_of_ones_own_is_stopped_killed_and_paused_and_keeps_what_it_has(new_kafka):
    broker = new_kafka(properties={"num.partitions": 2})
    broker.produce("made-at-first-use", b"1", partition=0)
    broker.restart()
    broker.produce("made-at-first-use", b"2", partition=0)
    broker.kill()
    broker.start()
    broker.pause()
    started = time.monotonic()
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce("made-at-first-use", b"3", partition=0)
    assert producer.flush(1) == 1, "a paused broker has answered"
    broker.resume()
    assert producer.flush(20) == 0 and time.monotonic() - started > 1

    assert [m.value for m in broker.consume("made-at-first-use")] == [b"1", b"2", b"3"]
    assert broker.partitions("made-at-first-use") == [0, 1]


def client(bootstrap: str, **config) -> Producer:
    return Producer({"bootstrap.servers": bootstrap, "log_level": 0, **config})


def may_produce(producer: Producer) -> bool:
    producer.produce("guarded", b"x")
    return producer.flush(3) == 0


def sasl(mechanism: str, password: str) -> dict:
    if mechanism == "OAUTHBEARER":
        return {"sasl.mechanism": mechanism, "enable.sasl.oauthbearer.unsecure.jwt": True,
                "sasl.oauthbearer.config": "principal=alice"}
    return {"sasl.mechanism": mechanism, "sasl.username": "alice", "sasl.password": password}


@pytest.mark.parametrize("mechanism", SASL_MECHANISMS)
def test_sasl_opens_the_door_to_who_is_known(guarded_kafka, mechanism):
    known, guessed = sasl(mechanism, guarded_kafka.users["alice"]), sasl(mechanism, "guess")
    ca = {"ssl.ca.location": str(guarded_kafka.tls.cert)}

    assert may_produce(client(guarded_kafka.sasl_bootstrap, **{"security.protocol": "SASL_PLAINTEXT"}, **known))
    assert may_produce(client(guarded_kafka.sasl_tls_bootstrap, **{"security.protocol": "SASL_SSL"}, **ca, **known))
    if mechanism != "OAUTHBEARER":
        assert not may_produce(client(guarded_kafka.sasl_bootstrap, **{"security.protocol": "SASL_PLAINTEXT"}, **guessed))


def test_tls_wants_a_client_that_trusts_its_authority_and_is_known_to_it(guarded_kafka, tmp_path):
    ours, other = guarded_kafka.tls, Authority(tmp_path / "other")
    for trusted, issuer, welcome in ((ours, ours, True), (other, ours, False), (ours, other, False)):
        alice = issuer.issue("alice")
        trust = {"security.protocol": "SSL", "ssl.ca.location": str(trusted.cert), "ssl.certificate.location": str(alice.cert),
                 "ssl.key.location": str(alice.key)}
        assert may_produce(client(guarded_kafka.tls_bootstrap, **trust)) == welcome
