# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON: what weir makes of a text is what the OpenTelemetry Collector makes of it. 2,000 generated requests of every
signal in all the forms that clients write, round trips, every odd case by hand, and texts that are broken at random.
What differs is listed here, and in docs/differences.md with its reason."""

import http.client
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from support.collector import Collector, collector_binary, weir_binary
from support.generate import REQUESTS, Generator
from support.http_sink import HttpSink
from support.messages import as_the_collector_has_it, frames
from support.otlp_json import JsonWriter

REQUESTS_PER_SIGNAL = 2000
ON_THE_WAY_PER_SIGNAL = 200
BROKEN_MESSAGES = 40  # of every signal, each broken in so many ways:
BROKEN_WAYS = 20
SEED = 20261123

TO_FILES = """
exporters:
  file/traces: {{path: {folder}/traces, format: {format}}}
  file/metrics: {{path: {folder}/metrics, format: {format}}}
  file/logs: {{path: {folder}/logs, format: {format}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [file/traces]}}
    metrics: {{receivers: [otlp], exporters: [file/metrics]}}
    logs: {{receivers: [otlp], exporters: [file/logs]}}
"""

TO_SINK = """
exporters:
  otlphttp:
    endpoint: ${env:SINK}
    compression: none
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlphttp]}
    metrics: {receivers: [otlp], exporters: [otlphttp]}
    logs: {receivers: [otlp], exporters: [otlphttp]}
"""

PROTOBUF = {"Content-Type": "application/x-protobuf"}
CANNOT_SAY = b'{"code": 13, "message": "failed to marshal error message"}'
DIFFERENCES = Path(__file__).resolve().parents[2] / "docs" / "differences.md"


class Client:
    """One connection; JSON goes out, the status comes back. Every answer must be JSON, and leave the connection open."""

    def __init__(self, program):
        self.connection = http.client.HTTPConnection("127.0.0.1", program.http_port, timeout=30)
        self.connection.connect()

    def send(self, signal: str, text: bytes) -> int:
        self.connection.request("POST", f"/v1/{signal}", text, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        self.said = answer.read()
        assert answer.getheader("content-type") == "application/json"
        assert json.loads(self.said).keys() <= {"partialSuccess", "code", "message"}
        return answer.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


# ---- generated requests ----


def generated(signal: str) -> tuple[list, list]:
    """Messages, and for each a text that means it."""
    generator, writer = Generator(f"{SEED} {signal}"), JsonWriter(f"{SEED} {signal}")
    bodies = [generator.request(signal) for _ in range(REQUESTS_PER_SIGNAL)]
    texts = [writer.text(REQUESTS[signal].FromString(body)).encode("utf-8") for body in bodies]
    return bodies, texts


def write(run, folder, form: str, texts: dict) -> dict:
    """What is in the files of one program once it has had all the texts, one after the other, and has ended."""
    folder.mkdir()
    program = run(TO_FILES.format(folder=folder, format=form))
    for signal, of_signal in texts.items():
        with Client(program) as client:
            for number, text in enumerate(of_signal):
                status = client.send(signal, text)
                assert status == 200, f"{program.name}, {signal} {number}: {client.said}\n{text[:2000]}"
    program.stop_cleanly()
    return {signal: (folder / signal).read_bytes() for signal in texts}


@pytest.fixture(scope="module")
def sent_of() -> dict:
    return {signal: generated(signal) for signal in REQUESTS}


def has_items(signal: str, body: bytes) -> bool:
    """Requests without items are answered OK and go nowhere, in both."""
    message = REQUESTS[signal].FromString(body)
    if signal == "traces":
        return any(scope.spans for resource in message.resource_spans for scope in resource.scope_spans)
    if signal == "logs":
        return any(scope.log_records for resource in message.resource_logs for scope in resource.scope_logs)
    metrics = [one for resource in message.resource_metrics for scope in resource.scope_metrics for one in scope.metrics]
    return any(getattr(metric, metric.WhichOneof("data")).data_points for metric in metrics if metric.WhichOneof("data"))


def test_json_becomes_the_same_protobuf_as_in_the_collector(weir, collector, tmp_path, sent_of):
    texts = {signal: of_signal for signal, (_, of_signal) in sent_of.items()}
    ours = write(weir, tmp_path / "ours", "proto", texts)
    theirs = write(collector, tmp_path / "theirs", "proto", texts)
    for signal, message in REQUESTS.items():
        sent = [pair for pair in zip(*sent_of[signal]) if has_items(signal, pair[0])]
        our_frames, their_frames = frames(ours[signal]), frames(theirs[signal])
        assert len(sent) == len(our_frames) == len(their_frames) > REQUESTS_PER_SIGNAL * 0.8
        for (body, text), our_frame, their_frame in zip(sent, our_frames, their_frames):
            found = as_the_collector_has_it(message, our_frame)
            assert found == as_the_collector_has_it(message, their_frame), f"{signal}: {text[:4000]}"
            assert found == as_the_collector_has_it(message, body), f"{signal}: {text[:4000]}"


def test_json_that_weir_writes_comes_back_unchanged(weir, tmp_path, sent_of):
    """JSON in any form -> weir -> its JSON -> weir -> the same JSON, byte for byte."""
    texts = {signal: of_signal for signal, (_, of_signal) in sent_of.items()}
    first = write(weir, tmp_path / "first", "json", texts)
    lines = {signal: data.splitlines() for signal, data in first.items()}
    assert all(len(of_signal) > REQUESTS_PER_SIGNAL * 0.8 for of_signal in lines.values())
    assert write(weir, tmp_path / "second", "json", lines) == first


@pytest.mark.parametrize("names", [("weir", "weir"), ("weir", "collector"), ("collector", "weir")], ids="-to-".join)
def test_json_on_the_way_from_one_to_the_other(request, names, sent_of):
    """Protobuf -> the one -> JSON, as its otlphttp exporter writes it -> the other -> protobuf."""
    run_first, run_second = (request.getfixturevalue(name) for name in names)
    with HttpSink() as sink:
        second = run_second(TO_SINK, SINK=sink.endpoint)
        first = run_first(TO_SINK.replace("compression: none", "encoding: json"), SINK=second.http_endpoint)
        for signal, message in REQUESTS.items():
            bodies = [body for body in sent_of[signal][0] if has_items(signal, body)][:ON_THE_WAY_PER_SIGNAL]
            with requests.Session() as session:
                for body in bodies:
                    answer = session.post(f"{first.http_endpoint}/v1/{signal}", body, headers=PROTOBUF, timeout=30)
                    assert answer.status_code == 200, answer.content
            arrived = [kept.raw for kept in sink.kept if kept.path == f"/v1/{signal}"]
            assert len(arrived) == len(bodies)
            for body, found in zip(bodies, arrived):
                assert as_the_collector_has_it(message, found) == as_the_collector_has_it(message, body)
        assert second.metric("otelcol_receiver_accepted_spans", transport="http") > 0


# ---- odd cases ----


@dataclass(frozen=True)
class Both:
    """Weir and the Collector, each in front of a sink of its own."""

    clients: list
    sinks: list

    def outcomes(self, signal: str, text: bytes) -> list:
        """What each makes of it: "refused", "nothing" when there are no items, or the message."""
        return [self._outcome(client, sink, signal, text) for client, sink in zip(self.clients, self.sinks)]

    @staticmethod
    def _outcome(client, sink, signal, text):
        sink.kept.clear()
        status = client.send(signal, text)
        # The Collector answers 500 when what it says about a text is no UTF-8.
        assert status in (200, 400) or client.said == CANNOT_SAY, client.said
        if status != 200:
            return "refused"
        return as_the_collector_has_it(REQUESTS[signal], sink.kept[0].raw) if sink.kept else "nothing"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    directory = tmp_path_factory.mktemp("json")
    sinks = [HttpSink(), HttpSink()]
    runs = [Collector(name, binary(), TO_SINK, directory, env={"SINK": sink.endpoint})
            for (name, binary), sink in zip((("weir", weir_binary), ("collector", collector_binary)), sinks)]
    try:
        for run in runs:
            run.start()
        with Client(runs[0]) as ours, Client(runs[1]) as theirs:
            yield Both([ours, theirs], sinks)
        runs[0].stop_cleanly()
    finally:
        for run in runs:
            run.kill()
        for sink in sinks:
            sink.__exit__()


def span(members: str) -> tuple:
    return "traces", '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"s",%s}]}]}]}' % members


def log(members: str) -> tuple:
    return "logs", '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"s",%s}]}]}]}' % members


def value(text: str) -> tuple:
    return log(f'"body":{text}')


def metric(members: str) -> tuple:
    return "metrics", '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m",%s}]}]}]}' % members


def point(members: str) -> tuple:
    return metric(f'"gauge":{{"dataPoints":[{{{members}}}]}}')


@dataclass(frozen=True)
class Differs:
    """What weir and the Collector make of it: "refused", "nothing", or words that are in the message."""

    sent: tuple
    ours: str
    theirs: str


SAME = {
    "enum by name": span('"kind":"SPAN_KIND_SERVER"'),
    "enum by an unknown name": span('"kind":"SPAN_KIND_LATER"'),
    "enum by a short name": span('"kind":"SERVER"'),
    "enum by its number as text": span('"kind":"2"'),
    "enum by an unknown number": span('"kind":77'),
    "enum by a negative number": span('"kind":-1'),
    "enum by a fraction": span('"kind":1.5'),
    "enum as true": span('"kind":true'),
    "status by name": span('"status":{"code":"STATUS_CODE_ERROR","message":"m"}'),
    "severity by name": log('"severityNumber":"SEVERITY_NUMBER_WARN2"'),
    "temporality by name": metric('"sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","dataPoints":[{"asInt":1}]}'),
    "names in snake case": span('"start_time_unix_nano":5,"parent_span_id":"0102030405060708","dropped_links_count":"3"'),
    "names in another case": span('"Kind":2,"KIND":3'),
    "a name with an escape": span('"k\\u0069nd":2'),
    "int64 as a number": value('{"intValue":-9223372036854775808}'),
    "int64 as text": value('{"intValue":"9223372036854775807"}'),
    "int64 too large": value('{"intValue":9223372036854775808}'),
    "int64 too large as text": value('{"intValue":"-9223372036854775809"}'),
    "int64 as a fraction": value('{"intValue":1.5}'),
    "int64 as an empty text": value('{"intValue":""}'),
    "int64 as text with blanks": value('{"intValue":" 1"}'),
    "int64 as text with a plus": value('{"intValue":"+1"}'),
    "int64 as text with zeros": value('{"intValue":"007"}'),
    "int64 as text in hex": value('{"intValue":"0x10"}'),
    "int64 as text with underscores": value('{"intValue":"1_000"}'),
    "int64 as minus zero": value('{"intValue":-0}'),
    "int64 as text minus zero": value('{"intValue":"-0"}'),
    "int64 as a lone minus": value('{"intValue":-}'),
    "int64 with leading zeros": value('{"intValue":007}'),
    "int64 as true": value('{"intValue":true}'),
    "int64 as an object": value('{"intValue":{}}'),
    "int64 with escapes": value('{"intValue":"\\u0031"}'),
    "uint64 at its end": span('"startTimeUnixNano":18446744073709551615'),
    "uint64 too large": span('"startTimeUnixNano":18446744073709551616'),
    "uint64 negative": span('"startTimeUnixNano":-1'),
    "uint64 negative as text": span('"startTimeUnixNano":"-1"'),
    "uint32 too large": span('"flags":4294967296'),
    "uint32 too large as text": span('"flags":"4294967296"'),
    "int32 too large": metric('"exponentialHistogram":{"dataPoints":[{"scale":2147483648}]}'),
    "int32 at its end": metric('"exponentialHistogram":{"dataPoints":[{"scale":-2147483648,"positive":{"offset":"-2147483648"}}]}'),
    "a list of counts": metric('"histogram":{"dataPoints":[{"bucketCounts":["1",2],"explicitBounds":[1,"2.5"]}]}'),
    "a list of counts in a list": metric('"histogram":{"dataPoints":[{"bucketCounts":[["1"]]}]}'),
    "a count in place of a list": metric('"histogram":{"dataPoints":[{"bucketCounts":1}]}'),
    "double NaN": point('"asDouble":"NaN"'),
    "double Infinity": point('"asDouble":"Infinity"'),
    "double -Infinity": point('"asDouble":"-Infinity"'),
    "double as text": point('"asDouble":"1.5e3"'),
    "double NaN without quotes": point('"asDouble":NaN'),
    "double as another text": point('"asDouble":"much"'),
    "double as an empty text": point('"asDouble":""'),
    "double too large": point('"asDouble":1e400'),
    "double too large as text": point('"asDouble":"1e400"'),
    "double too small": point('"asDouble":1e-400'),
    "double halfway": point('"asDouble":9007199254740993'),
    "double of many digits": point('"asDouble":0.1000000000000000055511151231257827021181583404541015625'),
    "double subnormal": point('"asDouble":2.4703282292062327208e-324'),
    "double with a capital E": point('"asDouble":1E+2'),
    "double with a leading dot": point('"asDouble":.5'),
    "double with a trailing dot": point('"asDouble":5.'),
    "double without an exponent": point('"asDouble":5e'),
    "double as true": point('"asDouble":true'),
    "int as a double": point('"asDouble":5'),
    "bool": value('{"boolValue":true}'),
    "bool as text": value('{"boolValue":"true"}'),
    "bool as a number": value('{"boolValue":1}'),
    "bool in capitals": value('{"boolValue":True}'),
    "bool cut short": value('{"boolValue":tru}'),
    "ids in capitals": span('"traceId":"0102030405060708090A0B0C0D0E0F10","spanId":"AbCdEf0123456789"'),
    "ids of zeros": span('"traceId":"00000000000000000000000000000000","spanId":"0000000000000000"'),
    "ids that are empty": span('"traceId":"","spanId":""'),
    "span id too short": span('"spanId":"0102"'),
    "span id too long": span('"spanId":"010203040506070809"'),
    "trace id that is no hex": span('"traceId":"0102030405060708090a0b0c0d0e0fxy"'),
    "trace id as a number": span('"traceId":1'),
    "trace id of a log": log('"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"'),
    "bytes": value('{"bytesValue":"AP8Q+/8="}'),
    "bytes that are empty": value('{"bytesValue":""}'),
    "bytes with a newline": value('{"bytesValue":"AP8\\n="}'),
    "bytes that are no base64": value('{"bytesValue":"A"}'),
    "bytes as a number": value('{"bytesValue":1}'),
    "text with every escape": value(r'{"stringValue":"\b\f\n\r\t\"\\\/\u00e9\u20AC"}'),
    "text with a surrogate pair": value(r'{"stringValue":"\ud83e\uddab"}'),
    "text with half a pair": value(r'{"stringValue":"\ud83e"}'),
    "text with the other half": value(r'{"stringValue":"\uddab"}'),
    "text with a pair the wrong way round": value(r'{"stringValue":"\uddab\ud83e"}'),
    "text with two first halves": value(r'{"stringValue":"\ud83e\ud83e\uddab"}'),
    "text with half a pair and a letter": value(r'{"stringValue":"\ud83ex"}'),
    "text with half a pair and an escape": value(r'{"stringValue":"\ud83e\n"}'),
    "text with half a pair and another character": value(r'{"stringValue":"\ud83e\u0041"}'),
    "text with NUL": value(r'{"stringValue":"a\u0000b"}'),
    "text with an unknown escape": value(r'{"stringValue":"\x41"}'),
    "text with a short escape": value(r'{"stringValue":"\u12"}'),
    "text with an escape that is no hex": value(r'{"stringValue":"\u12g4"}'),
    "text with a tab": value('{"stringValue":"a\tb"}'),
    "text with DEL": value('{"stringValue":"a\x7fb"}'),
    "text as a number": value('{"stringValue":1}'),
    "text as a list": value('{"stringValue":[]}'),
    "text without an end": value('{"stringValue":"abc'),
    "value without a kind": value("{}"),
    "value that is null": value("null"),
    "value of an unknown kind": value('{"laterValue":1}'),
    "value of two kinds": value('{"stringValue":"a","intValue":1}'),
    "value of two kinds, the other way round": value('{"intValue":1,"stringValue":"a"}'),
    "value of the same kind twice": value('{"intValue":1,"intValue":2}'),
    "list twice": value('{"arrayValue":{"values":[{"intValue":1}]},"arrayValue":{"values":[{"intValue":2}]}}'),
    "empty list": value('{"arrayValue":{}}'),
    "list of nothing": value('{"arrayValue":{"values":[]}}'),
    "list with a value without a kind": value('{"arrayValue":{"values":[{},{"intValue":1}]}}'),
    "list with null": value('{"arrayValue":{"values":[null,{"intValue":1}]}}'),
    "empty map": value('{"kvlistValue":{}}'),
    "map without a value": value('{"kvlistValue":{"values":[{"key":"a"},{"key":"b","value":{}},{"key":"c","value":null}]}}'),
    "text, empty": value('{"stringValue":""}'),
    "text, null": value('{"stringValue":null}'),
    "list, null": value('{"arrayValue":null}'),
    "plain text in place of a value": value('"text"'),
    "key without a value": log('"attributes":[{"key":"a"}]'),
    "value without a key": log('"attributes":[{"value":{"intValue":1}}]'),
    "the same key twice": log('"attributes":[{"key":"a","value":{"intValue":1}},{"key":"a","value":{"intValue":2}}]'),
    "attributes as an object": log('"attributes":{"a":1}'),
    "attributes with null": log('"attributes":[null]'),
    "attributes, null": log('"attributes":null'),
    "attributes with a comma too many": log('"attributes":[{"key":"a"},]'),
    "attributes with a comma too few": log('"attributes":[{"key":"a"}{"key":"b"}]'),
    "attributes twice": log('"attributes":[{"key":"a"}],"attributes":[{"key":"b"}]'),
    "text twice": log('"severityText":"b"'),
    "number twice": log('"flags":1,"flags":2'),
    "number twice, the second zero": log('"flags":1,"flags":0'),
    "status twice": span('"status":{"code":2},"status":{"message":"m"}'),
    "name, null": span('"name":null'),
    "status, null": span('"status":null'),
    "events, null": span('"events":null'),
    "resource without spans": ("traces", '{"resourceSpans":[{"resource":{"attributes":[{"key":"a"}]}}]}'),
    "resource twice": ("traces", '{"resourceSpans":[{"resource":{"attributes":[{"key":"a"}]},"scopeSpans":[{"spans":[{}]}],'
                                 '"resource":{"attributes":[{"key":"b"}]}}]}'),
    "resource spans twice": ("traces", '{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}],"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}'),
    "the old name of scopes": ("traces", '{"resourceSpans":[{"instrumentationLibrarySpans":[{"spans":[{"name":"a"}]}]}]}'),
    "the name that only the Collector has for scopes of old": (
        "traces", '{"resourceSpans":[{"deprecatedScopeSpans":[{"spans":[{"name":"a"}]}]},{"scopeSpans":[{"spans":[{}]}]}]}'),
    "spans, null": ("traces", '{"resourceSpans":null}'),
    "a span that is null": ("traces", '{"resourceSpans":[{"scopeSpans":[{"spans":[null]}]}]}'),
    "an empty span": ("traces", '{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}'),
    "a member in between that is unknown": log('"later":{"a":[1,"]",{"b":null}],"c":"}"},"flags":3'),
    "an unknown member that is broken": log('"later":{"a":[1,},"flags":3'),
    "an unknown member without a value": log('"later":,"flags":3'),
    "a metric without data": metric('"description":"d"'),
    "a metric with two kinds of data": metric('"gauge":{"dataPoints":[{"asInt":1}]},"sum":{"dataPoints":[{"asInt":2}]}'),
    "a metric with the same kind twice": metric('"gauge":{"dataPoints":[{"asInt":1}]},"gauge":{"dataPoints":[{"asInt":2}]}'),
    "a point without a value": point('"timeUnixNano":"1"'),
    "a point with two values": point('"asInt":"1","asDouble":2.5'),
    "a point with zero": point('"asInt":0'),
    "a point with zero as a double": point('"asDouble":0'),
    "a histogram without optional members": metric('"histogram":{"dataPoints":[{"count":"3"}]}'),
    "a histogram with optional members of zero": metric('"histogram":{"dataPoints":[{"count":"3","sum":0,"min":0,"max":0}]}'),
    "a summary": metric('"summary":{"dataPoints":[{"quantileValues":[{"quantile":0.5,"value":"NaN"}]}]}'),
    "an exemplar": point('"asInt":"1","exemplars":[{"asDouble":1.5,"traceId":"0102030405060708090a0b0c0d0e0f10","filteredAttributes":[{"key":"a"}]}]'),
    "metadata of a metric": metric('"metadata":[{"key":"a"}],"gauge":{"dataPoints":[{}]}'),
    "entities of a resource": ("logs", '{"resourceLogs":[{"resource":{"entityRefs":[{"type":"t","idKeys":["a","b"]}]},"scopeLogs":[{"logRecords":[{}]}]}]}'),
    "an event": log('"eventName":"e"'),
    "blanks everywhere": ("logs", ' {\n"resourceLogs"\t: [ { "scopeLogs" : [ {"logRecords" :[ { } ,\r\n{ } ] } ] } ] } '),
    "a form feed between members": log('\f"flags":1'),
    "a comment": log('/* no */"flags":1'),
    "quotes that are single": log("'flags':1"),
    "a name without quotes": log("flags:1"),
    "an equals sign": log('"flags"=1'),
    "a colon too many": log('"flags"::1'),
    "a bracket in place of a brace": ("logs", '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{]}]}]}'),
}


# docs/differences.md has a row for each.
DIFFERENT = {
    "a number with an exponent for an integer": Differs(value('{"intValue":1e3}'), "int_value: 1000", "refused"),
    "a text with an exponent for an integer": Differs(value('{"intValue":"1e3"}'), "int_value: 1000", "refused"),
    "a fraction of zero for an integer": Differs(span('"startTimeUnixNano":1.0'), "start_time_unix_nano: 1\n", "refused"),
    "a nanosecond time in floating point": Differs(span('"startTimeUnixNano":1.7e18'), "nano: 1700000000000000000", "refused"),
    "minus zero for an unsigned integer": Differs(span('"startTimeUnixNano":-0'), 'name: "s"', "refused"),
    "null for a number": Differs(span('"startTimeUnixNano":null,"flags":null'), 'name: "s"', "refused"),
    "null for an id": Differs(span('"traceId":null'), 'name: "s"', "refused"),
    "null for bytes": Differs(value('{"bytesValue":null}'), 'severity_text: "s"\n    }', "refused"),
    "base64 without padding": Differs(value('{"bytesValue":"AP8Q+w"}'), r'bytes_value: "\000\377\020\373"', "refused"),
    "base64 for URLs": Differs(value('{"bytesValue":"-_8="}'), r'bytes_value: "\373\377"', "refused"),
    "an escape in an id": Differs(span(r'"spanId":"\u0030102030405060708"'), "span_id", "refused"),
    "an escape in base64": Differs(value(r'{"bytesValue":"AP8Q\/w=="}'), "bytes_value", "refused"),
    "a member without a name": Differs(log('"":1,"flags":3'), "flags: 3", "refused"),
    "a control character in a text behind an escape": Differs(value('{"stringValue":"\\n\tx"}'), "refused", "string_value"),
    'a hexadecimal number in a text for a double (`"0x1p4"`)': Differs(point('"asDouble":"0x1p4"'), "refused", "as_double: 16"),
    "the value of an attribute given twice, both times an array or a map": Differs(
        log('"attributes":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":1}]}},'
            '"value":{"arrayValue":{"values":[{"intValue":2}]}}}]'), "int_value: 1", "int_value: 2"),
    "the severity TRACE by name": Differs(log('"severityNumber":"SEVERITY_NUMBER_TRACE"'), "severity_number: SEVERITY_NUMBER_TRACE",
                                          "refused"),
}


@pytest.mark.parametrize("name", SAME)
def test_odd_json_means_the_same(both, name):
    signal, text = SAME[name]
    ours, theirs = both.outcomes(signal, text.encode())
    assert ours == theirs


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_said_to_differ_does(both, name):
    case = DIFFERENT[name]
    ours, theirs = both.outcomes(case.sent[0], case.sent[1].encode())
    assert case.ours in ours
    assert case.theirs in theirs
    assert f"| {name} |" in DIFFERENCES.read_text()


# ---- broken at random ----

SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9eE]*|[a-z]+')
TOKEN = re.compile(SCALAR.pattern + r"|[][{},:]")
NAMELESS = re.compile(r'""\s*:')
INSTEAD = ["null", "true", "0", "-1", "1.5", "1e3", '"1e3"', '"x"', '""', "[]", "{}", "[[]]", '{"a":1}', "99999999999999999999",
           '"99999999999999999999"', "007", "NaN", '"NaN"', "{", "}", "[", "]", ",", ":", " "]


def broken(text: str, chance) -> str:
    """With one token replaced, taken out, doubled or swapped with the next, or a character changed, or cut short."""
    kind = chance.randrange(10)
    tokens = list((TOKEN if kind < 5 else SCALAR).finditer(text))
    at = chance.randrange(len(tokens) - 1)
    one, next_one = tokens[at], tokens[at + 1]
    before, after = text[: one.start()], text[one.end() :]
    if kind == 0:
        return text[: chance.randrange(len(text))]
    if kind == 1:
        place = chance.randrange(len(text))
        return text[:place] + chance.choice('{}[]",:0-9tfn\\ .eE\x01\x7f\u00e9') + text[place + chance.randrange(2) :]
    if kind == 2:
        return before + after
    if kind == 3:
        return before + one[0] + one[0] + after
    if kind < 6:
        return before + next_one[0] + text[one.end() : next_one.start()] + one[0] + text[next_one.end() :]
    return before + chance.choice(INSTEAD) + after


def is_json(text: str) -> bool:
    def no_constant(name):
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=no_constant)
    except ValueError:
        return False
    return True


# What the Collector says of what weir reads all the same (DIFFERENT).
TOO_STRICT = re.compile(rb"found n|found e|unsupported value type|can not decode float as int|invalid syntax|illegal base64 data|"
                        rb"encoding/hex: invalid byte: U\+005C|length mismatch")


@pytest.mark.parametrize("signal", REQUESTS)
def test_broken_json_is_taken_or_refused_alike(both, signal):
    """And what both take means the same to both. weir takes nothing that is not JSON."""
    generator, writer, chance = Generator(f"{SEED} {signal}"), JsonWriter(signal), random.Random(signal)
    taken = 0
    for _ in range(BROKEN_MESSAGES):
        whole = writer.text(REQUESTS[signal].FromString(generator.request(signal)), odd=0.05)
        for text in {broken(whole, chance) for _ in range(BROKEN_WAYS)} if len(whole) > 30 else ():
            if NAMELESS.search(text):
                continue  # where the Collector meets one it goes astray
            ours, theirs = both.outcomes(signal, text.encode())
            taken += ours != "refused"
            if ours == "refused":
                assert theirs == "refused" or not is_json(text), (both.clients[0].said, text)
            elif theirs == "refused":
                said = both.clients[1].said
                assert is_json(text) and (TOO_STRICT.search(said) or said == CANNOT_SAY), (said, text)
            else:
                assert is_json(text) and ours == theirs, text
    assert taken > BROKEN_MESSAGES * BROKEN_WAYS / 10
