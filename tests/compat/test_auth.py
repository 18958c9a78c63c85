# SPDX-License-Identifier: Apache-2.0
"""Authenticators in weir and in the OpenTelemetry Collector: the same requests, good and bad, to both get the same
status; and each sends what the other lets in. Where they differ, docs/differences.md says why."""

import base64
from dataclasses import dataclass, field

import pytest
import yaml

from support.certificates import Authority
from support.process import free_port, wait_until
from support.raw import framed, grpc, http_post
from support.load import numbered

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SPAN = numbered([1]).SerializeToString()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# "correct horse" by other programs: crypt(3), openssl passwd -apr1, sha1sum.
HTPASSWD = r"""
bcrypt:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2
sha512:$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/
sha256:$5$rounds=1000$saltstring$95Bg/RfV2QriLpMdLPHK9el0Ighm6E3CBqMKzZKgCa2
apr1:$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/
md5:$1$saltsalt$NuzA7WTAelpl95xgBGWN60
sha:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=
ssha:{SSHA}LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0
marked:{PLAIN}correct horse
plain:correct horse
twice:first
twice:correct horse
"""
USERS = [line.split(":")[0] for line in HTPASSWD.split()[:-1] if ":" in line and line.split(":")[0] != "twice"] + ["twice"]


@dataclass(frozen=True)
class Case:
    name: str
    headers: dict = field(default_factory=dict)
    path: str = "/v1/traces"
    differs: tuple | None = None  # (weir's, the Collector's) (HTTP status, grpc-status)


# Over HTTP/2 a value that ends with a blank is malformed (RFC 9113 §8.2.1): nghttp2 resets the stream.
ENDS_WITH_BLANK = ((401, None), (401, 16))


def cases_of(bearer: bool) -> list[Case]:
    def case(name, authorization, **more):
        return Case(name, {"authorization": authorization}, **more)

    common = [Case("no header"), case("empty header", ""), case("neither", "Digest x"), case("only a blank", " ", differs=ENDS_WITH_BLANK)]
    if bearer:
        return common + [
            case("first token", "Bearer one"), case("second token", "Bearer two"), case("unknown token", "Bearer three"),
            case("scheme in lower case", "bearer one"), case("no scheme", "one"), case("two blanks", "Bearer  one"),
            case("a part of it", "Bearer on"), case("more than it", "Bearer one1"), case("only the scheme", "Bearer"),
            case("unknown path and token", "Bearer three", path="/nowhere"), case("unknown path", "Bearer one", path="/nowhere"),
        ]
    good = [case(f"user {name}", basic(name, "correct horse")) for name in USERS]
    bad = [case(f"wrong password of {name}", basic(name, "wrong horse")) for name in USERS]
    return common + good + bad + [
        case("scheme in lower case", basic("plain", "correct horse").replace("Basic", "basic")),
        case("unknown user", basic("nobody", "correct horse")), case("first line of two", basic("twice", "first")),
        case("no colon", "Basic " + base64.b64encode(b"plain").decode()), case("no base64", "Basic !!!!"),
        case("no padding", basic("plain", "correct horse").rstrip("=")), case("nothing behind", "Basic"),
        case("empty credentials", "Basic ", differs=ENDS_WITH_BLANK), case("empty password", basic("plain", "")),
        case("the hash for the password", basic("sha", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=")),
    ]


def server_config(extension: str, settings: dict) -> str:
    auth = {"auth": {"authenticator": extension}}
    return yaml.safe_dump({
        "extensions": {extension: settings},
        "receivers": {"otlp": {"protocols": {"grpc": auth, "http": auth}}},
        "exporters": {"nop": None},
        "service": {"extensions": ["health_check", extension],
                    "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["nop"]}}},
    })


def answers(program, case: Case) -> tuple:
    http = http_post(program.http_port, case.path, SPAN, {"Content-Type": "application/x-protobuf", **case.headers})
    rpc = grpc(program.grpc_port, TRACES, framed(SPAN), case.headers)
    return http.http_status, rpc.grpc_code


@pytest.mark.parametrize("extension", ["bearertokenauth", "basicauth"])
def test_the_same_requests_are_let_in(weir, collector, tmp_path, extension):
    users = tmp_path / "htpasswd"
    users.write_text(HTPASSWD)
    bearer = extension == "bearertokenauth"
    settings = {"tokens": ["one", "two"]} if bearer else {"htpasswd": {"file": str(users)}}
    config = server_config(extension, settings)
    ours, theirs = weir(config), collector(config)
    found, expected = {}, {}
    for number, case in enumerate(cases_of(bearer)):
        if number % 12 == 11 and not bearer:  # the cases with wrong passwords are more than weir's budget for guesses
            ours.stop_cleanly()
            ours.start()
        found[case.name] = (answers(ours, case), answers(theirs, case))
        expected[case.name] = case.differs or (found[case.name][1],) * 2
    assert found == expected
    statuses = {status for pair in found.values() for status in pair[0]}
    assert {200, 401, 0, 16} <= statuses


# ---- each to the other ----


def sender_config(exporter: str, settings: dict, extension: str, auth: dict) -> str:
    return yaml.safe_dump({
        "extensions": {extension: auth},
        "exporters": {exporter: {**settings, "auth": {"authenticator": extension}}},
        "service": {"extensions": ["health_check", extension],
                    "pipelines": {"traces": {"receivers": ["otlp"], "exporters": [exporter]}}},
    })


SECRETS = {
    "bearertokenauth": ({"token": "one"}, {"token": "one"}),
    "basicauth": ({"client_auth": {"username": "ann", "password": "correct horse"}},
                  {"htpasswd": {"inline": "ann:correct horse"}}),
    "headers_setter": ({"headers": [{"key": "Authorization", "value": "Bearer one", "action": "upsert"}]}, {"token": "one"}),
}


@pytest.mark.parametrize("exporter", ["otlp", "otlphttp"])
@pytest.mark.parametrize("extension", SECRETS)
@pytest.mark.parametrize("sender, receiver", [("weir", "collector"), ("collector", "weir")])
def test_each_lets_the_other_in(weir, collector, tmp_path, sender, receiver, extension, exporter):
    programs = {"weir": weir, "collector": collector}
    ours, theirs = SECRETS[extension]
    of_server = "bearertokenauth" if extension == "headers_setter" else extension
    authority = Authority(tmp_path / "authority")
    identity = authority.issue("server")
    tls = {"cert_file": str(identity.cert), "key_file": str(identity.key)}
    config = yaml.safe_load(server_config(of_server, theirs))
    for protocol in config["receivers"]["otlp"]["protocols"].values():
        protocol["tls"] = tls
    server = programs[receiver](yaml.safe_dump(config))
    endpoint = f"localhost:{server.grpc_port}" if exporter == "otlp" else f"https://localhost:{server.http_port}"
    settings = {"endpoint": endpoint, "tls": {"ca_file": str(authority.cert)}, "sending_queue": {"enabled": False}}
    client = programs[sender](sender_config(exporter, settings, extension, ours))
    assert http_post(client.http_port, "/v1/traces", SPAN, {"Content-Type": "application/x-protobuf"}).http_status == 200
    wait_until(lambda: server.metric("otelcol_receiver_accepted_spans") == 1, 20, "the span has been let in")


@pytest.mark.parametrize("extension", ["bearertokenauth", "basicauth"])
def test_both_refuse_to_send_secrets_over_grpc_in_clear_text(weir, collector, extension):
    settings = {"endpoint": f"localhost:{free_port()}", "tls": {"insecure": True}}
    config = sender_config("otlp", settings, extension, SECRETS[extension][0])
    for program in weir(config, start=False), collector(config, start=False):
        with pytest.raises(AssertionError, match="ended with 1"):
            program.start()
