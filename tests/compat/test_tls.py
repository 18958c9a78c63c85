# SPDX-License-Identifier: Apache-2.0
"""TLS between weir and the Collector, both ways, and with real clients: the SDKs for Python and Go, and grpcurl. What the
Collector refuses, weir refuses, and the other way round."""

import pytest
import requests
import yaml
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from support.certificates import Authority, Trust
from support.load import GrpcClient, HttpClient, numbered
from support.process import wait_until
from support.sink import Sink
from support.tools import gosdk, grpcurl

TRACES = "opentelemetry/proto/collector/trace/v1/trace_service.proto"
EXPORT = "opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def server(authority):
    return authority.issue("server")


@pytest.fixture(scope="module")
def client(authority):
    return authority.issue("client")


def server_config(identity, client_ca=None, backend=None) -> str:
    tls = {"cert_file": str(identity.cert), "key_file": str(identity.key)}
    if client_ca:
        tls["client_ca_file"] = str(client_ca.cert)
    exporter = {"otlp": {"endpoint": backend, "tls": {"insecure": True}}} if backend else {"nop": None}
    return yaml.safe_dump({
        "receivers": {"otlp": {"protocols": {"grpc": {"tls": tls}, "http": {"tls": tls}}}},
        "exporters": exporter,
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": list(exporter)}}},
    })


def forward_config(far, protocol: str, trust: Trust) -> str:
    tls = {"ca_file": str(trust.ca)}
    if trust.identity:
        tls |= {"cert_file": str(trust.identity.cert), "key_file": str(trust.identity.key)}
    name = "otlp" if protocol == "grpc" else "otlphttp"
    endpoint = f"localhost:{far.grpc_port}" if protocol == "grpc" else f"https://localhost:{far.http_port}"
    return yaml.safe_dump({
        "exporters": {name: {"endpoint": endpoint, "tls": tls, "sending_queue": {"enabled": False},
                             "retry_on_failure": {"enabled": False}}},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": [name]}}},
    })


def send(program, numbers) -> bool:
    client = GrpcClient(program)
    try:
        return client.send(numbered(numbers).SerializeToString()).ok
    finally:
        client.close()


@pytest.mark.parametrize("mutual", [False, True], ids=["tls", "mtls"])
@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("near_name", ["weir", "collector"])
def test_weir_and_the_collector(weir, collector, authority, server, client, near_name, protocol, mutual):
    near_kind, far_kind = (weir, collector) if near_name == "weir" else (collector, weir)
    with Sink() as sink:
        far = far_kind(server_config(server, authority if mutual else None, sink.endpoint))
        near = near_kind(forward_config(far, protocol, Trust(authority.cert, client if mutual else None)))
        assert send(near, range(1, 11))
        # The Collector answers before it has delivered.
        wait_until(lambda: sorted(sink.numbers()) == list(range(1, 11)), 10, "all spans arrive")


@pytest.mark.parametrize("near_name", ["weir", "collector"])
@pytest.mark.parametrize("far_name", ["weir", "collector"])
def test_refusals_agree(weir, collector, authority, stranger, server, near_name, far_name):
    kinds = {"weir": weir, "collector": collector}
    far = kinds[far_name](server_config(server, authority))
    for trust in (Trust(stranger.cert, authority.issue("client")), Trust(authority.cert),
                  Trust(authority.cert, stranger.issue("client")), Trust(authority.cert, authority.issue("client", days=-1))):
        near = kinds[near_name](forward_config(far, "grpc", trust))
        assert not send(near, [1]), trust
    assert far.metric("otelcol_receiver_accepted_spans") == 0


@pytest.mark.parametrize("mutual", [False, True], ids=["tls", "mtls"])
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_sdk_for_go(weir, authority, stranger, server, client, protocol, mutual):
    program = weir(server_config(server, authority if mutual else None))
    port = program.grpc_port if protocol == "grpc" else program.http_port
    assert gosdk(protocol, port, 1000, Trust(authority.cert, client if mutual else None)) == ""
    assert program.metric("otelcol_receiver_accepted_spans") == 1000
    assert "unknown authority" in gosdk(protocol, port, 1, Trust(stranger.cert, client))
    if mutual:
        assert "certificate required" in gosdk(protocol, port, 1, Trust(authority.cert))
    assert gosdk(protocol, port, 1) != ""  # in clear text
    assert program.metric("otelcol_receiver_accepted_spans") == 1000


def python_sdk(protocol: str, program, trust: Trust):
    """An exporter of the Python SDK that gives up at once when it is refused."""
    if protocol == "grpc":
        return GrpcExporter(f"localhost:{program.grpc_port}", credentials=trust.grpc(), timeout=2)
    identity, session = trust.identity, requests.Session()
    trust.use_in(session)
    return HttpExporter(f"https://localhost:{program.http_port}/v1/traces", certificate_file=str(trust.ca), timeout=2,
                        session=session,
                        client_certificate_file=str(identity.cert) if identity else None,
                        client_key_file=str(identity.key) if identity else None)


def python_spans(count: int):
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for number in range(count):
        provider.get_tracer("tls").start_span(f"span {number}").end()
    return memory.get_finished_spans()


@pytest.mark.parametrize("mutual", [False, True], ids=["tls", "mtls"])
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_sdk_for_python(weir, authority, stranger, server, client, protocol, mutual):
    program = weir(server_config(server, authority if mutual else None))
    good = python_sdk(protocol, program, Trust(authority.cert, client if mutual else None))
    assert good.export(python_spans(100)) == SpanExportResult.SUCCESS
    assert program.metric("otelcol_receiver_accepted_spans") == 100
    bad = [Trust(stranger.cert, client)] + ([Trust(authority.cert)] if mutual else [])
    for trust in bad:
        refused = python_sdk(protocol, program, trust)
        assert refused.export(python_spans(1)) == SpanExportResult.FAILURE
        refused.shutdown()
    good.shutdown()
    assert program.metric("otelcol_receiver_accepted_spans") == 100


def test_the_sdk_for_go_verifies_the_name(weir, authority):
    program = weir(server_config(authority.issue("elsewhere", names="DNS:elsewhere.example")))
    trust = Trust(authority.cert)
    assert "not localhost" in gosdk("grpc", program.grpc_port, 1, trust)
    assert gosdk("grpc", program.grpc_port, 1, trust, "-server-name", "elsewhere.example") == ""


def test_grpcurl(weir, authority, stranger, server, client):
    program = weir(server_config(server, authority))
    good = grpcurl(program.grpc_port, EXPORT, TRACES, "{}", Trust(authority.cert, client))
    assert good.returncode == 0 and good.stdout.strip() == "{}", good
    for trust in (Trust(stranger.cert, client), Trust(authority.cert), None):
        refused = grpcurl(program.grpc_port, EXPORT, TRACES, "{}", trust)
        assert refused.returncode != 0, refused


def test_http_clients_of_the_collector(weir, collector, authority, server):
    """The same requests by the same clients get the same answers of both."""
    for kind in (weir, collector):
        program = kind(server_config(server))
        program.tls = Trust(authority.cert)
        for client in (GrpcClient(program), HttpClient(program)):
            assert client.send(numbered([1]).SerializeToString()).ok
            client.close()
