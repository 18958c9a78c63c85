# SPDX-License-Identifier: Apache-2.0
"""Random log records and spans that are awkward as JSON documents, from a seed: names with dots, empty and conflicting
ones, values of every kind, what decides about indices, and what mapping modes translate. Every record, span and span event
has a number of its own in the attribute `seq`."""

import itertools

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from support.generate import DOUBLES, REQUESTS, STRINGS, Generator

ITEMS_PER_REQUEST = 50
SEQ = "seq"
WILD = 0.1  # of the requests: every field at random, as the generator for all of weir has it

# As long as the bytes that stand for it once the request is on the wire, for no protobuf writer would write those.
_NO_UTF8_MARK, NO_UTF8 = b"<no utf-8>", b"\xff\xfe\xc3(\xed\xa0\x80x\xf0\x9f"

# Names that meet as fields: one is the beginning of another, or the same once dots are taken for objects.
PLAIN_NAMES = [
    "a", "a.b", "a.b.c", "A", "ä.ö", "message", "log.level", "trace.id", "span.id", "attributes", "resource",
    "Body", "labels", "labels.x", "conflict", "conflict.x", "quoted\"name",
    "http.request.method", "http.response.status_code", "http.response.body.size", "url.full", "user.id", "thread.name",
    "exception.type", "exception.message", "exception.stacktrace", "exception.escaped", "error.message", "event.name",
    "event.action", "transaction.id", "db.system", "db.namespace", "db.query.text", "span.name",
    "geo.location.lon", "geo.location.lat", "source.geo.location.lon", "source.geo.location.lat", "error.grouping_name",
]
# What Elasticsearch refuses and weir mends; what stands for the time; and what the Collector writes twice beside a.b and a.b.c.
BAD_NAMES = ["@timestamp", "a.b.value", "a..b", ".a", "a.", ".", "..", "", " ", "_id", ".".join("deep" * 6)]
BAD = 0.003  # of the names
RESOURCE_NAMES = [
    "service.instance.id", "service.version", "deployment.environment", "deployment.environment.name", "telemetry.sdk.name",
    "telemetry.sdk.language", "telemetry.sdk.version", "cloud.platform", "container.image.tags", "host.name", "host.hostname",
    "host.arch", "host.ip", "process.parent_pid", "process.executable.name", "process.executable.path", "process.command_line",
    "process.runtime.name", "os.type", "os.name", "os.description", "os.version", "client.address", "source.address",
    "k8s.deployment.name", "k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.node.name", "k8s.cluster.name",
    "faas.instance", "faas.trigger", *PLAIN_NAMES[:20],
]
SERVICES = ["checkout", "Shop/Front-End"]
# What names indices: few values, for each makes one.
ROUTES = {
    "data_stream.dataset": ["Web-App/2", "x" * 120],
    "data_stream.namespace": ["Pro-d:1"],
    "data_stream.type": ["logs"],
    "elasticsearch.index": ["weir-compat-own"],
    "encoding.format": ["elb.access"],
}
SCOPES = [
    "", "checkout", "checkout", "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/cpu",
    "go.opentelemetry.io/collector/receiver/receiverhelper",
]
TIMES = [0, 1, 999_999, 1_700_000_000_000_000_000, 1_700_000_000_123_456_789, 1_700_000_000_100_000_000, 951_782_400_000_000_001]


class DocumentGenerator:
    def __init__(self, signal: str, seed, first: int = 0, maps: bool = False):
        """`first` is the first number. `maps`: every body is a map, and has the number too; none is wild."""
        self.signal, self.maps = signal, maps
        self.wild = Generator(f"documents {signal} {seed}")
        self.random = self.wild.random
        self.seq = itertools.count(first)
        self.count = 0  # of what was given a number
        self.odd = set()  # the numbers of what has, or lies in what has, a name that is bad or given twice, and of the wild

    def requests(self, items: int) -> list:
        """Serialized requests with that many records or spans together."""
        bodies = []
        while items > 0:
            count = min(items, ITEMS_PER_REQUEST)
            first, wild = next(self.seq), self._chance(WILD) and not self.maps
            message = self._wild_request(count) if wild else self._request(count)
            self.odd.update(range(first, next(self.seq)) if wild else odd_numbers(self.signal, message))
            bodies.append(message.SerializeToString().replace(_NO_UTF8_MARK, NO_UTF8))
            items -= count
        return bodies

    ## A request at random, and one of what happens

    def _wild_request(self, count: int):
        """Its attributes do not choose an index, of which there would be too many."""
        message = REQUESTS[self.signal]()
        while count:
            more = REQUESTS[self.signal].FromString(self.wild.request(self.signal))
            for scope in _scopes_of(more):
                items = scope.spans if self.signal == "traces" else scope.log_records
                del items[count:]
                count -= len(items)
                for item in items:
                    self._number(item)
            message.MergeFrom(more)
        return message

    def _request(self, count: int):
        message = REQUESTS[self.signal]()
        while count:
            group = message.resource_spans.add() if self.signal == "traces" else message.resource_logs.add()
            scope = group.scope_spans.add() if self.signal == "traces" else group.scope_logs.add()
            self._fill_resource(group)
            self._fill_scope(scope)
            for _ in range(min(count, self.random.randint(1, 20))):
                count -= 1
                self._number(self._span(scope.spans.add()) if self.signal == "traces" else self._record(scope.log_records.add()))
        return message

    def _fill_resource(self, group):
        if self._chance(0.6):
            group.resource.attributes.append(KeyValue(key="service.name", value=_string(self._one_of(SERVICES))))
        self._add_attributes(group.resource.attributes, RESOURCE_NAMES, 6)
        self._maybe_route(group.resource.attributes, 0.05)
        group.resource.dropped_attributes_count = self._one_of([0, 0, 3])
        group.schema_url = self._one_of(["", "https://opentelemetry.io/schemas/1.27.0"])

    def _fill_scope(self, scope):
        scope.scope.name = self._one_of(SCOPES)
        scope.scope.version = self._one_of(["", "1.2.3"])
        scope.scope.dropped_attributes_count = self._one_of([0, 0, 7])
        scope.schema_url = self._one_of(["", "https://example.org/1"])
        self._add_attributes(scope.scope.attributes, PLAIN_NAMES, 2)
        self._maybe_route(scope.scope.attributes, 0.05)

    def _record(self, record):
        record.time_unix_nano, record.observed_time_unix_nano = self._one_of(TIMES), self._one_of(TIMES)
        record.severity_number = self._one_of([0, 1, 9, 17, 24])
        record.severity_text = self._one_of(["", "INFO", "Error"])
        record.flags, record.dropped_attributes_count = self._one_of([0, 1, 0x300]), self._one_of([0, 0, 2])
        record.event_name = self._one_of(["", "", "device.app.lifecycle"])
        self._fill_ids(record)
        if self.maps:
            self._add_attributes(record.body.kvlist_value.values, PLAIN_NAMES, 8)
        elif self._chance(0.9):
            record.body.CopyFrom(self._value(0))
        self._add_attributes(record.attributes, PLAIN_NAMES, 8)
        self._maybe_route(record.attributes, 0.15)
        return record

    def _span(self, span):
        span.name, span.trace_state = self._one_of(STRINGS), self._one_of(["", "ot=th:8"])
        span.start_time_unix_nano, span.end_time_unix_nano = self._one_of(TIMES), self._one_of(TIMES)
        span.kind, span.status.code = self.random.randrange(6), self.random.randrange(3)
        span.status.message = self._one_of(["", "it broke"])
        span.dropped_attributes_count, span.dropped_links_count = self._one_of([0, 2]), self._one_of([0, 4])
        span.dropped_events_count, span.flags = self._one_of([0, 1]), self._one_of([0, 0x101])
        self._fill_ids(span)
        span.parent_span_id = self._one_of([b"", self.random.randbytes(8)])
        self._add_attributes(span.attributes, PLAIN_NAMES, 8)
        self._maybe_route(span.attributes, 0.15)
        for _ in range(self._one_of([0, 0, 1, 2])):
            self._event(span.events.add())
        for _ in range(self._one_of([0, 0, 1, 2])):
            link = span.links.add(trace_state=self._one_of(["", "a=b"]), dropped_attributes_count=self._one_of([0, 5]))
            self._fill_ids(link)
            self._add_attributes(link.attributes, PLAIN_NAMES, 2)
        return span

    def _event(self, event):
        event.time_unix_nano = self._one_of(TIMES)
        event.name = self._one_of(["checked", "exception", "exception", "retry"])
        event.dropped_attributes_count = self._one_of([0, 1])
        self._add_attributes(event.attributes, PLAIN_NAMES, 4)
        self._maybe_route(event.attributes, 0.1)

    def _fill_ids(self, item):
        item.trace_id = self._one_of([b"", bytes(16), self.random.randbytes(16), self.random.randbytes(16)])
        item.span_id = self._one_of([b"", bytes(8), self.random.randbytes(8), self.random.randbytes(8)])

    ## Attributes and values

    def _number(self, item):
        for counted in [item, *(item.events if self.signal == "traces" else [])]:
            self.count += 1
            counted.attributes.append(KeyValue(key=SEQ, value=AnyValue(int_value=next(self.seq))))
            if self.maps:
                counted.body.kvlist_value.values.append(counted.attributes[-1])

    def _add_attributes(self, attributes, names: list, most: int):
        for name in self._names(names, most):
            attributes.append(KeyValue(key=name, value=self._value(0)))

    def _names(self, names: list, most: int) -> list:
        chosen = self.random.sample(names, self.random.randrange(most + 1))
        chosen = [self._one_of(BAD_NAMES) if self._chance(BAD) else name for name in chosen]
        return chosen + chosen[:1] if self._chance(BAD) else chosen

    def _maybe_route(self, attributes, chance: float):
        for name, values in ROUTES.items():
            if self._chance(chance / 2):
                attributes.append(KeyValue(key=name, value=_string(self._one_of(values))))

    def _value(self, depth: int) -> AnyValue:
        kind = self.random.randrange(10 if depth < 8 else 7)
        if kind <= 2:
            return _string(self._one_of([*STRINGS, _NO_UTF8_MARK.decode()]))
        if kind == 3:
            return AnyValue(int_value=self._one_of([0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), 200]))
        if kind == 4:
            return AnyValue(double_value=self._one_of(DOUBLES))
        if kind == 5:
            return AnyValue(bool_value=self._chance(0.5))
        if kind == 6:
            return self._one_of([AnyValue(bytes_value=self.random.randbytes(self.random.randrange(20))), AnyValue()])
        value = AnyValue()
        if kind == 7:
            value.array_value.values.extend(self._value(depth + 2) for _ in range(self.random.randrange(4)))
        else:
            value.kvlist_value.SetInParent()
            for name in self._names(PLAIN_NAMES, 3):
                value.kvlist_value.values.append(KeyValue(key=name, value=self._value(depth + 2)))
        return value

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _one_of(self, values):
        return self.random.choice(values)


def _string(text: str) -> AnyValue:
    return AnyValue(string_value=text)


def _scopes_of(message):
    traces = hasattr(message, "resource_spans")
    for group in message.resource_spans if traces else message.resource_logs:
        yield from group.scope_spans if traces else group.scope_logs


def odd_numbers(signal: str, message) -> set:
    """A span is odd with its events, which are in its document in some modes, and they with it."""
    numbers = set()
    for group in message.resource_spans if signal == "traces" else message.resource_logs:
        for scope in group.scope_spans if signal == "traces" else group.scope_logs:
            around = has_odd_name(group.resource.attributes) or has_odd_name(scope.scope.attributes)
            for item in scope.spans if signal == "traces" else scope.log_records:
                parts = [item, *item.events] if signal == "traces" else [item]
                lists = [part.attributes for part in [*parts, *(item.links if signal == "traces" else [])]]
                lists += maps_in(item.body) if signal == "logs" else []
                if around or any(map(has_odd_name, lists)):
                    numbers.update(part.attributes[-1].value.int_value for part in parts)
    return numbers


def has_odd_name(attributes) -> bool:
    names = [attribute.key for attribute in attributes]
    return (len(set(names)) < len(names) or not set(BAD_NAMES).isdisjoint(names)
            or any(has_odd_name(inner) for attribute in attributes for inner in maps_in(attribute.value)))


def maps_in(value):
    """Lists of attributes, the outermost."""
    if value.HasField("kvlist_value"):
        yield value.kvlist_value.values
    for element in value.array_value.values:
        yield from maps_in(element)
