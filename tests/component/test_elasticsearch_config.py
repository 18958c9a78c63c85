# SPDX-License-Identifier: Apache-2.0
"""The elasticsearch exporter's configuration as `weir validate` sees it: places, words, secrets, and what an OK means."""

import os
import subprocess

import pytest

from support.collector import weir_binary

CONFIG = """\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
exporters:
  elasticsearch:
    {settings}
extensions:
  file_storage: {{directory: queue}}
service:
  extensions: [file_storage]
  pipelines:
    {signal}: {{receivers: [otlp], exporters: [elasticsearch]}}
"""
FIRST_LINE = 8  # of the exporter's settings


@pytest.fixture
def validate(tmp_path):
    """validate(settings, signal, NAME=value…): runs weir validate; .returncode, .stdout, .stderr."""

    def run_weir(settings: str, signal: str = "logs", **env):
        text = CONFIG.format(settings=settings.replace("\n", "\n    "), signal=signal)
        (tmp_path / "weir.yaml").write_text(text)
        environment = {name: value for name, value in os.environ.items() if name != "ELASTICSEARCH_URL"}
        return subprocess.run([weir_binary(), "validate", "--config", "weir.yaml"], capture_output=True, text=True,
                              timeout=15, cwd=tmp_path, env={**environment, **env}, check=False)

    return run_weir


@pytest.mark.parametrize("settings, line, message", [
    ("endpoint: elasticsearch:9200", 1, "write http://host:port or https://host:port"),
    ("user: ann\npassword: b", 0, "exactly one of endpoint, endpoints and cloudid must be written"),
    ("endpoint: https://es\nendpoints: [https://es2]", 2, "only one of endpoint, endpoints and cloudid"),
    ("endpoint: https://es\nuser: ann\npassword: b\napi_key: VFR2", 4, "only one of user and password, api_key"),
    ("endpoint: https://es\nmapping: {mode: otell}", 2, 'did you mean "otel"?'),
    ("endpoint: https://es\nmapping:\n  mode: otel\n  allowed_modes: [ecs]", 3, "not in allowed_modes"),
    ("endpoint: https://es\nlogs_index: Logs", 2, 'no index can have the name "Logs"'),
    ("endpoint: https://es\nlogs_index: logs\nlogs_dynamic_index: {enabled: true}", 2, "contradict"),
    ("endpoint: https://es\nlogstash_format: {enabled: true, date_format: '%B'}", 2, "%B"),
    ("endpoint: https://es\ncompression: zstd", 2, "gzip"),
    ("endpoint: https://es\nmaping: {mode: otel}", 2, 'did you mean "mapping"?'),
])
def test_a_mistake_is_named_with_its_place(validate, settings, line, message):
    done = validate(settings)
    assert done.returncode == 1 and done.stdout == ""
    place = f"weir.yaml:{FIRST_LINE - 1 + line}:" if line else "weir.yaml:"
    assert any(text.startswith(place) and message in text for text in done.stderr.splitlines()), done.stderr


@pytest.mark.parametrize("settings, signal, message", [
    ("endpoint: https://es", "metrics", "elasticsearch does not take metrics"),
    ("{endpoint: https://es, mapping: {mode: bodymap}}", "traces", "elasticsearch has no endpoint for traces, or a mode without any"),
])
def test_signals_that_cannot_become_documents_are_refused_at_the_start(validate, settings, signal, message):
    done = validate(settings, signal)
    assert done.returncode == 1 and message in done.stderr, done.stderr


@pytest.mark.parametrize("settings", [
    "endpoint: https://ann:hidden@es:9200",
    "endpoint: ftp://ann:hidden@es:9200",
    "endpoint: https://es:9200/?key=hidden",
    "endpoints: ['https://ann:hidden@es1', 'https://ann:hidden@es2']",
    "{endpoint: 'https://es', user: ann, password: hidden}",
    "{endpoint: 'https://es', api_key: hidden}",
    "{endpoint: 'https://es', api_key: 'id:hidden'}",
    "{endpoint: 'http://es', headers: {X-Api-Key: hidden}}",
])
def test_secrets_are_shown_nowhere(validate, settings):
    done = validate(settings)
    assert "hidden" not in done.stdout + done.stderr


def test_credentials_in_clear_text_are_warned_of(validate):
    clear = validate("{endpoint: 'http://es:9200', api_key: VFR2}")
    assert clear.returncode == 0 and "in clear text" in clear.stderr
    for endpoint in "http://127.0.0.1:9200", "https://es:9200":
        assert "in clear text" not in validate(f"{{endpoint: '{endpoint}', api_key: VFR2}}").stderr


def test_urls_may_come_from_the_environment(validate):
    assert validate("{}", ELASTICSEARCH_URL="http://localhost:9200,http://localhost:9201").returncode == 0
    done = validate("{}", ELASTICSEARCH_URL="http://localhost:9200,nonsense")
    assert done.returncode == 1 and "ELASTICSEARCH_URL" in done.stderr and "nonsense" in done.stderr


@pytest.mark.parametrize("settings, promise", [
    ("endpoint: https://es", "OK means Elasticsearch has the data"),
    ("{endpoint: https://es, sending_queue: {storage: file_storage}}", "kept until Elasticsearch has the data"),
    ("{endpoint: https://es, sending_queue: {storage: file_storage}, retry: {max_elapsed_time: 1h}}", "in the dead letters when retries end"),
    ("{endpoint: https://es, sending_queue: {wait_for_result: false}}", "OK means in memory"),
])
def test_validate_says_what_an_ok_means(validate, settings, promise):
    done = validate(settings)
    assert done.returncode == 0, done.stderr
    assert promise in done.stdout


def test_a_file_of_the_collectors_with_every_key_is_taken(validate):
    """The keys of its testdata/config.yaml and README, with values that weir takes."""
    done = validate("""\
endpoints: [https://elastic.example.com:9200]
timeout: 2m
headers: {myheader: test}
logs_index: ""
logs_dynamic_index: {enabled: false}
metrics_index: my_metric_index
metrics_dynamic_index: {enabled: false}
traces_index: trace_index
traces_dynamic_index: {enabled: false}
pipeline: mypipeline
user: elastic
password: search
discover: {on_start: true, interval: 1m}
retry:
  max_retries: 5
  retry_on_status: [429, 500]
  retry_on_document_status: [429]
sending_queue:
  enabled: true
  sizer: requests
  num_consumers: 10
  queue_size: 10
  block_on_overflow: true
  batch: {flush_timeout: 10s, min_size: 1000000, max_size: 5000000, sizer: bytes}
flush: {bytes: 10485760, interval: 30s}
num_workers: 2
mapping: {mode: none, allowed_modes: [none, otel]}
logstash_format: {enabled: true, prefix_separator: "-", date_format: "%Y.%m.%d"}
logs_dynamic_id: {enabled: false}
traces_dynamic_id: {enabled: false}
logs_dynamic_pipeline: {enabled: false}
telemetry: {log_request_body: true, log_response_body: true, log_failed_docs_input: true, log_failed_docs_input_rate_limit: 1s}
include_source_on_error: false
bulk_response_filter_path: items
suppress_conflict_errors: true
metadata_keys: [x-tenant]
compression: gzip
compression_params: {level: 1}
max_idle_conns: 10
tls: {insecure: false}
""")
    assert done.returncode == 0, done.stderr
