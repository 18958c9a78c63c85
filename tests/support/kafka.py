# SPDX-License-Identifier: Apache-2.0
"""A real Apache Kafka of one broker, and what tests ask it: topics, offsets, messages, groups."""

import subprocess
import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic, OffsetSpec

from support.certificates import Authority
from support.process import Process, free_port, server_binary, wait_until

LOG_CONFIG = Path(__file__).parent / "servers" / "kafka" / "log4j2.properties"
CLUSTER_ID = "d2VpcidzIHRlc3RzLi4uLg"  # 16 bytes in base64, the same each time
STARTED = "Kafka Server started"
SASL_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_ANSWER_S = 20
_MOVING = (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
           KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)

# Of a record batch: base offset 8 bytes, length 4, leader epoch 4, magic 1, checksum 4, attributes 2.
_BATCH_LENGTH_END, _BATCH_ATTRIBUTES = 12, 22
_COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")

# One broker cannot replicate, groups start at once, and few partitions of its own topics make it light. A broker that was
# killed is let in again once its last life's session is over.
BASE_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "broker.session.timeout.ms": 4000,
    "broker.heartbeat.interval.ms": 500,
    "auto.create.topics.enable": "true",
    "num.partitions": 6,
    "offsets.topic.num.partitions": 4,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
}


@dataclass(frozen=True)
class KafkaMessage:
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple  # of (name, value in bytes), as they came
    timestamp_ms: int

    def header(self, name: str) -> bytes | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key == name), None)


class Kafka(Process):
    """A broker in `directory`, which keeps its data and its ports over stop(), kill() and start().

    Clients without ceremony use `bootstrap`. With `users`, a map of names to passwords, `sasl_bootstrap` wants SASL
    (SASL_MECHANISMS; OAUTHBEARER takes any unsecured token); with `tls`, an authority, `tls_bootstrap` speaks TLS with a
    certificate of it, for 127.0.0.1 and localhost, and wants one of the client; with both, `sasl_tls_bootstrap` speaks TLS
    and wants SASL. `properties` are the broker's, and win over BASE_PROPERTIES.
    """

    def __init__(self, directory: Path, properties: dict | None = None, users: dict | None = None,
                 tls: Authority | None = None, heap: str = "512m"):
        self.directory, self.users, self.tls = directory, users or {}, tls
        self._ports = {"PLAINTEXT": free_port(), "CONTROLLER": free_port()}
        self._ports |= {"SASL": free_port()} if users else {}
        self._ports |= {"TLS": free_port()} if tls else {}
        self._ports |= {"SASL_TLS": free_port()} if users and tls else {}
        self.properties = {**BASE_PROPERTIES, **self._own_properties(tls), **(properties or {})}
        self._config = directory / "kafka.properties"
        self._java = ["java", "-cp", f"{server_binary('kafka')}/*", f"-Dlog4j2.configurationFile={LOG_CONFIG}",
                      "-XX:+UseSerialGC"]
        super().__init__("kafka", [*self._java, f"-Xmx{heap}", "kafka.Kafka", self._config], directory / "kafka.log")

    ## The broker

    @property
    def bootstrap(self) -> str:
        return self._address("PLAINTEXT")

    @property
    def sasl_bootstrap(self) -> str:
        return self._address("SASL")

    @property
    def tls_bootstrap(self) -> str:
        return self._address("TLS")

    @property
    def sasl_tls_bootstrap(self) -> str:
        return self._address("SASL_TLS")

    def start(self, ready=None, timeout: float = 90):
        """Starts it, or starts it again with what it has on disk."""
        self._write_config()
        if not (self.data / "meta.properties").exists():
            self._format()
        starts = self.output().count(STARTED)
        return super().start(ready or (lambda: self.output().count(STARTED) > starts), timeout)

    def restart(self):
        """An orderly restart, as of an upgrade."""
        self.stop()
        self.start()

    @property
    def data(self) -> Path:
        return self.directory / "kafka-data"

    def _address(self, listener: str) -> str:
        return f"127.0.0.1:{self._ports[listener]}"

    def _own_properties(self, tls: Authority | None) -> dict:
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", "SASL": "SASL_PLAINTEXT", "TLS": "SSL",
                     "SASL_TLS": "SASL_SSL"}
        listeners = {name: f"{name}://{self._address(name)}" for name in self._ports}
        own = {
            "controller.quorum.voters": f"1@{self._address('CONTROLLER')}",
            "listeners": ",".join(listeners.values()),
            "advertised.listeners": ",".join(url for name, url in listeners.items() if name != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(f"{name}:{protocols[name]}" for name in self._ports),
            "log.dirs": self.data,
        }
        for name in self._ports:
            own |= self._sasl_properties(name) if "SASL" in name else {}
        return own | (self._tls_properties(tls) if tls else {})

    def _sasl_properties(self, listener: str) -> dict:
        modules = "org.apache.kafka.common.security"
        users = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        logins = {
            "PLAIN": f"{modules}.plain.PlainLoginModule required {users};",
            "SCRAM-SHA-256": f"{modules}.scram.ScramLoginModule required;",
            "SCRAM-SHA-512": f"{modules}.scram.ScramLoginModule required;",
            "OAUTHBEARER": f'{modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
        }
        prefix = f"listener.name.{listener.lower()}"
        return {f"{prefix}.sasl.enabled.mechanisms": ",".join(SASL_MECHANISMS)} | {
            f"{prefix}.{mechanism.lower()}.sasl.jaas.config": login for mechanism, login in logins.items()}

    def _tls_properties(self, authority: Authority) -> dict:
        identity = authority.issue("kafka")
        both = self.directory / "kafka.pem"
        both.write_bytes(identity.key.read_bytes() + identity.cert.read_bytes())
        both.chmod(0o600)
        return {"ssl.keystore.type": "PEM", "ssl.keystore.location": both, "ssl.truststore.type": "PEM",
                "ssl.truststore.location": authority.cert, "listener.name.tls.ssl.client.auth": "required"}

    def _write_config(self):
        self._config.write_text("".join(f"{name}={value}\n" for name, value in self.properties.items()))

    def _format(self):
        scram = [word for name, password in self.users.items() for mechanism in SASL_MECHANISMS if "SCRAM" in mechanism
                 for word in ("--add-scram", f"{mechanism}=[name={name},password={password}]")]
        done = subprocess.run([*self._java, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID,
                               "-c", self._config, *scram], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"kafka's storage could not be formatted:\n{done.stdout}{done.stderr}"

    ## Topics

    @cached_property
    def admin(self) -> AdminClient:
        return AdminClient(self._client())

    def create_topic(self, name: str, partitions: int = 6, **config):
        """`config` names are written with underscores: max_message_bytes=1000."""
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=settings)
        self._result(self.admin.create_topics([topic]), name)
        self._wait_for_partitions(name, partitions)
        return name

    def new_topic(self, prefix: str = "topic", partitions: int = 6, **config) -> str:
        """A topic whose name nobody has used before."""
        return self.create_topic(f"{prefix}-{uuid.uuid4().hex[:8]}", partitions, **config)

    def delete_topic(self, name: str):
        self._result(self.admin.delete_topics([name]), name)
        wait_until(lambda: name not in self.admin.list_topics(timeout=_ANSWER_S).topics, what=f"{name} is deleted")

    def add_partitions(self, name: str, partitions: int):
        """`partitions` is how many there are then."""
        self._result(self.admin.create_partitions([NewPartitions(name, partitions)]), name)
        self._wait_for_partitions(name, partitions)

    def partitions(self, topic: str) -> list:
        """Their numbers; none if there is no such topic."""
        metadata = self.admin.list_topics(timeout=_ANSWER_S).topics.get(topic)
        return sorted(metadata.partitions) if metadata and not metadata.error else []

    def _wait_for_partitions(self, name: str, count: int):
        def have_leaders():
            topic = self.admin.list_topics(timeout=_ANSWER_S).topics.get(name)
            return topic and sum(partition.leader == 1 for partition in topic.partitions.values()) == count

        wait_until(have_leaders, what=f"{count} partitions of {name} with a leader")

    @staticmethod
    def _result(futures: dict, key):
        return futures[key].result(timeout=_ANSWER_S)

    ## Messages

    def produce(self, topic: str, value: bytes, key: bytes | None = None, headers=None, partition: int = -1) -> KafkaMessage:
        """One message, acknowledged by the broker; `headers` is a map or a list of pairs."""
        return self.produce_all(topic, [value], key=key, headers=headers, partition=partition)[0]

    def produce_all(self, topic: str, values, **how) -> list:
        """Many of them, each with the same key, headers and partition; what they became, in the same order."""
        producer = Producer(self._client(**{"enable.idempotence": True, "linger.ms": 1, "message.max.bytes": 100_000_000}))
        how = {name: given for name, given in how.items() if given is not None}
        reports = []
        for count, value in enumerate(values):
            reports.append(None)
            producer.produce(topic, value, on_delivery=lambda *report, at=count: reports.__setitem__(at, report), **how)
            producer.poll(0)
        assert producer.flush(_ANSWER_S) == 0, f"{topic} did not take all in {_ANSWER_S} s"
        for error, _ in reports:
            if error:
                raise KafkaException(error)
        return [_as_message(message) for _, message in reports]

    def begin_offsets(self, topic: str) -> dict:
        return {partition: low for partition, (low, _) in self._watermarks(topic).items()}

    def end_offsets(self, topic: str) -> dict:
        """Each partition to the offset the next message gets."""
        return {partition: high for partition, (_, high) in self._watermarks(topic).items()}

    def count(self, topic: str) -> int:
        """How many messages there are to be read now."""
        return sum(high - low for low, high in self._watermarks(topic).values())

    def consume(self, topic: str, timeout: float = 30) -> list:
        """All messages that are in the topic now, per partition in order. It commits nothing and joins no group."""
        ends = {partition: high for partition, (low, high) in self._watermarks(topic).items() if high > low}
        messages = []
        with _closing(self._consumer()) as consumer:
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in ends])

            def has_all():
                for message in consumer.consume(10_000, timeout=0.1):
                    if message.error():
                        raise KafkaException(message.error())
                    if message.offset() < ends[message.partition()]:
                        messages.append(_as_message(message))
                at = {position.partition: position.offset for position in consumer.position(consumer.assignment())}
                return all(at.get(partition, -1) >= end for partition, end in ends.items())

            if ends:
                wait_until(has_all, timeout, f"all messages of {topic}", every=0)
        return sorted(messages, key=lambda message: (message.partition, message.offset))

    def compressions(self, topic: str) -> set:
        """The names of those that its batches are written with, as they lie on the broker's disk."""
        found = set()
        for segment in self.data.glob(f"{topic}-*/*.log"):
            data = segment.read_bytes()
            while len(data) > _BATCH_ATTRIBUTES:
                found.add(_COMPRESSIONS[data[_BATCH_ATTRIBUTES] & 7])
                data = data[_BATCH_LENGTH_END + int.from_bytes(data[_BATCH_LENGTH_END - 4 : _BATCH_LENGTH_END], "big") :]
        return found

    def _consumer(self, group: str = "tests-read-along") -> Consumer:
        """It does not join the group unless told to."""
        return Consumer(self._client(**{"group.id": group, "enable.auto.commit": False,
                                        "auto.offset.reset": "earliest", "fetch.message.max.bytes": 100_000_000}))

    def _client(self, **config) -> dict:
        """Of librdkafka, which would write on the tests' own output what it thinks of a broker that is gone."""
        return {"bootstrap.servers": self.bootstrap, "log_level": 0, **config}

    def _watermarks(self, topic: str) -> dict:
        lows, highs = (self._offsets(topic, which) for which in (OffsetSpec.earliest(), OffsetSpec.latest()))
        return {partition: (low, highs[partition]) for partition, low in lows.items()}

    def _offsets(self, topic: str, which: OffsetSpec) -> dict:
        asked = {TopicPartition(topic, partition): which for partition in self.partitions(topic)}

        def offsets():
            answers = self.admin.list_offsets(asked, request_timeout=_ANSWER_S)
            return {at.partition: answer.result(timeout=_ANSWER_S).offset for at, answer in answers.items()}

        return wait_until(lambda: _unless_moving(offsets), what=f"the offsets of {topic}", every=0.2) if asked else {}

    ## Groups

    def committed(self, group: str, topic: str) -> dict:
        """Each partition that the group has committed to the offset it would go on from."""
        # Not by the admin client: librdkafka 2.16 reads through a null pointer when the broker does not know the group yet.
        with _closing(self._consumer(group)) as consumer:
            asked = [TopicPartition(topic, partition) for partition in self.partitions(topic)]
            offsets = consumer.committed(asked, timeout=_ANSWER_S) if asked else []
        return {at.partition: at.offset for at in offsets if at.offset >= 0}

    def lag(self, group: str, *topics: str) -> int:
        """How many messages of the topics the group has not committed, those of partitions it never saw included."""
        lag = 0
        for topic in topics:
            committed = self.committed(group, topic)
            lag += sum(high - committed.get(partition, low) for partition, (low, high) in self._watermarks(topic).items())
        return lag

    def wait_for_lag(self, group: str, *topics: str, at_most: int = 0, timeout: float = 60):
        wait_until(lambda: _unless_moving(lambda: self.lag(group, *topics) <= at_most), timeout,
                   f"a lag of {group} of at most {at_most}", every=0.2)

    def members(self, group: str) -> dict:
        """Each member's id to its partitions, a set of (topic, partition). Members of a group that is rebalancing may have
        none."""
        described = self._result(self.admin.describe_consumer_groups([group]), group)
        return {member.member_id: {(at.topic, at.partition) for at in member.assignment.topic_partitions}
                for member in described.members}

    def sharing_members(self, group: str, *topics: str) -> dict:
        """members() if each partition of the topics is with exactly one of them; none while it is not."""
        wanted = [(topic, partition) for topic in topics for partition in self.partitions(topic)]
        members = _unless_moving(lambda: self.members(group)) or {}
        shared = [at for partitions in members.values() for at in partitions if at in wanted]
        return members if sorted(shared) == sorted(wanted) else {}

    def wait_for_members(self, group: str, count: int, *topics: str, timeout: float = 60) -> dict:
        """Returns members() once there are `count` of them that share all partitions of the topics. weir has one for each
        worker."""
        return wait_until(lambda: len(members := self.sharing_members(group, *topics)) == count and members, timeout,
                          f"{count} members of {group} that share {topics}", every=0.2)


def _unless_moving(ask):
    """What `ask` returns; None while the broker does not know the group or the partition yet, as for a moment after
    each start and each new topic."""
    try:
        return ask()
    except KafkaException as error:
        if error.args[0].code() not in _MOVING:
            raise
        return None


class _closing:
    """Consumers are no context managers."""

    def __init__(self, consumer: Consumer):
        self._consumer = consumer

    def __enter__(self) -> Consumer:
        return self._consumer

    def __exit__(self, *_):
        self._consumer.close()


def _as_message(message) -> KafkaMessage:
    return KafkaMessage(message.topic(), message.partition(), message.offset(), message.key(), message.value(),
                        tuple(message.headers() or ()), message.timestamp()[1])
