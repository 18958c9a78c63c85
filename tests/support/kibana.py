# SPDX-License-Identifier: Apache-2.0
"""What Kibana does with the saved objects of dashboards/kibana, as far as Elasticsearch sees it: its query language
turned into queries, saved searches and Lens visualizations into the bodies of _search."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "dashboards" / "kibana"
FILES = sorted(path.name for path in FOLDER.glob("*.ndjson"))

# Lens' name for "the documents themselves", which no mapping has.
RECORDS = "___records___"

# ---- saved objects


@dataclass
class SavedObject:
    """One line of a file, with the JSON texts inside it read."""

    type: str
    id: str
    attributes: dict
    references: list
    core_version: str
    type_version: str

    def reference(self, name: str) -> dict:
        """The one object that it calls `name`."""
        (found,) = [reference for reference in self.references if reference["name"] == name]
        return found


def load(name: str) -> list[SavedObject]:
    """The objects of one file, in its order."""
    return [_read(json.loads(line)) for line in (FOLDER / name).read_text().splitlines()]


def _read(line: dict) -> SavedObject:
    return SavedObject(
        line["type"],
        line["id"],
        _unfold(line["attributes"]),
        line["references"],
        line["coreMigrationVersion"],
        line["typeMigrationVersion"],
    )


# Kibana keeps these as JSON in a text.
JSON_TEXTS = {"searchSourceJSON", "panelsJSON", "optionsJSON", "ignoreParentSettingsJSON", "fieldFormatMap"}


def _unfold(value):
    if not isinstance(value, dict):
        return value
    return {key: json.loads(text) if key in JSON_TEXTS else _unfold(text) for key, text in value.items()}


def query_of(saved: SavedObject) -> str:
    """The KQL of a saved search or of a Lens visualization."""
    if saved.type == "lens":
        return saved.attributes["state"]["query"]["query"]
    return saved.attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]["query"]["query"]


def columns_of(lens: SavedObject) -> dict:
    """The columns of its one layer, in the order in which they nest."""
    (layer,) = lens.attributes["state"]["datasourceStates"]["formBased"]["layers"].values()
    return {name: layer["columns"][name] for name in layer["columnOrder"]}


def data_view_of(saved: SavedObject, objects: dict) -> SavedObject:
    """What a saved search or a visualization looks at; `objects` by type and id."""
    names = {"search": "kibanaSavedObjectMeta.searchSourceJSON.index", "lens": "indexpattern-datasource-layer-data"}
    reference = saved.reference(names[saved.type])
    return objects[reference["type"], reference["id"]]


def fields_of(saved: SavedObject) -> set[str]:
    """Every field of documents that it names."""
    if saved.type == "index-pattern":
        return {saved.attributes["timeFieldName"], *saved.attributes["fieldFormatMap"]}
    if saved.type == "search":
        sorted_by = {name for name, _ in saved.attributes["sort"]}
        return {*saved.attributes["columns"], *sorted_by, *kql_fields(query_of(saved))}
    if saved.type == "lens":
        sources = {column["sourceField"] for column in columns_of(saved).values()}
        return (sources - {RECORDS}) | kql_fields(query_of(saved))
    controls = saved.attributes["controlGroupInput"]["panelsJSON"].values()
    return {control["explicitInput"]["fieldName"] for control in controls}


# ---- the query language: what of KQL the objects use

_TOKENS = re.compile(r'\s*(?:(\()|(\))|(>=|<=|:|>|<)|"((?:[^"\\]|\\.)*)"|([^\s():<>"]+))')
_RANGES = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}


class Kql:
    """A query in KQL as a query of Elasticsearch: or, and, not, parentheses, field: value, field: *, field: (a or b)
    and comparisons. Anything else is an error."""

    def __init__(self, text: str):
        self.text, self.at, self.fields = text, 0, set()
        self.query = {"match_all": {}} if not text.strip() else self._or()
        assert not self._peek(), f"KQL: what is {text[self.at:]!r} in {text!r}?"

    def _peek(self) -> tuple | None:
        match = _TOKENS.match(self.text, self.at)
        return match and match.groups()

    def _take(self) -> tuple:
        match = _TOKENS.match(self.text, self.at)
        assert match, f"KQL: {self.text!r} ends too early"
        self.at = match.end()
        return match.groups()

    def _take_word(self, *words: str) -> bool:
        token = self._peek()
        if token and token[4] and token[4].lower() in words:
            self._take()
            return True
        return False

    def _or(self) -> dict:
        either = [self._and()]
        while self._take_word("or"):
            either.append(self._and())
        return either[0] if len(either) == 1 else {"bool": {"should": either, "minimum_should_match": 1}}

    def _and(self) -> dict:
        both = [self._not()]
        while self._take_word("and"):
            both.append(self._not())
        return both[0] if len(both) == 1 else {"bool": {"filter": both}}

    def _not(self) -> dict:
        return {"bool": {"must_not": [self._not()]}} if self._take_word("not") else self._term()

    def _term(self) -> dict:
        token = self._take()
        if token[0]:
            inner = self._or()
            assert self._take()[1], f"KQL: a ) is missing in {self.text!r}"
            return inner
        name, operator = token[4], self._take()[2]
        assert name and operator, f"KQL: {self.text!r} has a term without a field"
        self.fields.add(name)
        if operator in _RANGES:
            return {"range": {name: {_RANGES[operator]: self._take()[4]}}}
        return self._value(name)

    def _value(self, name: str) -> dict:
        token = self._take()
        if token[0]:
            either = [self._value(name)]
            while self._take_word("or"):
                either.append(self._value(name))
            assert self._take()[1], f"KQL: a ) is missing in {self.text!r}"
            return {"bool": {"should": either, "minimum_should_match": 1}}
        if token[3] is not None:
            return {"match_phrase": {name: re.sub(r"\\(.)", r"\1", token[3])}}
        return {"exists": {"field": name}} if token[4] == "*" else {"match": {name: token[4]}}


def kql(text: str) -> dict:
    return Kql(text).query


def kql_fields(text: str) -> set[str]:
    return Kql(text).fields


# ---- bodies of _search


def search_body(search: SavedObject, size: int = 20) -> dict:
    """What Discover asks for, with the columns as fields."""
    order = [{name: {"order": how}} for name, how in search.attributes["sort"]]
    return {
        "size": size,
        "query": kql(query_of(search)),
        "sort": order,
        "fields": search.attributes["columns"],
        "_source": False,
    }


@dataclass
class Aggregation:
    """The body for a visualization, and the names under which its answer has buckets and figures."""

    body: dict
    buckets: list = field(default_factory=list)
    figures: dict = field(default_factory=dict)


def lens_body(lens: SavedObject) -> Aggregation:
    """What Lens asks for: buckets nested in the order of the columns, the figures in the innermost."""
    columns = columns_of(lens)
    figures = {name: column for name, column in columns.items() if not column["isBucketed"]}
    buckets = [(name, column) for name, column in columns.items() if column["isBucketed"]]
    # Figures that an outer bucket is ordered by are asked for in that bucket as well.
    inner = {name: _figure(column) for name, column in figures.items() if column["operationType"] != "count"}
    aggregations = dict(inner)
    for name, column in reversed(buckets):
        aggregations = {name: {**_bucket(column, columns), "aggs": {**inner, **aggregations}}}
    body = {"size": 0, "track_total_hits": True, "query": kql(query_of(lens)), "aggs": aggregations}
    return Aggregation(body, [name for name, _ in buckets], figures)


def _bucket(column: dict, columns: dict) -> dict:
    if column["operationType"] == "date_histogram":
        return {"date_histogram": {"field": column["sourceField"], "fixed_interval": "30s", "min_doc_count": 1}}
    assert column["operationType"] == "terms", column["operationType"]
    params = column["params"]
    by = params["orderBy"]["columnId"]
    assert not columns[by]["isBucketed"], f"{column['label']} is ordered by {by}, which is no figure"
    return {
        "terms": {
            "field": column["sourceField"],
            "size": params["size"],
            "order": {_order_key(by, columns[by]): params["orderDirection"]},
        }
    }


def _order_key(name: str, figure: dict) -> str:
    if figure["operationType"] == "count":
        return "_count"
    return f"{name}[{figure['params']['percentile']}]" if figure["operationType"] == "percentile" else name


def _figure(column: dict) -> dict:
    if column["operationType"] == "percentile":
        return {"percentiles": {"field": column["sourceField"], "percents": [column["params"]["percentile"]]}}
    assert column["operationType"] == "max", column["operationType"]
    return {"max": {"field": column["sourceField"]}}


def rows_of(aggregation: Aggregation, answer: dict) -> list[dict]:
    """The rows of the table behind a visualization: a bucket's key or a figure for each column."""

    def walk(aggregations: dict, names: list, row: dict):
        if not names:
            return [row]
        rows = []
        for bucket in aggregations[names[0]]["buckets"]:
            figures = {name: _read_figure(name, column, bucket) for name, column in aggregation.figures.items()}
            rows += walk(bucket, names[1:], {**row, names[0]: bucket["key"], **figures})
        return rows

    return walk(answer["aggregations"], aggregation.buckets, {})


def _read_figure(name: str, column: dict, bucket: dict):
    if column["operationType"] == "count":
        return bucket["doc_count"]
    if column["operationType"] == "percentile":
        return next(iter(bucket[name]["values"].values()))
    return bucket[name]["value"]
