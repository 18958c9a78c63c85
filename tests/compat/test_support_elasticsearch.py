# SPDX-License-Identifier: Apache-2.0
"""The real Elasticsearch and OpenSearch and the fixtures around them, tried without weir: when this fails, look here first."""

import pytest
import requests

from support.process import wait_until

DOCUMENT = {"@timestamp": "2026-01-02T03:04:05Z", "n": 1}


def create(index: str, document: dict, document_id: str | None = None) -> list:
    """Two lines of a bulk body."""
    return [{"create": {"_index": index} | ({"_id": document_id} if document_id else {})}, document]


@pytest.fixture(params=["elasticsearch", "opensearch"])
def server(request):
    return request.getfixturevalue(request.param)


def test_documents_come_back_as_they_were_sent(server):
    index = f"support-{server.product}"
    sent = [{"n": number, "deep": {"a.b": [number]}} for number in range(4500)]
    answer = server.bulk([line for document in sent for line in create(index, document)])
    assert not answer["errors"]

    found = server.documents(index)

    assert sorted(found, key=lambda document: document["n"]) == sent
    assert server.count(index) == 4500
    assert server.count(index, {"range": {"n": {"lt": 10}}}) == 10
    assert server.count("nowhere") == 0 and server.search_all("nowhere") == []


def test_a_document_is_created_once(server):
    index = f"once-{server.product}"
    first, second = (server.bulk(create(index, DOCUMENT, "same"))["items"][0]["create"] for _ in range(2))

    assert (first["status"], second["status"]) == (201, 409)
    assert second["error"]["type"] == "version_conflict_engine_exception"
    server.wait_for_count(index, 1)


def test_data_streams_are_made_by_their_first_document_and_can_be_deleted(server):
    stream = f"logs-support-{server.product}"
    server.put_template(stream, [f"{stream}*"], data_stream=True, settings={"number_of_shards": 1})
    assert not server.bulk(create(stream, DOCUMENT) + create(f"{stream}-2", DOCUMENT))["errors"]
    server.request("PUT", f"/_data_stream/{stream}-3")
    server.request("POST", f"/{stream}/_rollover")

    streams = server.data_streams(f"{stream}*")

    assert sorted(streams) == [stream, f"{stream}-2", f"{stream}-3"]
    assert len(streams[stream]["indices"]) == 2 and streams[stream]["template"] == stream
    assert server.status_of("PUT", f"/_data_stream/{stream}") == 400
    server.delete_data_streams(f"{stream}*")
    assert server.data_streams(f"{stream}*") == {}
    assert server.status_of("GET", f"/_data_stream/{stream}") == 404
    assert not [name for name in server.indices() if stream in name]


def test_the_root_names_product_and_version(server):
    answer = requests.get(server.url, timeout=10)
    assert int(answer.json()["version"]["number"].split(".")[0]) == {"elasticsearch": 8, "opensearch": 3}[server.product]
    if server.product == "elasticsearch":
        assert answer.headers["X-elastic-product"] == "Elasticsearch"


def test_a_guarded_server_wants_to_know_who_asks(guarded_elasticsearch):
    url = guarded_elasticsearch.url
    key = guarded_elasticsearch.new_api_key()

    def status(**headers) -> int:
        return requests.get(url, headers=headers, timeout=10).status_code

    assert status() == 401
    assert status(Authorization=f"ApiKey {key['encoded']}") == 200
    assert requests.get(url, auth=(guarded_elasticsearch.user, guarded_elasticsearch.password), timeout=10).ok
    guarded_elasticsearch.revoke_api_key(key)
    assert status(Authorization=f"ApiKey {key['encoded']}") == 401


def test_a_server_keeps_its_documents_over_its_death(new_elasticsearch):
    server = new_elasticsearch()
    server.bulk(create("kept", DOCUMENT))
    server.pause()
    with pytest.raises(requests.Timeout):
        requests.get(server.url, timeout=0.5)
    server.resume()
    server.bulk(create("kept", DOCUMENT))
    server.kill()
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=5)
    server.start()
    wait_until(lambda: server.count("kept") == 2, what="both documents")
    server.restart()
    assert server.documents("kept") == [DOCUMENT] * 2
    assert server.cpu_s() > 0
