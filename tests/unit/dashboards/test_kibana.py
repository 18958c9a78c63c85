# SPDX-License-Identifier: Apache-2.0
"""The saved objects of dashboards/kibana taken apart: what Kibana would refuse, or show as broken."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from support import kibana

# The first Kibana whose own exports carry these versions; docs/dashboards.md names the newest of them as the oldest
# Kibana that imports the files.
TYPE_VERSIONS = {"index-pattern": "8.0.0", "search": "8.0.0", "lens": "8.9.0", "dashboard": "8.9.0"}
CORE_VERSION = "8.8.0"


@pytest.fixture(scope="module", params=kibana.FILES)
def objects(request):
    return kibana.load(request.param)


def by_id(objects) -> dict:
    return {(saved.type, saved.id): saved for saved in objects}


def of_type(objects, type_: str) -> list:
    return [saved for saved in objects if saved.type == type_]


def test_there_is_a_file_for_each_set_of_names():
    assert kibana.FILES == ["ecs.ndjson", "otel.ndjson"]


def test_ids_are_unique_over_all_files():
    ids = [(saved.type, saved.id) for name in kibana.FILES for saved in kibana.load(name)]
    assert len(ids) == len(set(ids))


def test_titles_are_unique_over_all_files():
    titles = [saved.attributes["title"] for name in kibana.FILES for saved in kibana.load(name)]
    assert len(titles) == len(set(titles))


def test_each_line_is_one_object_and_the_last_ends():
    for name in kibana.FILES:
        text = (kibana.FOLDER / name).read_text()
        assert text.endswith("}\n") and "\n\n" not in text


def test_versions_are_those_of_the_oldest_kibana(objects):
    for saved in objects:
        assert (saved.core_version, saved.type_version) == (CORE_VERSION, TYPE_VERSIONS[saved.type]), saved.id


def test_references_resolve_within_the_file(objects):
    known = by_id(objects)
    for saved in objects:
        for reference in saved.references:
            assert (reference["type"], reference["id"]) in known, f"{saved.id} refers to {reference}"


def test_what_is_referred_to_stands_first(objects):
    """So that a reader meets nothing unexplained; Kibana does not mind."""
    seen = set()
    for saved in objects:
        assert all((reference["type"], reference["id"]) in seen for reference in saved.references), saved.id
        seen.add((saved.type, saved.id))


def test_there_is_one_dashboard_and_it_shows_all_visualizations(objects):
    (dashboard,) = of_type(objects, "dashboard")
    shown = {reference["id"] for reference in dashboard.references}
    assert {lens.id for lens in of_type(objects, "lens")} <= shown


def test_panels_name_their_objects_and_do_not_overlap(objects):
    (dashboard,) = of_type(objects, "dashboard")
    taken = set()
    for panel in dashboard.attributes["panelsJSON"]:
        name = panel["panelIndex"]
        assert panel["panelRefName"] == f"panel_{name}" and panel["gridData"]["i"] == name
        assert dashboard.reference(f"{name}:panel_{name}")["type"] == panel["type"]
        place = panel["gridData"]
        assert place["x"] + place["w"] <= 48, f"{name} is wider than a dashboard"
        columns = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, f"{name} lies over another panel"
        taken |= cells


def test_controls_have_a_data_view(objects):
    (dashboard,) = of_type(objects, "dashboard")
    for name, control in dashboard.attributes["controlGroupInput"]["panelsJSON"].items():
        assert control["explicitInput"]["id"] == name
        assert dashboard.reference(f"controlGroup_{name}:optionsListDataView")["type"] == "index-pattern"


def test_columns_of_visualizations_are_all_used_and_all_there(objects):
    for lens in of_type(objects, "lens"):
        (layer,) = lens.attributes["state"]["datasourceStates"]["formBased"]["layers"].values()
        assert set(layer["columnOrder"]) == set(layer["columns"]), lens.id
        shown = lens.attributes["state"]["visualization"]
        if lens.attributes["visualizationType"] == "lnsDatatable":
            used = [column["columnId"] for column in shown["columns"]]
        else:
            (chart,) = shown["layers"]
            used = [chart["splitAccessor"], chart["xAccessor"], *chart["accessors"]]
        assert sorted(used) == sorted(layer["columns"]), lens.id


def test_every_query_can_be_read(objects):
    for saved in of_type(objects, "search") + of_type(objects, "lens"):
        assert kibana.kql(kibana.query_of(saved)), saved.id


def test_trace_ids_lead_to_jaeger(objects):
    trace = {"ecs": "trace.id", "otel": "trace_id"}
    for view in of_type(objects, "index-pattern"):
        formatter = view.attributes["fieldFormatMap"][trace[view.id.split("-")[1]]]
        assert formatter["id"] == "url"
        assert formatter["params"]["urlTemplate"] == "__JAEGER_URL__/trace/{{value}}"


def test_nothing_else_is_to_be_filled_in():
    for name in kibana.FILES:
        text = (kibana.FOLDER / name).read_text()
        assert text.replace("__JAEGER_URL__", "").count("__") == text.count("___records___") * 2


# ---- the way back: links from Jaeger


@pytest.fixture(params=["otel", "ecs"])
def links(request):
    path = kibana.FOLDER.parent / "jaeger" / f"ui-{request.param}.json"
    return request.param, json.loads(path.read_text())["linkPatterns"]


def test_links_from_jaeger_open_a_saved_search_that_exists(links):
    names, patterns = links
    searches = {saved.id for saved in kibana.load(f"{names}.ndjson") if saved.type == "search"}
    for pattern in patterns:
        url = urlsplit(pattern["url"])
        assert pattern["url"].startswith("__KIBANA_URL__/app/discover#/view/")
        assert url.fragment.split("?")[0].rsplit("/", 1)[1] in searches


def test_links_from_jaeger_have_a_query_that_can_be_read(links):
    _, patterns = links
    for pattern in patterns:
        state = parse_qs(urlsplit(pattern["url"]).fragment.split("?", 1)[1])["_a"][0]
        query = state.split("query:'", 1)[1].rsplit("'", 1)[0]
        assert kibana.kql(unquote(query).replace("#{", "").replace("}", ""))


def test_links_from_jaeger_name_their_kind_and_key(links):
    """Only a whole trace needs no key; what Jaeger cannot place it leaves out without a word."""
    _, patterns = links
    assert {pattern["type"] for pattern in patterns} == {"traces", "tags", "process"}
    for pattern in patterns:
        assert pattern["text"] and (pattern["type"] == "traces" or pattern["key"])


# ---- the translator itself


@pytest.mark.parametrize(
    "text, query",
    [
        ("", {"match_all": {}}),
        ("a.b : *", {"exists": {"field": "a.b"}}),
        ('a : "x \\"y\\""', {"match_phrase": {"a": 'x "y"'}}),
        ("n >= 17", {"range": {"n": {"gte": "17"}}}),
        ("not a : x", {"bool": {"must_not": [{"match": {"a": "x"}}]}}),
        (
            "a : (x or y) and b < 2",
            {
                "bool": {
                    "filter": [
                        {"bool": {"should": [{"match": {"a": "x"}}, {"match": {"a": "y"}}], "minimum_should_match": 1}},
                        {"range": {"b": {"lt": "2"}}},
                    ]
                }
            },
        ),
        (
            "(a : x or b : y)",
            {"bool": {"should": [{"match": {"a": "x"}}, {"match": {"b": "y"}}], "minimum_should_match": 1}},
        ),
    ],
)
def test_kql_becomes_a_query(text, query):
    assert kibana.kql(text) == query


@pytest.mark.parametrize("text", ["a", "a :", "a : (x or y", "(a : x", "a : x b", '"a" : x'])
def test_kql_that_is_none_is_an_error(text):
    with pytest.raises(AssertionError):
        kibana.kql(text)
