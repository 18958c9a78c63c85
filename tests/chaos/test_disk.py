# SPDX-License-Identifier: Apache-2.0
"""The queue on disk when the backend is away, the disk is full, a file is damaged, the clock jumps, and more: each does
what docs/delivery.md says, and nothing that was answered OK is lost without being named.

    WEIR_OUTAGE_S=20         how long the backend is away
"""

import contextlib
import json
import os
import random
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from support.books import assert_balanced, read_books
from support.ledger import Arrivals, Clients, Request, judge
from support.load import GrpcClient, HttpClient, numbered
from support.process import free_port, wait_until
from support.sink import Sink
from support.surroundings import Clock, as_nobody, give_to_nobody, read_only, read_only_but, seen_by, small_disk
from support.watch import Watch

OUTAGE_S = float(os.environ.get("WEIR_OUTAGE_S", "20"))
MEMORY_MIB, PROGRAM_MIB = 16, 32
HOUR_S = 3600

CONFIG = f"""
extensions:
  file_storage: {{directory: "${{env:QUEUE}}", create_directory: true, max_size: 1073741824}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: {MEMORY_MIB}}}
exporters:
  otlp/backend:
    endpoint: "127.0.0.1:${{env:BACKEND_PORT}}"
    tls: {{insecure: true}}
    timeout: 5s
    sending_queue: {{storage: file_storage, sizer: bytes, queue_size: 1073741824}}
    retry_on_failure: {{initial_interval: 100ms, max_interval: 500ms, max_elapsed_time: 0s}}
service:
  extensions: [health_check, file_storage]
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter], exporters: [otlp/backend]}}
    logs: {{receivers: [otlp], processors: [memory_limiter], exporters: [otlp/backend]}}
"""


class Site:
    """weir with its queue in `queue`, and the port of a backend that is there only where a test says so."""

    def __init__(self, run, directory: Path):
        self.run, self.queue = run, directory / "queue"
        self.backend_port = free_port()
        self.arrivals = Arrivals()
        self.requests = []  # of deliver()

    def weir(self, config: str = CONFIG, **options):
        return self.run(config, BACKEND_PORT=self.backend_port, QUEUE=self.queue, **options)

    @contextlib.contextmanager
    def backend(self):
        with Sink(self.arrivals, port=self.backend_port, keep=False) as sink:
            yield sink

    def deliver(self, program, count: int, padding: int = 0) -> list:
        """`count` requests of ten spans, one after the other over both protocols; all must be answered OK."""
        clients = [GrpcClient(program), HttpClient(program)]
        sent = []
        for index in range(count):
            request = Request(range(first := 1 + 10 * len(self.requests), first + 10))
            self.requests.append(request)
            answer = clients[index % 2].send(numbered(request.numbers, padding=padding).SerializeToString())
            request.codes.append(answer.code)
            assert answer.ok, f"request {index}: {answer}\n{program.tail()}"
            sent.append(request)
        for client in clients:
            client.close()
        return sent

    def assert_all_arrive(self, requests: list | None = None, timeout: float = 30):
        requests = self.requests if requests is None else requests
        assert requests
        try:
            wait_until(lambda: not self.arrivals.missing(requests), timeout)
        except AssertionError:
            missing = self.arrivals.missing(requests)
            raise AssertionError(f"{len(missing)} acknowledged items have not arrived, such as {min(missing)}") from None

    def logs(self) -> list:
        return sorted(self.queue.rglob("*.log"))


@pytest.fixture
def site(weir, tmp_path):
    return Site(weir, tmp_path)


def refused_to_start(program, timeout: float = 10) -> str:
    """Starts a program that is to end by itself with an error; what it says."""
    program.start(ready=lambda: True)
    wait_until(lambda: not program.running, timeout, f"{program.name} refuses to start:\n{program.tail()}")
    assert program.child.returncode == 1, program.tail()
    return program.output()


def held(program, exporter: str = "otlp/backend", items: str = "spans") -> int:
    return read_books(program)["exporter", exporter, items]["held"]


def padded(numbers):
    return numbered(numbers, padding=20 * 1024)


@pytest.mark.timeout(300)
def test_backend_away_under_load(site):
    program = site.weir()
    with Watch(program) as watch, Clients(program, make=padded) as clients:
        with site.backend():
            wait_until(lambda: len(site.arrivals.of) > 500, what="a first round of requests")
            before, gone = clients.acknowledged(), time.monotonic()
        away = (gone, time.monotonic())
        time.sleep(OUTAGE_S)
        during = clients.acknowledged() - before
        with site.backend():
            clients.stop()
            site.assert_all_arrive(clients.requests, timeout=60)
            wait_until(lambda: held(program) == 0, 10, "the queue is empty")
            assert_balanced(read_books(program))

    verdict = judge(clients.requests, site.arrivals.of, [away])
    assert set(clients.codes()) == {"OK"}, "clients have noticed the outage"
    assert during > 100 * OUTAGE_S, "with the backend away clients are served as before"
    assert verdict.lost == verdict.resent == verdict.unexplained == 0, verdict
    assert watch.limit_mib == MEMORY_MIB and watch.held_mib <= MEMORY_MIB, "the disk holds it, not the memory"
    assert not watch.rss_means_something or watch.rss_mib < MEMORY_MIB + PROGRAM_MIB


@pytest.mark.timeout(120)
def test_disk_full_by_the_queue(site):
    program = site.weir(start=False)
    small_disk(program, site.queue, mib=8)
    program.start()
    with Clients(program, make=padded) as clients:
        wait_until(lambda: set(clients.codes()) - {"OK"}, 30, "clients are refused")
        assert free_bytes(seen_by(program, site.queue)) < 2**20, "refused before the disk was full"
        full = clients.acknowledged()
        with site.backend():
            wait_until(lambda: clients.acknowledged() > full + 1000, 30, "requests are taken again")
            clients.stop()
            site.assert_all_arrive(clients.requests)
            program.stop_cleanly()
    assert set(clients.codes()) <= {"OK", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "429", "503"}, clients.codes()


@pytest.mark.timeout(120)
def test_disk_filled_by_others_and_freed(site):
    program = site.weir(start=False)
    small_disk(program, site.queue, mib=8)
    program.start()
    with Clients(program, make=padded) as clients:
        wait_until(lambda: clients.acknowledged() > 200, what="a first round of requests")
        filler = seen_by(program, site.queue) / "of-somebody-else"
        fill(filler)
        wait_until(lambda: set(clients.codes()) - {"OK"}, 30, "clients are refused")
        full = clients.acknowledged()
        assert program.metric("weir_storage_errors") > 0
        filler.unlink()
        wait_until(lambda: clients.acknowledged() > full + 200, 30, "requests are taken again without a restart")
        with site.backend():
            clients.stop()
            site.assert_all_arrive(clients.requests)
            program.stop_cleanly()


def free_bytes(folder: Path) -> int:
    return os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize


def fill(path: Path):
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.parametrize("seed", range(3))
def test_damaged_segment_costs_only_what_was_damaged(site, seed):
    program = site.weir()
    site.deliver(program, 100, padding=20 * 1024)
    program.kill()
    segment = max(site.logs(), key=lambda path: path.stat().st_size)
    damage(segment, seed)

    with site.backend():
        program.start()
        damaged = segment.with_suffix(".damaged")
        site.deliver(program, 10)
        site.assert_all_arrive(site.requests[100:])
        wait_until(lambda: held(program) == 0, 10, "the queue is empty")
        wait_until(damaged.exists, 10, f"{segment.name} is set aside")
        counted = program.metric("weir_queue_damaged_items")
        program.stop_cleanly()
    lost = [request for request in site.requests if site.arrivals.missing([request])]
    assert 1 <= len(lost) <= 2, f"{len(lost)} requests are lost, 64 damaged bytes can hit two records"
    assert counted == 10 * len(lost)
    assert f"{segment} " in program.output(), f"the loss is not reported:\n{program.tail()}"
    assert judge(site.requests, site.arrivals.of, []).unexplained == 0


def damage(path: Path, seed: int):
    """Flips 64 bytes somewhere in the middle half."""
    size = path.stat().st_size
    at = random.Random(seed).randrange(size // 4, 3 * size // 4)
    with path.open("r+b") as file:
        file.seek(at)
        flipped = bytes(byte ^ 0xFF for byte in file.read(64))
        file.seek(at)
        file.write(flipped)


def test_second_process_on_the_same_folder(site):
    first = site.weir()
    site.deliver(first, 5)
    said = refused_to_start(site.weir(start=False))
    assert re.search(r"another|in use|held", said) and str(site.queue) in said, said
    site.deliver(first, 5)
    with site.backend():
        site.assert_all_arrive()


def test_clock_set_back_and_forward(site, tmp_path):
    program = site.weir(start=False)
    clock = Clock(program, tmp_path)
    program.start()
    for shift in (0, -2 * HOUR_S, 48 * HOUR_S, -400 * 24 * HOUR_S):
        clock.shift(shift)
        site.deliver(program, 5)
        assert_no_negative(program)
    program.kill()
    clock.shift(-800 * 24 * HOUR_S)
    program.start()
    site.deliver(program, 5)
    assert_no_negative(program)
    [queue] = [queue for queue in list_queues(program, site) if queue["records"]]
    assert queue["items"]["spans"] == 250 and 0 <= queue["oldest_age_seconds"] < HOUR_S, "the future is no age"
    with site.backend():
        site.assert_all_arrive()
        program.stop_cleanly()
    assert judge(site.requests, site.arrivals.of, []).unexplained == 0


def list_queues(program, site) -> list:
    """`weir queue ls --json`, with the program's clock."""
    done = subprocess.run([program.argv[0], "queue", "ls", "--json", site.queue], capture_output=True, text=True, check=True,
                          env={**os.environ, **program.env}, timeout=10)
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_no_negative(program):
    """No age, length or count is below nothing, also not by wrapping around."""
    odd = [sample for sample in program.samples() if sample.value < 0 or 2**62 < sample.value < float("inf")]
    assert not odd, odd


def test_exporter_taken_out_of_the_configuration(site):
    program = site.weir()
    site.deliver(program, 5)
    program.kill()
    said = refused_to_start(site.weir(CONFIG.replace("otlp/backend", "otlp/other"), start=False))
    assert "otlp/backend" in said and str(site.queue) in said, f"not said whose data it is, and where:\n{said}"
    with site.backend():
        program.start()
        site.assert_all_arrive()
        program.stop_cleanly()
    changed = site.weir(CONFIG.replace("otlp/backend", "otlp/other"))
    changed.stop_cleanly()


def test_sigterm_with_the_backend_away(site):
    program = site.weir()
    site.deliver(program, 20)
    stopped = time.monotonic()
    assert program.stop(timeout=15) == 0, program.tail()
    assert time.monotonic() - stopped < 5, "what is on disk needs no patience"
    assert re.search(r"\b0 exported, 200 on disk\b", program.output()), program.tail()
    with site.backend():
        program.start()
        site.assert_all_arrive()
        program.stop_cleanly()


@pytest.mark.timeout(120)
def test_killed_while_it_reads_what_was_left(site):
    program = site.weir()
    with Clients(program, make=padded, pause=0) as clients:
        wait_until(lambda: clients.acknowledged() > 10000, 60, "a queue worth reading")
        program.kill()
        for milliseconds in (1, 2, 4, 6, 8, 10, 15, 20, 30, 50):
            program.start(ready=lambda: True)
            time.sleep(milliseconds / 1000)
            program.kill()
        program.start()
        clients.stop()
    with site.backend():
        site.assert_all_arrive(clients.requests)
        program.stop_cleanly()


def test_read_only_folder(site):
    site.queue.mkdir()
    program = site.weir(start=False)
    read_only(program, site.queue)
    said = refused_to_start(program)
    assert str(site.queue) in said and "Read-only file system" in said, said


def test_folder_that_belongs_to_somebody_else(site, tmp_path):
    site.queue.mkdir(mode=0o700)
    program = site.weir(start=False)
    as_nobody(program, tmp_path)
    said = refused_to_start(program)
    assert str(site.queue) in said and "Permission denied" in said, said


def test_nobody_with_no_rights_on_a_read_only_system(site, tmp_path):
    give_to_nobody(site.queue)
    program = site.weir(start=False)
    as_nobody(program, tmp_path)
    read_only_but(program, site.queue)
    program.start()
    lines = Path(f"/proc/{program.pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert set(status["Uid"].split()) == {"65534"} and int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    with pytest.raises(OSError, match="Read-only"):
        (seen_by(program, tmp_path) / "file").write_text("")
    site.deliver(program, 10)
    program.signal(signal.SIGKILL)
    program.wait()
    assert site.logs() and not any(stat.S_IMODE(log.stat().st_mode) & 0o077 for log in site.logs()), "others can read them"
    with site.backend():
        program.start()
        site.assert_all_arrive()
        program.stop_cleanly()
