# SPDX-License-Identifier: Apache-2.0
"""`from_context: auth.NAME` of the attributes processor: what an authenticator knows of the client becomes an attribute, as
in the Collector."""

import base64

import pytest
import requests

from support.load import numbered
from support.process import wait_until
from support.sink import Sink

CONFIG = """
extensions:
  basicauth: {htpasswd: {inline: "ann:good"}}
receivers:
  otlp: {protocols: {http: {auth: {authenticator: basicauth}}}}
processors:
  attributes:
    actions:
      - {key: sender, from_context: auth.username, action: insert}
      - {key: team, from_context: auth.team, action: insert}
      - {key: origin, from_context: auth.origin, default_value: unknown, action: insert}
exporters:
  otlp: {endpoint: "${env:BACKEND}", tls: {insecure: true}, sending_queue: {enabled: false}}
service:
  extensions: [health_check, basicauth]
  pipelines:
    traces: {receivers: [otlp], processors: [attributes], exporters: [otlp]}
"""


@pytest.mark.parametrize("name", ["weir", "collector"])
def test_attributes_of_the_sender(request, name):
    with Sink() as backend:
        program = request.getfixturevalue(name)(CONFIG, BACKEND=backend.endpoint)
        headers = {"Content-Type": "application/x-protobuf",
                   "Authorization": "Basic " + base64.b64encode(b"ann:good").decode()}
        answer = requests.post(f"{program.http_endpoint}/v1/traces", numbered([1]).SerializeToString(), headers=headers,
                               timeout=10)
        assert answer.status_code == 200, answer.text
        wait_until(backend.requests, 10, "the span is at the backend")
        span = backend.requests()[0].resource_spans[0].scope_spans[0].spans[0]
    assert {pair.key: pair.value.string_value for pair in span.attributes} == {"sender": "ann", "origin": "unknown"}
