# SPDX-License-Identifier: Apache-2.0
"""Sidecars → Kafka → gateways of one consumer group → a backend: started, put under load, and counted at the end.

The configurations run in weir and in the Collector alike.
"""

import contextlib
import functools
import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from support.ledger import Arrivals, Clients
from support.load import numbered
from support.process import wait_until
from support.sink import Sink

PARTITIONS = 6
_NUMBER_IN_FILE = re.compile(rb'"key":"number","value":\{"intValue":"?(\d+)')
# Far apart, so that no two clients ever use the same number, and far from those that other tests use.
_FIRSTS = itertools.count(10**12, 10_000_000)

# The OK is Kafka's: no queue in front of it.
SIDECAR = """
exporters:
  kafka:
    brokers: ["${env:KAFKA}"]
    traces: {topic: "${env:SPANS}"}
    logs: {topic: "${env:RECORDS}"}
    partition_traces_by_id: true
    metadata: {refresh_interval: 5s}
    producer: {required_acks: -1, compression: lz4, allow_auto_topic_creation: false}
    sending_queue: {enabled: false}
    retry_on_failure: {initial_interval: 100ms, max_interval: 1s, max_elapsed_time: 0s}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [kafka]}
    logs: {receivers: [otlp], exporters: [kafka]}
"""

GATEWAY = """
receivers:
  kafka:
    brokers: ["${env:KAFKA}"]
    group_id: "${env:GROUP}"
    traces: {topics: ["${env:SPANS}"]}
    logs: {topics: ["${env:RECORDS}"]}
    initial_offset: earliest
    session_timeout: 3s
    heartbeat_interval: 500ms
    metadata: {refresh_interval: 5s}
exporters:
  otlp/sink: &otlp
    endpoint: "${env:SINK}"
    tls: {insecure: true}
    timeout: 5s
    sending_queue: {enabled: false}
    retry_on_failure: {initial_interval: 100ms, max_interval: 1s, max_elapsed_time: 0s}
"""

# Spans to Jaeger, and to a sink that counts how often each came; logs to a file of each gateway's own.
TO_JAEGER = GATEWAY + """
  otlp/jaeger: {<<: *otlp, endpoint: "127.0.0.1:${env:JAEGER_PORT}"}
  file: {path: "${env:FILE}"}
service:
  pipelines:
    traces: {receivers: [kafka], exporters: [otlp/sink, otlp/jaeger]}
    logs: {receivers: [kafka], exporters: [file]}
"""

TO_SINK = GATEWAY + """
service:
  pipelines:
    traces: {receivers: [kafka], exporters: [otlp/sink]}
    logs: {receivers: [kafka], exporters: [otlp/sink]}
"""


@dataclass
class Outcome:
    """What became of everything that was answered OK."""

    acknowledged: int
    lost: set = field(default_factory=set)
    repeated_spans: int = 0  # arrivals at the sink beyond the first
    repeated_records: int = 0  # in the files
    not_in_jaeger: set = field(default_factory=set)

    def __str__(self):
        return (f"{self.acknowledged} answered OK, {len(self.lost)} lost, {len(self.not_in_jaeger)} not in Jaeger, again at "
                f"the sink {self.repeated_spans}, again in the files {self.repeated_records}")


class Chain:
    """Topics of its own on `kafka`, a sink, and what `run` (the fixture weir or collector) starts on request. A context
    manager that ends the sink."""

    def __init__(self, run, kafka, directory: Path, jaeger=None, run_sidecar=None):
        self.kafka, self.directory, self.jaeger = kafka, directory, jaeger
        self._run, self._run_sidecar = run, run_sidecar or run
        self.spans, self.records = kafka.new_topic("spans", PARTITIONS), kafka.new_topic("logs", PARTITIONS)
        self.group = self.service = f"of-{self.spans}"
        self.arrivals = Arrivals()
        self.sidecars, self.gateways, self.requests = [], [], []

    def __enter__(self):
        self.sink = Sink(self.arrivals, keep=False)
        return self

    def __exit__(self, *_):
        self.sink.__exit__()

    ## Programs

    def add_sidecars(self, count: int, config: str = SIDECAR, **env) -> list:
        self.sidecars += [self._run_sidecar(config, KAFKA=self.kafka.bootstrap, SPANS=self.spans, RECORDS=self.records, **env)
                          for _ in range(count)]
        return self.sidecars[-count:]

    def add_gateway(self, config: str | None = None, run=None):
        config = config or (TO_JAEGER if self.jaeger else TO_SINK)
        env = {"KAFKA": self.kafka.bootstrap, "SPANS": self.spans, "RECORDS": self.records, "GROUP": self.group,
               "SINK": self.sink.endpoint, "JAEGER_PORT": self.jaeger.grpc_port if self.jaeger else 0,
               "FILE": self.directory / f"{self.service}-{len(self.gateways)}.jsonl"}
        gateway = (run or self._run)(config, **env, **self.gateway_env())
        self.gateways.append(gateway)
        return gateway

    def gateway_env(self) -> dict:
        """What the configuration of gateways may use besides; for chains that end elsewhere."""
        return {}

    def add_gateways(self, count: int, config: str | None = None) -> list:
        """Returns when they share all partitions between them."""
        for _ in range(count):
            self.add_gateway(config)
        self.wait_for_members()
        return self.gateways[-count:]

    def wait_for_members(self):
        """Until all that run have joined and share all partitions."""
        members = sum(self._members_of(gateway) for gateway in self.gateways if gateway.running)
        self.kafka.wait_for_members(self.group, members, self.spans, self.records)

    @staticmethod
    def _members_of(gateway) -> int:
        """weir joins once for each worker, the Collector once for each signal."""
        if gateway.name != "weir":
            return 2
        return int(re.search(r" workers=(\d+)", wait_until(lambda: re.search(r"running .*", gateway.output()))[0])[1])

    ## Load

    @contextlib.contextmanager
    def load(self, clients: int = 4, pause: float = 0.02):
        """Clients of every sidecar; what they were answered is in `requests` afterwards. Their requests still unanswered
        at the end of the block are sent until they are answered OK."""
        make = functools.partial(numbered, service=self.service, one_trace=True)
        with contextlib.ExitStack() as all_clients:
            started = [all_clients.enter_context(Clients(sidecar, clients, pause=pause, make=make, first=next(_FIRSTS)))
                       for sidecar in self.sidecars]
            yield started
            for of_one in started:
                of_one.stop(timeout=60)
                self.requests += of_one.requests

    def acknowledged(self) -> int:
        return sum(len(request.numbers) for request in self.requests if request.acknowledged)

    ## The end

    def wait_for_end(self, timeout: float = 60):
        """Until the group has committed everything there is in the topics."""
        self.kafka.wait_for_lag(self.group, self.spans, self.records, timeout=timeout)

    def outcome(self) -> Outcome:
        filed = self.filed()
        with self.arrivals._lock:
            sunk = Counter({number: len(arrivals) for number, arrivals in self.arrivals.of.items()})
        known = {number for request in self.requests if request.acknowledged for number in request.numbers}
        outcome = Outcome(len(known), known - sunk.keys() - filed.keys())
        outcome.repeated_spans = sunk.total() - len(sunk)
        outcome.repeated_records = filed.total() - len(filed)
        if self.jaeger:
            outcome.not_in_jaeger = (known & sunk.keys()) - self._in_jaeger(len(known & sunk.keys()))
        return outcome

    def filed(self) -> Counter:
        """How often each log record is in the files."""
        return Counter(int(number) for path in self.directory.glob(f"{self.service}-*.jsonl")
                       for number in _NUMBER_IN_FILE.findall(path.read_bytes()))

    def _in_jaeger(self, expected: int) -> set:
        """Jaeger answers before it has stored: it is asked until it shows enough."""
        def shown():
            return {int(span["spanID"], 16) for trace in self.jaeger.get_traces(self.service, limit=100_000)
                    for span in trace["spans"]}

        with contextlib.suppress(AssertionError):
            wait_until(lambda: len(shown()) >= expected, 10, every=0.5)
        return shown()
