# SPDX-License-Identifier: Apache-2.0
"""Authentication: who may send to weir, what weir sends along, and that secrets are in no output."""

import base64
import os
import subprocess
import threading

import grpc
import pytest
import requests
from google.rpc.status_pb2 import Status

from support.certificates import Authority
from support.collector import weir_binary
from support.load import numbered
from support.process import wait_until
from support.sink import Sink

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
# "correct horse" by crypt(3), cost 10: the hash takes tens of milliseconds.
BCRYPT = "$2y$10$abcdefghijklmnopqrstuu23JPZtHcGhwXSF41f93o/7vBdDut3Xu"

SERVER = """
extensions:
  %s
receivers:
  otlp:
    protocols:
      grpc: {auth: {authenticator: %s}}
      http: {auth: {authenticator: %s}}
exporters: {nop: }
service:
  extensions: [health_check, %s]
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
"""


def server(extension: str, name: str) -> str:
    return SERVER % (extension, name, name, name)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def post(program, authorization: str | None = None, body=None, query: str = "", **headers) -> requests.Response:
    usual = {"Content-Type": "application/x-protobuf", **headers}
    if authorization is not None:
        usual["Authorization"] = authorization
    body = numbered([1]).SerializeToString() if body is None else body
    return requests.post(f"{program.http_endpoint}/v1/traces{query}", body, headers=usual, timeout=10)


def call(program, authorization: str | None = None, **metadata) -> grpc.StatusCode:
    pairs = [(key.replace("_", "-"), value) for key, value in metadata.items()]
    if authorization is not None:
        pairs.append(("authorization", authorization))
    with grpc.insecure_channel(program.grpc_endpoint) as channel:
        try:
            channel.unary_unary(TRACES)(numbered([1]).SerializeToString(), metadata=pairs, timeout=10)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


# ---- who may send ----


def test_bearer_token_is_asked_for_on_both_ports(weir):
    program = weir(server("bearertokenauth: {tokens: [one, two]}", "bearertokenauth"))
    for good in "Bearer one", "Bearer two":
        assert post(program, good).status_code == 200
        assert call(program, good) == grpc.StatusCode.OK
    for bad in None, "", "Bearer", "Bearer three", "one", basic("one", "two"):
        answer = post(program, bad)
        assert answer.status_code == 401, bad
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert Status.FromString(answer.content).code == grpc.StatusCode.UNAUTHENTICATED.value[0]
        assert call(program, bad) == grpc.StatusCode.UNAUTHENTICATED, bad
    for transport in "http", "grpc":
        assert program.metric("weir_receiver_requests", transport=transport, outcome="unauthenticated") == 6
        assert program.metric("weir_receiver_requests", transport=transport, outcome="accepted") == 2


def test_a_stranger_is_refused_before_the_body_is_read(weir):
    program = weir(server("bearertokenauth: {token: one}", "bearertokenauth"))
    assert post(program, "Bearer no", body=bytes(30 << 20)).status_code == 401, "not 413"
    assert post(program, "Bearer no", body=b"no OTLP").status_code == 401, "not 400"


def test_curl_logs_in_with_a_user_name(weir, tmp_path):
    program = weir(server("basicauth: {htpasswd: {inline: 'ann:correct horse'}}", "basicauth"))
    (tmp_path / "body").write_bytes(numbered([1]).SerializeToString())

    def curl(user: str) -> str:
        return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", user, "-H",
                               "Content-Type: application/x-protobuf", "--data-binary", f"@{tmp_path}/body",
                               f"{program.http_endpoint}/v1/traces"], capture_output=True, text=True, timeout=20,
                              check=True).stdout

    assert curl("ann:correct horse") == "200"
    assert curl("ann:wrong horse") == "401"


def test_health_is_answered_to_everyone(weir):
    program = weir(server("bearertokenauth: {token: one}", "bearertokenauth"))
    with grpc.insecure_channel(program.grpc_endpoint) as channel:
        assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x01"


def test_a_parameter_of_the_url_stands_in_for_a_header(weir):
    config = server("bearertokenauth: {token: 'o n/e', scheme: '', header: key}", "bearertokenauth")
    program = weir(config.replace("http: {auth: {", "http: {auth: {request_params: [key], "))
    assert post(program, query="?a=b&key=o%20n%2Fe").status_code == 200
    assert post(program, query="?key=o+n/e&key=x").status_code == 200
    assert post(program, query="?key=wrong", Key="o n/e").status_code == 200, "the header is there"
    assert post(program, query="?key=wrong").status_code == 401
    assert post(program, query="?keys=o%20n%2Fe").status_code == 401
    assert post(program).status_code == 401


def test_token_file_is_rotated_while_requests_run(weir, tmp_path):
    token = tmp_path / "token"
    token.write_text("one")
    token.chmod(0o600)
    program = weir(server(f"bearertokenauth: {{filename: {token}}}", "bearertokenauth"))
    answers, stop = [], threading.Event()

    def send():
        """As a client whose tokens overlap: it has both, and is let in with one of them at any time."""
        while not stop.is_set():
            answers.append({post(program, f"Bearer {name}").status_code for name in ("one", "two")})

    thread = threading.Thread(target=send)
    thread.start()
    beside = tmp_path / "token.new"
    beside.write_text("one\ntwo\n")
    beside.chmod(0o600)
    beside.rename(token)
    wait_until(lambda: post(program, "Bearer two").status_code == 200, 10, "the second token is taken")
    token.write_text("two\n")
    wait_until(lambda: post(program, "Bearer one").status_code == 401, 10, "the first token is refused")
    stop.set()
    thread.join()
    assert len(answers) > 10 and all(200 in both for both in answers)
    assert "may be read or changed by others" not in program.output()


def test_htpasswd_file_with_bcrypt_is_checked_once_for_each_client(weir, tmp_path):
    users = tmp_path / "htpasswd"
    users.write_text(f"ann:{BCRYPT}\n")
    users.chmod(0o644)
    program = weir(server(f"basicauth: {{htpasswd: {{file: {users}}}}}", "basicauth"))
    good = basic("ann", "correct horse")
    assert post(program, good).status_code == 200
    with requests.Session() as session:
        session.headers.update({"Content-Type": "application/x-protobuf", "Authorization": good})
        before = _cpu_seconds(program.pid)
        for _ in range(200):
            assert session.post(f"{program.http_endpoint}/v1/traces", numbered([1]).SerializeToString(), timeout=10).ok
        assert _cpu_seconds(program.pid) - before < 2, "200 hashes would take much longer"
    assert post(program, basic("ann", "wrong")).status_code == 401
    assert "may be read or changed by others" in program.output()
    users.write_text("bob:plain\n")
    wait_until(lambda: post(program, good).status_code == 401, 10, "ann is out")
    assert post(program, basic("bob", "plain")).status_code == 200


def _cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("user", ["ann", "nobody"])
def test_guessing_is_slowed_down_and_who_is_known_is_not(weir, user):
    program = weir(server("basicauth: {htpasswd: {inline: 'ann:good'}}", "basicauth"))
    assert post(program, basic("ann", "good")).status_code == 200
    answers = [post(program, basic(user, f"guess {i}")) for i in range(30)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 503 and answers[-1].headers["Retry-After"] == "1"
    assert post(program, basic("ann", "good")).status_code == 200
    assert call(program, basic(user, "another guess")) == grpc.StatusCode.UNAVAILABLE


# ---- what weir sends along ----

CLIENT = """
extensions:
  %s
receivers:
  otlp: {protocols: {grpc: {include_metadata: true}, http: {include_metadata: true%s}}}
exporters:
  otlp:
    endpoint: 127.0.0.1:${env:SINK_PORT}
    tls: %s
    headers: {x-configured: written}
    auth: {authenticator: %s}
    retry_on_failure: {initial_interval: 100ms, max_interval: 100ms}
service:
  extensions: [health_check, %s]
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
"""
CLEAR = "{insecure: true}"


class Seen:
    """A backend's `answer` that keeps the metadata of every request."""

    def __init__(self):
        self.requests = []

    def __call__(self, request, context):
        self.requests.append({key: value for key, value in context.invocation_metadata()})

    @property
    def last(self) -> dict:
        return self.requests[-1]


def test_headers_setter_passes_on_what_the_sender_said(weir):
    seen = Seen()
    extension = """headers_setter:
    headers:
      - {key: X-Scope-OrgID, from_context: Tenant, default_value: nobody}
      - {key: x-fixed, value: fixed}
      - {key: x-configured, action: update, value: changed}
"""
    with Sink(seen) as sink:
        program = weir(CLIENT % (extension, "", CLEAR, "headers_setter", "headers_setter"), SINK_PORT=sink.port)
        assert post(program, tenant="acme").status_code == 200
        assert (seen.last["x-scope-orgid"], seen.last["x-fixed"], seen.last["x-configured"]) == ("acme", "fixed", "changed")
        assert call(program, tenant="globex") == grpc.StatusCode.OK
        assert seen.last["x-scope-orgid"] == "globex"
        assert post(program).status_code == 200
        assert seen.last["x-scope-orgid"] == "nobody"


def test_the_name_a_client_logged_in_with_goes_out_as_a_header(weir):
    seen = Seen()
    extension = """headers_setter:
    headers: [{key: x-user, from_attribute: username}]
  basicauth: {htpasswd: {inline: 'ann:good'}}
"""
    config = CLIENT % (extension, ", auth: {authenticator: basicauth}", CLEAR, "headers_setter", "headers_setter, basicauth")
    with Sink(seen) as sink:
        program = weir(config.replace("http: {include_metadata: true", "http: {include_metadata: false"),
                       SINK_PORT=sink.port)
        assert post(program, basic("ann", "good")).status_code == 200
        assert seen.last["x-user"] == "ann"


def test_batches_are_split_by_what_the_headers_are_made_of(weir):
    seen = Seen()
    extension = "headers_setter: {headers: [{key: x-tenant, from_context: tenant}]}"
    config = CLIENT % (extension, "", CLEAR, "headers_setter", "headers_setter")
    config = config.replace("    retry_on_failure", "    sending_queue: {batch: {flush_timeout: 300ms, min_size: 1000, "
                            "partition: {metadata_keys: [tenant]}}}\n    retry_on_failure")
    with Sink(seen) as sink:
        program = weir(config, SINK_PORT=sink.port)
        threads = [threading.Thread(target=post, args=(program,), kwargs={"tenant": f"t{i % 3}"}) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {request["x-tenant"] for request in seen.requests} == {"t0", "t1", "t2"}


def test_what_the_headers_are_made_of_survives_the_disk_queue(weir, tmp_path):
    extension = """headers_setter:
    headers: [{key: x-tenant, from_context: tenant}, {key: x-user, from_attribute: username}]
  basicauth: {htpasswd: {inline: 'ann:good'}}
  file_storage: {directory: %s, create_directory: true}
""" % (tmp_path / "queue")
    config = CLIENT % (extension, ", auth: {authenticator: basicauth}", CLEAR, "headers_setter",
                       "headers_setter, basicauth, file_storage")
    config = config.replace("    retry_on_failure", "    sending_queue: {storage: file_storage}\n    retry_on_failure")
    with Sink() as nobody:
        port = nobody.port
    program = weir(config, SINK_PORT=port)
    assert post(program, basic("ann", "good"), tenant="acme").status_code == 200, "kept while the backend is away"
    program.kill()
    seen = Seen()
    with Sink(seen, port=port):
        program.start()
        wait_until(lambda: seen.requests, 20, "the data is sent after the restart")
        assert (seen.last["x-tenant"], seen.last["x-user"]) == ("acme", "ann")


def test_a_sender_who_says_two_things_does_not_hold_back_the_others(weir):
    """A client chooses its headers: none of its own choosing may stop what others have sent."""
    seen = Seen()
    extension = "headers_setter: {headers: [{key: x-tenant, from_context: tenant}]}"
    with Sink(seen) as sink:
        program = weir(CLIENT % (extension, "", CLEAR, "headers_setter", "headers_setter"), SINK_PORT=sink.port)
        with grpc.insecure_channel(program.grpc_endpoint) as channel, pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(TRACES)(numbered([1]).SerializeToString(), metadata=[("tenant", "a"), ("tenant", "b")], timeout=10)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert post(program, tenant="c").status_code == 200
        assert [request["x-tenant"] for request in seen.requests] == ["c"]


def test_a_header_that_nobody_can_send_holds_the_data_back(weir):
    """What a file brings in is not known before: it must neither be sent nor lose data."""
    seen = Seen()
    extension = "headers_setter: {headers: [{key: 'content-type', from_context: tenant}]}"
    with Sink(seen) as sink:
        program = weir(CLIENT % (extension, "", CLEAR, "headers_setter", "headers_setter"), SINK_PORT=sink.port)
        with pytest.raises(requests.Timeout):
            requests.post(f"{program.http_endpoint}/v1/traces", numbered([1]).SerializeToString(), timeout=1,
                          headers={"Content-Type": "application/x-protobuf", "Tenant": "canary"})
        assert not seen.requests
        wait_until(lambda: "content-type" in program.output(), 10, "the log names the header")
        assert "canary" not in program.output()


@pytest.mark.parametrize("extension, name, expected", [
    ("bearertokenauth: {token: one}", "bearertokenauth", "Bearer one"),
    ("basicauth: {client_auth: {username: ann, password: good}}", "basicauth", basic("ann", "good")),
])
def test_secrets_go_out_over_tls_and_not_in_clear_text(weir, tmp_path, extension, name, expected):
    authority = Authority(tmp_path / "authority")
    seen = Seen()
    credentials = grpc.ssl_server_credentials([authority.issue("sink").pem()])
    with Sink(seen, credentials=credentials) as sink:
        program = weir(CLIENT % (extension, "", f"{{ca_file: {authority.cert}}}", name, name), SINK_PORT=sink.port)
        assert post(program).status_code == 200
        assert seen.last["authorization"] == expected
        assert seen.last["x-configured"] == "written"
    refused = weir(CLIENT % (extension, "", CLEAR, name, name), start=False, SINK_PORT=1)
    done = subprocess.run(refused.argv, env={**os.environ, **refused.env}, capture_output=True, text=True, timeout=15,
                          check=False)
    assert done.returncode == 1
    assert "exporters.otlp.auth.authenticator" in done.stderr and "needs TLS" in done.stderr


def validate(program) -> subprocess.CompletedProcess:
    return subprocess.run([weir_binary(), "validate", "--config", program.config], capture_output=True, text=True,
                          env={**os.environ, **program.env}, timeout=15, check=False)


@pytest.mark.parametrize("extensions, client, server, complaint", [
    ("basicauth: {htpasswd: {inline: 'a:b'}}", "basicauth", None, "for outgoing requests"),
    ("basicauth: {client_auth: {username: a}}", None, "basicauth", "for incoming requests"),
    ("headers_setter: {headers: [{key: a, value: b}]}", None, "headers_setter", "for incoming requests"),
    ("headers_setter: {headers: [{key: a, value: b}]}", "bearertokenauth", None, "is not there"),
    ("bearertokenauth: {token: a}", "bearertokenauth", None, "needs TLS"),
    ("headers_setter: {headers: [{key: a, value: b}]}", "headers_setter", None, None),
    ("bearertokenauth: {token: a}", None, "bearertokenauth", None),
])
def test_validate_knows_who_may_be_what(weir, extensions, client, server, complaint):
    name = extensions.split(":", 1)[0]
    auth = f", auth: {{authenticator: {server}}}" if server else ""
    config = CLIENT % (extensions, auth, CLEAR, client, name)
    if not client:
        config = config.replace("    auth: {authenticator: None}\n", "")
    done = validate(weir(config, start=False, SINK_PORT=1))
    assert done.returncode == (1 if complaint else 0), done.stderr
    assert not complaint or complaint in done.stderr


def test_the_password_file_of_a_client_is_followed(weir, tmp_path):
    authority = Authority(tmp_path / "authority")
    password = tmp_path / "password"
    password.write_text("one\n")
    seen = Seen()
    extension = f"basicauth: {{client_auth: {{username: ann, password_file: {password}}}}}"
    with Sink(seen, credentials=grpc.ssl_server_credentials([authority.issue("sink").pem()])) as sink:
        program = weir(CLIENT % (extension, "", f"{{ca_file: {authority.cert}}}", "basicauth", "basicauth"),
                       SINK_PORT=sink.port)
        assert post(program).status_code == 200
        assert seen.last["authorization"] == basic("ann", "one")
        password.write_text("two\n")

        def is_followed():
            assert post(program).status_code == 200
            return seen.last["authorization"] == basic("ann", "two")

        wait_until(is_followed, 10, "the second password is sent")


# ---- secrets ----

CANARY = "c4n4ry"
SECRETS = f"""
extensions:
  bearertokenauth: {{token: {CANARY}1}}
  bearertokenauth/several: {{tokens: [{CANARY}2, {CANARY}3]}}
  basicauth/server: {{htpasswd: {{inline: "ann:{CANARY}4"}}}}
  basicauth/client: {{client_auth: {{username: ann, password: {CANARY}5}}}}
  headers_setter:
    headers: [{{key: x-key, value: {CANARY}6}}, {{key: x-other, from_context: x, default_value: {CANARY}7}}]
receivers:
  otlp:
    protocols:
      grpc: {{auth: {{authenticator: bearertokenauth/several}}}}
      http: {{auth: {{authenticator: basicauth/server}}}}
exporters:
  otlp:
    endpoint: 127.0.0.1:${{env:SINK_PORT}}
    tls: {{insecure: true}}
    headers: {{x-secret: {CANARY}8}}
    auth: {{authenticator: headers_setter}}
service:
  telemetry: {{logs: {{level: debug}}}}
  extensions: [health_check, bearertokenauth, bearertokenauth/several, basicauth/server, basicauth/client, headers_setter]
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
"""


def test_no_output_shows_a_secret(weir):
    def refuse(request, context):
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")

    with Sink(refuse) as sink:
        program = weir(SECRETS, SINK_PORT=sink.port)
        assert call(program, "Bearer wrong") == grpc.StatusCode.UNAUTHENTICATED
        refused = post(program, basic("ann", f"{CANARY}9"))
        assert refused.status_code == 401 and CANARY.encode() not in refused.content
        with pytest.raises(requests.Timeout):
            requests.post(f"{program.http_endpoint}/v1/traces", numbered([1]).SerializeToString(), timeout=1,
                          headers={"Content-Type": "application/x-protobuf", "Authorization": basic("ann", f"{CANARY}4")})
        for page in program.metrics_port, program.health_port:
            path = "metrics" if page == program.metrics_port else "status"
            assert CANARY not in requests.get(f"http://127.0.0.1:{page}/{path}", timeout=10).text
        environment = {**os.environ, **program.env}
        for words in (["validate"], ["validate", "--print"]):
            done = subprocess.run([weir_binary(), *words, "--config", program.config], capture_output=True, text=True,
                                  env=environment, timeout=15, check=False)
            assert done.returncode == 0, done.stderr
            assert "bearertokenauth" in done.stdout or words == ["validate"]
            assert CANARY not in done.stdout + done.stderr, words
        wait_until(lambda: "otlp" in program.output() and sink.arrived, 10, "the log has the refusal")
        assert CANARY not in program.output()


@pytest.mark.parametrize("extension", [
    f"bearertokenauth: {{token: {CANARY}, tokens: [{CANARY}]}}",
    f"bearertokenauth: {{token: [{CANARY}]}}",
    f"bearertokenauth: {{tokens: [{{a: {CANARY}}}]}}",
    f"basicauth: {{client_auth: {{username: a, password: {{a: {CANARY}}}}}}}",
    f"headers_setter: {{headers: [{{key: a, value: {CANARY}, value_file: b}}]}}",
])
def test_no_complaint_shows_a_secret(weir, extension):
    name = extension.split(":", 1)[0]
    program = weir(CLIENT % (extension, "", CLEAR, name, name), start=False, SINK_PORT=1)
    done = subprocess.run([weir_binary(), "validate", "--config", program.config], capture_output=True, text=True,
                          env={**os.environ, **program.env}, timeout=15, check=False)
    assert done.returncode == 1
    assert name in done.stderr and CANARY not in done.stderr
