# SPDX-License-Identifier: Apache-2.0
"""A chain (support/chain.py) whose gateways store spans and log records in a real Elasticsearch, and the count of what is
there at the end: every document is looked at."""

import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from support.bulk_sink import number_of
from support.chain import GATEWAY, Chain
from support.elasticsearch import SearchServer

# As it comes: with the exporter's own defaults.
EXPORTER = """
  elasticsearch:
    endpoint: "${env:ELASTIC}"
    logs_index: "logs-${env:STREAM}"
    traces_index: "traces-${env:STREAM}"
"""
PIPELINES = """
service:
  pipelines:
    traces: {receivers: [kafka], exporters: [elasticsearch]}
    logs: {receivers: [kafka], exporters: [elasticsearch]}
"""
AS_IT_COMES = GATEWAY + EXPORTER + PIPELINES
# The same without waiting for batches to fill, or long for a backend that was away.
IMPATIENT = """
    sending_queue: {batch: {flush_timeout: 200ms}}
    retry: {initial_interval: 100ms, max_interval: 1s}
"""
TO_ELASTICSEARCH = GATEWAY + EXPORTER + IMPATIENT + PIPELINES

# Only what the tests search for is indexed.
_MAPPINGS = {"dynamic": False, "properties": {"@timestamp": {"type": "date_nanos"},
                                              "attributes": {"properties": {"number": {"type": "long"}}}}}


@dataclass
class Stored:
    """What became of everything that was answered OK. `doubled`: numbers in more than one document; of those that a client
    sent more than once, because it was not answered OK, nothing can be said."""

    acknowledged: int
    lost: set = field(default_factory=set)
    doubled: set = field(default_factory=set)
    sent_twice: set = field(default_factory=set)

    def __str__(self):
        return (f"{self.acknowledged} answered OK, {len(self.lost)} lost, {len(self.doubled)} stored more than once, and "
                f"{len(self.sent_twice)} more which clients had sent again")


class Stream:
    """Data streams logs-NAME and traces-NAME of a test's own on `server`."""

    def __init__(self, server: SearchServer):
        self.server, self.name = server, f"chaos{uuid.uuid4().hex[:8]}"
        self.all = f"*-{self.name}"
        server.put_template(self.name, [f"logs-{self.name}", f"traces-{self.name}"], mappings=_MAPPINGS, data_stream=True,
                            settings={"number_of_shards": 1})

    @property
    def env(self) -> dict:
        return {"ELASTIC": self.server.url, "STREAM": self.name}

    def documents(self) -> list:
        return self.server.search_all(self.all)

    def rollover(self):
        for kind in ("logs", "traces"):
            self.server.request("POST", f"/{kind}-{self.name}/_rollover")

    def stored(self, requests: list) -> Stored:
        """`requests` as support/ledger.py keeps them."""
        times = Counter(number_of(hit["_source"]) for hit in self.documents())
        known = {number for request in requests if request.acknowledged for number in request.numbers}
        more = {number for number, count in times.items() if count > 1}
        sent_twice = {number for request in requests if request.unanswered for number in request.numbers}
        return Stored(len(known), known - times.keys(), more - sent_twice, more & sent_twice)


class ElasticChain(Chain):
    """Ends in data streams of its own on `server`."""

    def __init__(self, run, kafka, server: SearchServer, directory: Path, **how):
        super().__init__(run, kafka, directory, **how)
        self.stream = Stream(server)

    def gateway_env(self) -> dict:
        return self.stream.env

    def stored(self) -> Stored:
        return self.stream.stored(self.requests)

    def met_again(self) -> int:
        """Documents that gateways which still run have sent and found stored already."""
        return sum(int(gateway.metric("weir_elasticsearch_documents", fate="already_there"))
                   for gateway in self.gateways if gateway.running and gateway.name == "weir")
