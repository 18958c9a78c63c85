# SPDX-License-Identifier: Apache-2.0
"""weir's books: read from /metrics and from what it prints at its end, and checked.

    pipeline   received = dropped + handed
    exporter   taken    = sent + rejected + returned + dropped + held
    queue      stored + recovered = released + dead_lettered + damaged + on_disk       with a storage
"""

import re

from support.collector import Collector

ITEMS = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}

# books  pipeline traces: received 12 = sampled or filtered out 2 + handed to exporters 10  [balanced]
# books  exporter otlp (spans): taken 10 = sent 8 + rejected 1 + given back 1 + dropped 0 + held 0  [balanced]
_PIPELINE = re.compile(r"^books +pipeline (\S+): received (\d+) = sampled or filtered out (\d+) \+ "
                       r"handed to exporters (\d+) +\[(.*)\]$", re.MULTILINE)
_EXPORTER = re.compile(r"^books +exporter (\S+) \((\w+)\): taken (\d+) = sent (\d+) \+ rejected (\d+) \+ given back (\d+) \+ "
                       r"dropped (\d+) \+ held (\d+) +\[(.*)\]$", re.MULTILINE)
# books  queue otlp (spans): stored 8 + recovered 2 = released 9 + dead-lettered 0 + damaged 0 + on disk 1  [balanced]
_QUEUE = re.compile(r"^books +queue (\S+) \((\w+)\): stored (\d+) \+ recovered (\d+) = released (\d+) \+ "
                    r"dead-lettered (\d+) \+ damaged (\d+) \+ on disk (\d+) +\[(.*)\]$", re.MULTILINE)
_PIPELINE_FIELDS = ("received", "dropped", "handed")
_EXPORTER_FIELDS = ("taken", "sent", "rejected", "returned", "dropped", "held")
_QUEUE_FIELDS = ("stored", "recovered", "released", "dead_lettered", "damaged", "on_disk")
_QUEUE_METRICS = ("stored", "recovered", "released", "dead_lettered", "damaged", "disk")


def _sum(samples: list, name: str, **labels) -> int:
    names = {name, name + "_total"}
    return int(sum(s.value for s in samples if s.name in names and labels.items() <= s.labels.items()))


def _labels(samples: list, name: str, *labels) -> set:
    return {tuple(s.labels[label] for label in labels) for s in samples if s.name in {name, name + "_total"}}


def read_books(program: Collector) -> dict:
    """From one reading of /metrics: ("pipeline", id), ("exporter", id, "spans") and ("queue", id, "spans") to their
    figures. Exact when nothing is in flight."""
    samples = program.samples()
    books = {}
    for (pipeline,) in _labels(samples, "weir_pipeline_received_items", "pipeline"):
        names = ("weir_pipeline_received_items", "weir_processor_dropped_items", "weir_pipeline_handed_items")
        figures = (_sum(samples, name, pipeline=pipeline) for name in names)
        books["pipeline", pipeline] = dict(zip(_PIPELINE_FIELDS, figures))
    for exporter, signal in _labels(samples, "weir_exporter_taken_items", "exporter", "data_type"):
        of = {"exporter": exporter, "data_type": signal}
        figures = [_sum(samples, f"weir_exporter_{name}_items", **of) for name in _EXPORTER_FIELDS]
        figures[1] = _sum(samples, f"otelcol_exporter_sent_{ITEMS[signal]}", exporter=exporter)
        books["exporter", exporter, ITEMS[signal]] = dict(zip(_EXPORTER_FIELDS, figures))
    for exporter, signal in _labels(samples, "weir_queue_stored_items", "exporter", "data_type"):
        of = {"exporter": exporter, "data_type": signal}
        figures = (_sum(samples, f"weir_queue_{name}_items", **of) for name in _QUEUE_METRICS)
        books["queue", exporter, ITEMS[signal]] = dict(zip(_QUEUE_FIELDS, figures))
    return books


def printed_books(program: Collector) -> dict:
    """The same from the lines it has printed at its end."""
    output = program.output()
    assert "OUT OF BALANCE" not in output, program.tail()
    books = {}
    for pipeline, *figures, verdict in _PIPELINE.findall(output):
        assert verdict == "balanced"
        books["pipeline", pipeline] = dict(zip(_PIPELINE_FIELDS, map(int, figures)))
    for exporter, items, *figures, verdict in _EXPORTER.findall(output):
        assert verdict == "balanced"
        books["exporter", exporter, items] = dict(zip(_EXPORTER_FIELDS, map(int, figures)))
    for exporter, items, *figures, verdict in _QUEUE.findall(output):
        assert verdict == "balanced"
        books["queue", exporter, items] = dict(zip(_QUEUE_FIELDS, map(int, figures)))
    assert books, f"no books were printed:\n{program.tail()}"
    return books


def assert_balanced(books: dict):
    """Each line adds up; the verdicts that were printed are not taken for granted."""
    assert books
    for line, of in books.items():
        if line[0] == "pipeline":
            assert of["received"] == of["dropped"] + of["handed"], (line, of)
        elif line[0] == "queue":
            left = sum(of[name] for name in _QUEUE_FIELDS[2:])
            assert of["stored"] + of["recovered"] == left, (line, of)
        else:
            assert of["taken"] == sum(of[name] for name in _EXPORTER_FIELDS[1:]), (line, of)
