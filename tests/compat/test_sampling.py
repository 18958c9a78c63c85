# SPDX-License-Identifier: Apache-2.0
"""probabilistic_sampler decides as the Collector's, item by item, and marks what it keeps in the same way."""

import random

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from compat.side_by_side import SideBySide
from support.collector import collector_binary, weir_binary

CASES = {
    "hash10": {"sampling_percentage": 10},
    "hash10-seed": {"sampling_percentage": 10, "hash_seed": 4242},
    "hash33": {"sampling_percentage": 33.3, "mode": "hash_seed", "fail_closed": False},
    "hash-tiny": {"sampling_percentage": 0.001},
    "all": {"sampling_percentage": 100},
    "above": {"sampling_percentage": 250},
    "none": {"sampling_percentage": 0},
    "none-open": {"sampling_percentage": 0, "fail_closed": False},
    "proportional25": {"sampling_percentage": 25, "mode": "proportional"},
    "proportional-open": {"sampling_percentage": 30, "mode": "proportional", "fail_closed": False},
    "proportional-fine": {"sampling_percentage": 33.333, "mode": "proportional", "sampling_precision": 14},
    "proportional-never": {"sampling_percentage": 1e-12, "mode": "proportional"},
    "equalizing25": {"sampling_percentage": 25, "mode": "equalizing"},
    "equalizing-open": {"sampling_percentage": 60, "mode": "equalizing", "fail_closed": False},
    "equalizing-coarse": {"sampling_percentage": 66.6, "mode": "equalizing", "sampling_precision": 1},
    "from-attribute": {"sampling_percentage": 50, "attribute_source": "record", "from_attribute": "order"},
    "from-fallback": {"sampling_percentage": 50, "from_attribute": "order", "fail_closed": False},
    "priority": {"sampling_percentage": 20, "sampling_priority": "keep"},
    "priority-equalizing": {"sampling_percentage": 20, "mode": "equalizing", "sampling_priority": "keep"},
}

TRACESTATES = [
    "", "", "", "vendor=1", "vendor=1,other@system=2", "ot=th:8", "ot=th:c", "ot=th:0", "ot=th:fffc;p:3", "a=b,ot=rv:d29d6a7215ced0",
    "ot=rv:ffffffffffffff;th:4", "ot=rv:00000000000001;th:4", "ot=rv:7abcdef0123456;th:4;x:y,z=1", "ot=rv:12", "ot=th:nonsense",
    "ot=", "ot=th:8;", "not a tracestate", "UPPER=1", "a=1,,b=2, c=3", "ot=th:ABC", "k=" + "v" * 256, "k=" + "v" * 257, "k=v," * 31 + "l=v",
]
PRIORITIES = [None, None, None, 0, 1, -1, 0.0, 2.5, "0", "1", "0.5", "high", "-3", "1e3", "0x1p-2", "inf", "nan", "", True]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    cases = {name: {"probabilistic_sampler": config, "signals": ["traces", "logs"]} for name, config in CASES.items()}
    binaries = {"weir": weir_binary(), "collector": collector_binary()}
    both = SideBySide(cases, binaries, tmp_path_factory.mktemp("sampling"))
    yield both
    both.stop()


def set_value(any_value, value):
    field = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}[type(value)]
    setattr(any_value, field, value)


def spans(count: int, rng) -> ExportTraceServiceRequest:
    """Spans of as many traces, in several resources and scopes; some with a tracestate or a priority, or without a trace id."""
    request = ExportTraceServiceRequest()
    for number in range(count):
        if number % 50 == 0:
            resource = request.resource_spans.add()
            resource.resource.attributes.add(key="service.name").value.string_value = f"service-{number}"
        if number % 10 == 0:
            scope = resource.scope_spans.add()
            scope.scope.name = f"scope-{number}"
        span = scope.spans.add(trace_id=rng.randbytes(16), span_id=rng.randbytes(8), name=f"span-{number}")
        span.trace_state = rng.choice(TRACESTATES)
        if rng.random() < 0.02:
            span.trace_id = bytes(16) if rng.random() < 0.5 else b""
        priority = rng.choice(PRIORITIES)
        if priority is not None and rng.random() < 0.3:
            span.attributes.add(key="other").value.int_value = number
            set_value(span.attributes.add(key="sampling.priority").value, priority)
    return request


def records(count: int, rng) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for number in range(count):
        record = scope.log_records.add()
        record.body.string_value = f"line {number}"
        if rng.random() < 0.6:
            record.trace_id = rng.randbytes(16)
        if rng.random() < 0.7:
            order = rng.choice([rng.randrange(10**9), str(rng.random()), "", rng.random(), 2.0, 1e-9, 1e300, rng.randbytes(5), b"", True, -1])
            set_value(record.attributes.add(key="order").value, order)
        if rng.random() < 0.3:
            set_value(record.attributes.add(key="keep").value, rng.choice([0, 50, 100, 200, 0.5, 33.3, "100", -3]))
        if rng.random() < 0.2:
            set_value(record.attributes.add(key="sampling.threshold").value, rng.choice(["8", "c", "0", "", "xyz", 8, "123456789abcdef"]))
        if rng.random() < 0.2:
            randomness = rng.choice(["d29d6a7215ced0", "00000000000001", "FFFFFFFFFFFFFF", "12", "", 5])
            set_value(record.attributes.add(key="sampling.randomness").value, randomness)
    return request


@pytest.mark.parametrize("case", CASES)
def test_spans(programs, case):
    rng = random.Random(case)
    weir, collector = programs.both(case, "traces", [spans(500, rng) for _ in range(6)])
    assert weir == collector


@pytest.mark.parametrize("case", CASES)
def test_log_records(programs, case):
    rng = random.Random(case)
    weir, collector = programs.both(case, "logs", [records(500, rng) for _ in range(6)])
    assert weir == collector


def test_100000_traces_at_ten_percent(programs):
    rng = random.Random(20)
    requests = []
    for _ in range(100):
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        for _ in range(1000):
            scope.spans.add(trace_id=rng.randbytes(16), span_id=rng.randbytes(8), name="work")
        requests.append(request)

    weir, collector = programs.both("hash10", "traces", requests)

    assert 9_000 < len(collector) < 11_000
    assert [entry["item"]["traceId"] for entry in weir] == [entry["item"]["traceId"] for entry in collector]
    assert weir == collector
