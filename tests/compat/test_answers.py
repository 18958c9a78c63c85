# SPDX-License-Identifier: Apache-2.0
"""The same requests, good and bad, to weir and to the OpenTelemetry Collector: the answers are equal in status, gRPC
code and kind of body. Where they are not, the case says what each answers, and docs/differences.md why."""

import base64
import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest
import zstandard
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.otlp_json import otlp_json
from support.raw import Answer, framed, grpc, http_post, http_raw

# Small limits, so that what is too large is quick to send.
CONFIG = """
receivers:
  otlp:
    protocols:
      grpc:
        max_recv_msg_size_mib: 1
      http:
        max_request_body_size: 65536
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
    metrics: {receivers: [otlp], exporters: [nop]}
    logs: {receivers: [otlp], exporters: [nop]}
"""

DIFFERENCES = Path(__file__).resolve().parents[2] / "docs" / "differences.md"


@dataclass(frozen=True)
class Case:
    name: str
    send: Callable  # given a run of weir or of the Collector; gives an Answer
    differs: tuple[str, str] | None = None  # what weir, and what the Collector answers, as str(Answer)


# ---- what is sent ----


def traces(**span) -> bytes:
    request = ExportTraceServiceRequest()
    fields = {"trace_id": b"t" * 16, "span_id": b"s" * 8, "name": "work", **span}
    request.resource_spans.add().scope_spans.add().spans.add(**fields)
    return request.SerializeToString()


def metrics() -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="requests")
    metric.sum.data_points.add(as_int=7)
    return request.SerializeToString()


def logs() -> bytes:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "hello"
    return request.SerializeToString()


def resource_only() -> bytes:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().resource.attributes.add(key="service.name").value.string_value = "quiet"
    return request.SerializeToString()


def nested(depth: int) -> bytes:
    request = ExportLogsServiceRequest()
    value = request.resource_logs.add().scope_logs.add().log_records.add().body
    for _ in range(depth):
        value = value.array_value.values.add()
    value.string_value = "deep"
    return request.SerializeToString()


SPAN = traces()
BIG_SPAN = traces(name="x" * 100_000)  # over the HTTP limit
HUGE_SPAN = traces(name="x" * 1_100_000)  # over the gRPC limit
BROKEN = SPAN[:-1]
ZSTD_SPAN = zstandard.ZstdCompressor(write_checksum=True).compress(SPAN)
ZSTD_STREAM = zstandard.ZstdCompressor(write_content_size=False).compress(SPAN)
WRONG_WIRE_TYPE = b"\x08\x01"  # resource_spans as a varint
UNKNOWN_FIELDS = SPAN + b"\xf8\x7f\x07" + b"\x82\x7d\x03abc"
UNKNOWN_GROUP = SPAN + b"\xa3\x06\x08\x01\xa4\x06"
NOT_UTF8 = SPAN.replace(b"work", b"w\xff\xfek")
SHORT_TRACE_ID = traces(trace_id=b"1234567")

SERVICES = "/opentelemetry.proto.collector."
TRACES = SERVICES + "trace.v1.TraceService/Export"
METRICS = SERVICES + "metrics.v1.MetricsService/Export"
LOGS = SERVICES + "logs.v1.LogsService/Export"
PROFILES = SERVICES + "profiles.v1development.ProfilesService/Export"


def call(body=framed(SPAN), path=TRACES, method="POST", **headers):
    """A gRPC call; headers with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda program: grpc(program.grpc_port, path, body, named, method)


def post(body=SPAN, path="/v1/traces", method="POST", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda program: http_post(program.http_port, path, body, named, method)


def raw(request: bytes, answer: int = 0):
    """Bytes as they are; which of the answers to them is compared."""
    return lambda program: http_raw(program.http_port, request, answer + 1)[answer]


def chunked(*pieces: bytes, end=b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def post_bytes(headers: str, body: bytes, version="1.1", kind="application/x-protobuf") -> bytes:
    start = f"POST /v1/traces HTTP/{version}\r\nContent-Type: {kind}\r\n"
    return (start + headers + "\r\n").encode() + body


JSON_SPAN = otlp_json(ExportTraceServiceRequest.FromString(SPAN))
JSON_METRICS = otlp_json(ExportMetricsServiceRequest.FromString(metrics()))
JSON_LOGS = otlp_json(ExportLogsServiceRequest.FromString(logs()))
BIG_JSON_SPAN = otlp_json(ExportTraceServiceRequest.FromString(BIG_SPAN))


def post_json(body=JSON_SPAN, path="/v1/traces", method="POST", Content_Type="application/json", **headers):
    return post(body, path, method, Content_Type=Content_Type, **headers)


def log_of(value: bytes) -> bytes:
    return b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":' + value + b"}]}]}]}"


def nested_json(depth: int) -> bytes:
    return log_of(b'{"arrayValue":{"values":[' * depth + b'{"stringValue":"deep"}' + b"]}}" * depth)


WITH_LENGTH = f"Host: test\r\nContent-Length: {len(SPAN)}\r\n"

GRPC_CASES = [
    Case("traces", call()),
    Case("metrics", call(framed(metrics()), METRICS)),
    Case("logs", call(framed(logs()), LOGS)),
    Case("empty message", call(framed(b""))),
    Case("resource without spans", call(framed(resource_only()))),
    Case("gzip", call(framed(gzip.compress(SPAN), 1), grpc_encoding="gzip")),
    Case("gzip announced but not used", call(grpc_encoding="gzip")),
    Case("identity", call(grpc_encoding="identity")),
    Case("content type with subtype", call(content_type="application/grpc+proto")),
    Case("content type with parameter", call(content_type="application/grpc;charset=utf-8")),
    Case("without te", call(te=None)),
    Case("unknown fields", call(framed(UNKNOWN_FIELDS))),
    Case("unknown group", call(framed(UNKNOWN_GROUP)),
         ("200, grpc-status 0, message", "200, grpc-status 13, nothing")),
    Case("text that is not UTF-8", call(framed(NOT_UTF8))),
    Case("profiles", call(framed(b""), PROFILES)),
    Case("unknown method", call(path=SERVICES + "trace.v1.TraceService/Import")),
    Case("unknown service", call(path="/some.Service/Export")),
    Case("malformed method", call(path="/Export")),
    Case("content type of JSON", call(content_type="application/json")),
    Case("content type of gRPC-Web", call(content_type="application/grpc-web")),
    Case("no content type", call(content_type=None)),
    Case("GET", call(method="GET")),
    Case("malformed timeout", call(grpc_timeout="5X")),
    Case("timeout of nine digits", call(grpc_timeout="100000000m")),
    Case("timeout 0", call(grpc_timeout="0m")),
    Case("long timeout", call(grpc_timeout="99999999H")),
    Case("malformed message", call(framed(BROKEN)),
         ("200, grpc-status 3, nothing", "200, grpc-status 13, nothing")),
    Case("wrong wire type", call(framed(WRONG_WIRE_TYPE)),
         ("200, grpc-status 3, nothing", "200, grpc-status 13, nothing")),
    Case("trace id of 7 bytes", call(framed(SHORT_TRACE_ID)),
         ("200, grpc-status 3, nothing", "200, grpc-status 13, nothing")),
    Case("nested 60 deep", call(framed(nested(60)), LOGS)),
    Case("nested 200 deep", call(framed(nested(200)), LOGS),
         ("200, grpc-status 3, nothing", "200, grpc-status 0, message")),
    Case("compressed without encoding", call(framed(SPAN, 1))),
    Case("unknown flags", call(framed(SPAN, 2))),
    Case("unknown encoding", call(framed(SPAN, 1), grpc_encoding="br")),
    Case("zstd", call(framed(ZSTD_SPAN, 1), grpc_encoding="zstd")),
    Case("zstd of unknown size", call(framed(ZSTD_STREAM, 1), grpc_encoding="zstd")),
    Case("zstd announced but not used", call(grpc_encoding="zstd")),
    Case("not zstd", call(framed(SPAN, 1), grpc_encoding="zstd")),
    Case("broken zstd", call(framed(ZSTD_SPAN[:-5], 1), grpc_encoding="zstd")),
    Case("too large", call(framed(HUGE_SPAN))),
    Case("too large once inflated", call(framed(gzip.compress(HUGE_SPAN), 1), grpc_encoding="gzip")),
    Case("broken gzip", call(framed(gzip.compress(SPAN)[:-9], 1), grpc_encoding="gzip")),
    Case("not gzip", call(framed(SPAN, 1), grpc_encoding="gzip")),
    Case("no message", call(b""),
         ("200, grpc-status 12, nothing", "200, grpc-status 2, nothing")),
    Case("half a prefix", call(b"\0\0\0"),
         ("200, grpc-status 13, nothing", "200, grpc-status 2, nothing")),
    Case("half a message", call(framed(SPAN)[:-1]),
         ("200, grpc-status 13, nothing", "200, grpc-status 2, nothing")),
    Case("two messages", call(framed(SPAN) * 2),
         ("200, grpc-status 12, nothing", "200, grpc-status 0, message")),
    Case("connection header", call(connection="close")),
    Case("malformed binary metadata", call(note_bin="!"),
         ("200, grpc-status 0, message", "400, grpc-status 13, nothing")),
    Case("health check", call(framed(b""), "/grpc.health.v1.Health/Check"),
         ("200, grpc-status 0, message", "200, grpc-status 12, nothing")),
    Case("health watch", call(framed(b""), "/grpc.health.v1.Health/Watch")),
]

HTTP_CASES = [
    Case("traces", post()),
    Case("metrics", post(metrics(), "/v1/metrics")),
    Case("logs", post(logs(), "/v1/logs")),
    Case("empty body", post(b"")),
    Case("resource without spans", post(resource_only())),
    Case("with a query", post(path="/v1/traces?a=b")),
    Case("gzip", post(gzip.compress(SPAN), Content_Encoding="gzip")),
    Case("deflate", post(zlib.compress(SPAN), Content_Encoding="deflate")),
    Case("zlib", post(zlib.compress(SPAN), Content_Encoding="zlib")),
    Case("identity", post(Content_Encoding="identity"),
         ("200, application/x-protobuf", "400, Status of code 3")),
    Case("zstd", post(ZSTD_SPAN, Content_Encoding="zstd")),
    Case("zstd of unknown size", post(ZSTD_STREAM, Content_Encoding="zstd")),
    Case("zstd of an empty body", post(b"(\xb5/\xfd\0X\x01\0\0", Content_Encoding="zstd")),
    Case("not zstd", post(Content_Encoding="zstd")),
    Case("broken zstd", post(ZSTD_SPAN[:-5], Content_Encoding="zstd")),
    Case("zstd too large once inflated", post(zstandard.compress(BIG_SPAN), Content_Encoding="zstd"),
         ("413, Status of code 8", "400, Status of code 3")),
    Case("content type with parameter", post(Content_Type="application/x-protobuf; charset=utf-8")),
    Case("content type in capitals", post(Content_Type="Application/X-Protobuf")),
    Case("chunked", raw(post_bytes("Host: test\r\nTransfer-Encoding: chunked\r\n", chunked(SPAN[:9], SPAN[9:])))),
    Case("HTTP/1.0", raw(post_bytes(WITH_LENGTH, SPAN, "1.0"))),
    Case("second of two pipelined", raw(post_bytes(WITH_LENGTH, SPAN) * 2, answer=1)),
    Case("text", post(Content_Type="text/plain")),
    Case("no content type", post(Content_Type=None)),
    Case("protobuf under another name", post(Content_Type="application/protobuf")),
    Case("GET", post(b"", method="GET")),
    Case("PUT", post(method="PUT")),
    Case("HEAD", post(b"", method="HEAD")),
    Case("unknown path", post(path="/v1/spans")),
    Case("path with a slash too many", post(path="/v1/traces/")),
    Case("root", post(path="/")),
    Case("profiles", post(b"", "/v1development/profiles")),
    Case("malformed message", post(BROKEN)),
    Case("wrong wire type", post(WRONG_WIRE_TYPE)),
    Case("trace id of 7 bytes", post(SHORT_TRACE_ID)),
    Case("text that is not UTF-8", post(NOT_UTF8)),
    Case("unknown encoding", post(Content_Encoding="br")),
    Case("two encodings", post(Content_Encoding="gzip, gzip")),
    Case("not gzip", post(Content_Encoding="gzip")),
    Case("broken gzip", post(gzip.compress(SPAN)[:-9], Content_Encoding="gzip")),
    Case("not deflate", post(Content_Encoding="deflate")),
    Case("too large", post(BIG_SPAN),
         ("413, Status of code 8", "400, Status of code 3")),
    Case("too large once inflated", post(gzip.compress(BIG_SPAN), Content_Encoding="gzip"),
         ("413, Status of code 8", "400, Status of code 3")),
    Case("too large in chunks",
         raw(post_bytes("Host: test\r\nTransfer-Encoding: chunked\r\n", chunked(BIG_SPAN))),
         ("413, Status of code 8", "400, Status of code 3")),
    Case("malformed chunk", raw(post_bytes("Host: test\r\nTransfer-Encoding: chunked\r\n", b"zz\r\n")),
         ("400, text/plain", "400, Status of code 3")),
    Case("both Transfer-Encoding and Content-Length",
         raw(post_bytes(WITH_LENGTH + "Transfer-Encoding: chunked\r\n", chunked(SPAN))),
         ("400, text/plain", "200, application/x-protobuf")),
    Case("two lengths", raw(post_bytes(WITH_LENGTH + "Content-Length: 1\r\n", SPAN))),
    Case("negative length", raw(post_bytes("Host: test\r\nContent-Length: -1\r\n", SPAN))),
    Case("no host", raw(post_bytes(f"Content-Length: {len(SPAN)}\r\n", SPAN))),
    Case("not HTTP", raw(b"hello\r\n\r\n")),
    Case("unknown method", post(method="FETCH"),
         ("400, text/plain", "405, text/plain")),
    Case("unknown expectation", raw(post_bytes(WITH_LENGTH + "Expect: miracles\r\n", SPAN)),
         ("417, text/plain", "417, nothing")),
]


JSON_CASES = [
    Case("traces", post_json()),
    Case("metrics", post_json(JSON_METRICS, "/v1/metrics")),
    Case("logs", post_json(JSON_LOGS, "/v1/logs")),
    Case("empty object", post_json(b"{}")),
    Case("empty body", post_json(b"")),
    Case("only blanks", post_json(b" \n")),
    Case("null", post_json(b"null")),
    Case("a list", post_json(b"[]")),
    Case("a number", post_json(b"7")),
    Case("a text", post_json(b'"resourceSpans"')),
    Case("not JSON", post_json(b"hello")),
    Case("protobuf", post_json(SPAN)),
    Case("JSON as protobuf", post(JSON_SPAN)),
    Case("another signal", post_json(JSON_LOGS)),
    Case("resource without spans", post_json(b'{"resourceSpans":[{"resource":{}}]}')),
    Case("unknown members", post_json(JSON_SPAN[:-1] + b',"later":[1,{"a":null}]}')),
    Case("blanks around", post_json(b"\r\n\t " + JSON_SPAN + b" \n")),
    Case("byte order mark", post_json(b"\xef\xbb\xbf" + JSON_SPAN),
         ("400, Status of code 3 in JSON", "500, Status of code 13 in JSON")),
    Case("UTF-16", post_json(JSON_SPAN.decode().encode("utf-16")),
         ("400, Status of code 3 in JSON", "500, Status of code 13 in JSON")),
    Case("cut short", post_json(JSON_SPAN[:-1])),
    Case("something behind it", post_json(JSON_SPAN + b"x"),
         ("400, Status of code 3 in JSON", "200, application/json")),
    Case("two objects", post_json(JSON_SPAN * 2),
         ("400, Status of code 3 in JSON", "200, application/json")),
    Case("comma too many", post_json(JSON_SPAN[:-1] + b",}")),
    Case("trace id of 7 bytes", post_json(JSON_SPAN.replace(b"74" * 16, b"74" * 7))),
    Case("trace id of 31 digits", post_json(JSON_SPAN.replace(b"74" * 16, b"74" * 15 + b"7"))),
    Case("trace id in base64", post_json(JSON_SPAN.replace(b"74" * 16, base64.b64encode(b"t" * 16)))),
    Case("text that is not UTF-8", post_json(JSON_SPAN.replace(b"work", b"w\xff\xfek"))),
    Case("half a surrogate pair", post_json(JSON_SPAN.replace(b"work", rb"\ud83e"))),
    Case("control character in a text", post_json(JSON_SPAN.replace(b"work", b"wo\nk"))),
    Case("nested 60 deep", post_json(nested_json(60), "/v1/logs")),
    Case("nested 200 deep", post_json(nested_json(200), "/v1/logs"),
         ("400, Status of code 3 in JSON", "200, application/json")),
    Case("unknown members nested 200 deep", post_json(b'{"later":' + b"[" * 200 + b"]" * 200 + b"}")),
    Case("unknown members nested 20000 deep", post_json(b'{"later":' + b"[" * 20000 + b"]" * 20000 + b"}")),
    Case("charset", post_json(Content_Type="application/json; charset=utf-8")),
    Case("another charset", post_json(Content_Type="application/json; charset=utf-16")),
    Case("content type in capitals", post_json(Content_Type="Application/JSON")),
    Case("content type with a blank", post_json(Content_Type="application/json ;a=b")),
    Case("text/json", post_json(Content_Type="text/json")),
    Case("application/json5", post_json(Content_Type="application/json5")),
    Case("with a query", post_json(path="/v1/traces?a=b")),
    Case("gzip", post_json(gzip.compress(JSON_SPAN), Content_Encoding="gzip")),
    Case("deflate", post_json(zlib.compress(JSON_SPAN), Content_Encoding="deflate")),
    Case("zlib", post_json(zlib.compress(JSON_SPAN), Content_Encoding="zlib")),
    Case("zstd", post_json(zstandard.compress(JSON_SPAN), Content_Encoding="zstd")),
    Case("identity", post_json(Content_Encoding="identity"),
         ("200, application/json", "400, Status of code 3 in JSON")),
    Case("not gzip", post_json(Content_Encoding="gzip")),
    Case("broken gzip", post_json(gzip.compress(JSON_SPAN)[:-9], Content_Encoding="gzip")),
    Case("unknown encoding", post_json(Content_Encoding="br")),
    Case("GET", post_json(b"", method="GET")),
    Case("PUT", post_json(method="PUT")),
    Case("unknown path", post_json(path="/v1/spans")),
    Case("profiles", post_json(b"{}", "/v1development/profiles")),
    Case("too large", post_json(BIG_JSON_SPAN),
         ("413, Status of code 8 in JSON", "400, Status of code 3 in JSON")),
    Case("too large once inflated", post_json(gzip.compress(BIG_JSON_SPAN), Content_Encoding="gzip"),
         ("413, Status of code 8 in JSON", "400, Status of code 3 in JSON")),
    Case("too large in chunks",
         raw(post_bytes("Host: test\r\nTransfer-Encoding: chunked\r\n", chunked(BIG_JSON_SPAN), kind="application/json")),
         ("413, Status of code 8 in JSON", "400, Status of code 3 in JSON")),
    Case("chunked", raw(post_bytes("Host: test\r\nTransfer-Encoding: chunked\r\n", chunked(JSON_SPAN[:9], JSON_SPAN[9:]),
                                   kind="application/json"))),
]


def named(prefix: str, cases: list[Case]):
    return [pytest.param(case, id=f"{prefix}-{case.name.replace(' ', '-')}") for case in cases]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """One run of each for all cases: a request that upsets the next one is a failure too."""
    from support.collector import Collector, collector_binary, weir_binary

    directory = tmp_path_factory.mktemp("answers")
    runs = [Collector("weir", weir_binary(), CONFIG, directory), Collector("collector", collector_binary(), CONFIG, directory)]
    try:
        for run in runs:
            run.start()
        yield runs
        runs[0].stop_cleanly()
    finally:
        for run in runs:
            run.kill()


@pytest.mark.parametrize("case", named("grpc", GRPC_CASES) + named("http", HTTP_CASES) + named("json", JSON_CASES))
def test_answers_are_the_same(both, case):
    weir, collector = both
    ours: Answer = case.send(weir)
    theirs: Answer = case.send(collector)
    if case.differs:
        assert (str(ours), str(theirs)) == case.differs
    else:
        assert str(ours) == str(theirs), f"weir: {ours.headers} {ours.body[:200]}"


def test_json_is_answered_in_json(both):
    """Of a request that was taken wholly OTLP wants partial_success unset; the Collector sets it to an empty message."""
    for path, body in ("/v1/traces", JSON_SPAN), ("/v1/metrics", JSON_METRICS), ("/v1/logs", JSON_LOGS):
        ours, theirs = (post_json(body, path)(run) for run in both)
        assert (ours.body, json.loads(theirs.body)) == (b"{}", {"partialSuccess": {}})
    ours, theirs = (json.loads(post_json(b"hello")(run).body) for run in both)
    assert ours.keys() == theirs.keys() == {"code", "message"}


def test_every_difference_is_explained():
    text = DIFFERENCES.read_text()
    for title, cases in ("gRPC", GRPC_CASES), ("HTTP", HTTP_CASES), ("JSON", JSON_CASES):
        for case in cases:
            row = f"| {title}: {case.name} |"
            assert (row in text) == bool(case.differs), f"docs/differences.md and the case disagree: {row}"
