# SPDX-License-Identifier: Apache-2.0
"""Browsers' questions, and requests from web pages, to weir and to the OpenTelemetry Collector: status and all headers
that browsers read are equal, of refused requests as well."""

import pytest

from support.raw import http_raw

HTTP = """
receivers:
  otlp:
    protocols:
      http:
        cors: %s
%s
exporters: {nop: }
%s
service:
  %s
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
"""

LISTED = '{allowed_origins: [http://app.example, "http://*.Test.net"], allowed_headers: [X-Tenant, Content-Type, accept], ' \
         'exposed_headers: [x-one, retry-AFTER], max_age: 7200}'
CONFIGS = {
    "listed": HTTP % (LISTED, "", "", ""),
    "any": HTTP % ('{allowed_origins: [http://app.example, "*"], allowed_headers: ["*"], max_age: -1}', "", "", ""),
    "defaults": HTTP % ("{allowed_origins: [http://app.example]}", "", "", ""),
    "no origin": HTTP % ("{allowed_headers: [X-Tenant]}", "", "", ""),
    "with a password": HTTP % (LISTED, "        auth: {authenticator: basicauth}",
                               'extensions: {basicauth: {htpasswd: {inline: "ann:secret"}}}', "extensions: [basicauth, health_check]"),
    "with headers": HTTP % (LISTED, "        response_headers: {Access-Control-Allow-Origin: http://b, Vary: Accept, X-One: a}",
                            "", ""),
}

APP = "Origin: http://app.example"
ASK = "Access-Control-Request-Method: "
WANT = "Access-Control-Request-Headers: "
REQUESTS = {
    "preflight": ("OPTIONS", "/v1/traces", [APP, ASK + "POST"]),
    "preflight with headers": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "content-type,x-tenant"]),
    "headers with blanks": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "accept, content-type ,,x-tenant"]),
    "headers in two lines": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "accept", WANT + "x-tenant"]),
    "empty list of headers": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT]),
    "headers out of order": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "x-tenant,content-type"]),
    "header named twice": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "accept,accept"]),
    "headers in capitals": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "X-Tenant"]),
    "two blanks": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "accept,  x-tenant"]),
    "many commas": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "," * 40]),
    "default headers": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "accept,content-type,x-requested-with"]),
    "unknown header": ("OPTIONS", "/v1/traces", [APP, ASK + "POST", WANT + "x-other"]),
    "method that is not allowed": ("OPTIONS", "/v1/traces", [APP, ASK + "DELETE"]),
    "method in lower case": ("OPTIONS", "/v1/traces", [APP, ASK + "post"]),
    "preflight of another page": ("OPTIONS", "/v1/traces", ["Origin: http://evil.example", ASK + "POST"]),
    "preflight of a page alike": ("OPTIONS", "/v1/traces", ["Origin: http://app.example.evil", ASK + "POST"]),
    "preflight of no page": ("OPTIONS", "/v1/traces", [ASK + "POST"]),
    "preflight of an unknown path": ("OPTIONS", "/nowhere", [APP, ASK + "POST"]),
    "wildcard": ("OPTIONS", "/v1/traces", ["Origin: http://a.b.test.NET", ASK + "POST"]),
    "wildcard for nothing": ("OPTIONS", "/v1/traces", ["Origin: http://.test.net", ASK + "POST"]),
    "shorter than the wildcard": ("OPTIONS", "/v1/traces", ["Origin: http://est.net", ASK + "POST"]),
    "origin in capitals": ("OPTIONS", "/v1/traces", ["Origin: HTTP://App.Example", ASK + "POST"]),
    "options without a question": ("OPTIONS", "/v1/traces", [APP]),
    "post": ("POST", "/v1/traces", [APP, "Content-Type: application/x-protobuf"]),
    "post of JSON": ("POST", "/v1/traces", [APP, "Content-Type: application/json"]),
    "malformed JSON": ("POST", "/v1/traces", [APP, "Content-Type: application/json", "Content-Encoding: br"]),
    "post of another page": ("POST", "/v1/traces", ["Origin: null", "Content-Type: application/x-protobuf"]),
    "post of no page": ("POST", "/v1/traces", ["Content-Type: application/x-protobuf"]),
    "malformed": ("POST", "/v1/traces", [APP, "Content-Type: application/x-protobuf", "Content-Encoding: br"]),
    "text": ("POST", "/v1/traces", [APP, "Content-Type: text/plain", "Authorization: Basic YW5uOnNlY3JldA=="]),
    "put": ("PUT", "/v1/traces", [APP, "Content-Type: application/x-protobuf"]),
    "unknown path": ("POST", "/nowhere", [APP]),
}


@pytest.fixture(scope="module", params=CONFIGS)
def both(request, tmp_path_factory):
    from support.collector import Collector, collector_binary, weir_binary

    directory, config = tmp_path_factory.mktemp("cors"), CONFIGS[request.param]
    runs = [Collector(name, binary(), config, directory)
            for name, binary in (("weir", weir_binary), ("collector", collector_binary))]
    try:
        for run in runs:
            run.start()
        yield runs
        runs[0].stop_cleanly()
    finally:
        for run in runs:
            run.kill()


def said(run, method: str, path: str, headers: list) -> tuple:
    """Status, what the answer says to browsers, and whether it has a body. The order of a list does not count."""
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", "Content-Length: 0", *headers])
    answer = http_raw(run.http_port, head.encode() + b"\r\n\r\n")[0]
    read = {name: value for name, value in answer.headers.items() if name.startswith("access-control-") or name == "x-one"}
    vary = sorted(one.strip() for one in answer.headers.get("vary", "").split(","))
    return answer.http_status, read, vary, "content-length" in answer.headers


@pytest.mark.parametrize("name", REQUESTS)
def test_browsers_are_told_the_same(both, name):
    ours, theirs = (said(run, *REQUESTS[name]) for run in both)
    assert ours == theirs
