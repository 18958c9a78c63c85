# SPDX-License-Identifier: Apache-2.0
"""TLS and mutual TLS: real clients are accepted or refused as they should be, each refusal says why, certificates are
renewed while requests run, and weir's exporter verifies whom it sends to."""

import shutil
import socket
import ssl
import subprocess
import time

import grpc
import pytest
import requests
import yaml

from support.certificates import Authority, Identity, Trust, openssl
from support.load import GrpcClient, HttpClient, Load, numbered
from support.process import free_port, wait_until
from support.sink import Sink

KINDS = [GrpcClient, HttpClient]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """An authority that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def server(authority):
    return authority.issue("server")


@pytest.fixture(scope="module")
def client(authority):
    return authority.issue("client")


def server_config(identity: Identity, more: dict | None = None, exporters: str = "{nop: }") -> str:
    tls = {"cert_file": str(identity.cert), "key_file": str(identity.key), **(more or {})}
    exporters = yaml.safe_load(exporters)
    return yaml.safe_dump({
        "receivers": {"otlp": {"protocols": {"grpc": {"tls": tls}, "http": {"tls": tls}}}},
        "exporters": exporters,
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": list(exporters)}}},
    })


def send(program, kind, trust, count: int = 3, padding: int = 0):
    program.tls = trust
    one = kind(program)
    try:
        return one.send(numbered(range(1, count + 1), padding=padding).SerializeToString())
    finally:
        one.close()


def s_client(port: int, *words, timeout: float = 10):
    """openssl s_client, connected, silent for a moment so that tickets arrive, and ended."""
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *map(str, words)]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace")
    time.sleep(0.5)
    output, _ = child.communicate("", timeout)
    return child.returncode, output


# ---- accepted ----


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padding", [0, 300_000])
def test_python_clients(weir, authority, server, kind, padding):
    program = weir(server_config(server))
    assert send(program, kind, Trust(authority.cert), padding=padding).ok


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("padding", [0, 3_000_000])
def test_curl(weir, authority, server, tmp_path, version, padding):
    program = weir(server_config(server))
    body = tmp_path / "body"
    body.write_bytes(numbered([1], padding=padding).SerializeToString())
    done = subprocess.run(
        ["curl", "-sS", version, "--cacert", authority.cert, "-H", "content-type: application/x-protobuf",
         "--data-binary", f"@{body}", "-w", "%{http_code} %{http_version}",
         f"https://localhost:{program.http_port}/v1/traces"],
        capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == ("200 2" if version == "--http2" else "200 1.1"), done.stderr
    assert program.metric("otelcol_receiver_accepted_spans") == 1


@pytest.mark.parametrize("version,name", [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_sessions_are_resumed(weir, authority, server, tmp_path, version, name):
    program = weir(server_config(server))
    session = tmp_path / "session"
    code, output = s_client(program.http_port, version, "-CAfile", authority.cert, "-sess_out", session)
    assert code == 0 and f"New, {name}" in output, output
    _, output = s_client(program.http_port, version, "-sess_in", session)
    assert f"Reused, {name}" in output, output


@pytest.mark.parametrize("offered,chosen", [("h2,http/1.1", "h2"), ("http/1.1", "http/1.1"), ("h2", "h2")])
def test_alpn_on_the_http_port(weir, server, offered, chosen):
    program = weir(server_config(server))
    _, output = s_client(program.http_port, "-alpn", offered)
    assert f"ALPN protocol: {chosen}" in output, output


def test_alpn_on_the_grpc_port(weir, server):
    program = weir(server_config(server))
    _, output = s_client(program.grpc_port, "-alpn", "h2")
    assert "ALPN protocol: h2" in output, output
    _, output = s_client(program.grpc_port, "-alpn", "http/1.1")
    assert "no application protocol" in output.lower(), output
    code, output = s_client(program.grpc_port)
    assert code == 0 and "No ALPN negotiated" in output, output  # weir serves it; see collector/tls/README.md


def test_clients_may_go_away_at_any_byte_of_a_handshake(weir, authority, server):
    """A handshake recorded from a client that speaks to nobody, cut at many places."""
    program = weir(server_config(server))
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello_from = ssl.create_default_context().wrap_bio(into, out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        hello_from.do_handshake()
    hello = out.read()
    for length in range(0, len(hello), 17):
        with socket.create_connection(("127.0.0.1", program.grpc_port)) as raw:
            raw.sendall(hello[:length])
    for port in (program.grpc_port, program.http_port):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            for byte in hello:
                raw.sendall(bytes([byte]))
            assert raw.recv(1) == b"\x16"  # the server's handshake
    assert send(program, GrpcClient, Trust(authority.cert)).ok


# ---- refused ----


def wrong_authority(authority, stranger):
    return authority.issue("server"), stranger.cert


def expired(authority, stranger):
    return authority.issue("expired", days=-1), authority.cert


def wrong_name(authority, stranger):
    return authority.issue("elsewhere", names="DNS:elsewhere.example"), authority.cert


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", [wrong_authority, expired, wrong_name])
def test_clients_refuse_a_server(weir, authority, stranger, kind, case):
    identity, trusted = case(authority, stranger)
    program = weir(server_config(identity))
    answer = send(program, kind, Trust(trusted))
    assert not answer.ok and ("certificate" in answer.text.lower() or answer.code == "UNAVAILABLE"), answer
    assert program.metric("otelcol_receiver_accepted_spans") == 0
    assert ("has expired" in program.output()) == (case is expired)


@pytest.mark.parametrize("kind", KINDS)
def test_mutual_tls(weir, authority, stranger, server, client, kind):
    program = weir(server_config(server, {"client_ca_file": str(authority.cert)}))
    assert send(program, kind, Trust(authority.cert, client)).ok
    refused = {
        "peer did not return a certificate": Trust(authority.cert),
        "self-signed certificate in certificate chain|unable to get local issuer certificate":
            Trust(authority.cert, stranger.issue("client")),
        "certificate has expired": Trust(authority.cert, authority.issue("client", days=-1)),
    }
    for reason, trust in refused.items():
        assert not send(program, kind, trust).ok
        wait_until(lambda: any(text in program.output() for text in reason.split("|")), 5, f"{reason}: {program.tail()}")
        time.sleep(1.1)  # one such line a second
    assert program.metric("weir_receiver_tls_handshake_failures") >= 3
    assert program.metric("otelcol_receiver_accepted_spans") == 3


def test_failed_handshakes_do_not_fill_the_log(weir, server):
    program = weir(server_config(server))
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", program.grpc_port)) as raw:
            raw.sendall(b"this is no TLS at all, and long enough to be looked at\r\n")
            raw.settimeout(5)
            try:
                while raw.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    wait_until(lambda: program.metric("weir_receiver_tls_handshake_failures", transport="grpc") == 200, 5)
    lines = [line for line in program.output().splitlines() if "handshake failed" in line]
    assert 1 <= len(lines) <= 10 and "peer=127.0.0.1:" in lines[0], lines


def test_clear_text_to_a_tls_port(weir, server):
    program = weir(server_config(server))
    reply = requests.post(f"http://127.0.0.1:{program.http_port}/v1/traces", data=b"", timeout=10)
    assert reply.status_code == 400 and "https" in reply.text
    answer = send(program, GrpcClient, None)
    assert answer.code == "UNAVAILABLE"
    assert program.metric("otelcol_receiver_accepted_spans") == 0


def test_tls_to_a_clear_text_port(weir, authority):
    program = weir("{exporters: {nop: }, service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}}")
    for kind in KINDS:
        assert not send(program, kind, Trust(authority.cert)).ok
    assert send(program, HttpClient, None).ok


def test_old_versions_are_refused_unless_asked_for(weir, server):
    program = weir(server_config(server))
    # s_client itself speaks TLS 1.1 only at the lowest level.
    code, output = s_client(program.grpc_port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert code != 0 and "Cipher is (NONE)" in output, output
    program = weir(server_config(server, {"min_version": "1.1"}))
    _, output = s_client(program.grpc_port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "New, TLSv1.0, Cipher is ECDHE" in output or "Protocol  : TLSv1.1" in output, output


def test_versions_suites_and_curves(weir, server):
    more = {
        "max_version": "1.2",
        "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
        "curve_preferences": ["P384", "X25519MLKEM768"],
    }
    program = weir(server_config(server, more))
    _, output = s_client(program.grpc_port)
    assert "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in output and "ECDH, secp384r1" in output, output
    code, _ = s_client(program.grpc_port, "-tls1_3")
    assert code != 0
    code, _ = s_client(program.grpc_port, "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
    assert code != 0


# ---- mistakes at the start ----


def refusal(weir, config: str) -> str:
    program = weir(config, start=False)
    with pytest.raises(AssertionError, match="ended with"):
        program.start()
    return program.output()


def test_files_that_cannot_be_used(weir, authority, stranger, server, tmp_path):
    broken, encrypted = tmp_path / "broken.pem", tmp_path / "encrypted.key"
    broken.write_text("-----BEGIN NOTHING\n")
    openssl("pkey", "-in", server.key, "-aes128", "-passout", "pass:secret", "-out", encrypted)
    missing = tmp_path / "missing.crt"
    cases = [
        (Identity(missing, server.key), {}, f"cert_file {missing} cannot be read: No such file or directory"),
        (Identity(broken, server.key), {}, f"cert_file {broken} has no certificate in PEM form"),
        (Identity(server.cert, broken), {}, f"key_file {broken} has no private key in PEM form"),
        (Identity(server.cert, encrypted), {}, f"key_file {encrypted} is encrypted"),
        (Identity(server.cert, authority.key), {}, f"key_file {authority.key} is not the key of cert_file {server.cert}"),
        (server, {"client_ca_file": str(broken)}, f"client_ca_file {broken} has no certificate in PEM form"),
    ]
    for identity, more, text in cases:
        assert text in refusal(weir, server_config(identity, more))


def test_a_key_that_others_can_read_is_warned_of(weir, server, tmp_path):
    key = tmp_path / "open.key"
    shutil.copy(server.key, key)
    key.chmod(0o640)
    program = weir(server_config(Identity(server.cert, key)))
    assert f"key_file {key} can be read by others than its owner" in program.output()


@pytest.mark.parametrize("more,text", [
    ({"min_version": "1.4"}, '"1.4" is no TLS version'),
    ({"min_version": "1.3", "max_version": "1.2"}, "min_version 1.3 is above max_version 1.2"),
    ({"cipher_suites": ["AES128-SHA"]}, '"AES128-SHA" is no cipher suite'),
    ({"cipher_suites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}, "include_insecure_cipher_suites"),
    ({"curve_preferences": ["P257"]}, '"P257" is no curve'),
    ({"cert_pem": "x"}, "are both written"),
    ({"tpm": {"enabled": True}}, "key_file"),
])
def test_mistakes_in_the_configuration(weir, server, more, text):
    output = refusal(weir, server_config(server, more))
    assert text in output and ".yaml:" in output, output


def test_pem_in_the_configuration_is_masked(weir, authority, server):
    tls = {"cert_pem": server.cert.read_text(), "key_pem": server.key.read_text()}
    config = yaml.safe_load(server_config(server))
    for protocol in ("grpc", "http"):
        config["receivers"]["otlp"]["protocols"][protocol]["tls"] = tls
    program = weir(yaml.safe_dump(config))
    assert send(program, GrpcClient, Trust(authority.cert)).ok
    done = subprocess.run([program.argv[0], "validate", "--print", "--config", program.config], capture_output=True,
                          text=True, check=False, timeout=30, env={**program.env, "PATH": "/usr/bin:/bin"})
    assert "BEGIN" not in done.stdout + done.stderr and "key_pem" in done.stdout, done


# ---- renewal ----


def test_renewal_while_requests_run(weir, authority, tmp_path):
    first, second = authority.issue("server"), authority.issue("server")
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    first.replace(cert, key)
    program = weir(server_config(Identity(cert, key), {"reload_interval": "100ms"}))
    program.tls = Trust(authority.cert)
    assert served_serial(program.grpc_port) == first.serial()
    with Load(program, clients=4, spans=2, pause=0.01) as load:
        time.sleep(0.5)
        second.replace(cert, key)
        wait_until(lambda: served_serial(program.grpc_port) == second.serial(), 10, "the new certificate is served")
        assert served_serial(program.http_port) == second.serial()
        for kind in KINDS:
            assert send(program, kind, Trust(authority.cert)).ok
        time.sleep(0.3)
    assert load.codes() == {"OK"}
    assert "certificates were renewed" in program.output()


def served_serial(port: int) -> str:
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    done = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix("serial=")


def test_a_renewal_by_a_swapped_link(weir, authority, tmp_path):
    """As Kubernetes does with mounted secrets: ..data points to a folder, and is set to another one at once."""
    identities = [authority.issue("server"), authority.issue("server")]
    for number, identity in enumerate(identities):
        folder = tmp_path / f"..{number}"
        folder.mkdir()
        shutil.copy(identity.cert, folder / "tls.crt")
        shutil.copy(identity.key, folder / "tls.key")
    data = tmp_path / "..data"
    data.symlink_to("..0")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    program = weir(server_config(Identity(tmp_path / "tls.crt", tmp_path / "tls.key"), {"reload_interval": "100ms"}))
    assert served_serial(program.grpc_port) == identities[0].serial()
    (tmp_path / "..new").symlink_to("..1")
    (tmp_path / "..new").rename(data)
    wait_until(lambda: served_serial(program.grpc_port) == identities[1].serial(), 10, "the new certificate is served")


def test_a_half_written_renewal_changes_nothing(weir, authority, tmp_path):
    first, second = authority.issue("server"), authority.issue("server")
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    first.replace(cert, key)
    program = weir(server_config(Identity(cert, key), {"reload_interval": "50ms"}))
    cert.write_bytes(second.cert.read_bytes()[:100])
    for _ in range(10):
        assert served_serial(program.grpc_port) == first.serial()
        time.sleep(0.06)
    assert program.output().count("the renewed certificates cannot be used") == 1
    second.replace(cert, key)
    wait_until(lambda: served_serial(program.grpc_port) == second.serial(), 10, "the new certificate is served")


# ---- the exporter ----

EXPORTER = """
exporters:
  otlp:
    endpoint: {endpoint}
    tls: {tls}
    retry_on_failure: {{enabled: false}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
"""


def exporter_config(endpoint: str, tls: dict) -> str:
    """Without retries, so that clients are told at once why it went wrong."""
    return EXPORTER.format(endpoint=endpoint, tls=yaml.safe_dump(tls, default_flow_style=True).strip())


def secure_sink(identity: Identity, client_ca: Authority | None = None):
    roots = client_ca.cert.read_bytes() if client_ca else None
    return Sink(credentials=grpc.ssl_server_credentials([identity.pem()], roots, client_ca is not None))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "https://localhost"])
@pytest.mark.parametrize("padding", [0, 2_000_000])
def test_exporter_over_tls(weir, authority, server, host, padding):
    with secure_sink(server) as sink:
        program = weir(exporter_config(f"{host}:{sink.port}", {"ca_file": str(authority.cert)}))
        assert send(program, GrpcClient, None, count=5, padding=padding).ok
        assert sorted(sink.numbers()) == [1, 2, 3, 4, 5]


def test_exporter_over_mutual_tls(weir, authority, server, client):
    tls = {"ca_file": str(authority.cert), "cert_file": str(client.cert), "key_file": str(client.key)}
    with secure_sink(server, authority) as sink:
        program = weir(exporter_config(f"localhost:{sink.port}", tls))
        assert send(program, GrpcClient, None).ok
        assert len(sink.numbers()) == 3


def test_exporter_asks_for_another_name(weir, authority):
    elsewhere = authority.issue("elsewhere", names="DNS:elsewhere.example")
    tls = {"ca_file": str(authority.cert), "server_name_override": "elsewhere.example"}
    with secure_sink(elsewhere) as sink:
        program = weir(exporter_config(f"localhost:{sink.port}", tls))
        assert send(program, GrpcClient, None).ok


def test_exporter_that_verifies_nothing(weir, stranger):
    with secure_sink(stranger.issue("anyone", names="DNS:elsewhere.example")) as sink:
        program = weir(exporter_config(f"localhost:{sink.port}", {"insecure_skip_verify": True}))
        assert send(program, GrpcClient, None).ok


def test_exporter_refuses_a_server(weir, authority, stranger, server):
    ca = {"ca_file": str(authority.cert)}
    cases = [
        (stranger.issue("server"), ca, "certificate verify failed: "),
        (server, {}, "certificate verify failed: "),
        (authority.issue("expired", days=-1), ca, "certificate verify failed: certificate has expired"),
        (authority.issue("elsewhere", names="DNS:elsewhere.example"), ca,
         "certificate verify failed: hostname "
         'mismatch, the certificate is not for "localhost"'),
    ]
    for identity, tls, text in cases:
        with secure_sink(identity) as sink:
            program = weir(exporter_config(f"localhost:{sink.port}", tls))
            answer = send(program, GrpcClient, None)
            assert answer.code == "UNAVAILABLE" and f"cannot be reached: TLS: {text}" in answer.text, answer
            assert sink.arrived == 0


def test_exporter_is_refused_by_a_server(weir, authority, stranger, server):
    """TLS 1.3 servers refuse a certificate when the client believes the connection to stand. gRPC's server only closes
    the connection then, weir's own says why."""
    other = stranger.issue("client")
    far = weir(server_config(server, {"client_ca_file": str(authority.cert)}))
    for mine, reason in ({}, "certificate required"), ({"cert_file": str(other.cert), "key_file": str(other.key)}, "unknown ca"):
        with secure_sink(server, authority) as sink:
            for port, text in ((sink.port, "TLS: closed after the handshake without a word"),
                               (far.grpc_port, f"TLS: the other side refuses: {reason}")):
                program = weir(exporter_config(f"localhost:{port}", {"ca_file": str(authority.cert), **mine}))
                answer = send(program, GrpcClient, None)
                assert answer.code == "UNAVAILABLE" and text in answer.text, answer
            assert sink.arrived == 0


def test_exporter_to_a_clear_text_backend(weir, authority):
    with Sink() as sink:
        program = weir(exporter_config(f"localhost:{sink.port}", {"ca_file": str(authority.cert)}))
        answer = send(program, GrpcClient, None)
        assert answer.code == "UNAVAILABLE" and "TLS: " in answer.text, answer


def test_exporter_finds_the_backend_after_its_certificate_was_renewed(weir, authority, tmp_path):
    """A backend whose certificate has expired comes back with a new one: what waits is delivered."""
    port = free_port()
    credentials = [grpc.ssl_server_credentials([identity.pem()])
                   for identity in (authority.issue("expired", days=-1), authority.issue("server"))]
    with Sink(credentials=credentials[0], port=port):
        program = weir(exporter_config(f"localhost:{port}", {"ca_file": str(authority.cert)}))
        assert send(program, GrpcClient, None).code == "UNAVAILABLE"
    with Sink(credentials=credentials[1], port=port) as sink:
        wait_until(lambda: send(program, GrpcClient, None).ok, 20, "the backend is used again")
        assert sink.arrived >= 1


def test_two_weirs_over_mutual_tls(weir, authority, server, client):
    with Sink() as sink:
        far = weir(server_config(server, {"client_ca_file": str(authority.cert)},
                                 f"{{otlp: {{endpoint: '{sink.endpoint}', tls: {{insecure: true}}}}}}"))
        tls = {"ca_file": str(authority.cert), "cert_file": str(client.cert), "key_file": str(client.key)}
        near = weir(exporter_config(f"localhost:{far.grpc_port}", tls))
        with Load(near, clients=4, spans=3) as load:
            time.sleep(1)
        assert load.codes() == {"OK"}
        assert load.acknowledged <= set(sink.numbers())
        assert far.metric("weir_receiver_tls_handshake_failures") == 0


# ---- the health check ----


def test_health_check(weir, authority, server):
    config = yaml.safe_load(server_config(server))
    tls = {"cert_file": str(server.cert), "key_file": str(server.key)}
    config["extensions"] = {"health_check": {"tls": tls}}
    program = weir(yaml.safe_dump(config), start=False)
    url = program.health_url.replace("http:", "https:")

    def ready():
        try:
            return requests.get(url, verify=str(authority.cert), timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    program.start(ready)


def test_curl_reads_an_answer_that_comes_before_its_upload_has_ended(weir, server, authority, tmp_path):
    """The answer and the request to stop in one TLS record: libcurl 7.88 would take the whole for a failure."""
    program = weir(server_config(server))
    body = tmp_path / "body"
    body.write_bytes(bytes(3_000_000))
    for _ in range(5):
        words = ["curl", "-sS", "--http2", "--cacert", authority.cert, "-o", tmp_path / "answer", "-w", "%{http_version} %{http_code}",
                 "-H", "Content-Type: text/plain", "--data-binary", f"@{body}", f"https://localhost:{program.http_port}/v1/traces"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stdout) == (0, "2 415"), done.stderr


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01\x00"], ids=["nothing", "a beginning"])
def test_a_handshake_that_is_never_finished_is_cut_off(weir, server, said):
    config = yaml.safe_load(server_config(server))
    config["receivers"]["otlp"]["protocols"]["http"]["read_header_timeout"] = "500ms"
    program = weir(yaml.safe_dump(config))
    with socket.create_connection(("127.0.0.1", program.http_port), timeout=10) as connection:
        connection.sendall(said)
        began = time.monotonic()
        assert connection.recv(100) == b""
        assert 0.3 < time.monotonic() - began < 8
