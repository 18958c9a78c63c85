# SPDX-License-Identifier: Apache-2.0
"""weir and the Collector with a password, a token or a certificate to a real Kafka that lets nobody else in: the same
configuration opens the door for both, and a wrong one is told as what it is."""

import base64
import ctypes
import json
import time

import pytest

from support.certificates import Authority
from support.kafka import SASL_MECHANISMS
from support.load import GrpcClient, numbered, send_all
from support.process import wait_until
from support.sink import Sink

NUMBERS = range(1, 501)
WRONG = "not-her-password"
SCRAM_SOUND_SINCE = 0x020601FF  # 2.6.1: before, Kafka 4 takes every proof of librdkafka's for a wrong password

# Both directions in one program.
CONFIG = """
extensions:
  bearertokenauth: {token: "${env:TOKEN}"}
receivers:
  kafka:
    brokers: ["${env:BROKER}"]
    group_id: "${env:TOPIC}"
    initial_offset: earliest
    traces: {topics: ["${env:TOPIC}"]}
    DOOR
exporters:
  kafka:
    brokers: ["${env:BROKER}"]
    traces: {topic: "${env:TOPIC}"}
    sending_queue: {enabled: false}
    DOOR
  otlp_grpc:
    endpoint: "${env:SINK}"
    tls: {insecure: true}
    sending_queue: {enabled: false}
service:
  extensions: [health_check, bearertokenauth]
  pipelines:
    traces/in: {receivers: [otlp], exporters: [kafka]}
    traces/out: {receivers: [kafka], exporters: [otlp_grpc]}
"""


def start(run, broker, bootstrap: str, door: str, sink: Sink, **env):
    """The program and its topic; `door` is what stands in both the receiver and the exporter."""
    topic = broker.new_topic("door", partitions=2)
    config = CONFIG.replace("DOOR", door)
    return run(config, BROKER=bootstrap, TOPIC=topic, SINK=sink.endpoint, **{"TOKEN": "unused", **env}), topic


def assert_opens(run, broker, bootstrap: str, door: str, **env):
    with Sink() as sink:
        program, topic = start(run, broker, bootstrap, door, sink, **env)
        send_all(program, "traces", [numbered(NUMBERS).SerializeToString()])
        broker.wait_for_lag(topic, topic)
        assert sorted(sink.numbers()) == list(NUMBERS)


def assert_stays_shut(run, broker, bootstrap: str, door: str, reason: str, **env):
    """Nothing is answered OK, the log gives the reason, and not the secret."""
    with Sink() as sink:
        program, topic = start(run, broker, bootstrap, door, sink, **env)
        client = GrpcClient(program)
        assert not client.send(numbered(NUMBERS).SerializeToString(), timeout=3).ok
        client.close()
        wait_until(lambda: reason.lower() in program.output().lower(), 10, f"{reason!r} in the log")
        assert broker.count(topic) == 0 and sink.arrived == 0
        assert WRONG not in program.output()


def sasl(mechanism: str, password: str) -> str:
    return f"auth: {{sasl: {{mechanism: {mechanism}, username: alice, password: {password}}}}}"


def unsecured_token(**claims) -> str:
    """As Kafka takes it where it is told to check no signature."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": "alice", "iat": now, "exp": now + 600, **claims})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


@pytest.fixture
def ca(guarded_kafka) -> str:
    return str(guarded_kafka.tls.cert)


def librdkafka_version() -> int:
    """Of the one that weir loads."""
    return ctypes.CDLL("librdkafka.so.1").rd_kafka_version()


@pytest.mark.parametrize("program", ["weir", "collector"])
@pytest.mark.parametrize("mechanism", [name for name in SASL_MECHANISMS if name != "OAUTHBEARER"])
def test_a_password_opens_the_door(request, guarded_kafka, ca, program, mechanism):
    if program == "weir" and mechanism.startswith("SCRAM") and librdkafka_version() < SCRAM_SOUND_SINCE:
        pytest.skip("this librdkafka's SCRAM is refused by Kafka 4")
    door = f"tls: {{ca_file: {ca}}}\n    {sasl(mechanism, guarded_kafka.users['alice'])}"
    assert_opens(request.getfixturevalue(program), guarded_kafka, guarded_kafka.sasl_tls_bootstrap, door)


def test_a_password_opens_the_door_in_clear_text(weir, guarded_kafka):
    assert_opens(weir, guarded_kafka, guarded_kafka.sasl_bootstrap, sasl("PLAIN", guarded_kafka.users["alice"]))


@pytest.mark.skipif(librdkafka_version() >= SCRAM_SOUND_SINCE, reason="this librdkafka's SCRAM works")
def test_that_scram_is_refused_is_told_before_it_is_tried(weir, guarded_kafka):
    assert_stays_shut(weir, guarded_kafka, guarded_kafka.sasl_bootstrap,
                      sasl("SCRAM-SHA-512", guarded_kafka.users["alice"]), "Kafka 4")


TOKEN = "auth: {sasl: {mechanism: OAUTHBEARER, oauthbearer_token_source: bearertokenauth}}"


def test_a_token_opens_the_door(weir, guarded_kafka):
    assert_opens(weir, guarded_kafka, guarded_kafka.sasl_bootstrap, TOKEN, TOKEN=unsecured_token())


@pytest.mark.parametrize("program", ["weir", "collector"])
def test_a_certificate_opens_the_door(request, guarded_kafka, ca, program):
    alice = guarded_kafka.tls.issue("alice")
    door = f"tls: {{ca_file: {ca}, cert_file: {alice.cert}, key_file: {alice.key}}}"
    assert_opens(request.getfixturevalue(program), guarded_kafka, guarded_kafka.tls_bootstrap, door)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_wrong_password_is_told(weir, guarded_kafka, mechanism):
    assert_stays_shut(weir, guarded_kafka, guarded_kafka.sasl_bootstrap, sasl(mechanism, WRONG), "authentication")


def test_a_token_that_has_expired_is_told(weir, guarded_kafka):
    expired = unsecured_token(iat=int(time.time()) - 900, exp=int(time.time()) - 600)
    assert_stays_shut(weir, guarded_kafka, guarded_kafka.sasl_bootstrap, TOKEN, "token", TOKEN=expired)


def test_no_certificate_is_told(weir, guarded_kafka, ca):
    assert_stays_shut(weir, guarded_kafka, guarded_kafka.tls_bootstrap, f"tls: {{ca_file: {ca}}}", "certificate")


def test_a_broker_of_another_authority_is_not_spoken_to(weir, guarded_kafka, tmp_path):
    stranger = Authority(tmp_path / "stranger")
    assert_stays_shut(weir, guarded_kafka, guarded_kafka.sasl_tls_bootstrap,
                      f"tls: {{ca_file: {stranger.cert}}}\n    {sasl('PLAIN', WRONG)}", "certificate")
