# SPDX-License-Identifier: Apache-2.0
"""dashboards/prometheus and dashboards/grafana: promtool reads every expression, each alert fires when it should and
only then, and a real weir has every metric and label that is named."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import requests
import yaml

from support.collector import Collector, weir_binary
from support.process import server_binary, wait_until

DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"
ALERTS = DASHBOARDS / "prometheus" / "alerts.yml"
GRAFANA = DASHBOARDS / "grafana" / "weir.json"

def promtool(*arguments, **how) -> subprocess.CompletedProcess:
    return subprocess.run([server_binary("promtool"), *arguments], capture_output=True, text=True, timeout=60, **how)


# ---- what is in the files


def rules() -> list:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def alerts() -> list:
    return [rule for rule in rules() if "alert" in rule]


def panels() -> list:
    return json.loads(GRAFANA.read_text())["panels"]


def charts() -> list:
    return [panel for panel in panels() if panel["type"] != "row"]


def grafana_expressions() -> list:
    """With Grafana's own variables filled in."""
    expressions = [target["expr"] for panel in charts() for target in panel["targets"]]
    for variable, value in (("$__rate_interval", "5m"), ("$job", ".*"), ("$instance", ".*")):
        expressions = [text.replace(variable, value) for text in expressions]
    assert not [text for text in expressions if "$" in text], "a variable that is not known"
    return expressions


# ---- Prometheus reads them


def test_prometheus_takes_the_rules():
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(ALERTS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_every_expression_of_grafana(tmp_path):
    records = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(grafana_expressions())]
    file = tmp_path / "grafana.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "grafana", "rules": records}]}))
    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_how_bad_it_is_and_what_to_do():
    names = [alert["alert"] for alert in alerts()]
    assert len(names) == len(set(names))
    for alert in alerts():
        assert alert["labels"]["severity"] in ("warning", "critical")
        assert len(alert["annotations"]["description"]) > 80 and alert["annotations"]["summary"]


def test_the_docs_name_every_alert():
    text = (DASHBOARDS.parent / "docs" / "dashboards.md").read_text()
    assert set(re.findall(r"`(Weir[A-Za-z]+)`", text)) == {alert["alert"] for alert in alerts()}


def test_grafana_panels_do_not_overlap():
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        columns = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_grafana_asks_the_data_source_that_is_chosen():
    dashboard = json.loads(GRAFANA.read_text())
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["datasource", "job", "instance"]
    for chart in charts():
        assert chart["title"] and chart["datasource"]["uid"] == "${datasource}"
        for target in chart["targets"]:
            assert 'job=~"$job", instance=~"$instance"' in target["expr"]
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            kept = set(re.search(r"by \(([^)]*)\)", target["expr"])[1].split(", "))
            assert named <= kept, f"{chart['title']}: the legend names a label that is summed away"


# ---- each alert fires, and only when it should

QUIET = "0x60"  # for an hour, a value a minute
# Each alert: series of an instance that is in trouble, the same of one that is not; values in promtool's notation.
CASES = {
    "WeirDown": ({"up": "1x10 0x50"}, {"up": "1x60"}),
    "WeirRefusing": (
        {'otelcol_receiver_refused_spans{receiver="otlp"}': "0+60x60"},
        {'otelcol_receiver_refused_spans{receiver="otlp"}': "7x60"},
    ),
    "WeirMemoryLimit": ({"weir_memory_account_refusals": "0+5x60"}, {"weir_memory_account_refusals": QUIET}),
    "WeirExporterStuck": (
        {
            'weir_exporter_retries{exporter="otlp"}': "0+6x60",
            'otelcol_exporter_sent_spans{exporter="otlp"}': "500x60",
        },
        {
            'weir_exporter_retries{exporter="otlp"}': "0+6x60",
            'otelcol_exporter_sent_spans{exporter="otlp"}': "0x60",
            'otelcol_exporter_sent_log_records{exporter="otlp"}': "0+100x60",
        },
    ),
    "WeirSendFailures": (
        {'otelcol_exporter_send_failed_log_records{exporter="otlp"}': "0+1x60"},
        {'otelcol_exporter_send_failed_log_records{exporter="otlp"}': "9x60"},
    ),
    "WeirBackendRefusesItems": (
        {'weir_exporter_rejected_items{exporter="otlp",reason="partial_success"}': "0+1x60"},
        {'weir_exporter_rejected_items{exporter="otlp",reason="permanent"}': "0+1x60"},
    ),
    "WeirElasticsearchRefusesDocuments": (
        {'weir_elasticsearch_documents{exporter="es",fate="refused"}': "0x50 3x10"},
        {'weir_elasticsearch_documents{exporter="es",fate="already_there"}': "0+5x60"},
    ),
    "WeirQueueOld": (
        {'weir_queue_oldest_item_age{exporter="otlp",data_type="traces"}': "0+60x60"},
        {'weir_queue_oldest_item_age{exporter="otlp",data_type="traces"}': "299x60"},
    ),
    "WeirQueueNearlyFull": (
        {
            'otelcol_exporter_queue_size{exporter="otlp",data_type="traces"}': "900x60",
            'otelcol_exporter_queue_capacity{exporter="otlp",data_type="traces"}': "1000x60",
        },
        {
            'otelcol_exporter_queue_size{exporter="otlp",data_type="traces"}': "700x60",
            'otelcol_exporter_queue_capacity{exporter="otlp",data_type="traces"}': "1000x60",
        },
    ),
    "WeirStorageNearlyFull": (
        {'weir_storage_bytes{storage="s"}': "85x60", 'weir_storage_capacity_bytes{storage="s"}': "100x60"},
        {'weir_storage_bytes{storage="s"}': "75x60", 'weir_storage_capacity_bytes{storage="s"}': "100x60"},
    ),
    "WeirDiskNearlyFull": (
        {'weir_storage_disk_free_bytes{storage="s"}': "5x60", 'weir_storage_disk_bytes{storage="s"}': "100x60"},
        {'weir_storage_disk_free_bytes{storage="s"}': "50x60", 'weir_storage_disk_bytes{storage="s"}': "100x60"},
    ),
    "WeirStorageGone": (
        {'weir_storage_disk_bytes{storage="s"}': "100x50 0x10"},
        {'weir_storage_disk_bytes{storage="s"}': "100x60"},
    ),
    "WeirStorageErrors": (
        {'weir_storage_errors{storage="s",operation="append"}': "0x55 1x5"},
        {'weir_storage_errors{storage="s",operation="append"}': "1x60"},
    ),
    "WeirDataLost": (
        {'weir_queue_damaged_items{exporter="otlp",data_type="logs"}': "0x50 12x10"},
        {'weir_exporter_dropped_items{exporter="otlp",data_type="logs",reason="expired"}': "12x60"},
    ),
    "WeirKafkaLagGrowing": (
        {'otelcol_kafka_receiver_offset_lag{receiver="kafka",topic="bad",partition="0"}': "0+300x60"},
        {'otelcol_kafka_receiver_offset_lag{receiver="kafka",topic="good",partition="0"}': "20000-300x60"},
    ),
    "WeirKafkaBehind": (
        {'weir_kafka_receiver_oldest_item_age{receiver="kafka",topic="bad",partition="0"}': "0+60x60"},
        {'weir_kafka_receiver_oldest_item_age{receiver="kafka",topic="good",partition="0"}': "500x60"},
    ),
    "WeirKafkaMessagesLost": (
        {'weir_kafka_receiver_losses{receiver="kafka",topic="t",partition="0"}': "0x55 1x5"},
        {'weir_kafka_receiver_losses{receiver="kafka",topic="t",partition="0"}': QUIET},
    ),
    "WeirDeadLetters": (
        {'weir_deadletter_items{exporter="es",data_type="logs",reason="refused"}': "0x55 1x5"},
        {'weir_deadletter_items{exporter="es",data_type="logs",reason="refused"}': "40x60"},
    ),
    "WeirKafkaDeadLetters": (
        {'weir_kafka_receiver_dead_letters{receiver="kafka",reason="refused"}': "0x55 1x5"},
        {'weir_kafka_receiver_dead_letters{receiver="kafka",reason="refused"}': "40x60"},
    ),
    "WeirDeadLettersDiscarded": (
        {'weir_deadletter_discarded_items{storage="s"}': "0x55 7x5"},
        {'weir_deadletter_discarded_items{storage="s"}': QUIET},
    ),
    "WeirKafkaDeadLettersFailing": (
        {'weir_kafka_receiver_dead_letters_failed{receiver="kafka"}': "0+1x60"},
        {'weir_kafka_receiver_dead_letters_failed{receiver="kafka"}': QUIET},
    ),
    "WeirBooksOutOfBalance": (
        {
            'weir_exporter_taken_items{exporter="otlp",data_type="traces"}': "0+100x60",
            'otelcol_exporter_sent_spans{exporter="otlp"}': "0+100x30 2995+100x29",
            'weir_exporter_held_items{exporter="otlp",data_type="traces"}': QUIET,
        },
        {
            'weir_exporter_taken_items{exporter="otlp",data_type="traces"}': "0+100x60",
            'otelcol_exporter_sent_spans{exporter="otlp"}': "0+100x50 4900+100x9",
            'weir_exporter_held_items{exporter="otlp",data_type="traces"}': "0x50 100x9",
        },
    ),
}
# The books of pipelines and of disk queues have alerts of the same name: each for itself.
BOOKS = {
    "pipelines": {
        'weir_pipeline_received_items{pipeline="traces"}': "5x60",
        'weir_pipeline_handed_items{pipeline="traces"}': "4x60",
    },
    "queues": {
        'weir_queue_stored_items{exporter="otlp",data_type="traces"}': "9x60",
        'weir_queue_released_items{exporter="otlp",data_type="traces"}': "8x60",
    },
}


def series_of(instance: str, series: dict) -> list:
    """promtool's input, as a scrape of that instance would bring it."""
    result = []
    for name, values in series.items():
        metric, _, labels = name.partition("{")
        labels = labels.removesuffix("}")
        labels = f'{labels},job="weir",instance="{instance}"' if labels else f'job="weir",instance="{instance}"'
        result.append({"series": f"{metric}{{{labels}}}", "values": values})
    return result


def case(name: str, alert: str, series: list) -> dict:
    """One test of promtool's: after an hour of `series` the alert fires for what is called "bad" and nothing else."""
    label = "topic" if alert in ("WeirKafkaLagGrowing", "WeirKafkaBehind") else "instance"
    expected = {
        "expr": f'count by ({label}) (ALERTS{{alertname="{alert}", alertstate="firing"}})',
        "eval_time": "59m",
        "exp_samples": [{"labels": f'{{{label}="bad"}}', "value": 1}],
    }
    return {"name": name, "interval": "1m", "input_series": series, "promql_expr_test": [expected]}


def test_every_alert_has_a_case():
    assert sorted(CASES) == sorted(alert["alert"] for alert in alerts())


def test_alerts_fire_for_whom_they_should_and_for_nobody_else(tmp_path):
    """All in one run of promtool, which says by name what went wrong."""
    cases = [case(alert, alert, series_of("bad", bad) + series_of("good", good)) for alert, (bad, good) in CASES.items()]
    cases += [case(books, "WeirBooksOutOfBalance", series_of("bad", series)) for books, series in BOOKS.items()]
    file = tmp_path / "alerts.test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": cases}))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


# ---- a real weir has what is named


# Everything that has metrics of its own at once; nothing listens where the data goes.
EVERYTHING = """
extensions:
  file_storage:
    directory: ${{env:QUEUE}}
    create_directory: true
receivers:
  kafka:
    brokers: ["{bootstrap}"]
    group_id: {topic}
    initial_offset: earliest
    traces: {{topics: [{topic}]}}
    dead_letter_topic: {topic}-dead
processors:
  probabilistic_sampler: {{sampling_percentage: 50}}
exporters:
  otlp:
    endpoint: 127.0.0.1:1
    tls: {{insecure: true}}
    sending_queue: {{storage: file_storage, queue_size: 1000}}
  otlphttp: {{endpoint: "http://127.0.0.1:1"}}
  elasticsearch:
    endpoint: http://127.0.0.1:1
    sending_queue: {{enabled: true, storage: file_storage}}
  kafka:
    brokers: ["{bootstrap}"]
    traces: {{topic: {topic}}}
service:
  extensions: [health_check, file_storage]
  pipelines:
    traces: {{receivers: [otlp], processors: [probabilistic_sampler], exporters: [kafka]}}
    traces/kafka: {{receivers: [kafka], exporters: [otlp]}}
    logs: {{receivers: [otlp], exporters: [elasticsearch]}}
    metrics: {{receivers: [otlp], exporters: [otlphttp]}}
"""


@pytest.fixture(scope="module")
def metrics(kafka, tmp_path_factory):
    """Every name in /metrics to the names of its labels, as Prometheus stores them."""
    topic = kafka.new_topic("dashboards", 1)
    kafka.create_topic(f"{topic}-dead", 1)
    directory = tmp_path_factory.mktemp("metrics")
    config = EVERYTHING.format(bootstrap=kafka.bootstrap, topic=topic)
    weir = Collector("weir", weir_binary(), config, directory, env={"QUEUE": directory / "queue"})
    try:
        weir.start()
        demo = ["send", "--endpoint", weir.grpc_endpoint, "--visits", "20", "--rate", "0", "--quiet"]
        subprocess.run([weir_binary(), *demo], check=True, timeout=60)
        wait_until(lambda: weir.metric("weir_exporter_held_items", exporter="otlp"), what="spans read from Kafka")
        return named_samples(requests.get(f"http://127.0.0.1:{weir.metrics_port}/metrics", timeout=10).text)
    finally:
        weir.kill()


def named_samples(text: str) -> dict:
    """Read by hand: the client library's parser gives counters a _total that Prometheus does not."""
    names = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels = re.match(r"(\w+)(?:\{(.*)\})? ", line).groups()
            names.setdefault(name, {"job", "instance"}).update(re.findall(r'(\w+)="', labels or ""))
    return names


def named_in(expression: str) -> set[str]:
    """The metrics of an expression; a pattern for names becomes all names it stands for, of metrics and of sums."""
    without_strings = re.sub(r'"[^"]*"', '""', expression)
    plain = set(re.findall(r"\b((?:weir|otelcol)[_:][a-z_:]*)", without_strings))
    for pattern in re.findall(r'__name__=~"([^"]*)"', expression):
        plain |= names_of_pattern(pattern)
    return plain


def names_of_pattern(pattern: str) -> set[str]:
    """What a pattern of alternatives without nesting stands for: a(b|c)|d is ab, ac and d."""
    alternatives = re.findall(r"((?:[^|()]|\([^)]*\))+)", pattern)
    names = set()
    for alternative in alternatives:
        match = re.fullmatch(r"([^()]*)(?:\(([^)]*)\))?([^()]*)", alternative)
        names |= {match[1] + middle + match[3] for middle in (match[2] or "").split("|")}
    return names


def labels_in(expression: str) -> set[str]:
    by = {label for inner in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in inner.split(", ")}
    matchers = {name for inner in re.findall(r"\{([^}]*)\}", expression) for name in re.findall(r"(\w+)=~?\"", inner)}
    return (by | matchers) - {"__name__"}


def every_expression() -> list:
    own = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]
    return own + [("grafana", text) for text in grafana_expressions()]


def test_names_in_patterns_are_found():
    assert named_in('sum ({__name__=~"weir_(a|b)_items|weir_c"}) + rate(weir:d:items[5m])') == {
        "weir_a_items",
        "weir_b_items",
        "weir_c",
        "weir:d:items",
    }


def test_a_real_weir_has_every_metric_and_label(metrics):
    recorded = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    missing = []
    for where, expression in every_expression():
        names = named_in(expression)
        assert names or where == "WeirDown", expression
        for name in set().union(*(named_in(recorded[name]) if name in recorded else {name} for name in names)):
            if name not in metrics:
                missing.append(f"{where}: {name}")
        known = set().union(*(metrics.get(name, set()) for name in names - set(recorded)))
        for name in names & set(recorded):
            known |= labels_in(recorded[name])
        if names:
            missing += [f"{where}: label {label}" for label in labels_in(expression) - known]
    assert not missing, "\n".join(missing)
