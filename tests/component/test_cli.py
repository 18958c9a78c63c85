# SPDX-License-Identifier: Apache-2.0
"""The command line: what it prints, where, and how it ends."""

import json
import os
import subprocess

import pytest

from support.collector import weir_binary
from support.load import GrpcClient, numbered
from support.process import free_port

GOOD = """\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
exporters:
  otlp/jaeger:
    endpoint: jaeger:4317
    tls:
      insecure: true
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp/jaeger]
"""

NOWHERE = "{receivers: {otlp: {protocols: {grpc: {endpoint: '%s'}}}}, exporters: {nop: }, service: {%spipelines: " \
          "{traces: {receivers: [otlp], exporters: [nop]}}}}"
NO_METRICS = "telemetry: {metrics: {level: none}}, "


@pytest.fixture
def run(tmp_path):
    """run(words…, NAME=value…): runs weir to its end in an empty folder; .returncode, .stdout, .stderr."""

    def run_weir(*words, **env):
        return subprocess.run([weir_binary(), *map(str, words)], capture_output=True, text=True, timeout=15,
                              cwd=tmp_path, env={**os.environ, **env}, check=False)

    return run_weir


@pytest.fixture
def file_of(tmp_path):
    """file_of(text, name): a file in the folder where `run` runs; its name."""

    def write(text: str, name: str = "weir.yaml") -> str:
        (tmp_path / name).write_text(text)
        return name

    return write


def test_version(run):
    done = run("--version")
    assert done.returncode == 0 and done.stderr == ""
    name, word, version = done.stdout.split()
    assert (name, word) == ("weir", "version") and version[0].isdigit()


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help_names_every_command(run, word):
    done = run(word)
    assert done.returncode == 0 and done.stderr == ""
    for command in "--config", "--set", "--state-dir", "--shutdown-timeout", "validate", "components", "schema", "send", "queue", "deadletter", "replay", "setup":
        assert command in done.stdout


@pytest.mark.parametrize("words", [["validate"], ["components"], ["schema"], ["reference"], ["components", "otlp"], ["--workers", "2"]])
def test_help_of_commands_without_a_page_of_their_own(run, tmp_path, words):
    asked = run(*words, "--help")
    assert asked.returncode == 0 and asked.stdout == run("--help").stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["schema", "x"], ["components", "otlp", "file"], ["reference"]])
def test_too_many_or_too_few_words(run, words):
    refused = run(*words)
    assert refused.returncode == 2 and refused.stderr and not refused.stdout


@pytest.mark.parametrize("words, named", [
    (["validat"], '"validat"'), (["--confg", "x"], "confg"), (["--config"], "--config"), (["validate", "weir.yaml"], "--config"),
    (["--workers", "0"], "--workers"), (["--shutdown-timeout", "soon"], "--shutdown-timeout"),
])
def test_a_misused_command_line_ends_with_2(run, words, named):
    done = run(*words)
    assert done.returncode == 2
    assert named in done.stderr and done.stdout == ""


## validate


def test_validate_says_what_an_ok_means(run, file_of):
    done = run("validate", "--config", file_of(GOOD))
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    pipeline, promise = done.stdout.splitlines()[:2]
    assert pipeline == "pipeline traces:"
    assert promise.strip() == "otlp/jaeger: OK means jaeger:4317 has the data"


def test_validate_says_so_when_an_ok_means_little(run, file_of):
    weak = GOOD.replace("    tls:", "    sending_queue:\n      wait_for_result: false\n    tls:")
    done = run("validate", "--config", file_of(weak))
    assert done.returncode == 0
    assert "OK means in memory" in done.stdout
    assert "weir.yaml:10:24: warning: exporters.otlp/jaeger.sending_queue.wait_for_result:" in done.stderr


MISTAKES = {
    "a misspelt key": (
        ("endpoint: jaeger:4317", "endpont: jaeger:4317"),
        "weir.yaml:8:5: error: exporters.otlp/jaeger.endpont: unknown key; did you mean \"endpoint\"?"),
    "a misspelt section": (
        ("exporters:\n  otlp", "exporter:\n  otlp"), "weir.yaml:6:1: error: exporter: unknown key; did you mean \"exporters\"?"),
    "a misspelt component": (
        ("otlp/jaeger:", "oltp/jaeger:"), "weir.yaml:7:3: error: exporters.oltp/jaeger: weir has no exporter \"oltp\"; did you mean"),
    "a reference to nothing": (
        ("exporters: [otlp/jaeger]", "exporters: [otlp/jager]"),
        "weir.yaml:15:19: error: service.pipelines.traces.exporters[0]: the exporter \"otlp/jager\" is not defined; "
        "did you mean \"otlp/jaeger\"?"),
    "a value of the wrong type": (
        ("insecure: true", "insecure: perhaps"), "weir.yaml:10:17: error: exporters.otlp/jaeger.tls.insecure:"),
    "broken YAML": (("[otlp/jaeger]", "[otlp/jaeger"), "weir.yaml:16:1: error: not valid YAML:"),
    "a component weir leaves to others": (
        ("receivers:\n  otlp:", "receivers:\n  filelog:\n  otlp:"),
        "weir.yaml:2:3: error: receivers.filelog: weir has no receiver \"filelog\": let Fluent Bit or a Collector"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_validate_names_place_mistake_and_cure(run, file_of, mistake):
    (right, wrong), message = MISTAKES[mistake]
    assert right in GOOD
    done = run("validate", "--config", file_of(GOOD.replace(right, wrong)))
    assert done.returncode == 1 and done.stdout == ""
    assert message in done.stderr


LOOSE_ENDS = """
receivers: {otlp: {protocols: {grpc: }}}
exporters: {otlphttp: {traces_endpoint: "http://127.0.0.1:1/v1/traces"}, otlp: {endpoint: "h:1", %s}}
extensions: {health_check: }
service: {extensions: [%s], pipelines: {%s: {receivers: [otlp], exporters: [%s]}}}
"""


@pytest.mark.parametrize("values, message", [
    (("sending_queue: {storage: file_storage}", "", "traces", "otlp"), "exporters.otlp.sending_queue.storage: the extension "
     "\"file_storage\" is not there"),
    (("sending_queue: {storage: health_check}", "", "traces", "otlp"), "\"health_check\" is not there: define it under "
     "`extensions:` and list it in `service.extensions`"),
    (("sending_queue: {storage: health_check}", "health_check", "traces", "otlp"), "\"health_check\" is not a storage"),
    (("auth: {authenticator: health_check}", "health_check", "traces", "otlp"), "is not an authenticator for outgoing requests"),
    (("timeout: 1s", "", "logs", "otlphttp"), "otlphttp has no endpoint for logs"),
])
def test_what_components_need_of_each_other_is_checked(run, file_of, values, message):
    done = run("validate", "--config", file_of(LOOSE_ENDS % values))
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert run("validate", "--config", file_of(LOOSE_ENDS % ("timeout: 1s", "", "traces", "otlphttp"))).returncode == 0


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(run, file_of):
    wrong = GOOD.replace("grpc:", "grcp:").replace("endpoint: jaeger", "endpont: jaeger").replace("[otlp]", "[otpl]")
    done = run("validate", "--config", file_of(wrong))
    places = [line.split(":")[1] for line in done.stderr.splitlines() if line.startswith("weir.yaml:")]
    assert done.returncode == 1
    assert {"4", "8", "14"} <= set(places) and places == sorted(places, key=int)


def test_a_file_that_is_not_there(run):
    done = run("validate", "--config", "nowhere.yaml")
    assert done.returncode == 1
    assert "nowhere.yaml" in done.stderr and "no such file" in done.stderr


## Where a configuration comes from


def test_set_beats_the_file(run, file_of):
    name = file_of(GOOD)
    assert "elsewhere:1" in run("validate", "--config", name, "--set", "exporters.otlp/jaeger.endpoint=elsewhere:1").stdout
    done = run("validate", "--config", name, "--set", "exporters.otlp/jaeger.endpont=elsewhere:1")
    assert done.returncode == 1 and "did you mean \"endpoint\"?" in done.stderr


def test_several_sources_are_merged_and_later_ones_win(run, file_of):
    done = run("validate", f"--config=file:{file_of(GOOD)}", "--config=yaml:exporters::otlp/jaeger::endpoint: second:1",
               "--config=env:THIRD", THIRD="exporters: {otlp/jaeger: {endpoint: 'third:1'}}")
    assert done.returncode == 0, done.stderr
    assert "third:1" in done.stdout and "second:1" not in done.stdout


def test_the_environment_is_put_in(run, file_of):
    name = file_of(GOOD.replace("jaeger:4317", "${env:HOST_OF_JAEGER:-default}:${PORT_OF_JAEGER}"))
    assert "somewhere:7" in run("validate", "--config", name, HOST_OF_JAEGER="somewhere", PORT_OF_JAEGER="7").stdout
    assert "default:7" in run("validate", "--config", name, PORT_OF_JAEGER="7").stdout


def test_a_variable_that_is_not_set_is_named(run, file_of):
    done = run("validate", "--config", file_of(GOOD.replace("jaeger:4317", "${env:NOT_SET_ANYWHERE}:4317")))
    assert "NOT_SET_ANYWHERE" in done.stderr and "weir.yaml:8:" in done.stderr


def test_it_runs_from_words_alone(weir):
    """--config=yaml: and --set are not only validated."""
    port = free_port()
    program = weir("{}", whole=True, start=False)
    program.argv[1:] = ["--config", "yaml:" + NOWHERE % ("127.0.0.1:1", NO_METRICS),
                        "--set", f"receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{port}"]
    program.grpc_port = port

    program.start()

    client = GrpcClient(program)
    assert client.send(numbered([1]).SerializeToString()).ok
    client.close()
    program.stop_cleanly()


def test_running_with_a_mistake_starts_nothing(run, file_of):
    done = run("--config", file_of(GOOD.replace("endpoint: jaeger", "endpont: jaeger")))
    assert done.returncode == 1
    assert "weir.yaml:8:5: error:" in done.stderr and "nothing was started" in done.stderr


def test_a_port_that_is_taken_is_named(weir, run):
    first = weir("{}", whole=True, start=False)
    first.argv[1:] = ["--config", "yaml:" + NOWHERE % (first.grpc_endpoint, NO_METRICS)]
    first.start()

    done = run(*first.argv[1:])

    assert done.returncode == 1
    assert first.grpc_endpoint in done.stderr


def test_feature_gates_are_warned_of(run, file_of):
    done = run("validate", "--config", file_of(GOOD), "--feature-gates", "+some.gate")
    assert done.returncode == 0
    assert "warning" in done.stderr and "+some.gate" in done.stderr


## components, schema


def test_components_lists_all(run):
    done = run("components")
    rows = {tuple(line.split()[:2]) for line in done.stdout.splitlines()}
    assert done.returncode == 0
    assert rows >= {
        ("receiver", "otlp"), ("exporter", "otlp"), ("exporter", "debug"), ("exporter", "nop"), ("extension", "health_check"),
        *(("processor", name) for name in ("memory_limiter", "batch", "probabilistic_sampler", "resource", "attributes",
                                           "resourcedetection")),
    }


@pytest.mark.parametrize("name", ["otlp", "otlp_grpc"])
def test_components_of_one_name_explains_every_option(run, name):
    done = run("components", name)
    assert done.returncode == 0
    for option in "endpoint", "sending_queue", "wait_for_result", "retry_on_failure", "max_elapsed_time", "compression":
        assert option in done.stdout, option
    assert ("max_recv_msg_size_mib" in done.stdout) == (name == "otlp"), "the receiver has only the short name"


def test_components_of_an_unknown_name(run):
    done = run("components", "oltp")
    assert done.returncode == 1 and done.stdout == ""
    assert '"oltp"' in done.stderr


def test_schema_is_json_that_knows_the_components(run):
    done = run("schema")
    assert done.returncode == 0
    properties = json.loads(done.stdout)["properties"]
    assert {"receivers", "processors", "exporters", "extensions", "service"} <= properties.keys()
    assert "wait_for_result" in done.stdout


## Secrets

SECRET = GOOD.replace("    tls:", "    headers: {authorization: Bearer canary}\n    tls:")


def test_print_shows_the_configuration_without_its_secrets(run, file_of):
    name = file_of(SECRET)
    done = run("validate", "--print", "--config", name, "--set", "exporters.otlp/jaeger.endpoint=elsewhere:1")
    assert done.returncode == 0, done.stderr
    assert "canary" not in done.stdout + done.stderr
    assert 'authorization: "[REDACTED]"' in done.stdout and 'endpoint: "elsewhere:1"' in done.stdout
    assert run("validate", "--config", file_of(done.stdout, "printed.yaml")).returncode == 0


def test_print_belongs_to_validate(run, file_of):
    assert run("--print", "--config", file_of(GOOD)).returncode == 2


def test_no_message_shows_a_secret(run, file_of):
    wrong = SECRET.replace("{authorization: Bearer canary}", "{authorization: 4711471147}")
    done = run("validate", "--print", "--config", file_of(wrong))
    assert done.returncode == 1 and "headers.authorization" in done.stderr
    assert "4711471147" not in done.stdout + done.stderr


@pytest.mark.parametrize("mode, is_warned", [(0o644, True), (0o620, True), (0o600, False), (0o640, False)])
def test_secrets_in_a_file_that_others_can_read_are_warned_of(run, file_of, tmp_path, mode, is_warned):
    name = file_of(SECRET)
    (tmp_path / name).chmod(mode)
    done = run("validate", "--config", name)
    assert done.returncode == 0
    assert (f"chmod go-w,o-r {name}" in done.stderr) == is_warned, done.stderr


def test_a_secret_that_is_not_in_the_file_needs_no_care(run, file_of, tmp_path):
    name = file_of(SECRET.replace("Bearer canary", '"Bearer ${env:TOKEN}"'))
    (tmp_path / name).chmod(0o644)
    done = run("validate", "--config", name, TOKEN="canary")
    assert done.returncode == 0 and "chmod" not in done.stderr
