# SPDX-License-Identifier: Apache-2.0
"""The same generated log records and spans through weir and through the Collector into the same Elasticsearch, in each
mapping mode: the documents are the same, and lie in the same indices. Where they are not, a rule below says how, and
docs/differences.md why."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.generate_documents import SEQ, DocumentGenerator
from support.load import send_all

SEED = 20260606
RECORDS, SPANS, FEW = 10_000, 10_000, 2_000
DIFFERENCES = Path(__file__).resolve().parents[2] / "docs" / "differences.md"
OURS = "logs-*,traces-*,metrics-*,weir-compat-*"

CONFIG = """
exporters:
  elasticsearch:
    endpoint: ${env:ELASTICSEARCH}
    mapping: {mode: %(mode)s, allowed_modes: [%(mode)s]}
    sending_queue: {enabled: false}
    timeout: 60s
service:
  pipelines: {%(pipelines)s}
"""
PIPELINE = "%s: {receivers: [otlp], exporters: [elasticsearch]}"


@dataclass
class Everything:
    """Requests of both signals; the numbers of what is odd in them; how many records and spans there are, and with events."""

    bodies: dict
    odd: set
    items: int
    count: int


def generated(records: int, spans: int) -> Everything:
    logs = DocumentGenerator("logs", SEED)
    bodies = {"logs": logs.requests(records)}
    traces = DocumentGenerator("traces", SEED, first=next(logs.seq))
    bodies["traces"] = traces.requests(spans)
    return Everything(bodies, logs.odd | traces.odd, records + spans, logs.count + traces.count)


@pytest.fixture(scope="module")
def everything() -> Everything:
    return generated(RECORDS, SPANS)


@pytest.fixture
def storage(elasticsearch):
    """Empty before and behind each test."""
    elasticsearch.delete_data_streams("*")
    elasticsearch.delete_indices(OURS)
    yield elasticsearch
    elasticsearch.delete_data_streams("*")
    elasticsearch.delete_indices(OURS)


def take_as_it_is(storage, mode: str):
    """Nothing but the time is looked at: what is compared is what was sent, not what a mapping makes of it."""
    streams = mode in ("otel", "ecs")
    mappings = {"dynamic": False, "subobjects": False, "properties": {"@timestamp": {"type": "date"}}}
    storage.put_template("as-it-is", OURS.split(","), mappings if streams else {"enabled": False}, {"number_of_shards": 1},
                         data_stream=streams, priority=10_000)


def documents_through(program, storage, mode: str, bodies: dict) -> Counter:
    """(index, document) to how often it is there. The program is a fixture that starts it."""
    take_as_it_is(storage, mode)
    pipelines = ", ".join(PIPELINE % signal for signal in bodies)
    peer = program(CONFIG % {"mode": mode, "pipelines": pipelines}, ELASTICSEARCH=storage.url)
    for signal, requests in bodies.items():
        send_all(peer, signal, requests)
    peer.stop_cleanly()
    hits = storage.search_all(OURS)
    storage.delete_data_streams("*")
    storage.delete_indices(OURS)
    storage.request("DELETE", "/_index_template/as-it-is")
    return Counter((plain_name(hit["_index"]), json.dumps(hit["_source"], sort_keys=True)) for hit in hits)


def plain_name(index: str) -> str:
    """The data stream's, of an index behind one."""
    return index.removeprefix(".ds-").rpartition("-")[0].rpartition("-")[0] if index.startswith(".ds-") else index


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", ["otel", "ecs", "none", "raw"])
def test_documents_are_the_collectors(weir, collector, storage, everything, mode):
    sent = generated(FEW, FEW) if mode == "raw" else everything
    theirs = documents_through(collector, storage, mode, sent.bodies)
    ours = documents_through(weir, storage, mode, sent.bodies)

    assert_same(ours, theirs, sent.odd, mode)
    events_too = mode in ("otel", "ecs")
    assert sum(ours.values()) == (sent.count if events_too else sent.items), "weir's documents are all there"


def test_bodies_of_logs_are_the_collectors(weir, collector, storage):
    logs = DocumentGenerator("logs", SEED, maps=True)
    bodies = {"logs": logs.requests(FEW)}
    theirs = documents_through(collector, storage, "bodymap", bodies)
    ours = documents_through(weir, storage, "bodymap", bodies)

    assert_same(ours, theirs, logs.odd, "bodymap")
    assert sum(ours.values()) == FEW


def assert_same(ours: Counter, theirs: Counter, odd: set, mode: str):
    """What is odd must be there, and is not looked into: tests of the encoder do."""
    different = [found for found in differences(ours, theirs) if found[0] not in odd]
    lost = [found for found in different if is_lost_by_the_collector(mode, found[1], found[2])]
    assert len(lost) < 0.1 * sum(ours.values())
    different = [found for found in different if found not in lost]
    assert not different, f"{len(different)} documents differ, the first of them:\n" + "\n".join(map(str, different[:10]))


def is_lost_by_the_collector(mode: str, ours: dict, theirs: dict) -> bool:
    """In ecs it writes some fields twice, which Elasticsearch refuses; in bodymap it cannot write NaN."""
    return (mode == "ecs" and not theirs) or (mode == "bodymap" and "None" in str(ours))


def differences(ours: Counter, theirs: Counter) -> list:
    """(number, what weir has and the Collector has not, the opposite)."""
    pairs = defaultdict(lambda: ([], []))
    for side, documents in enumerate((ours - theirs, theirs - ours)):
        for index, text in documents:
            document = json.loads(text)
            pairs[number_in(document)][side].append({"_index": index, **dict(leaves(document))})
    found = [(number, *only_in_one(*sides)) for number, sides in sorted(pairs.items(), key=lambda pair: str(pair[0]))]
    return [(number, first, second) for number, first, second in found if first or second]


def only_in_one(ours: list, theirs: list) -> tuple:
    first, second = (ours or [{}])[0], (theirs or [{}])[0]
    if ours and theirs:
        forgive(first, second)
    return ({key: value for key, value in first.items() if second.get(key, "missing") != value},
            {key: value for key, value in second.items() if first.get(key, "missing") != value})


# What differs in documents, each with a row of its own in docs/differences.md.
ROWS = [
    "`elasticsearch`: names that Elasticsearch refuses",
    "`elasticsearch`: an attribute given twice",
    "`elasticsearch`, `ecs`: names that contradict each other",
    "`elasticsearch`, `otel`: a span that ends before it starts",
    "`elasticsearch`, `otel`: nanoseconds of a time",
    "`elasticsearch`, `otel`: a longitude or latitude that is none",
    "`elasticsearch`, `none` and `raw`: NaN in a span's link",
    "`elasticsearch`, `bodymap`: NaN in a body",
    "`elasticsearch`: times after 2262",
]


def test_the_differences_are_documented():
    text = DIFFERENCES.read_text()
    assert [row for row in ROWS if f"| {row} |" not in text] == []


def forgive(ours: dict, theirs: dict):
    """Those differences that documents have which are not odd."""
    for path in [path for path in theirs if path in ("/@timestamp", "/observed_timestamp") and "T" not in theirs[path]]:
        milliseconds, _, nanoseconds = theirs[path].partition(".")
        theirs[path] = f"{milliseconds}.{nanoseconds:0>6}" if int(nanoseconds or 0) else theirs[path]
    if ours.get("/duration") == 0 and theirs["/duration"] >= 2**63:
        del theirs["/duration"], ours["/duration"]
    if "/Link" not in theirs and "null" in ours.get("/Link", ""):
        del ours["/Link"]
    for path in [path for path in theirs if path.endswith("geo.location") and path not in ours]:
        place = ours.pop(f"{path}.lon"), ours.pop(f"{path}.lat")
        assert list(place) == theirs.pop(path) and not is_place(*place), place


def is_place(longitude, latitude) -> bool:
    return None not in (longitude, latitude) and abs(longitude) <= 180 and abs(latitude) <= 90


def leaves(document, path: str = ""):
    """Each value that is no object, behind its path."""
    if isinstance(document, dict) and document:
        for key, value in document.items():
            yield from leaves(value, f"{path}/{key}")
    else:
        yield path, document


def number_in(document: dict):
    """A span's is lower than those of its events."""
    return min((value for path, value in leaves(document) if path.endswith(SEQ) and isinstance(value, int)), default=None)
