# SPDX-License-Identifier: Apache-2.0
"""Two sidecars → Kafka → two gateways of one group → Jaeger, a sink and files, under load, while something goes wrong: every
acknowledged span is in Jaeger, every acknowledged log in a file, the group's lag returns to zero and the books balance.
Spans may come again; Jaeger hides that, so a sink beside it counts.

    WEIR_KAFKA_KILLS=3       how often a gateway is killed and another one started
    WEIR_KAFKA_OUTAGE_S=20   how long Jaeger, or Kafka, is away

What came again, and the same kills with the Collector's gateways, is printed and written to build/reports/kafka.md.
"""

import os
import time

import pytest

from support.books import assert_balanced, printed_books, read_books
from support.chain import SIDECAR, TO_SINK, Chain
from support.ledger import Clients
from support.load import GrpcClient, HttpClient, numbered
from support.process import wait_until
from support.watch import Watch

KILLS = int(os.environ.get("WEIR_KAFKA_KILLS", "3"))
OUTAGE_S = float(os.environ.get("WEIR_KAFKA_OUTAGE_S", "20"))
BACKLOG, RSS_MIB_MAX = 300_000, 64
REFUSED_AT_ONCE_S = 3
REFUSALS = {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "503", "429"}

# The disk queue stands before Kafka: an OK is the disk's then.
WITH_DISK_QUEUE = SIDECAR.replace("sending_queue: {enabled: false}", "sending_queue: {storage: file_storage}") \
    .replace("exporters:", 'extensions:\n  file_storage: {directory: "${env:QUEUE}", create_directory: true}\nexporters:', 1) \
    .replace("service:", "service:\n  extensions: [health_check, file_storage]")


@pytest.fixture(scope="module")
def rows(report):
    """Lines of the table; reported at the end, with what there is."""
    found = []
    yield found
    if found:
        heads = "| what happened | answered OK | lost | spans again at the sink | logs again |"
        report("kafka", "\n".join(["# Kafka between sidecars and gateways, under load", "", heads, "|" + "---|" * 5,
                                   *found, ""]))


def row(what: str, outcome) -> str:
    return (f"| {what} | {outcome.acknowledged} | {len(outcome.lost)} | {outcome.repeated_spans} "
            f"| {outcome.repeated_records} |")


def end_well(chain: Chain, rows: list, what: str, timeout: float = 60):
    """After the load: lag zero, nothing missing anywhere, and books that balance in whatever still runs."""
    chain.wait_for_end(timeout)
    outcome = chain.outcome()
    rows.append(row(what, outcome))
    assert outcome.acknowledged > 1000, f"there was hardly any load: {outcome}"
    assert not outcome.lost, f"{outcome}, such as {min(outcome.lost)}"
    assert not outcome.not_in_jaeger, f"{outcome}, such as {min(outcome.not_in_jaeger)}"
    end_in_balance(chain)


def end_in_balance(chain: Chain):
    for program in chain.sidecars + chain.gateways:
        if program.running:
            program.stop_cleanly()
            assert_balanced(printed_books(program))


## The broker


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_broker_restarted(weir, new_kafka, jaeger, tmp_path, rows, how):
    kafka = new_kafka()
    with Chain(weir, kafka, tmp_path, jaeger) as chain:
        chain.add_sidecars(2)
        chain.add_gateways(2)
        with chain.load():
            time.sleep(3)
            kafka.stop() if how == "stopped" else kafka.kill()
            time.sleep(2)
            kafka.start()
            time.sleep(5)
        end_well(chain, rows, f"broker {how} and started again")


@pytest.mark.timeout(180)
def test_broker_away_and_no_queue(weir, new_kafka, tmp_path, rows):
    """Clients are refused at once, over both protocols, and served again without a restart."""
    kafka = new_kafka()
    with Chain(weir, kafka, tmp_path) as chain:
        sidecar, = chain.add_sidecars(1)
        chain.add_gateways(1)
        with chain.load():
            time.sleep(3)
            kafka.kill()
            wait_until(lambda: refused_at_once(sidecar), 30, "clients are refused at once")
            time.sleep(OUTAGE_S / 4)
            assert refused_at_once(sidecar)
            kafka.start()
            time.sleep(5)
        end_well(chain, rows, "broker away, no queue")


def refused_at_once(program) -> bool:
    body = numbered(range(9 * 10**15, 9 * 10**15 + 2)).SerializeToString()
    for kind in (GrpcClient, HttpClient):
        client, started = kind(program), time.monotonic()
        answer = client.send(body)
        client.close()
        if answer.code not in REFUSALS or time.monotonic() - started > REFUSED_AT_ONCE_S:
            return False
    return True


@pytest.mark.timeout(240)
def test_broker_away_and_a_disk_queue(weir, new_kafka, tmp_path, rows):
    """Clients notice nothing, and Kafka gets everything later."""
    kafka = new_kafka()
    with Chain(weir, kafka, tmp_path) as chain:
        sidecar, = chain.add_sidecars(1, WITH_DISK_QUEUE, QUEUE=tmp_path / "queue")
        chain.add_gateways(1)
        with chain.load() as clients:
            time.sleep(3)
            kafka.kill()
            before = sum(of.acknowledged() for of in clients)
            time.sleep(OUTAGE_S)
            during = sum(of.acknowledged() for of in clients) - before
            kafka.start()
            time.sleep(3)
            codes = set().union(*(of.codes() for of in clients))
        assert codes == {"OK"}, f"clients have noticed: {codes}"
        assert during > 100 * OUTAGE_S
        wait_until(lambda: all(of.get("held", 0) == of.get("on_disk", 0) == 0 for of in read_books(sidecar).values()), 60,
                   "the queue is empty")
        end_well(chain, rows, "broker away, disk queue")


## Gateways


@pytest.mark.timeout(300)
def test_gateways_killed_and_others_join(weir, kafka, jaeger, tmp_path, rows):
    with Chain(weir, kafka, tmp_path, jaeger) as chain:
        kill_gateways(chain)
        end_well(chain, rows, f"weir: {KILLS} gateways killed, others joined")


# As they come: each with its own default for when an offset moves, and for the exporter's queue. Made safe: the way to set
# the Collector up so that it does not lose anything here.
AS_IT_COMES = TO_SINK.replace("    sending_queue: {enabled: false}\n", "")
MADE_SAFE = TO_SINK.replace("initial_offset:", "message_marking: {after: true}\n    initial_offset:")
SETTINGS = {"as it comes": AS_IT_COMES, "made safe": MADE_SAFE}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", SETTINGS)
def test_the_same_kills_beside_the_collector(weir, kafka, tmp_path, rows, how):
    with Chain(weir, kafka, tmp_path) as chain:
        kill_gateways(chain, SETTINGS[how])
        end_well(chain, rows, f"to the sink alone, weir {how}: {KILLS} gateways killed, others joined")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", SETTINGS)
def test_the_same_kills_of_the_collector(collector, kafka, tmp_path, rows, how):
    """Only reported."""
    with Chain(collector, kafka, tmp_path) as chain:
        kill_gateways(chain, SETTINGS[how])
        chain.wait_for_end()
        time.sleep(2)
        rows.append(row(f"to the sink alone, the Collector {how}: {KILLS} gateways killed, others joined", chain.outcome()))


def kill_gateways(chain: Chain, config: str | None = None):
    """One of two at a time, under load: a backend that takes its time, so that something is always on its way, and that
    answers nothing for two seconds before each kill, so that something waits."""
    chain.arrivals.delay = 0.2
    chain.add_sidecars(2)
    chain.add_gateways(2, config)
    with chain.load():
        time.sleep(2)
        for _ in range(KILLS):
            chain.arrivals.hold()
            time.sleep(2)
            next(gateway for gateway in chain.gateways if gateway.running).kill()
            chain.arrivals.release()
            time.sleep(0.5)
            chain.add_gateway(config)
            time.sleep(4)
    chain.arrivals.delay = 0


@pytest.mark.timeout(180)
def test_a_gateway_ends_in_good_order(weir, kafka, tmp_path, rows):
    """What it has is delivered and committed before its partitions go: with SIGTERM nothing comes twice."""
    with Chain(weir, kafka, tmp_path) as chain:
        chain.add_sidecars(2)
        chain.add_gateways(2)
        with chain.load():
            time.sleep(3)
            chain.gateways[0].stop_cleanly()
            time.sleep(1)
            chain.add_gateway()
            time.sleep(4)
        end_well(chain, rows, "a gateway stopped, another joined")
        outcome = chain.outcome()
    assert outcome.repeated_spans == outcome.repeated_records == 0, outcome


@pytest.mark.timeout(180)
def test_a_group_of_weir_and_the_collector(weir, collector, kafka, tmp_path, rows):
    """As while a fleet is being moved: they share the partitions, and hand them to each other."""
    of_weir = MADE_SAFE.replace("initial_offset:", "group_rebalance_strategies: [cooperative-sticky]\n    initial_offset:")
    with Chain(weir, kafka, tmp_path) as chain:
        chain.add_sidecars(2)
        chain.add_gateway(MADE_SAFE, run=collector)
        chain.add_gateways(1, of_weir)
        with chain.load():
            time.sleep(3)
            chain.add_gateways(1, of_weir)
            chain.gateways[0].stop_cleanly()
            time.sleep(4)
        end_well(chain, rows, "a Collector's place in the group is taken by weir")


## Topics


@pytest.mark.timeout(180)
def test_partitions_added(weir, kafka, jaeger, tmp_path, rows):
    with Chain(weir, kafka, tmp_path, jaeger) as chain:
        chain.add_sidecars(2)
        chain.add_gateways(2)
        with chain.load():
            time.sleep(3)
            for topic in (chain.spans, chain.records):
                kafka.add_partitions(topic, 9)
            wait_until(lambda: all(kafka.end_offsets(chain.spans)[number] > 0 for number in (6, 7, 8)), 30,
                       "the new partitions are written to")
            time.sleep(2)
        end_well(chain, rows, "partitions added, 6 to 9")
        assert kafka.committed(chain.group, chain.spans).keys() == set(range(9)), "nobody reads the new ones"


@pytest.mark.timeout(180)
def test_topic_deleted_and_made_again(weir, kafka, jaeger, tmp_path, rows):
    """What was acknowledged and delivered before, and what was acknowledged once the topic was gone, is all there. What
    the topic held when it was deleted is Kafka's loss: it is at most what was acknowledged and not read at that moment."""
    with Chain(weir, kafka, tmp_path, jaeger) as chain:
        chain.add_sidecars(2)
        chain.add_gateways(2)
        with chain.load():
            time.sleep(3)
        chain.wait_for_end()
        delivered = list(chain.requests)
        with chain.load():
            time.sleep(2)
            before = time.monotonic()
            kafka.delete_topic(chain.spans)
            gone = time.monotonic()
            time.sleep(1)
            kafka.create_topic(chain.spans, 6)
            time.sleep(8)
        chain.wait_for_end()

        at_risk = {number for request in chain.requests if before - 2 < request.acknowledged_at < gone
                   for number in request.numbers} - {n for request in delivered for n in request.numbers}
        outcome = chain.outcome()
        rows.append(row("topic of the spans deleted and made again", outcome))
        assert any(request.acknowledged_at > gone for request in chain.requests)
        assert outcome.lost <= at_risk, f"{outcome}, such as {min(outcome.lost - at_risk)}"
        assert not outcome.not_in_jaeger
        end_in_balance(chain)


@pytest.mark.timeout(180)
def test_topic_made_again_while_no_gateway_runs(weir, kafka, tmp_path):
    """The offsets of the topic that is gone mean nothing in the new one, even if that has them all."""
    with Chain(weir, kafka, tmp_path) as chain:
        sidecar, = chain.add_sidecars(1)
        gateway = chain.add_gateways(1)[0]
        deliver(chain, sidecar, 20)
        chain.wait_for_end()
        gateway.stop_cleanly()
        kafka.delete_topic(chain.spans)
        kafka.create_topic(chain.spans, 6)
        deliver(chain, sidecar, 200)
        chain.add_gateway()
        chain.wait_for_end()
        outcome = chain.outcome()
        assert outcome.acknowledged >= 2200 and not outcome.lost, outcome


def deliver(chain: Chain, sidecar, count: int):
    """At least `count` requests of ten spans, one after the other, each answered OK."""
    clients = Clients(sidecar, 1, pause=0, first=1 + 10 * len(chain.requests))
    with clients:
        wait_until(lambda: clients.acknowledged() >= 10 * count, 60, every=0.002)
        clients.stop()
    chain.requests += clients.requests


## The backend


@pytest.mark.timeout(int(240 + OUTAGE_S * 2))
def test_jaeger_away(weir, kafka, jaeger_on_disk, tmp_path, rows):
    with Chain(weir, kafka, tmp_path, jaeger_on_disk) as chain:
        chain.add_sidecars(2)
        chain.add_gateways(2)
        with chain.load():
            time.sleep(3)
            jaeger_on_disk.stop()
            time.sleep(OUTAGE_S)
            chain.wait_for_members()  # a gateway that waits stays in the group
            assert kafka.lag(chain.group, chain.spans) > 0, "spans wait in Kafka"
            jaeger_on_disk.start()
            time.sleep(2)
        end_well(chain, rows, f"Jaeger away for {OUTAGE_S:.0f} s", timeout=60 + OUTAGE_S)


## A backlog


@pytest.mark.timeout(240)
def test_backlog_is_read_with_little_memory(weir, kafka, tmp_path):
    """Of spans of some 600 bytes, and a backend that at first answers nothing. tests/bench/kafka reads two million."""
    with Chain(weir, kafka, tmp_path) as chain:
        bodies = (numbered(range(first, first + 100), padding=60_000).SerializeToString()
                  for first in range(1, BACKLOG, 100))
        kafka.produce_all(chain.spans, bodies)
        chain.arrivals.hold()
        gateway = chain.add_gateway()
        time.sleep(3)
        chain.arrivals.release()
        chain.wait_for_end(180)
        print(f"{BACKLOG} spans read with a peak RSS of {gateway.rss_peak_kib() / 1024:.1f} MiB")
        assert len(chain.arrivals.of) == BACKLOG
        assert gateway.rss_peak_kib() < RSS_MIB_MAX * 1024 or not Watch(gateway).rss_means_something
