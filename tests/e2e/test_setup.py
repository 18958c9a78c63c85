# SPDX-License-Identifier: Apache-2.0
"""`weir setup elasticsearch` with a real Elasticsearch and a real OpenSearch, and that the documents of every mapping mode
are taken by what it installs, whatever stands in them."""

import os
import subprocess
import time

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.collector import weir_binary
from support.load import GrpcClient

INDEX_TEMPLATES = ["weir-indices", "weir-logs", "weir-logs-otel", "weir-traces", "weir-traces-otel"]
COMPONENTS = ["weir-flat", "weir-otel", "weir-settings"]
CONFIG = """
exporters:
  elasticsearch: {{endpoint: "{url}", mapping: {{mode: {mode}}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [elasticsearch]}}
    logs: {{receivers: [otlp], exporters: [elasticsearch]}}
"""


@pytest.fixture(params=["elasticsearch", "opensearch"])
def server(request):
    """Each of both, without our templates and any data stream before and after."""
    search = request.getfixturevalue(request.param)
    _remove_ours(search)
    yield search
    _remove_ours(search)


def _remove_ours(search):
    search.delete_data_streams()  # a template that one of them is made of cannot go
    for kind, names in ("_index_template", INDEX_TEMPLATES), ("_component_template", COMPONENTS):
        for name in names:
            search.status_of("DELETE", f"/{kind}/{name}")


def run_setup(search, *words):
    return subprocess.run([weir_binary(), "setup", "elasticsearch", "--endpoint", search.url, *words], capture_output=True,
                          text=True, timeout=60, env={**os.environ, "NO_PROXY": "*"}, check=False)


def state_of(search) -> dict:
    """Everything the server says of templates of our names."""
    state = {}
    for kind, names in ("_index_template", INDEX_TEMPLATES), ("_component_template", COMPONENTS):
        for name in names:
            if search.status_of("GET", f"/{kind}/{name}") == 200:
                state[name] = search.request("GET", f"/{kind}/{name}")
    return state


def test_twice_gives_the_same_state(server):
    dry = run_setup(server, "--dry-run")
    assert dry.returncode == 0 and dry.stdout.count("to create") == 7 and state_of(server) == {}
    first = run_setup(server)
    assert first.returncode == 0 and first.stdout.count("created ") == 7, first
    state = state_of(server)
    again = run_setup(server)
    assert again.returncode == 0 and again.stdout.count("unchanged ") == 7, again
    assert state_of(server) == state and len(state) == 7


def test_templates_of_others_are_kept(server):
    mine = {"index_patterns": ["traces-*-*"], "priority": 90, "data_stream": {}, "_meta": {"managed_by": "us"}}
    server.request("PUT", "/_index_template/weir-traces", mine)
    before = state_of(server)
    kept = run_setup(server)
    assert kept.returncode == 1 and "kept       index template weir-traces" in kept.stdout, kept
    assert state_of(server)["weir-traces"] == before["weir-traces"]
    assert run_setup(server, "--force").returncode == 0
    assert state_of(server)["weir-traces"] != before["weir-traces"]


def test_plain_indices_are_of_the_patterns_named(server):
    assert run_setup(server, "--index", "setup-app-*").returncode == 0
    server.request("PUT", "/setup-app-1/_doc/1?refresh=true", {"@timestamp": "2026-01-01T00:00:00Z", "a": 1, "a.b": 2})
    assert server.request("GET", "/setup-app-1/_settings?flat_settings=true")["setup-app-1"]["settings"][
        "index.mapping.ignore_malformed"] == "true"
    server.delete_indices("setup-app-*")


def test_retention_is_a_lifecycle_of_the_data_streams(elasticsearch):
    _remove_ours(elasticsearch)

    def lifecycle():
        simulated = elasticsearch.request("POST", "/_index_template/_simulate_index/logs-setup.otel-default")
        return simulated["template"]["lifecycle"]

    assert run_setup(elasticsearch).returncode == 0 and "data_retention" not in lifecycle()
    changed = run_setup(elasticsearch, "--retention", "14d")
    assert changed.returncode == 0 and "changed    component template weir-settings" in changed.stdout
    assert lifecycle()["data_retention"] == "14d"
    assert run_setup(elasticsearch).returncode == 0 and lifecycle()["data_retention"] == "14d"
    _remove_ours(elasticsearch)


def test_retention_of_an_opensearch_without_the_plugin_is_no_success(opensearch):
    done = run_setup(opensearch, "--retention", "14d")
    assert done.returncode == 1 and "Index State Management" in done.stderr
    _remove_ours(opensearch)


def test_rights_that_are_missing_are_named(guarded_elasticsearch, tmp_path):
    def with_key(*privileges):
        role = {"limited": {"cluster": privileges, "indices": []}}
        (tmp_path / "key").write_text(guarded_elasticsearch.new_api_key(role_descriptors=role)["encoded"])
        return run_setup(guarded_elasticsearch, "--api-key-file", tmp_path / "key")

    nobody = run_setup(guarded_elasticsearch)
    assert nobody.returncode == 1 and "401" in nobody.stderr and "--api-key-file" in nobody.stderr
    reader = with_key("monitor")
    assert reader.returncode == 1 and "403" in reader.stderr and "manage_index_templates" in reader.stderr
    enough = with_key("monitor", "manage_index_templates")
    assert enough.returncode == 0 and "created " in enough.stdout, enough
    _remove_ours(guarded_elasticsearch)


# ---- documents


def nested(depth: int):
    value = "leaf"
    for _ in range(depth):
        value = {"k": value}
    return value


def big_map(prefix: str) -> dict:
    return {f"{prefix}{i}": i for i in range(10_000)}


# The attributes of one log record and one span each, in this order: every one contradicts another.
ODD = [
    {"n": 1, "flag": True, "d": 1.5, "service.name": "shop", "http.response.status_code": 200},
    {"n": "text", "flag": "text", "d": "text", "http.response.status_code": "text"},
    {"n": {"a": 1}, "flag": {"b": {"c": 1}}, "http.response.status_code": {"z": 1}},
    {"service": "a text where others have an object", "http": "s", "http.response": 5},
    {"n": 2**63 - 1, "d": 1e308, "flag": 3},
    {"d": float("nan"), "n": float("inf")},
    {"long": "x" * 50_000, "service.name": "y" * 40_000, "n": "z" * 40_000},
    {"message": "m" * 40_000, "exception.message": "e" * 40_000, "exception.stacktrace": "s" * 40_000},
    {"deep": nested(60)},
    {"list": [{"a": 1}, {"b": "x"}], "texts": ["a", "b"], "numbers": [1.0, 2.5], "flags": [True, False]},
    {"when": "2026-01-01"},
    {"when": "not a date"},
    {"": 1, ".": 2, "a..b": 3, ".a": 4, "a.": 5, " ": 6, "a": 7, "a.b": 8},
    {"bytes": b"\x00\xff"},
    {"geo.location.lat": 1.5, "geo.location.lon": 2.5},
    {"k" * 5_000: 1},
    big_map("many"),
    big_map("more"),
]


def put_value(any_value, value):
    """A Python value as an AnyValue."""
    if isinstance(value, bool):
        any_value.bool_value = value
    elif isinstance(value, int):
        any_value.int_value = value
    elif isinstance(value, float):
        any_value.double_value = value
    elif isinstance(value, bytes):
        any_value.bytes_value = value
    elif isinstance(value, str):
        any_value.string_value = value
    elif isinstance(value, list):
        any_value.array_value.SetInParent()
        for item in value:
            put_value(any_value.array_value.values.add(), item)
    else:
        any_value.kvlist_value.SetInParent()
        put_attributes(any_value.kvlist_value.values, value)


def put_attributes(attributes, values: dict):
    for key, value in values.items():
        put_value(attributes.add(key=key).value, value)


def odd_logs(values: dict, dataset: str) -> ExportLogsServiceRequest:
    """One record, with these values as attributes of all there is, and as the body of every other one."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    scope = resource.scope_logs.add()
    put_attributes(resource.resource.attributes, {**values, "data_stream.dataset": dataset})
    put_attributes(scope.scope.attributes, values)
    record = scope.log_records.add(time_unix_nano=time.time_ns(), trace_id=bytes(range(16)), severity_text="S" * 40_000)
    put_attributes(record.attributes, values)
    put_value(record.body, values if "n" in values else "text " * 10_000)
    return request


def odd_spans(values: dict, dataset: str) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    put_attributes(resource.resource.attributes, {**values, "data_stream.dataset": dataset})
    now = time.time_ns()
    span = resource.scope_spans.add().spans.add(trace_id=bytes(range(16)), span_id=bytes(range(8)), name="n" * 40_000,
                                                start_time_unix_nano=now, end_time_unix_nano=now + 1000,
                                                trace_state="t" * 40_000)
    span.status.message = "m" * 40_000
    put_attributes(span.attributes, values)
    put_attributes(span.links.add(trace_id=bytes(range(16)), span_id=bytes(range(8))).attributes, values)
    return request


@pytest.mark.parametrize("mode", ["otel", "ecs", "none", "raw"])
def test_documents_are_taken_whatever_stands_in_them(server, weir, mode):
    assert run_setup(server).returncode == 0
    program = weir(CONFIG.format(url=server.url, mode=mode))
    dataset, suffix = f"setup{mode}", ".otel" if mode == "otel" else ""
    for signal, make in ("logs", odd_logs), ("traces", odd_spans):
        client = GrpcClient(program, signal)
        for values in ODD + ODD[::-1]:
            message = make(values, dataset)
            answer = client.send(message.SerializeToString(), 60)
            assert answer.ok and not answer.rejected, f"{signal}: {list(values)[:5]}: {answer}"
        client.close()
        server.wait_for_count(f"{signal}-{dataset}{suffix}-default", 2 * len(ODD))
    streams = server.data_streams(f"*-{dataset}*")
    assert {stream["template"] for stream in streams.values()} == {
        "weir-logs-otel" if suffix else "weir-logs", "weir-traces-otel" if suffix else "weir-traces"}


@pytest.mark.parametrize("mode, field", [("otel", "attributes.d"), ("none", "Attributes.d")])
def test_elasticsearch_finds_every_double(elasticsearch, weir, mode, field):
    """Its own choice for a new field with a point is `float`, which has no 1e308 and not all the digits."""
    assert run_setup(elasticsearch).returncode == 0
    program, dataset = weir(CONFIG.format(url=elasticsearch.url, mode=mode)), f"setupdouble{mode}"
    client = GrpcClient(program, "logs")
    stream = f"logs-{dataset}{'.otel' if mode == 'otel' else ''}-default"
    for value in 1e308, 16777217.5:
        assert client.send(odd_logs({"d": value}, dataset).SerializeToString(), 60).ok
    client.close()
    elasticsearch.wait_for_count(stream, 2)
    for value in 1e308, 16777217.5:
        assert elasticsearch.count(stream, {"term": {field: value}}) == 1, value
    _remove_ours(elasticsearch)


def test_elasticsearch_refuses_a_new_list_of_texts_and_numbers(elasticsearch, weir):
    """What no template can help: both would become the type of one new field. The client is told, or a dead letter is."""
    assert run_setup(elasticsearch).returncode == 0
    program = weir(CONFIG.format(url=elasticsearch.url, mode="otel"))
    client = GrpcClient(program, "logs")
    answer = client.send(odd_logs({"mixed": ["a", 1]}, "setupmixed").SerializeToString(), 60)
    assert answer.code == "INVALID_ARGUMENT" and "cannot be changed from type" in answer.text
    assert client.send(odd_logs({"mixed": "a"}, "setupmixed").SerializeToString(), 60).ok
    assert client.send(odd_logs({"mixed": ["a", 1]}, "setupmixed").SerializeToString(), 60).ok, "the field is there now"
    client.close()
    _remove_ours(elasticsearch)
