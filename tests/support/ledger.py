# SPDX-License-Identifier: Apache-2.0
"""Who sent what, what was answered, and what arrived: every item by its number, with times, so that what is missing or
doubled at the end can be explained or not."""

import itertools
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from support.load import PAUSE_AFTER_FAILURE, GrpcClient, HttpClient, numbered, numbered_logs, numbers_in

# Between the backend's answer to a request and the note on disk that it is done lie a wake-up or two and a write.
RELEASE_WINDOW_S = 0.25
# What a program wrote to its socket may be read a moment after it was killed.
SOCKET_LAG_S = 0.25
EXAMPLES_MAX = 5


@dataclass
class Request:
    """One message of a client, sent until it was answered OK or the clients stopped."""

    numbers: range
    codes: list = field(default_factory=list)  # of the answers, in order
    acknowledged_at: float = 0.0  # by the monotonic clock; 0 while it is not

    @property
    def acknowledged(self) -> bool:
        return "OK" in self.codes

    @property
    def unanswered(self) -> int:
        """How often it was sent without an OK: each of those may have been taken all the same."""
        return sum(code != "OK" for code in self.codes)


class Clients:
    """Threads that send numbered spans and log records over gRPC and HTTP, each one request after the other, the same
    one again until it is answered OK. Numbers count from `first`. A context manager; `requests` is complete once `stop()`
    has returned."""

    KINDS = [(GrpcClient, "traces"), (HttpClient, "traces"), (GrpcClient, "logs"), (HttpClient, "logs")]

    def __init__(self, program, clients: int = 8, items: int = 10, pause: float = 0.01, timeout: float = 10,
                 make=None, first: int = 1):
        self.requests, self.errors = [], []
        self._program, self._items, self._pause, self._timeout, self._make_own = program, items, pause, timeout, make
        self._firsts = itertools.count(first, items)
        self._lock = threading.Lock()
        self._stopping, self._giving_up = threading.Event(), threading.Event()
        kinds = itertools.islice(itertools.cycle(self.KINDS), clients)
        self._threads = [threading.Thread(target=self._run, args=kind, daemon=True) for kind in kinds]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._giving_up.set()
        self.stop()

    def stop(self, timeout: float = 30):
        """No new requests; returns when the last ones are answered OK."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout)
        stuck = sum(thread.is_alive() for thread in self._threads)
        assert not stuck, f"{stuck} clients wait for an OK that does not come: {self.codes()}"
        assert not self.errors, self.errors[0]

    def acknowledged(self) -> int:
        """Items answered OK so far."""
        with self._lock:
            return sum(len(request.numbers) for request in self.requests if request.acknowledged)

    def codes(self) -> Counter:
        with self._lock:
            return Counter(code for request in self.requests for code in request.codes)

    def _run(self, kind, signal: str):
        client = kind(self._program, signal)
        try:
            while not self._stopping.wait(self._pause):
                self._deliver(client, signal)
        except Exception as error:  # a thread has nobody to raise to
            self.errors.append(error)
        finally:
            client.close()

    def _deliver(self, client, signal: str):
        with self._lock:
            first = next(self._firsts)
            request = Request(range(first, first + self._items))
            self.requests.append(request)
        make = numbered_logs if signal == "logs" else self._make_own or numbered
        body = make(request.numbers).SerializeToString()
        while not self._giving_up.is_set():
            code = client.send(body, self._timeout).code
            with self._lock:
                request.codes.append(code)
            if code == "OK":
                request.acknowledged_at = time.monotonic()
                return
            time.sleep(PAUSE_AFTER_FAILURE)


@dataclass
class Arrival:
    """Of one request at the backend: when it was received, and when it was answered."""

    received: float
    answered: float = float("inf")


class Arrivals:
    """The `answer` of a Sink (support/sink.py) that notes every arrival of an item. The answer takes a random time up to
    `delay` seconds; while `hold()` is on there is none."""

    def __init__(self, delay: float = 0.0, seed: int = 0):
        self.of = defaultdict(list)  # number -> its arrivals
        self.delay, self._random = delay, random.Random(seed)
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()

    def __call__(self, request, context):
        arrival, numbers = Arrival(time.monotonic()), numbers_in(request)
        with self._lock:
            for number in numbers:
                self.of[number].append(arrival)
            delay = self._random.uniform(0, self.delay)
        self._open.wait()
        time.sleep(delay)
        arrival.answered = time.monotonic()

    def hold(self):
        self._open.clear()

    def release(self):
        self._open.set()

    def missing(self, requests: list) -> set:
        """Numbers that were answered OK and have not arrived."""
        with self._lock:
            return {n for request in requests if request.acknowledged for n in request.numbers if n not in self.of}


@dataclass
class Verdict:
    """What became of the items.

    `lost`: answered OK, not arrived. Doubled ones, by why: `resent` when a client had no OK for it and sent it again,
    `in_flight` when the backend had it before a kill but had not answered, or not long enough before, `unexplained`
    otherwise.
    """

    acknowledged: int = 0
    lost: int = 0
    resent: int = 0
    in_flight: int = 0
    unexplained: int = 0
    requests: int = 0
    in_flight_worst: int = 0  # items of one kill
    window_worst_s: float = 0.0  # the longest time from an answer to the kill that made it unnoticed
    examples: list = field(default_factory=list, compare=False)  # texts about the first few unexplained ones


def judge(requests: list, arrivals_of: dict, kills: list) -> Verdict:
    """`kills` are (before, after) of each SIGKILL, by the monotonic clock."""
    verdict = Verdict(requests=len(requests))
    by_kill = Counter()
    for request in requests:
        for number in request.numbers:
            arrivals = sorted(arrivals_of.get(number, ()), key=lambda arrival: arrival.received)
            verdict.acknowledged += request.acknowledged
            verdict.lost += request.acknowledged and not arrivals
            unexplained = _judge_doubled(arrivals, request.unanswered, kills, verdict, by_kill)
            if unexplained and len(verdict.examples) < EXAMPLES_MAX:
                verdict.examples.append(f"{number}, answered {request.codes}, {arrivals}, {_kills_around(arrivals, kills)}")
    verdict.in_flight_worst = max(by_kill.values(), default=0)
    return verdict


def _judge_doubled(arrivals: list, unanswered: int, kills: list, verdict: Verdict, by_kill: Counter) -> int:
    """Each time a client sent it without an OK there may be one more arrival, and one after each that a kill made
    unnoticed. How many are left unexplained."""
    more = max(0, len(arrivals) - 1)
    verdict.resent += (resent := min(more, unanswered))
    unnoticed = [(kill, arrival) for arrival in arrivals[:-1] if (kill := _kill_after(arrival, kills)) is not None]
    for kill, arrival in unnoticed[:more - resent]:
        verdict.in_flight += 1
        by_kill[kill] += 1
        verdict.window_worst_s = max(verdict.window_worst_s, kills[kill][0] - arrival.answered)
    unexplained = max(0, more - resent - len(unnoticed))
    verdict.unexplained += unexplained
    return unexplained


def _kills_around(arrivals: list, kills: list) -> str:
    first, last = arrivals[0].received - 2, arrivals[-1].received + 2
    return f"killed at {[before for before, _ in kills if first < before < last]}"


def _kill_after(arrival: Arrival, kills: list) -> int | None:
    """The kill between its receipt and the note on disk that it is done."""
    for index, (before, after) in enumerate(kills):
        if arrival.received <= after + SOCKET_LAG_S and before <= arrival.answered + RELEASE_WINDOW_S:
            return index
    return None
