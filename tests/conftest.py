# SPDX-License-Identifier: Apache-2.0
"""The fixtures of every tier; see README.md beside this file."""

import shutil

import pytest

from support.certificates import Authority
from support.collector import Collector, collector_binary, weir_binary
from support.elasticsearch import Elasticsearch, OpenSearch, SearchServer
from support.jaeger import Jaeger
from support.kafka import Kafka


def _runs_of(name: str, binary, directory):
    """A function that starts `name` with a configuration, for as often as a test likes, and stops all at the end."""
    started = []

    def run(config: str, *, whole: bool = False, start: bool = True, **env) -> Collector:
        collector = Collector(name, binary(), config, directory, whole, env)
        started.append(collector)
        return collector.start() if start else collector

    return run, started


def _stop_all(started):
    """Each must end cleanly; whatever happens, none is left running."""
    try:
        for collector in started:
            if collector.running:
                collector.resume()
                collector.stop_cleanly()
    finally:
        for collector in started:
            collector.kill()


@pytest.fixture
def weir(tmp_path):
    """weir(config, whole=False, start=True, NAME=value…) -> Collector: the program under test, running."""
    run, started = _runs_of("weir", weir_binary, tmp_path)
    yield run
    _stop_all(started)


@pytest.fixture
def collector(tmp_path):
    """The same for the OpenTelemetry Collector, the oracle."""
    run, started = _runs_of("collector", collector_binary, tmp_path)
    yield run
    _stop_all(started)


@pytest.fixture(scope="session")
def jaeger(tmp_path_factory):
    """One Jaeger for the whole session, traces in memory: give each test a service name of its own."""
    server = Jaeger(tmp_path_factory.mktemp("jaeger"))
    yield server.start()
    server.stop()


@pytest.fixture
def jaeger_on_disk(tmp_path):
    """A Jaeger of the test's own that keeps its traces over kill(), stop() and start()."""
    server = Jaeger(tmp_path, on_disk=True)
    yield server.start()
    server.kill()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """One broker for the whole session: give each test topics and groups of its own."""
    broker = Kafka(tmp_path_factory.mktemp("kafka"))
    yield broker.start()
    _remove(broker)


@pytest.fixture(scope="session")
def guarded_kafka(tmp_path_factory):
    """One broker for the session that knows alice and, by its authority `tls`, certificates."""
    directory = tmp_path_factory.mktemp("guarded-kafka")
    broker = Kafka(directory, users={"alice": "alice-secret"}, tls=Authority(directory / "ca"))
    yield broker.start()
    _remove(broker)


@pytest.fixture
def new_kafka(tmp_path):
    """new_kafka(properties=None, users=None, tls=None, heap="512m") -> Kafka: a broker of the test's own, running, which it
    may stop, kill, pause and start again."""
    brokers = []

    def start(**how) -> Kafka:
        directory = tmp_path / f"kafka-{len(brokers)}"
        directory.mkdir()
        brokers.append(Kafka(directory, **how))
        return brokers[-1].start()

    yield start
    for broker in brokers:
        _remove(broker)


@pytest.fixture(scope="session")
def elasticsearch(tmp_path_factory):
    """One Elasticsearch for the whole session that lets everybody in: give each test indices and data streams of its own."""
    server = Elasticsearch(tmp_path_factory.mktemp("elasticsearch"))
    yield server.start()
    _remove(server)


@pytest.fixture(scope="session")
def guarded_elasticsearch(tmp_path_factory):
    """One more for the session that wants its user and password, or an API key."""
    server = Elasticsearch(tmp_path_factory.mktemp("guarded-elasticsearch"), security=True)
    yield server.start()
    _remove(server)


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory):
    """One OpenSearch for the whole session that lets everybody in."""
    server = OpenSearch(tmp_path_factory.mktemp("opensearch"))
    yield server.start()
    _remove(server)


@pytest.fixture
def new_elasticsearch(tmp_path):
    """new_elasticsearch(security=False, settings=None, heap="512m", quick=True) -> Elasticsearch: a server of the test's own,
    running, which it may stop, kill, pause and start again."""
    servers = []

    def start(**how) -> Elasticsearch:
        servers.append(Elasticsearch(tmp_path / f"elasticsearch-{len(servers)}", **how))
        return servers[-1].start()

    yield start
    for server in servers:
        _remove(server)


def _remove(server: Kafka | SearchServer):
    """Nobody wants its data any more, so it need not end in good order."""
    server.kill()
    shutil.rmtree(server.data)
