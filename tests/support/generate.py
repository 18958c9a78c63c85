# SPDX-License-Identifier: Apache-2.0
"""Random OTLP requests from a seed: every message, field, value type and metric type, hostile strings, numbers at their
ends, empty messages, and fields nobody knows. The same seed makes the same requests."""

import random
import struct

from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}

# Always there, so that most requests have items; the rest comes at random.
_TRUNK = {"resource_spans", "scope_spans", "spans", "resource_logs", "scope_logs", "log_records", "resource_metrics",
          "scope_metrics", "metrics", "data_points", "data", "value", "body"}
_ID_LENGTHS = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
# Only profiles have them; weir's and the Collector's parsers know them, but no sender of the other signals writes them.
_SKIPPED = {"key_strindex", "string_value_strindex"}
_DEPTH_MAX = 10

STRINGS = [
    "", "GET /", "http.request.method", "ein Gruß", "日本語テキスト", "🦫 weir", "a\u0301e\u0301", "\u202ertl\u202c", "\ufeffbom",
    "line\nline\r\n\ttab", '"quoted" and \\escaped\\', "\\u0041 is no escape", "</script><!-- & -->", "\u2028\u2029",
    "\x00", "nul\x00inside", "".join(map(chr, range(32))), "\x7f\x80\x9f", "\ud7ff\ue000\ufffd\uffff", "\U0010ffff",
    "x" * 7 + '"', "x" * 8 + "\\", "x" * 9 + "\n", "y" * 5000, '"' * 700, "é" * 900, "{}[]:,", "null", "true", "-0", " ",
]
DOUBLES = [
    0.0, -0.0, 1.0, -1.0, 0.1, 0.1 + 0.2, 1 / 3, 12.5, 100.0, 1e-6, 9.99e-7, 1e-7, 1e20, 1e21, 123456789012345680000.0,
    999999999999999900000.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 2.0**53, 2.0**53 + 2, 2.0**-44,
    float("nan"), float("inf"), float("-inf"), 1e100, -1.5e-300,
]


class Generator:
    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def request(self, signal: str) -> bytes:
        message = REQUESTS[signal]()
        if self.random.random() > 0.01:
            self._fill(message, 0)
        return message.SerializeToString()

    def _fill(self, message, depth: int):
        for field in message.DESCRIPTOR.fields:
            if field.containing_oneof is None or self._is_optional(field):
                self._maybe_set(message, field, depth)
        for oneof in message.DESCRIPTOR.oneofs:
            members = [field for field in oneof.fields if field.name not in _SKIPPED]
            if not self._is_optional(oneof.fields[0]) and self._takes(oneof.name, depth):
                self._set(message, self.random.choice(members), depth)
        if self.random.random() < 0.05:
            message.MergeFromString(self._unknown())

    @staticmethod
    def _is_optional(field) -> bool:
        return field.containing_oneof is not None and len(field.containing_oneof.fields) == 1

    def _takes(self, name: str, depth: int) -> bool:
        if depth >= _DEPTH_MAX:
            return False
        return self.random.random() < (0.98 if name in _TRUNK else 0.5)

    def _maybe_set(self, message, field, depth: int):
        if field.name not in _SKIPPED and self._takes(field.name, depth):
            self._set(message, field, depth)

    def _set(self, message, field, depth: int):
        is_message = field.type == FieldDescriptor.TYPE_MESSAGE
        if field.is_repeated:
            values = getattr(message, field.name)
            for _ in range(self._count(field.name, depth)):
                if is_message:
                    self._fill(values.add(), depth + 1)
                else:
                    values.append(self._scalar(field))
        elif is_message:
            child = getattr(message, field.name)
            child.SetInParent()
            self._fill(child, depth + 1)
        else:
            setattr(message, field.name, self._scalar(field))

    def _count(self, name: str, depth: int) -> int:
        if depth >= 6:
            return self.random.choice([0, 0, 1])
        return self.random.choice([1, 1, 2, 3] if name in _TRUNK else [0, 1, 1, 2, 3])

    def _scalar(self, field):
        of_type = {
            FieldDescriptor.TYPE_STRING: lambda: self.random.choice(STRINGS),
            FieldDescriptor.TYPE_BYTES: lambda: self._bytes(field.name),
            FieldDescriptor.TYPE_BOOL: lambda: self.random.random() < 0.5,
            FieldDescriptor.TYPE_DOUBLE: self._double,
            FieldDescriptor.TYPE_ENUM: lambda: self._enum(field),
            FieldDescriptor.TYPE_INT32: lambda: self._integer(-(2**31), 2**31 - 1),
            FieldDescriptor.TYPE_SINT32: lambda: self._integer(-(2**31), 2**31 - 1),
            FieldDescriptor.TYPE_UINT32: lambda: self._integer(0, 2**32 - 1),
            FieldDescriptor.TYPE_FIXED32: lambda: self._integer(0, 2**32 - 1),
            FieldDescriptor.TYPE_INT64: lambda: self._integer(-(2**63), 2**63 - 1),
            FieldDescriptor.TYPE_SFIXED64: lambda: self._integer(-(2**63), 2**63 - 1),
            FieldDescriptor.TYPE_UINT64: lambda: self._integer(0, 2**64 - 1),
            FieldDescriptor.TYPE_FIXED64: lambda: self._integer(0, 2**64 - 1),
        }
        return of_type[field.type]()

    def _bytes(self, name: str) -> bytes:
        length = _ID_LENGTHS.get(name)
        if length is None:
            return self.random.randbytes(self.random.choice([0, 1, 2, 3, 16, 1000]))
        return self.random.choice([b"", bytes(length), self.random.randbytes(length), self.random.randbytes(length)])

    def _double(self) -> float:
        kind = self.random.randrange(4)
        if kind == 0:
            return self.random.choice(DOUBLES)
        if kind == 1:
            return struct.unpack("<d", self.random.randbytes(8))[0]
        return round(self.random.uniform(-1e6, 1e6), self.random.randrange(12)) if kind == 2 else float(self.random.randrange(10**6))

    def _enum(self, field) -> int:
        known = [value.number for value in field.enum_type.values]
        return self.random.choice(known + [99, -1])

    def _integer(self, low: int, high: int) -> int:
        near = [value for value in (0, 1, -1, 127, 128, 1_700_000_000_000_000_000) if low <= value <= high]
        return self.random.choice(near + [low, high, self.random.randint(low, high)])

    def _unknown(self) -> bytes:
        """A field of a schema newer than ours."""
        number = self.random.choice([500, 5000, 536870911])
        wire, body = self.random.choice([(0, b"\x2a"), (1, bytes(8)), (2, b"\x05later"), (5, bytes(4))])
        tag, out = number << 3 | wire, b""
        while tag >= 0x80:
            out += bytes([tag & 0x7F | 0x80])
            tag >>= 7
        return out + bytes([tag]) + body
