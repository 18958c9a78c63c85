# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load, with the queue on disk: everything answered OK arrives, and what arrives twice is
explained. The same configuration in the Collector, for comparison.

    WEIR_KILLS=50            how often weir is killed (the Collector: a fifth of that)
    WEIR_KILL_SEED=…         the seed of the moments, printed with every run

The figures of both are printed and written to build/reports/kill.md.
"""

import os
import random
import time

import pytest

from support.ledger import RELEASE_WINDOW_S, Arrivals, Clients, Verdict, judge
from support.process import port_open
from support.sink import Sink

KILLS = int(os.environ.get("WEIR_KILLS", "50"))
KILLS_OF_COLLECTOR = max(1, KILLS // 5)
SEED = int(os.environ.get("WEIR_KILL_SEED", random.SystemRandom().randrange(1 << 32)))
CLIENTS, ITEMS = 8, 10
CONSUMERS = 4

# What the Collector's documentation puts together for "nothing is lost": `batch`, retries without end, a queue on disk.
CONFIG = f"""
extensions:
  file_storage: {{directory: "${{env:QUEUE}}", create_directory: true, fsync: true}}
processors:
  batch:
exporters:
  otlp/backend:
    endpoint: "${{env:BACKEND}}"
    tls: {{insecure: true}}
    sending_queue: {{storage: file_storage, num_consumers: {CONSUMERS}}}
    retry_on_failure: {{initial_interval: 100ms, max_interval: 1s, max_elapsed_time: 0s}}
service:
  extensions: [health_check, file_storage]
  pipelines:
    traces: {{receivers: [otlp], processors: [batch], exporters: [otlp/backend]}}
    logs: {{receivers: [otlp], processors: [batch], exporters: [otlp/backend]}}
"""


@pytest.fixture(scope="module")
def verdicts(report):
    """By program; reported at the end, with what there is."""
    found = {}
    yield found
    if found:
        report("kill", report_of(found))


@pytest.mark.timeout(600)
def test_weir_loses_nothing_it_answered_ok(weir, tmp_path, verdicts):
    verdict = verdicts["weir"] = kill_under_load(weir, tmp_path, KILLS)
    assert verdict.acknowledged >= 100 * KILLS, "there was hardly any load"
    assert verdict.lost == 0, verdict
    assert verdict.unexplained == 0, verdict.examples


@pytest.mark.timeout(300)
def test_the_same_load_shows_what_the_collector_loses(collector, tmp_path, verdicts):
    """Its `batch` answers OK for what is in its memory. That this run finds losses shows that the other would, too."""
    verdict = verdicts["the Collector"] = kill_under_load(collector, tmp_path, KILLS_OF_COLLECTOR)
    assert verdict.acknowledged >= 100 * KILLS_OF_COLLECTOR, "there was hardly any load"
    assert verdict.lost > 0, verdict


def kill_under_load(run, directory, kills: int) -> Verdict:
    moments = random.Random(SEED)
    arrivals = Arrivals(delay=0.03, seed=SEED)
    print(f"seed {SEED}")
    with Sink(arrivals, keep=False) as backend:
        program = run(CONFIG, start=False, BACKEND=backend.endpoint, QUEUE=directory / "queue")
        with Clients(program, CLIENTS, ITEMS) as clients:
            killed = [kill_once(program, arrivals, moments) for _ in range(kills)]
            program.start()
            clients.stop()
            wait_until_all_arrived(arrivals, clients)
        program.stop_cleanly()
    return judge(clients.requests, arrivals.of, killed)


def kill_once(program, arrivals: Arrivals, moments: random.Random) -> tuple:
    """Starts the program and kills it: a quarter of the times within its first 100 ms, while it reads what the last kill
    has left, otherwise under load. In a third of the rounds the backend answers nothing for a while, so that the queue is
    long. Returns the times before and after."""
    early, backlog = moments.random() < 0.25, moments.random() < 0.33
    uptime = moments.uniform(0, 0.1) if early else moments.uniform(0.2, 2)
    program.start(ready=(lambda: True) if early else (lambda: port_open(program.grpc_port)))
    if backlog:
        arrivals.hold()
    time.sleep(uptime)
    assert program.running, f"it ended by itself:\n{program.tail()}"
    before = time.monotonic()
    program.kill()
    killed = before, time.monotonic()
    arrivals.release()
    return killed


def wait_until_all_arrived(arrivals: Arrivals, clients: Clients):
    """Or until nothing more arrives: what is missing then is lost."""
    seen, since = -1, time.monotonic()
    while arrivals.missing(clients.requests) and time.monotonic() - since < 5:
        if len(arrivals.of) != seen:
            seen, since = len(arrivals.of), time.monotonic()
        time.sleep(0.2)


def report_of(verdicts: dict) -> str:
    kills = {"weir": KILLS, "the Collector": KILLS_OF_COLLECTOR}
    lines = [
        "# kill -9 under load",
        "",
        f"Seed {SEED}. {CLIENTS} clients, half of them OTLP/gRPC and half OTLP/HTTP,",
        f"{ITEMS} spans or log records a request, sent again until answered OK; `file_storage` (fsync) behind `batch`; the backend stays up and is slow at times.",
        "",
        "| | kills | requests | items answered OK | lost | lost per kill | sent again by a client | in flight at a kill "
        "| most at one kill | doubled otherwise |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, of in verdicts.items():
        lines.append(f"| {name} | {kills[name]} | {of.requests} | {of.acknowledged} | {of.lost} "
                     f"| {of.lost / kills[name]:.1f} | {of.resent} | {of.in_flight} | {of.in_flight_worst} | {of.unexplained} |")
    window = max(of.window_worst_s for of in verdicts.values())
    lines += ["", "In flight: the backend had received it before the kill and not answered, or answered less than "
              f"{RELEASE_WINDOW_S} s before (the longest was {window * 1000:.0f} ms).",
              "Each of the last four columns counts arrivals beyond the first.", ""]
    return "\n".join(lines)
