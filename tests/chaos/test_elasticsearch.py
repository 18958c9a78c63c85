# SPDX-License-Identifier: Apache-2.0
"""Sidecars → Kafka → gateways of one group → a real Elasticsearch, and weir with a disk queue straight into it, under load,
while something goes wrong: every acknowledged span and log record is found exactly once, by looking at every document; the
group's lag returns to zero and the books balance.

    WEIR_ELASTIC_KILLS=2       how often a gateway is killed and another one started
    WEIR_ELASTIC_OUTAGE_S=20   how long Elasticsearch is away; 120 is the long form

What was measured, and a gateway killed beside the Collector's, is printed and written to build/reports/elasticsearch.md.
"""

import os
import shutil
import time

import pytest

from support.books import assert_balanced, printed_books, read_books
from support.elastic_chain import AS_IT_COMES, EXPORTER, IMPATIENT, PIPELINES, TO_ELASTICSEARCH, ElasticChain, Stored, Stream
from support.ledger import Clients, Request
from support.load import GrpcClient, numbered, numbered_logs
from support.process import wait_until

KILLS = int(os.environ.get("WEIR_ELASTIC_KILLS", "2"))
OUTAGE_S = float(os.environ.get("WEIR_ELASTIC_OUTAGE_S", "20"))

DISK = ("extensions:\n  file_storage: {directory: \"${env:QUEUE}\", create_directory: true, segment_size: 1MiB}\n"
        "processors:\n  memory_limiter: {check_interval: 1s, limit_mib: 64}\n"
        "exporters:" + EXPORTER + IMPATIENT.replace("{batch", "{storage: file_storage, batch") + PIPELINES
        .replace("service:", "service:\n  extensions: [health_check, file_storage]")
        .replace("[kafka]", "[otlp], processors: [memory_limiter]"))


@pytest.fixture(scope="module")
def rows(report):
    """Lines of the table; reported at the end, with what there is."""
    found = []
    yield found
    if found:
        heads = "| what happened | answered OK | lost | stored more than once | sent again and met itself (409) |"
        report("elasticsearch", "\n".join(["# Elasticsearch behind sidecars and gateways, under load", "", heads,
                                           "|" + "---|" * 5, *found, ""]))


def row(what: str, stored: Stored, met_again) -> str:
    return f"| {what} | {stored.acknowledged} | {len(stored.lost)} | {len(stored.doubled)} | {met_again} |"


def assert_once(stored: Stored):
    assert stored.acknowledged > 1000, f"there was hardly any load: {stored}"
    assert not stored.lost, f"{stored}, such as {min(stored.lost)}"
    assert not stored.doubled, f"{stored}, such as {min(stored.doubled)}"


def end_in_balance(programs: list):
    for program in programs:
        if program.running:
            program.stop_cleanly()
            assert_balanced(printed_books(program))


def end_well(chain: ElasticChain, rows: list, what: str, timeout: float = 60):
    """After the load: lag zero, everything there once, and books that balance in whatever still runs."""
    chain.wait_for_end(timeout)
    stored = chain.stored()
    rows.append(row(what, stored, chain.met_again()))
    assert_once(stored)
    end_in_balance(chain.sidecars + chain.gateways)


## The backend


@pytest.mark.timeout(int(240 + OUTAGE_S * 2))
def test_elasticsearch_away(weir, kafka, elasticsearch, tmp_path, rows):
    with ElasticChain(weir, kafka, elasticsearch, tmp_path) as chain:
        chain.add_sidecars(2)
        chain.add_gateways(2, TO_ELASTICSEARCH)
        with chain.load(pause=0.1):
            time.sleep(3)
            elasticsearch.kill()
            try:
                time.sleep(OUTAGE_S)
                chain.wait_for_members()  # a gateway that waits stays in the group
                assert kafka.lag(chain.group, chain.records) > 0, "log records wait in Kafka"
            finally:
                elasticsearch.start()
            time.sleep(2)
        end_well(chain, rows, f"Elasticsearch killed, and away for {OUTAGE_S:.0f} s", timeout=60 + OUTAGE_S)


## Gateways


@pytest.mark.timeout(300)
def test_gateways_killed_and_others_join(weir, kafka, elasticsearch, tmp_path, rows):
    """One of two at a time, under load; Elasticsearch answers nothing for two seconds before each kill, so that something
    waits, and something has been stored whose answer nobody hears."""
    with ElasticChain(weir, kafka, elasticsearch, tmp_path) as chain:
        chain.add_sidecars(2)
        chain.add_gateways(2, TO_ELASTICSEARCH)
        with chain.load():
            time.sleep(2)
            for _ in range(KILLS):
                elasticsearch.pause()
                time.sleep(2)
                next(gateway for gateway in chain.gateways if gateway.running).kill()
                elasticsearch.resume()
                time.sleep(0.5)
                chain.add_gateway(TO_ELASTICSEARCH)
                time.sleep(4)
        end_well(chain, rows, f"{KILLS} gateways killed, others joined")


LOGS, IN_A_MESSAGE = 20_000, 500


@pytest.mark.timeout(300)
@pytest.mark.parametrize("program", ["weir", "collector"])
def test_a_gateway_killed_beside_the_collector(request, program, kafka, elasticsearch, tmp_path, rows):
    """As they come, and with messages as sidecars write them that gather records: Elasticsearch is silent, the gateway that
    reads is killed, and another one goes on. The Collector's figure is only reported."""
    with ElasticChain(request.getfixturevalue(program), kafka, elasticsearch, tmp_path) as chain:
        chain.requests = [Request(range(first, first + IN_A_MESSAGE), ["OK"])
                          for first in range(10**12, 10**12 + LOGS, IN_A_MESSAGE)]
        kafka.produce_all(chain.records, (numbered_logs(message.numbers).SerializeToString() for message in chain.requests))
        elasticsearch.pause()
        try:
            chain.add_gateways(1, AS_IT_COMES)
            time.sleep(5)
            chain.gateways[0].kill()
        finally:
            elasticsearch.resume()
        chain.add_gateways(1, AS_IT_COMES)
        kafka.wait_for_lag(chain.group, chain.records)
        if program == "collector":
            wait_until_still(chain.stream)
        stored = chain.stored()
        rows.append(row(f"{program} as it comes, killed while Elasticsearch was silent; then lag 0", stored,
                        chain.met_again() if program == "weir" else "–"))
        if program == "weir":
            assert_once(stored)
            end_in_balance(chain.gateways)


def wait_until_still(stream: Stream, for_s: float = 12):
    """Until nothing more has come for longer than the Collector holds back a batch."""
    seen = [(-1, 0.0)]

    def is_still():
        stream.server.refresh(stream.all)
        count = stream.server.count(stream.all)
        if count != seen[0][0]:
            seen[0] = (count, time.monotonic())
        return time.monotonic() - seen[0][1] > for_s

    wait_until(is_still, 120, every=0.5)


@pytest.mark.timeout(240)
def test_rollover_before_redelivery(weir, kafka, elasticsearch, tmp_path, rows):
    """A gateway that is killed before it has committed anything has all of it sent again. An _id is unique within a backing
    index: what meets itself there is stored once, and after a rollover twice."""
    never_commits = TO_ELASTICSEARCH.replace("initial_offset:", "autocommit: {interval: 10m}\n    initial_offset:")
    with ElasticChain(weir, kafka, elasticsearch, tmp_path) as chain:
        chain.add_sidecars(1)
        chain.add_gateways(1, never_commits)
        with chain.load():
            time.sleep(3)
        items = chain.acknowledged()
        elasticsearch.wait_for_count(chain.stream.all, items)
        chain.gateways[0].kill()

        again, = chain.add_gateways(1, never_commits)
        wait_until(lambda: chain.met_again() == items, 30, "all of it is sent again")
        stored = chain.stored()
        rows.append(row("a gateway killed before it committed anything", stored, chain.met_again()))
        assert_once(stored)
        again.kill()

        chain.stream.rollover()
        chain.add_gateways(1, TO_ELASTICSEARCH)
        chain.wait_for_end()
        stored = chain.stored()
        rows.append(row("the same, and a rollover before it is sent again", stored, chain.met_again()))
        assert not stored.lost and len(stored.doubled) == items == stored.acknowledged
        where = {}
        for hit in chain.stream.documents():
            where.setdefault(hit["_id"], []).append(hit["_index"])
        assert all(len(set(indices)) == 2 for indices in where.values()), "the same _id, in two backing indices"
        end_in_balance(chain.sidecars + chain.gateways)


## Disk queues


def padded(numbers):
    return numbered(numbers, padding=20 * 1024)


def items_on_disk(program) -> int:
    return sum(books["on_disk"] for name, books in read_books(program).items() if name[0] == "queue")


def is_removed(folder) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@pytest.mark.timeout(240)
def test_queue_folder_deleted_while_elasticsearch_is_silent(weir, elasticsearch, tmp_path, rows):
    """What was neither sent nor in memory is lost, and counted; what is left is stored, once. Without its folder weir takes
    nothing more."""
    stream, queue = Stream(elasticsearch), tmp_path / "queue"
    program = weir(DISK, QUEUE=queue, **stream.env)
    clients = Clients(program, 4, make=padded, pause=0)
    with clients:
        wait_until(lambda: clients.acknowledged() > 1000, 30)
        elasticsearch.pause()
        try:
            before = clients.acknowledged()
            wait_until(lambda: clients.acknowledged() > before + 12_000, 60, "more on disk than memory holds")
            wait_until(lambda: is_removed(queue), 30, "weir makes no more files while they are deleted")
            time.sleep(1)
        finally:
            elasticsearch.resume()
    assert not GrpcClient(program).send(padded([10**9]).SerializeToString()).ok
    wait_until(lambda: items_on_disk(program) == 0, 60, "nothing is left to be sent")
    stored = stream.stored(clients.requests)
    damaged = int(program.metric("weir_queue_damaged_items"))
    rows.append(row(f"queue folder deleted, {damaged} counted as damaged", stored, "–"))
    assert 0 < len(stored.lost) <= damaged, stored
    assert not stored.doubled
    end_in_balance([program])


@pytest.mark.timeout(240)
def test_two_weirs_with_disk_queues_into_one_data_stream(weir, elasticsearch, tmp_path, rows):
    """One of them is killed under load, twice, and goes on with what it has on disk."""
    stream = Stream(elasticsearch)
    programs = [weir(DISK, QUEUE=tmp_path / f"queue-{number}", **stream.env) for number in range(2)]
    with Clients(programs[0], 4, first=1) as of_one, Clients(programs[1], 4, first=10**9) as of_other:
        for _ in range(2):
            time.sleep(2)
            elasticsearch.pause()
            time.sleep(1)
            programs[0].kill()
            elasticsearch.resume()
            programs[0].start()
        time.sleep(2)
        for clients in (of_one, of_other):
            clients.stop()
    wait_until(lambda: not any(items_on_disk(program) for program in programs), 60, "the queues are empty")
    stored = stream.stored(of_one.requests + of_other.requests)
    met_again = sum(int(program.metric("weir_elasticsearch_documents", fate="already_there")) for program in programs)
    rows.append(row("two weirs with disk queues into one data stream, one killed twice", stored, met_again))
    assert_once(stored)
    end_in_balance(programs)
