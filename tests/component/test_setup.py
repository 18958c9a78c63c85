# SPDX-License-Identifier: Apache-2.0
"""`weir setup` and servers that answer as their documentation says. With the real ones: tests/e2e/test_setup.py."""

import base64
import json
import os
import subprocess

import pytest

from support.certificates import Authority
from support.collector import weir_binary
from support.process import free_port
from support.setup_servers import FakeKibana, FakeSearch

MINE = {"_meta": {"managed_by": "somebody"}, "template": {"settings": {"index.codec": "default"}}}
OWN_TEMPLATES = ("logs-otel@template", "traces-otel@template", "logs")


@pytest.fixture
def setup(tmp_path):
    """setup(words…, NAME=value…): runs weir setup to its end; .returncode, .stdout, .stderr."""

    def run(*words, **env):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ELASTICSEARCH_")}
        return subprocess.run([weir_binary(), "setup", *map(str, words)], capture_output=True, text=True, timeout=30,
                              cwd=tmp_path, env={**inherited, **env}, check=False)

    return run


@pytest.fixture
def serve():
    """serve(server): the same, closed at the end."""
    servers = []

    def keep(server):
        servers.append(server)
        return server

    yield keep
    for server in servers:
        server.close()


@pytest.fixture
def search(serve):
    return serve(FakeSearch())


def with_own_templates(server: FakeSearch) -> FakeSearch:
    """As Elasticsearch 8.16 and newer."""
    for name in OWN_TEMPLATES:
        server.stored[f"_index_template/{name}"] = {"_meta": {"managed": True}}
    return server


def elasticsearch(setup, server, *words, **env):
    done = setup("elasticsearch", "--endpoint", server.url, *words, **env)
    assert "AddressSanitizer" not in done.stderr, done.stderr
    return done


# ---- Elasticsearch


def test_templates_are_made_once(setup, search):
    first = elasticsearch(setup, search)
    assert first.returncode == 0 and first.stderr == "", first
    assert "created    index template weir-logs-otel" in first.stdout
    made = search.changes()
    assert made.index("PUT /_component_template/weir-otel") < made.index("PUT /_index_template/weir-logs-otel")
    for name in search.stored["_index_template/weir-logs-otel"]["composed_of"]:
        assert f"_component_template/{name}" in search.stored
    search.seen.clear()
    again = elasticsearch(setup, search)
    assert again.returncode == 0 and "created" not in again.stdout
    assert again.stdout.count("unchanged") == len(made) and search.changes() == []


def test_where_elasticsearch_has_templates_only_what_they_leave_open_is_added(setup, search):
    with_own_templates(search)
    done = elasticsearch(setup, search, "--retention", "14d")
    assert done.returncode == 0, done
    assert {"PUT /_component_template/logs-otel@custom", "PUT /_component_template/traces-otel@custom",
            "PUT /_index_template/weir-traces"} <= set(search.changes())
    assert not [one for one in search.changes() if one.endswith(("weir-logs-otel", "weir-traces-otel", "weir-logs", "@template"))]
    custom = search.stored["_component_template/logs-otel@custom"]["template"]
    assert custom["lifecycle"] == {"data_retention": "14d"}
    assert custom["settings"]["index.lifecycle.prefer_ilm"] is False, "its own policy would come first"
    assert "keep Elasticsearch's own template" in done.stdout


def test_retention_stays_until_another_is_named(setup, search):
    def lifecycle():
        return search.stored["_component_template/weir-settings"]["template"].get("lifecycle")

    elasticsearch(setup, search, "--retention", "14d")
    assert elasticsearch(setup, search).stdout.count("changed    ") == 0 and lifecycle() == {"data_retention": "14d"}
    changed = elasticsearch(setup, search, "--retention", "30d")
    assert "changed    component template weir-settings" in changed.stdout and lifecycle() == {"data_retention": "30d"}
    elasticsearch(setup, search, "--ilm-policy", "ours")
    assert lifecycle() is None
    assert search.stored["_component_template/weir-settings"]["template"]["settings"]["index.lifecycle.name"] == "ours"
    search.seen.clear()
    elasticsearch(setup, search)
    assert search.changes() == []


def test_others_templates_are_left_alone(setup, search):
    search.stored["_component_template/weir-otel"] = MINE
    search.stored["_index_template/weir-logs"] = {}
    kept = elasticsearch(setup, search)
    assert kept.returncode == 1 and kept.stdout.count("kept ") == 2 and "--force" in kept.stdout
    assert search.stored["_component_template/weir-otel"] == MINE and search.stored["_index_template/weir-logs"] == {}
    forced = elasticsearch(setup, search, "--force")
    assert forced.returncode == 0
    assert search.stored["_component_template/weir-otel"]["_meta"]["managed_by"] == "weir"


def test_a_dry_run_prints_what_a_run_sends(setup, search):
    dry = elasticsearch(setup, search, "--dry-run", "--retention", "14d")
    assert dry.returncode == 0 and search.changes() == []
    elasticsearch(setup, search, "--retention", "14d")
    for one in search.seen:
        if one.method == "PUT":
            assert f"PUT {one.path}\n{one.body.decode()}" in dry.stdout


def test_plain_indices_get_a_template_of_the_patterns_named(setup, search):
    done = elasticsearch(setup, search, "--index", "app-logs-*", "--index", "audit-*")
    assert done.returncode == 0, done
    template = search.stored["_index_template/weir-indices"]
    assert template["index_patterns"] == ["app-logs-*", "audit-*"] and "data_stream" not in template
    search.seen.clear()
    elasticsearch(setup, search)
    assert search.changes() == [], "without the option it stays as it is"


def test_what_a_server_does_not_know_is_left_out(setup, search):
    search.unknown = "match_only_text"
    done = elasticsearch(setup, search)
    assert done.returncode == 0 and "no field type match_only_text" in done.stdout
    assert "match_only_text" not in json.dumps(search.stored)
    search.seen.clear()
    again = elasticsearch(setup, search)
    assert again.returncode == 0 and search.changes() == []


def test_a_refusal_is_told_with_the_servers_reason(setup, search):
    search.unknown = "ignore_malformed"
    done = elasticsearch(setup, search)
    assert done.returncode == 1 and "unsupported: [ignore_malformed]" in done.stderr and "400" in done.stderr


@pytest.mark.parametrize("version, distribution", [("8.13.4", None), ("7.17.0", None), ("2.10.0", "opensearch")])
def test_too_old_a_server_is_refused(setup, serve, version, distribution):
    server = serve(FakeSearch(version=version, distribution=distribution))
    done = elasticsearch(setup, server)
    assert done.returncode == 1 and version in done.stderr and "or newer" in done.stderr and server.changes() == []


def test_something_else_is_refused(setup, serve):
    kibana = serve(FakeKibana())
    kibana.refuse_with = (200, {"hello": "world"})
    done = elasticsearch(setup, kibana)
    assert done.returncode == 1 and "neither Elasticsearch nor OpenSearch" in done.stderr


# ---- OpenSearch


@pytest.fixture
def opensearch(serve):
    return serve(FakeSearch(version="3.6.0", distribution="opensearch"))


def test_opensearch_keeps_data_by_a_policy(setup, opensearch):
    first = elasticsearch(setup, opensearch, "--retention", "14d")
    assert first.returncode == 0 and "created    policy weir-retention" in first.stdout, first
    kept, removed = opensearch.policies["weir-retention"][1]["states"]
    assert kept["transitions"] == [{"state_name": "removed", "conditions": {"min_index_age": "14d"}}]
    assert removed["actions"] == [{"delete": {}}]
    assert "unchanged  policy" in elasticsearch(setup, opensearch, "--retention", "14d").stdout
    changed = elasticsearch(setup, opensearch, "--retention", "30d")
    assert changed.returncode == 0 and "changed    policy weir-retention" in changed.stdout
    assert "30d" in json.dumps(opensearch.policies)
    opensearch.seen.clear()
    assert elasticsearch(setup, opensearch).returncode == 0
    assert not [one for one in opensearch.seen if "policies" in one.path], "without the option it is not touched"


def test_opensearch_without_the_plugin_says_so(setup, opensearch):
    opensearch.has_policies = False
    done = elasticsearch(setup, opensearch, "--retention", "14d")
    assert done.returncode == 1 and "Index State Management" in done.stderr
    assert "_index_template/weir-logs-otel" in opensearch.stored, "the templates are there all the same"


def test_somebody_elses_policy_stays(setup, opensearch):
    opensearch.policies["weir-retention"] = (4, {"description": "mine"})
    assert elasticsearch(setup, opensearch, "--retention", "14d").returncode == 1
    assert opensearch.policies["weir-retention"] == (4, {"description": "mine"})
    assert elasticsearch(setup, opensearch, "--retention", "14d", "--force").returncode == 0
    assert opensearch.policies["weir-retention"][0] == 5


def test_opensearch_has_no_ilm(setup, opensearch):
    done = elasticsearch(setup, opensearch, "--ilm-policy", "x")
    assert done.returncode == 1 and "--retention" in done.stderr and opensearch.changes() == []


def test_an_older_opensearch_gets_templates_that_it_knows(setup, opensearch):
    opensearch.version, opensearch.unknown = "2.19.0", "disable_objects"
    done = elasticsearch(setup, opensearch)
    assert done.returncode == 0 and "does not know disable_objects" in done.stdout
    assert "disable_objects" not in json.dumps(opensearch.stored)


# ---- who asks, and whom


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_credentials_come_from_files_a_configuration_or_the_environment(setup, search, tmp_path):
    (tmp_path / "password").write_text("pass word\n")
    (tmp_path / "key").write_text("a2V5OnNlY3JldA==\n")
    (tmp_path / "weir.yaml").write_text(
        f"exporters: {{elasticsearch/a: {{endpoint: '{search.url}/', user: ann, password: pw, headers: {{x-team: one}}}}}}")

    def authorization(*words, **env):
        search.seen.clear()
        done = setup("elasticsearch", *words, **env)
        assert done.returncode == 0, done
        return search.seen[-1].headers.get("authorization")

    here = ("--endpoint", search.url)
    assert authorization(*here) is None
    assert authorization(*here, "--user", "bob", "--password-file", "password") == basic("bob", "pass word")
    assert authorization(*here, "--api-key-file", "key") == "ApiKey a2V5OnNlY3JldA=="
    assert authorization("--config", "weir.yaml") == basic("ann", "pw")
    assert search.seen[-1].headers["x-team"] == "one" and search.seen[0].path == "/"
    assert authorization(ELASTICSEARCH_URL=search.url, ELASTICSEARCH_USER="eve", ELASTICSEARCH_PASSWORD="p") == basic("eve", "p")
    assert authorization(*here, ELASTICSEARCH_API_KEY="abc") == "ApiKey abc"


def test_the_first_endpoint_that_answers_is_used(setup, search):
    nobody = f"http://127.0.0.1:{free_port()}"
    done = setup("elasticsearch", "--endpoint", nobody, "--endpoint", search.url)
    assert done.returncode == 0 and f"at {search.url}" in done.stdout
    alone = setup("elasticsearch", "--endpoint", nobody)
    assert alone.returncode == 1 and nobody in alone.stderr


def test_credentials_of_a_url_are_used_and_not_shown(setup, search):
    done = setup("elasticsearch", "--endpoint", search.url.replace("//", "//ann:s3cret@"), "--dry-run")
    assert done.returncode == 0 and search.seen[-1].headers["authorization"] == basic("ann", "s3cret")
    assert "s3cret" not in done.stdout + done.stderr


def test_certificates_are_verified(setup, serve, tmp_path):
    authority = Authority(tmp_path / "ca")
    server = serve(FakeSearch(tls=authority.issue("elasticsearch")))
    stranger = elasticsearch(setup, server)
    assert stranger.returncode == 1 and "certificate" in stranger.stderr and server.seen == []
    assert elasticsearch(setup, server, "--ca-file", authority.cert).returncode == 0
    assert elasticsearch(setup, server, "--insecure-skip-verify").returncode == 0
    missing = elasticsearch(setup, server, "--ca-file", "nowhere.pem")
    assert missing.returncode == 1 and "nowhere.pem" in missing.stderr


@pytest.mark.parametrize("status, word", [(401, "--api-key-file"), (403, "manage_index_templates")])
def test_missing_rights_are_named(setup, search, status, word):
    search.refuse_with = (status, {"error": {"type": "security_exception", "reason": "no\nthanks"}, "status": status})
    done = elasticsearch(setup, search)
    assert done.returncode == 1 and word in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("text, word", [
    ("exporters: {otlp: {endpoint: x:1}}", "no such exporter"),
    ("exporters: {elasticsearch: {endpoint: 'http://a'}, elasticsearch/b: {endpoint: 'http://b'}}", "--exporter"),
    ("exporters: {elasticsearch: {endpoint: 'http://a', auth: {authenticator: basicauth}}}", "--api-key-file"),
    ("exporters: {elasticsearch: {endpiont: 'http://a'}}", "endpiont"),
    ("exporters: {elasticsearch: {}}", ""),
])
def test_a_configuration_that_does_not_say_it(setup, tmp_path, text, word):
    (tmp_path / "weir.yaml").write_text(text)
    done = setup("elasticsearch", "--config", "weir.yaml")
    assert done.returncode == 1 and done.stderr and word in done.stderr


def test_misuse_is_told(setup):
    for words in [], ["solr"], ["elasticsearch", "--retention", "x"], ["kibana"], ["elasticsearch", "--space", "a"]:
        done = setup(*words)
        assert done.returncode == 2 and "--help" in done.stderr
    assert setup("--help").returncode == 0 and "--ilm-policy" in setup("elasticsearch", "--help").stdout


# ---- Kibana


@pytest.fixture
def kibana(serve):
    return serve(FakeKibana(spaces=("default", "team-a")))


def test_objects_are_imported_with_links_to_jaeger(setup, kibana):
    words = ["kibana", "--kibana-url", kibana.url + "/", "--jaeger-url", "https://jaeger.example/ui/"]
    first = setup(*words)
    assert first.returncode == 0 and first.stderr == "" and "created    index-pattern" in first.stdout, first
    told = json.dumps(list(kibana.objects.values()))
    assert "https://jaeger.example/ui/trace/" in told and "__JAEGER_URL__" not in told
    assert any(kind == "dashboard" for _, kind, _ in kibana.objects)
    again = setup(*words)
    assert again.returncode == 0 and again.stdout.count("replaced") == len(kibana.objects)


def test_a_space_is_chosen(setup, kibana):
    words = ["kibana", "--kibana-url", kibana.url, "--jaeger-url", "http://j", "--space"]
    assert setup(*words, "team-a").returncode == 0
    assert {space for space, _, _ in kibana.objects} == {"team-a"}
    missing = setup(*words, "nowhere")
    assert missing.returncode == 1 and '"nowhere"' in missing.stderr


def test_objects_that_kibana_does_not_take_are_told(setup, kibana):
    kibana.refused = ("weir-otel-logs",)
    done = setup("kibana", "--kibana-url", kibana.url, "--jaeger-url", "http://j")
    assert done.returncode == 1 and "not imported: index-pattern" in done.stderr and "conflict" in done.stderr
    assert "created" in done.stdout


def test_kibana_refuses(setup, kibana):
    words = ["kibana", "--kibana-url", kibana.url, "--jaeger-url", "http://j"]
    kibana.refuse_with = (403, {"statusCode": 403, "error": "Forbidden", "message": "Unable to bulk_create"})
    assert "Saved Objects Management" in setup(*words).stderr
    kibana.refuse_with = (200, {})
    odd = setup(*words)
    assert odd.returncode == 1 and "does not answer as Kibana does" in odd.stderr


def test_objects_can_be_written_to_a_file_or_shown(setup, kibana, tmp_path):
    done = setup("kibana", "--jaeger-url", "http://j", "--output", "objects.ndjson")
    assert done.returncode == 0, done
    objects = [json.loads(line) for line in (tmp_path / "objects.ndjson").read_text().splitlines()]
    assert {"index-pattern", "dashboard"} <= {one["type"] for one in objects} and "http://j/trace/" in json.dumps(objects)
    shown = setup("kibana", "--jaeger-url", "http://j", "--kibana-url", kibana.url, "--dry-run")
    assert shown.returncode == 0 and kibana.seen == [] and (tmp_path / "objects.ndjson").read_text() in shown.stdout
    nowhere = setup("kibana", "--jaeger-url", "http://j", "--output", "no/such/folder.ndjson")
    assert nowhere.returncode == 1 and "no/such/folder.ndjson" in nowhere.stderr
