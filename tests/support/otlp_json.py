# SPDX-License-Identifier: Apache-2.0
"""A protobuf message as OTLP/JSON, in the forms that clients write it in: of what the Collector reads alike, one is picked
at random each time. Numbers with and without quotes, enums by number or name, names in either case, hex in either case,
members in any order, null and empty ones, members nobody knows, blanks, and every way to escape a character."""

import base64
import functools
import json
import math
import random
import re

from google.protobuf.descriptor import FieldDescriptor

_QUOTABLE = {
    FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32,
    FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SFIXED64, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64,
}
_IDS = ("trace_id", "span_id")
_SHORT_ESCAPES = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "/": "\\/"}
_BLANKS = ["", " ", "\n\t", "\r\n  "]
_UNKNOWN = [
    "null", "true", "-0.5e+3", '"text \\" \\u00e9"', "[]", "{}", '[1,[2,{"a":[null]}],"]"]', '{"spans":[{"name":"}"}],"x":{}}',
    "12345678901234567890123456789", '"\\ud83e\\uddab"',
]
# The Collector (0.158) knows it with a blank at its end only.
_MISSPELT = {"SEVERITY_NUMBER_TRACE"}
# Only profiles have them, and no sender of the other signals writes them.
_SKIPPED = {"key_strindex", "string_value_strindex"}


def otlp_json(message) -> bytes:
    """The message as one JSON object in the usual form. Fields its schema does not know are left out."""
    return JsonWriter(0).text(message, odd=0).encode()


class JsonWriter:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.odd = 0

    def text(self, message, odd: float | None = None) -> str:
        """The same in any form. `odd` says how often the unusual one is taken; None: that differs from call to call."""
        self.odd = self.random.choice([0, 0.1, 0.4]) if odd is None else odd
        return self._space() + self._object(message) + self._space()

    def _oddly(self) -> bool:
        return self.random.random() < self.odd

    def _space(self) -> str:
        return self.random.choice(_BLANKS) if self._oddly() else ""

    def _object(self, message) -> str:
        members = [self._member(field, value) for field, value in message.ListFields() if field.name not in _SKIPPED]
        if self._oddly():
            members += self._absent(message)
        if self._oddly():
            members.append(self._key(self.random.choice(["later", "x-1", "ünknown", "Spans", "traceID"])) +
                           self.random.choice(_UNKNOWN))
        if self._oddly():
            self.random.shuffle(members)
        return self._joined("{", members, "}")

    def _joined(self, left: str, items: list, right: str) -> str:
        return left + self._space() + (self._space() + "," + self._space()).join(items) + self._space() + right

    def _member(self, field, value) -> str:
        return self._name(field) + self._value(field, value)

    def _name(self, field) -> str:
        return self._key(field.name if self._oddly() else camel_case(field.name))

    def _key(self, name: str) -> str:
        return self._string(name) + self._space() + ":" + self._space()

    def _absent(self, message) -> list:
        """Members that say that there is nothing."""
        written = {field.name for field, _ in message.ListFields()}
        absent = [field for field in message.DESCRIPTOR.fields
                  if field.name not in written | _SKIPPED and field.containing_oneof is None and not field.has_presence]
        return [self._name(field) + self._nothing(field) for field in absent if self._oddly()]

    def _nothing(self, field) -> str:
        if field.is_repeated:
            return self.random.choice(["[]", "null", "[ ]"])
        if field.type == FieldDescriptor.TYPE_STRING:
            return self.random.choice(['""', "null"])
        if field.type == FieldDescriptor.TYPE_BYTES:
            return '""'
        if field.type == FieldDescriptor.TYPE_BOOL:
            return "false"
        return self.random.choice(["0", '"0"'] if field.type in _QUOTABLE else ["0"])

    def _value(self, field, value) -> str:
        if field.is_repeated:
            return self._joined("[", [self._single(field, one) for one in value], "]")
        return self._single(field, value)

    def _single(self, field, value) -> str:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            return self._object(value)
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._string(value)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return '"' + (self._hex(value) if field.name.endswith(_IDS) else base64.b64encode(value).decode()) + '"'
        if field.type == FieldDescriptor.TYPE_BOOL:
            return "true" if value else "false"
        if field.type == FieldDescriptor.TYPE_DOUBLE:
            return self._double(value)
        if field.type == FieldDescriptor.TYPE_ENUM:
            return self._enum(field, value)
        is_quoted = field.type in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SFIXED64, FieldDescriptor.TYPE_UINT64,
                                   FieldDescriptor.TYPE_FIXED64)
        return f'"{value}"' if is_quoted != self._oddly() else str(value)

    def _hex(self, value: bytes) -> str:
        text = value.hex()
        return "".join(self.random.choice([one, one.upper()]) for one in text) if self._oddly() else text

    def _double(self, value: float) -> str:
        if not math.isfinite(value):
            return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
        forms = [repr(value)]
        if self._oddly():
            forms = [f"{value:.17e}", f"{value:.20g}", f"{value:.17E}", repr(value).replace("e", "E")]
            if value.is_integer() and abs(value) < 1e15:
                forms.append(str(int(value)) if value or math.copysign(1, value) > 0 else "-0")
        text = self.random.choice(forms)
        return f'"{text}"' if self._oddly() else text

    def _enum(self, field, value: int) -> str:
        known = field.enum_type.values_by_number.get(value)
        return f'"{known.name}"' if known and known.name not in _MISSPELT and self._oddly() else str(value)

    def _string(self, text: str) -> str:
        if len(text) < 100 and self._oddly():
            return '"' + "".join(map(self._character, text)) + '"'
        return json.dumps(text, ensure_ascii=self._oddly())

    def _character(self, one: str) -> str:
        if one in _SHORT_ESCAPES and self.random.random() < 0.7:
            return _SHORT_ESCAPES[one]
        if one in '"\\' or one < " " or self.random.random() < 0.1:
            units = one.encode("utf-16-be")
            form = self.random.choice(["\\u%04x", "\\u%04X"])
            return "".join(form % int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
        return one


@functools.cache
def camel_case(name: str) -> str:
    return re.sub("_([a-z])", lambda found: found[1].upper(), name)
