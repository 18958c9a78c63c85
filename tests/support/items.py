# SPDX-License-Identifier: Apache-2.0
"""Spans, log records and metrics taken out of their requests, so that what was sent can be compared with what arrived
however it was split and put together on its way."""

from collections import Counter

from support.messages import strip

_LISTS_OF_ITEMS = ("spans", "log_records", "metrics")


def walk(request):
    """Every item as (its resource's message, its scope's, the item)."""
    for of_resource in request.ListFields()[0][1] if request.ListFields() else []:
        for field, scopes in of_resource.ListFields():
            for of_scope in scopes if field.name.startswith("scope_") else []:
                for name in _LISTS_OF_ITEMS:
                    yield from ((of_resource, of_scope, item) for item in getattr(of_scope, name, ()))


def items_in(request) -> list:
    return [item for _, _, item in walk(request)]


def points_of(metric) -> int:
    """How many data points a metric has, whatever its type."""
    return sum(len(getattr(value, "data_points", ())) for _, value in metric.ListFields())


def counted(requests) -> Counter:
    """How often each item is in the requests, as text with its resource and scope; without what the Collector leaves out
    (support/messages.py)."""
    return Counter("\n".join(stripped(message) for message in found) for request in requests for found in walk(request))


def stripped(message) -> str:
    """A message as text, without what the Collector leaves out; a resource or scope also without what lies in it."""
    copy = type(message)()
    for field, value in message.ListFields():
        if field.name.startswith("scope_") or field.name in _LISTS_OF_ITEMS:
            continue
        if field.is_repeated:
            getattr(copy, field.name).MergeFrom(value)
        elif field.message_type:
            getattr(copy, field.name).CopyFrom(value)
        else:
            setattr(copy, field.name, value)
    strip(copy)
    return str(copy)


def difference(arrived: Counter, expected: Counter) -> str | None:
    """None if both are equal; else how many and the first, for all of them would be pages."""
    missing, surplus = expected - arrived, arrived - expected
    if not missing and not surplus:
        return None
    return (f"{missing.total()} missing, {surplus.total()} surplus of {expected.total()}; the first missing:\n"
            f"{min(missing, default='')}\nthe first surplus:\n{min(surplus, default='')}")
