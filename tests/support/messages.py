# SPDX-License-Identifier: Apache-2.0
"""Requests read back from a file or a sink, in the form in which weir's and the Collector's are compared."""


def frames(data: bytes) -> list:
    """The file exporter's records, each behind its length in four bytes."""
    records = []
    while data:
        length = int.from_bytes(data[:4], "big")
        assert len(data) >= 4 + length, "a torn record"
        records.append(data[4 : 4 + length])
        data = data[4 + length :]
    return records


def as_the_collector_has_it(message, data: bytes) -> str:
    """As text, in which NaN equals NaN, without what the Collector loses or leaves out: unknown fields, ids of zeros, -0,
    and sub-messages that are empty, which it always writes."""
    request = message.FromString(data)
    strip(request)
    return str(request)


def strip(message):
    for field, value in message.ListFields():
        if field.message_type:
            for child in value if field.is_repeated else [value]:
                strip(child)
            if not field.is_repeated and field.containing_oneof is None and not value.ListFields():
                message.ClearField(field.name)
        elif field.name.endswith(("trace_id", "span_id")) and not any(value):
            message.ClearField(field.name)
        elif not field.is_repeated and not field.has_presence and value == 0:
            message.ClearField(field.name)
