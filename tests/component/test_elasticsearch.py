# SPDX-License-Identifier: Apache-2.0
"""The elasticsearch exporter against an Elasticsearch that misbehaves: what was answered OK is there once, what is refused
is told or kept with the reason, and the books balance."""

import json
import random
import subprocess
import threading
import time

import grpc
import pytest

from support.books import assert_balanced, printed_books, read_books
from support.bulk_sink import JSON, Answer, BulkSink, error_answer, number_of, refused, turns
from support.collector import weir_binary
from support.ledger import Clients
from support.load import GrpcClient, HttpClient, numbered, numbered_logs, send_all
from support.process import free_port, wait_until

CONFIG = """
exporters:
  elasticsearch:
    endpoints: [{endpoints}]
    retry: {{initial_interval: 50ms, max_interval: 200ms}}
    sending_queue: {{num_consumers: 1}}
    {more}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [elasticsearch]}}
    logs: {{receivers: [otlp], exporters: [elasticsearch]}}
"""
ON_DISK = """
extensions:
  file_storage: {{directory: "{queue}", create_directory: true}}
exporters:
  elasticsearch:
    endpoint: {endpoint}
    retry: {{initial_interval: 50ms, max_interval: 200ms}}
    sending_queue: {{storage: file_storage, batch: {{sizer: items, min_size: {size}, max_size: {size}, flush_timeout: 100ms}}}}
    {more}
service:
  extensions: [health_check, file_storage]
  pipelines:
    logs: {{receivers: [otlp], exporters: [elasticsearch]}}
"""
HTML = {"Content-Type": "text/html"}
REJECTED = refused(429, "es_rejected_execution_exception", "rejected execution of coordinating operation")
READ_ONLY = refused(403, "cluster_block_exception", "index [logs-x] blocked by: [FORBIDDEN/8/index write (api)];")
MISMATCH = refused(400, "document_parsing_exception", "[1:9] failed to parse field [n] of type [long] in document with id 'x'",
                   caused_by={"type": "illegal_argument_exception", "reason": 'For input string: "x"'})


@pytest.fixture
def sink():
    with BulkSink() as sink:
        yield sink


def config_for(*endpoints, more=""):
    return CONFIG.format(endpoints=", ".join(endpoints), more=more)


def on_disk(sink_or_endpoint, queue, size=1000, more=""):
    endpoint = getattr(sink_or_endpoint, "endpoint", sink_or_endpoint)
    return ON_DISK.format(endpoint=endpoint, queue=queue, size=size, more=more)


def send(program, message, signal="logs", kind=GrpcClient, timeout=10):
    client = kind(program, signal)
    answer = client.send(message.SerializeToString(), timeout)
    client.close()
    return answer


def send_logs(program, numbers, **how):
    return send(program, numbered_logs(numbers), **how)


def stop_balanced(program, items="log_records"):
    program.stop_cleanly()
    books = printed_books(program)
    assert_balanced(books)
    return books["exporter", "elasticsearch", items]


def for_numbers(numbers, result):
    """on_document: this result for these numbers, always."""
    return lambda operation: result if number_of(operation.document) in numbers else None


# ---- what is sent ----


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_log_records_are_created_with_ids_of_their_own(weir, sink, compression):
    program = weir(config_for(sink.endpoint, more=f"compression: {compression}"))
    assert send_logs(program, range(1, 201)).ok
    [request] = sink.requests
    assert request.path == "/_bulk" and "items.*.status" in request.query["filter_path"][0]
    assert request.headers["content-type"] == "application/x-ndjson"
    assert request.headers.get("content-encoding") == ("gzip" if compression == "gzip" else None)
    assert request.headers["user-agent"].startswith("weir/")
    assert sink.numbers() == list(range(1, 201))
    assert len(set(request.ids)) == 200 and all(len(id_) == 27 for id_ in request.ids)
    assert {(operation.index, operation.action["require_data_stream"]) for operation in request.operations} == {
        ("logs-generic.otel-default", True)}
    assert program.metric("weir_elasticsearch_documents", fate="stored") == 200
    assert program.metric("weir_elasticsearch_requests", answer="2xx") == 1
    assert program.metric("weir_elasticsearch_sent_bytes") == len(request.raw)
    assert program.metric("weir_elasticsearch_document_bytes") >= len(request.raw)
    assert stop_balanced(program)["sent"] == 200


def test_spans_and_their_events_are_documents(weir, sink):
    message = numbered(range(1, 4))
    for name in "first", "second":
        message.resource_spans[0].scope_spans[0].spans[1].events.add(name=name, time_unix_nano=time.time_ns())
    program = weir(config_for(sink.endpoint))
    assert send(program, message, "traces").ok
    [request] = sink.requests
    assert sink.numbers() == [1, 2, 3]
    assert [operation.index for operation in request.operations] == [
        "traces-generic.otel-default", "traces-generic.otel-default", "logs-generic.otel-default",
        "logs-generic.otel-default", "traces-generic.otel-default"]
    assert [len(id_) for id_ in request.ids] == [27, 27, 32, 32, 27] and len(set(request.ids)) == 5
    assert stop_balanced(program, "spans")["sent"] == 3


def test_equal_records_are_documents_of_their_own(weir, sink):
    message = numbered_logs([7, 7, 7])
    program = weir(config_for(sink.endpoint))
    assert send(program, message).ok and send(program, message).ok
    assert sink.numbers() == [7] * 6 and sink.conflicts == 0


def test_without_document_ids_elasticsearch_makes_them(weir, sink):
    program = weir(config_for(sink.endpoint, more="document_id: none"))
    assert send_logs(program, [1, 2]).ok
    assert sink.requests[0].ids == [None, None] and sink.numbers() == [1, 2]


def test_id_and_pipeline_of_a_record(weir, sink):
    message = numbered_logs([1, 2])
    own = message.resource_logs[0].scope_logs[0].log_records[0].attributes
    own.add(key="elasticsearch.document_id").value.string_value = 'my "id"'
    own.add(key="elasticsearch.ingest_pipeline").value.string_value = "p1"
    program = weir(config_for(sink.endpoint, more="pipeline: for all/of it\n    logs_dynamic_id: {enabled: true}\n"
                                                  "    logs_dynamic_pipeline: {enabled: true}"))
    assert send(program, message).ok
    [request] = sink.requests
    assert request.ids[0] == 'my "id"' and len(request.ids[1]) == 27
    assert [operation.action.get("pipeline") for operation in request.operations] == ["p1", None]
    assert request.query["pipeline"] == ["for all/of it"]


def test_an_id_that_elasticsearch_does_not_take_hurts_only_its_record(weir, sink):
    message = numbered_logs([1, 2])
    message.resource_logs[0].scope_logs[0].log_records[0].attributes.add(
        key="elasticsearch.document_id").value.string_value = "x" * 513
    program = weir(config_for(sink.endpoint, more="logs_dynamic_id: {enabled: true}"))
    answer = send(program, message)
    assert answer.ok and answer.rejected == 1
    assert sink.numbers() == [2]
    assert program.metric("weir_elasticsearch_refused_documents", type="not_sent") == 1


def test_a_mode_that_is_not_allowed_is_refused_by_name(weir, sink):
    message = numbered_logs([1])
    message.resource_logs[0].scope_logs.add().CopyFrom(numbered_logs([2]).resource_logs[0].scope_logs[0])
    message.resource_logs[0].scope_logs[1].scope.attributes.add(key="elastic.mapping.mode").value.string_value = "ecs"
    program = weir(config_for(sink.endpoint, more="mapping: {allowed_modes: [otel, raw]}"))
    answer = send(program, message)
    assert answer.ok and answer.rejected == 1
    assert sink.numbers() == [1]
    assert 'mapping mode "ecs" of the scope' in program.output() and "not one of otel, raw" in program.output()


def test_the_mode_that_the_requests_metadata_asks_for(weir, sink):
    """Requests that ask for different modes are not put together."""
    program = weir(config_for(sink.endpoint, more="mapping: {mode: otel}") +
                   "receivers: {otlp: {protocols: {grpc: {include_metadata: true}}}}\n")
    body = numbered_logs([1]).SerializeToString()
    send_all(program, "logs", [body] * 3, metadata=(("x-elastic-mapping-mode", "none"),))
    send_all(program, "logs", [body] * 3)
    by_request = [{operation.index for operation in request.operations} for request in sink.requests]
    assert {"logs-generic-default"} in by_request and {"logs-generic.otel-default"} in by_request
    assert all(len(indices) == 1 for indices in by_request)
    with pytest.raises(grpc.RpcError):
        send_all(program, "logs", [body], metadata=(("x-elastic-mapping-mode", "nonsense"),))


@pytest.mark.parametrize("more, authorization", [
    ("user: ann\n    password: hush", "Basic YW5uOmh1c2g="),
    ("api_key: a2V5OnNlY3JldA==", "ApiKey a2V5OnNlY3JldA=="),
    ("headers: {Authorization: Custom hush, X-Tenant: blue}", "Custom hush"),
])
def test_who_asks(weir, sink, more, authorization):
    program = weir(config_for(sink.endpoint, more=more))
    assert send_logs(program, [1]).ok
    assert sink.requests[0].headers["authorization"] == authorization
    assert authorization.split()[1] not in program.output() and "hush" not in program.output()


# ---- each document's result ----


def test_only_what_was_not_taken_is_sent_again(weir, sink):
    rejected = {number: REJECTED for number in (3, 5, 8)}
    sink.on_document = lambda operation: rejected.pop(number_of(operation.document), None)
    program = weir(config_for(sink.endpoint))
    assert send_logs(program, range(1, 11)).ok
    first, second = sink.requests
    assert [number_of(operation.document) for operation in second.operations] == [3, 5, 8]
    assert set(second.ids) < set(first.ids)
    assert sink.numbers() == list(range(1, 11)) and sink.conflicts == 0
    assert program.metric("weir_elasticsearch_documents", fate="again") == 3
    assert stop_balanced(program)["sent"] == 10


def test_what_is_there_already_counts_as_stored(weir, sink):
    sink.on_answer = turns("reset")
    program = weir(config_for(sink.endpoint))
    assert send_logs(program, range(1, 6)).ok
    assert sink.numbers() == list(range(1, 6)) and sink.conflicts == 5
    assert program.metric("weir_elasticsearch_documents", fate="already_there") == 5
    assert program.metric("weir_elasticsearch_requests", answer="none") == 1
    assert stop_balanced(program)["sent"] == 5


def test_refusals_reach_the_client_as_a_partial_success(weir, sink):
    sink.on_document = for_numbers({2, 4}, MISMATCH)
    program = weir(config_for(sink.endpoint))
    answer = send_logs(program, range(1, 6), kind=HttpClient)
    assert answer.ok and answer.rejected == 2
    assert len(sink.requests) == 1 and sink.numbers() == [1, 3, 5]
    assert program.metric("weir_elasticsearch_refused_documents", type="document_parsing_exception") == 2
    assert "failed to parse field [n] of type [long]" in program.output()
    books = stop_balanced(program)
    assert books["sent"] == 3 and books["rejected"] == 2


def test_refused_and_sent_again_in_one_answer(weir, sink):
    again = turns(REJECTED)
    hooks = {2: lambda: MISMATCH, 3: again}
    sink.on_document = lambda operation: hooks.get(number_of(operation.document), lambda: None)()
    program = weir(config_for(sink.endpoint))
    answer = send_logs(program, range(1, 6))
    assert answer.ok and answer.rejected == 1
    assert [[number_of(operation.document) for operation in request.operations] for request in sink.requests] == [
        [1, 2, 3, 4, 5], [3]]
    assert sink.numbers() == [1, 3, 4, 5]
    books = stop_balanced(program)
    assert books["sent"] == 4 and books["rejected"] == 1


def test_no_more_are_refused_than_were_sent_when_two_exporters_refuse_the_same(weir, sink):
    sink.on_document = for_numbers({2, 3, 4, 5}, MISMATCH)
    config = config_for(sink.endpoint).replace("logs: {receivers: [otlp], exporters: [elasticsearch]}",
                                               "logs: {receivers: [otlp], exporters: [elasticsearch, elasticsearch/2]}")
    config = config.replace("\nservice:", f"\n  elasticsearch/2: {{endpoint: '{sink.endpoint}', logs_index: other}}\nservice:")
    program = weir(config)
    answer = send_logs(program, range(1, 6), kind=HttpClient)
    assert answer.ok and answer.rejected == 5
    assert sink.numbers() == [1, 1]
    stop_balanced(program)


def test_all_refused_are_not_halved(weir, sink):
    sink.on_document = for_numbers(range(1, 100), MISMATCH)
    program = weir(config_for(sink.endpoint))
    answer = send_logs(program, range(1, 6), kind=HttpClient)
    assert not answer.ok or answer.rejected == 5
    assert len(sink.requests) == 1
    assert stop_balanced(program)["rejected"] == 5


def test_with_a_disk_queue_refusals_are_dead_letters_with_their_reasons(weir, sink, tmp_path):
    blocked = refused(403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)];")
    results = {2: MISMATCH, 4: refused(400, "illegal_argument_exception", "limit of total fields [1000] has been exceeded"),
               5: MISMATCH}
    block = turns(blocked)
    sink.on_document = lambda operation: results.get(number_of(operation.document)) or (
        block() if number_of(operation.document) == 6 else None)
    program = weir(on_disk(sink, tmp_path / "queue", size=6))
    for number in range(1, 7):
        assert send_logs(program, [number]).ok
    wait_until(lambda: read_books(program)["queue", "elasticsearch", "log_records"]["on_disk"] == 0, 10, "the queue is empty")
    assert sink.numbers() == [1, 3, 6]
    listed = subprocess.run([weir_binary(), "deadletter", "ls", tmp_path / "queue"], capture_output=True, text=True,
                            timeout=20, check=True).stdout
    by_reason = {line for line in listed.splitlines() if line.startswith("elasticsearch: ")}
    assert len(by_reason) == 2, listed
    assert any("2 records (2 log" in line and "failed to parse field [n]" in line and "For input string" in line
               for line in by_reason), listed
    assert any("1 record (1 log" in line and "limit of total fields" in line for line in by_reason), listed
    books = stop_balanced(program)
    assert books["sent"] == 3 and books["rejected"] == 3


def test_an_event_that_is_refused_refuses_its_span(weir, sink):
    message = numbered([1, 2])
    message.resource_spans[0].scope_spans[0].spans[0].events.add(name="bad", time_unix_nano=time.time_ns())
    sink.on_document = lambda operation: MISMATCH if operation.document.get("event_name") == "bad" else None
    program = weir(config_for(sink.endpoint))
    answer = send(program, message, "traces")
    assert answer.ok and answer.rejected == 1
    assert stop_balanced(program, "spans")["rejected"] == 1


def test_the_failure_store_is_not_delivery(weir, sink):
    sink.on_document = for_numbers({2}, {"status": 201, "failure_store": "used"})
    program = weir(config_for(sink.endpoint))
    assert send_logs(program, [1, 2, 3]).ok
    assert len(sink.requests) == 1
    assert program.metric("weir_elasticsearch_documents", fate="set_aside") == 1
    assert stop_balanced(program)["sent"] == 2


def test_a_refused_document_is_shown_if_that_is_asked_for(weir, sink):
    sink.on_document = for_numbers({2}, MISMATCH)
    program = weir(config_for(sink.endpoint, more="telemetry: {log_failed_docs_input: true}") +
                   "  telemetry: {logs: {level: debug}}\n")
    assert send_logs(program, [1, 2, 3]).rejected == 1
    [line] = [line for line in program.output().splitlines() if "a refused document: {" in line]
    assert number_of(json.loads(line[line.index("{"):])) == 2


# ---- answers to the whole request ----


@pytest.mark.parametrize("answer", [
    error_answer(429, "es_rejected_execution_exception", "busy", Retry_After="0"),
    error_answer(503, "cluster_block_exception", "no master"),
    Answer(500, b"{}"),
    Answer(502, b"<html>Bad Gateway</html>", HTML),
    Answer(200, b"", JSON, cut_at=0),
    Answer(200, b'{"errors":false,"items":[{"create":{"sta', JSON),
    "close",
    "reset",
], ids=["429", "503", "500", "502", "empty", "cut", "close", "reset"])
def test_a_request_that_fails_is_sent_again(weir, sink, answer):
    sink.on_request = turns(answer)
    program = weir(config_for(sink.endpoint))
    assert send_logs(program, range(1, 6)).ok
    assert sink.numbers() == list(range(1, 6))
    assert len(sink.requests) >= 2
    assert stop_balanced(program)["sent"] == 5


@pytest.mark.parametrize("cut_at", [1, 100, -3])
def test_an_answer_that_ends_early_is_no_loss_and_no_double(weir, sink, cut_at):
    cuts = turns(True)
    sink.on_answer = lambda _request, answer: Answer(200, answer.body, cut_at=cut_at) if cuts() else None
    program = weir(config_for(sink.endpoint))
    assert send_logs(program, range(1, 6)).ok
    assert sink.numbers() == list(range(1, 6)) and sink.conflicts >= 1
    assert stop_balanced(program)["sent"] == 5


def test_fewer_results_than_documents(weir, sink):
    """What the answer does not tell of is sent again, whatever has become of it."""
    def two_only(_request, answer):
        body = json.loads(answer.body)
        return Answer(200, json.dumps({**body, "items": body["items"][:2]}).encode())

    cuts = turns(two_only)
    sink.on_answer = lambda request, answer: (cuts() or (lambda *_: None))(request, answer)
    program = weir(config_for(sink.endpoint))
    assert send_logs(program, range(1, 6)).ok
    assert [number_of(operation.document) for operation in sink.requests[1].operations] == [3, 4, 5]
    assert sink.numbers() == list(range(1, 6)) and sink.conflicts == 3


@pytest.mark.parametrize("body, headers", [(b"", {}), (b"<html>413 Request Entity Too Large</html>", HTML)])
def test_too_large_a_request_is_cut_in_two(weir, sink, body, headers):
    def at_most_three(request):
        return Answer(413, body, headers) if len(request.operations) > 3 else None

    sink.on_request = at_most_three
    program = weir(config_for(sink.endpoint))
    assert send_logs(program, range(1, 11)).ok
    assert sink.numbers() == list(range(1, 11))
    assert stop_balanced(program)["sent"] == 10


def test_a_request_that_grows_too_large_is_cut_and_those_after_it_are_not(weir, sink):
    """Each document repeats its resource: from 100 KB on the wire come more than 32 MiB."""
    program = weir(config_for(sink.endpoint), start=False)
    program.argv += ["--workers", "1"]
    program.start()
    message = numbered_logs(range(1, 1001))
    message.resource_logs[0].resource.attributes.add(key="large").value.string_value = "x" * 40_000
    assert send(program, message).ok
    assert [len(request.operations) for request in sink.requests] == [500, 500]
    assert send_logs(program, range(1001, 5001)).ok
    assert [len(request.operations) for request in sink.requests[2:]] == [4000]
    assert sink.numbers() == list(range(1, 5001))
    assert stop_balanced(program)["sent"] == 5000


@pytest.mark.parametrize("answer, words", [
    (error_answer(401, "security_exception", "unable to authenticate user [elastic]"), "unable to authenticate"),
    (error_answer(403, "security_exception", "action [indices:data/write/bulk] is unauthorized"), "is unauthorized"),
    (error_answer(404, "resource_not_found_exception", "no handler"), "no handler"),
    (Answer(302, b"", {"Location": "https://login/"}), "302"),
    (Answer(200, b"<html>Welcome to nginx</html>", HTML), ""),
], ids=["401", "403", "404", "302", "html"])
def test_what_a_person_has_to_mend_is_loud_and_loses_nothing(weir, sink, answer, words):
    mended = threading.Event()
    sink.on_request = lambda _request: None if mended.is_set() else answer
    program = weir(config_for(sink.endpoint))
    result = []
    sender = threading.Thread(target=lambda: result.append(send_logs(program, [1, 2])))
    sender.start()
    wait_until(lambda: "the backend cannot be used" in program.output(), 10, "it is loud")
    assert words in program.output()
    mended.set()
    sender.join()
    assert result[0].ok and sink.numbers() == [1, 2]


# ---- nodes ----


def test_a_dead_node_is_passed_over_at_once(weir, sink):
    program = weir(config_for(f"http://127.0.0.1:{free_port()}", sink.endpoint))
    for number in range(1, 9):
        assert send_logs(program, [number]).ok
    assert sink.numbers() == list(range(1, 9))
    assert program.metric("otelcol_exporter_in_flight_requests", data_type="logs") == 0
    assert program.metric("weir_exporter_retries", data_type="logs") == 0, "within the same attempt"
    assert stop_balanced(program)["sent"] == 8


def test_a_node_that_is_overloaded_is_passed_over(weir, sink):
    with BulkSink() as busy:
        busy.on_request = lambda _request: error_answer(503, "no_master", "no master")
        program = weir(config_for(busy.endpoint, sink.endpoint))
        for number in range(1, 9):
            assert send_logs(program, [number]).ok
        assert sink.numbers() == list(range(1, 9)) and not busy.documents
        assert program.metric("weir_exporter_retries", data_type="logs") == 0


def test_all_nodes_down_is_back_pressure_until_one_is_back(weir):
    ports = free_port(), free_port()
    program = weir(config_for(*(f"http://127.0.0.1:{port}" for port in ports)))
    answer = send_logs(program, [1], timeout=3)
    assert answer.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
    with BulkSink(ports[1]) as sink:
        wait_until(lambda: send_logs(program, [2]).ok, 20, "it is found again")
        assert 2 in sink.numbers()
        stop_balanced(program)


def test_nodes_are_discovered(weir, sink):
    with BulkSink(nodes=[f"127.0.0.1:{sink.port}"]) as seed:
        program = weir(config_for(seed.endpoint, more="discover: {on_start: true}"))
        wait_until(lambda: "nodes were discovered" in program.output(), 10, "it asks")
        assert send_logs(program, [1, 2]).ok
        assert sink.numbers() == [1, 2] and not seed.documents


# ---- what servers differ in ----


def test_a_server_that_does_not_know_require_data_stream(weir):
    with BulkSink(knows_require_data_stream=False) as sink:
        program = weir(config_for(sink.endpoint))
        assert send_logs(program, [1, 2]).ok and send_logs(program, [3]).ok
        assert sink.numbers() == [1, 2, 3]
        assert ["require_data_stream" in request.operations[0].action for request in sink.requests] == [True, False, False]
        assert program.metric("weir_exporter_retries", data_type="logs") == 0
        assert "does not know require_data_stream" in program.output()


# ---- when weir ends ----


def test_killed_in_the_middle_each_document_is_there_once(weir, sink, tmp_path):
    """The answers to the first requests never arrive: what they stored is sent again after the kill."""
    seen = threading.Semaphore(0)

    def say_nothing(_request, _answer):
        seen.release()
        threading.Event().wait(30)

    sink.on_answer = say_nothing
    program = weir(on_disk(sink, tmp_path / "queue", size=10))
    for first in range(1, 101, 10):
        assert send_logs(program, range(first, first + 10)).ok
    assert seen.acquire(timeout=10)
    program.kill()
    stored = len(sink.documents)
    assert stored > 0
    sink.on_answer = None
    program.start()
    wait_until(lambda: read_books(program)["queue", "elasticsearch", "log_records"]["on_disk"] == 0, 20, "the queue is empty")
    assert sink.numbers() == list(range(1, 101)) and sink.conflicts >= stored
    stop_balanced(program)


@pytest.mark.parametrize("workers", [1, 3])
def test_whatever_goes_wrong_each_document_is_there_once(weir, sink, tmp_path, workers):
    """Requests and single documents fail at random, answers are lost after the documents were stored, one of two nodes is
    away: nothing is lost, and nothing is there twice."""
    chance = random.Random(workers)
    failures = ["close", "reset", Answer(503, b"{}"), Answer(502, b"<html>Bad Gateway</html>", HTML),
                error_answer(429, "es_rejected_execution_exception", "busy")]
    sink.on_request = lambda _request: chance.choice(failures) if chance.random() < 0.2 else None
    sink.on_document = lambda _operation: REJECTED if chance.random() < 0.02 else None
    sink.on_answer = lambda _request, answer: chance.choice(
        ["close", "reset", Answer(200, answer.body, cut_at=len(answer.body) // 2)]) if chance.random() < 0.2 else None
    config = on_disk(sink, tmp_path / "queue", size=100).replace(f"endpoint: {sink.endpoint}",
                                                              f"endpoints: [{sink.endpoint}, 'http://127.0.0.1:{free_port()}']")
    config += "    traces: {receivers: [otlp], exporters: [elasticsearch]}\n"
    program = weir(config, start=False)
    program.argv += ["--workers", str(workers)]
    program.start()
    with Clients(program, clients=8, items=20) as clients:
        time.sleep(2)
        clients.stop()
    sink.on_request = sink.on_document = sink.on_answer = None
    for items in "spans", "log_records":
        wait_until(lambda: read_books(program)["queue", "elasticsearch", items]["on_disk"] == 0, 30, "the queue is empty")
    sent = sorted(number for request in clients.requests for number in request.numbers)
    assert not any(request.unanswered for request in clients.requests), "then doubles would be rightful"
    assert sink.numbers() == sent and sink.conflicts > 0
    assert stop_balanced(program)["rejected"] == 0


def test_stopping_waits_for_a_slow_answer(weir, sink):
    def slowly(_request, _answer):
        time.sleep(1)

    sink.on_answer = slowly
    program = weir(config_for(sink.endpoint))
    result = []
    sender = threading.Thread(target=lambda: result.append(send_logs(program, [1])))
    sender.start()
    wait_until(lambda: sink.requests, 10, "it is under way")
    assert stop_balanced(program)["sent"] == 1
    sender.join()
    assert sink.numbers() == [1]


# ---- one index that takes nothing ----


def test_an_index_that_is_blocked_holds_up_no_other(weir, sink, tmp_path):
    """A tenth of all records goes to an index that takes none of them: the others are stored as if it were not there."""
    def of_blocked(number):
        return number % 10 == 0

    sink.on_document = lambda operation: READ_ONLY if of_blocked(number_of(operation.document)) else None
    program = weir(on_disk(sink, tmp_path / "queue", size=100))
    numbers = range(1, 5001)
    for start in range(0, len(numbers), 500):
        assert send_logs(program, numbers[start:start + 500]).ok
    fine = [number for number in numbers if not of_blocked(number)]
    wait_until(lambda: sink.numbers() == fine, 10, "everything else is stored")
    sink.on_document = None
    wait_until(lambda: sink.numbers() == list(numbers), 20, "and the rest once it may be")
    assert sink.conflicts == 0
    assert stop_balanced(program)["rejected"] == 0


# ---- what it refuses ----


def test_metrics_are_refused_at_start(weir, sink):
    program = weir(config_for(sink.endpoint) + "    metrics: {receivers: [otlp], exporters: [elasticsearch]}\n", start=False)
    program.start(ready=lambda: True)
    wait_until(lambda: not program.running, 10, "it refuses to start")
    assert program.child.returncode == 1
    assert "elasticsearch does not take metrics; leave it out of this pipeline, and send them to a backend" in program.output()
