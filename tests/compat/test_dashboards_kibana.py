# SPDX-License-Identifier: Apache-2.0
"""The saved objects of dashboards/kibana against a real Elasticsearch with the demo's data in it: what they ask for is
there. No Kibana takes part: support/kibana.py makes the requests that Kibana would make."""

import json
import re
import subprocess
from urllib.parse import unquote, urlsplit

import pytest

from support import kibana
from support.collector import Collector, weir_binary
from support.elasticsearch import Elasticsearch

# With this seed there are payments that fail, and log records that carry an exception.
DEMO = ["--visits", "300", "--rate", "0", "--seed", "7", "--quiet"]
MODES = ["otel", "ecs"]

CONFIG = """
exporters:
  elasticsearch:
    endpoint: ${env:ELASTICSEARCH}
    mapping:
      mode: ${env:MODE}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [elasticsearch]}
    logs: {receivers: [otlp], exporters: [elasticsearch]}
"""


def run_weir(*arguments: str) -> str:
    done = subprocess.run([weir_binary(), *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A server of its own, as `weir setup` leaves it, with the demo's data in both modes."""
    server = Elasticsearch(tmp_path_factory.mktemp("dashboards") / "elasticsearch").start()
    try:
        run_weir("setup", "elasticsearch", "--endpoint", server.url)
        for mode in MODES:
            send_demo(server, mode, tmp_path_factory.mktemp(mode))
        server.refresh()
        yield server
    finally:
        server.kill()


def send_demo(server: Elasticsearch, mode: str, directory):
    env = {"ELASTICSEARCH": server.url, "MODE": mode}
    weir = Collector("weir", weir_binary(), CONFIG, directory, env=env).start()
    try:
        run_weir("send", "--endpoint", weir.grpc_endpoint, *DEMO)
        weir.stop_cleanly()
    finally:
        weir.kill()


def objects_of(mode: str, type_: str) -> list:
    return [saved for saved in kibana.load(f"{mode}.ndjson") if saved.type == type_]


def view_of(saved, mode: str):
    """The data view that a saved search or visualization looks at."""
    return kibana.data_view_of(saved, {(one.type, one.id): one for one in kibana.load(f"{mode}.ndjson")})


def cases(type_: str) -> list:
    return [pytest.param(mode, saved, id=saved.id) for mode in MODES for saved in objects_of(mode, type_)]


@pytest.mark.parametrize("mode, view", cases("index-pattern"))
def test_data_views_find_the_documents_of_their_mode_alone(store, mode, view):
    body = {"size": 0, "aggs": {"names": {"terms": {"field": "_index", "size": 100}}}}
    found = store.search(view.attributes["title"], body)
    streams = {bucket["key"] for bucket in found["aggregations"]["names"]["buckets"]}
    assert streams
    for stream in streams:
        assert (".otel-" in stream) == (mode == "otel"), stream
        assert stream.removeprefix(".ds-").startswith(view.id.rsplit("-", 1)[1]), stream


@pytest.mark.parametrize("mode, saved", [*cases("index-pattern"), *cases("search"), *cases("lens")])
def test_every_field_exists_in_documents(store, mode, saved):
    view = saved if saved.type == "index-pattern" else view_of(saved, mode)
    pattern = view.attributes["title"]
    missing = [name for name in sorted(kibana.fields_of(saved)) if not store.count(pattern, {"exists": {"field": name}})]
    assert not missing, f"{saved.id} names fields that no document has"


@pytest.mark.parametrize("mode, search", cases("search"))
def test_every_saved_search_has_rows_with_all_columns(store, mode, search):
    hits = store.search(view_of(search, mode).attributes["title"], kibana.search_body(search, size=1000))["hits"]["hits"]
    assert hits
    for column in search.attributes["columns"]:
        assert any(column in hit["fields"] for hit in hits), f"{column} is empty in all rows"


@pytest.mark.parametrize("mode, lens", cases("lens"))
def test_every_visualization_has_rows_with_all_columns(store, mode, lens):
    aggregation = kibana.lens_body(lens)
    rows = kibana.rows_of(aggregation, store.search(view_of(lens, mode).attributes["title"], aggregation.body))
    assert rows
    for row in rows:
        assert set(row) == set(kibana.columns_of(lens))
        assert all(value not in (None, 0, "") for value in row.values()), row


@pytest.mark.parametrize("mode, search", cases("search"))
def test_saved_searches_come_in_their_order(store, mode, search):
    hits = store.search(view_of(search, mode).attributes["title"], kibana.search_body(search))["hits"]["hits"]
    values = [hit["sort"] for hit in hits]
    assert values == sorted(values, reverse=search.attributes["sort"][0][1] == "desc")


@pytest.mark.parametrize("mode", MODES)
def test_error_searches_find_errors_only(store, mode):
    (search,) = [one for one in objects_of(mode, "search") if one.id == f"weir-{mode}-error-logs"]
    severity = {"otel": "severity_text", "ecs": "log.level"}[mode]
    body = {**kibana.search_body(search), "fields": [severity]}
    hits = store.search(view_of(search, mode).attributes["title"], body)["hits"]["hits"]
    assert {hit["fields"][severity][0] for hit in hits} <= {"ERROR", "FATAL"}


@pytest.mark.parametrize("mode", MODES)
def test_the_dashboard_can_be_filtered_by_service(store, mode):
    """Its control filters the panels of logs and those of spans by the same field."""
    (dashboard,) = objects_of(mode, "dashboard")
    (field,) = kibana.fields_of(dashboard)
    for view in objects_of(mode, "index-pattern"):
        assert store.count(view.attributes["title"], {"term": {field: "payment-service"}})


@pytest.mark.parametrize("mode", MODES)
def test_links_from_jaeger_find_logs(store, mode):
    """What a click in Jaeger asks Kibana for, filled in as Jaeger would from a trace with a failed payment."""
    logs = objects_of(mode, "index-pattern")[0].attributes["title"]
    (errors,) = [one for one in objects_of(mode, "search") if one.id == f"weir-{mode}-error-logs"]
    trace, instance = {
        "otel": ("trace_id", "resource.attributes.service.instance.id"),
        "ecs": ("trace.id", "service.node.name"),
    }[mode]
    (error,) = store.search(logs, {**kibana.search_body(errors, size=1), "fields": [trace, instance]})["hits"]["hits"]
    trace_id, instance_id = error["fields"][trace][0], error["fields"][instance][0]
    known = {"traceID": trace_id, "trace.traceID": trace_id, "service.instance.id": instance_id}
    for link in json.loads((kibana.FOLDER.parent / "jaeger" / f"ui-{mode}.json").read_text())["linkPatterns"]:
        text = re.search(r"query:'(.*)'\)\)", urlsplit(link["url"]).fragment)[1]
        query = re.sub(r"#\{([^}|]*)\}", lambda match: known[match[1].strip()], unquote(text))
        assert store.count(logs, kibana.kql(query)), f"{link['text']}: no log record for {query}"
