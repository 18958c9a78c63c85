# SPDX-License-Identifier: Apache-2.0
"""A real Elasticsearch that does not take everything: documents that do not fit the mapping, an index that is read-only, an
API key that was revoked. Good documents are stored once, bad ones become dead letters with the server's reason, and are
sent again once somebody has mended what was wrong."""

import subprocess

import pytest

from support.books import assert_balanced, printed_books, read_books
from support.collector import weir_binary
from support.elastic_chain import Stream
from support.load import HttpClient, numbered_logs
from support.process import wait_until

CONFIG = """
extensions:
  file_storage: {directory: "${env:QUEUE}", create_directory: true}
exporters:
  elasticsearch:
    endpoint: "${env:ELASTIC}"
    api_key: "${env:KEY:-}"
    logs_index: "logs-${env:STREAM}"
    sending_queue: {storage: file_storage, batch: {flush_timeout: 100ms}}
    retry: {initial_interval: 100ms, max_interval: 500ms}
service:
  extensions: [health_check, file_storage]
  pipelines:
    logs: {receivers: [otlp], exporters: [elasticsearch]}
"""
QUEUE = "queue", "elasticsearch", "log_records"


@pytest.fixture
def start(weir, tmp_path):
    return lambda stream, **env: weir(CONFIG, QUEUE=tmp_path / "queue", **stream.env, **env)


def send(program, numbers, texts=()):
    """One request of a record for each number; those in `texts` have a text for their number."""
    request = numbered_logs(numbers)
    for record in request.resource_logs[0].scope_logs[0].log_records:
        if record.attributes[0].value.int_value in texts:
            record.attributes[0].value.string_value = f"no. {record.attributes[0].value.int_value}"
    client = HttpClient(program, "logs")
    assert client.send(request.SerializeToString()).ok
    client.close()


def stored(stream) -> list:
    """What is in attributes.number of every document, sorted as texts."""
    return sorted(str(hit["_source"]["attributes"]["number"]) for hit in stream.documents())


def as_texts(numbers) -> list:
    return sorted(map(str, numbers))


def wait_until_empty(program):
    wait_until(lambda: read_books(program)[QUEUE]["on_disk"] == 0, 30, f"an empty queue:\n{program.tail()}")


def weir_command(*arguments) -> str:
    done = subprocess.run([weir_binary(), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_mapping_conflict_inside_a_batch_and_replay_once_it_is_mended(start, elasticsearch, tmp_path):
    stream = Stream(elasticsearch)
    program = start(stream)
    send(program, range(20), texts={3, 11})
    wait_until_empty(program)
    assert stored(stream) == as_texts(set(range(20)) - {3, 11})
    assert read_books(program)[QUEUE]["dead_lettered"] == 2
    assert program.metric("weir_deadletter_items", reason="refused") == 2
    letters = weir_command("deadletter", "cat", tmp_path / "queue")
    assert "document_parsing_exception" in letters + weir_command("deadletter", "ls", tmp_path / "queue")

    elasticsearch.put_template(stream.name, [f"logs-{stream.name}"], data_stream=True,
                               mappings={"properties": {"attributes": {"properties": {"number": {"type": "keyword"}}}}})
    elasticsearch.request("POST", f"/logs-{stream.name}/_rollover")
    weir_command("replay", tmp_path / "queue", "--to", program.grpc_endpoint)
    wait_until_empty(program)
    assert stored(stream) == as_texts([*set(range(20)) - {3, 11}, "no. 3", "no. 11"])
    program.stop_cleanly()
    assert_balanced(printed_books(program))


def test_an_index_that_is_read_only_for_a_while(start, elasticsearch):
    stream = Stream(elasticsearch)
    program = start(stream)
    send(program, range(5))
    wait_until_empty(program)
    elasticsearch.request("PUT", f"/logs-{stream.name}/_settings", {"index.blocks.write": True})
    send(program, range(5, 30))
    wait_until(lambda: program.metric("weir_elasticsearch_documents", fate="again") > 25, 30, "it is tried again")
    assert read_books(program)[QUEUE]["on_disk"] == 25
    elasticsearch.request("PUT", f"/logs-{stream.name}/_settings", {"index.blocks.write": False})
    wait_until_empty(program)
    assert stored(stream) == as_texts(range(30))
    assert read_books(program)[QUEUE]["dead_lettered"] == 0
    program.stop_cleanly()
    assert_balanced(printed_books(program))


def test_an_api_key_that_is_revoked(start, guarded_elasticsearch):
    stream, key = Stream(guarded_elasticsearch), guarded_elasticsearch.new_api_key()
    program = start(stream, KEY=key["encoded"])
    send(program, range(5))
    wait_until_empty(program)
    guarded_elasticsearch.revoke_api_key(key)
    send(program, range(5, 30))
    wait_until(lambda: "401" in program.output(), 30, "it says so")
    program.stop()
    again = start(stream, KEY=guarded_elasticsearch.new_api_key()["encoded"])
    wait_until(lambda: QUEUE in read_books(again), 10)
    wait_until_empty(again)
    assert stored(stream) == as_texts(range(30))
    assert read_books(again)[QUEUE]["dead_lettered"] == 0
    again.stop_cleanly()
    assert_balanced(printed_books(again))
