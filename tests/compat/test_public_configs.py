# SPDX-License-Identifier: Apache-2.0
"""The Collector's public example configurations (public_configs.txt) given to weir unchanged: they run, or one message
lists all that has to change."""

import os
import re
import subprocess

import pytest

from compat.public_configs import Example, read_list
from support.collector import weir_binary
from support.process import Process
from support.surroundings import in_a_copy

EXAMPLES = read_list()
RUNS_MIN, ADVICE_MIN = 30, 20
_KINDS = {"receivers": "receiver", "processors": "processor", "exporters": "exporter", "extensions": "extension",
          "connectors": "connector"}


def of_verdict(verdict: str):
    return pytest.mark.parametrize("example", [e for e in EXAMPLES if e.verdict == verdict], ids=str)


@pytest.fixture(scope="module")
def built_in() -> set:
    """(kind, type) of every component of this weir, other names included."""
    found = set()
    for line in run_weir("components").stdout.splitlines():
        kind, name = line.split()[:2]
        heads = run_weir("components", name).stdout.splitlines()
        also = [re.findall(r"\w+", head.partition("also named")[2]) for head in heads if head.startswith(f"{name} ({kind})")]
        found |= {(kind, one) for one in [name, *sum(also, [])]}
    assert ("receiver", "otlp") in found and ("exporter", "otlp_grpc") in found, found
    return found


def run_weir(*words) -> subprocess.CompletedProcess:
    return subprocess.run([weir_binary(), *words], capture_output=True, text=True, check=True, timeout=30)


def test_there_are_enough_of_both():
    assert sum(example.verdict == "runs" for example in EXAMPLES) >= RUNS_MIN
    assert sum(example.verdict == "advice" for example in EXAMPLES) >= ADVICE_MIN


@of_verdict("runs")
def test_runs(example: Example, tmp_path, certificate, key):
    """Validated, started, ready and stopped, with a network and a file system of its own."""
    config = tmp_path / "config.yaml"
    config.write_text(example.text())
    words = ["--config", config] + [word for one in example.sets for word in ("--set", one)]
    there = dict.fromkeys(example.files, "user:secret\n")
    there |= dict.fromkeys(example.certificates, certificate) | dict.fromkeys(example.keys, key)

    def weir(*words) -> Process:
        program = Process("weir", [weir_binary(), *words], tmp_path / "log", example.env)
        in_a_copy(program, tmp_path, there, example.directories, example.hosts)
        return program

    validated = weir("validate", *words).start()
    assert validated.wait(30) == 0, validated.tail()
    program = weir(*words)
    try:
        program.start(ready=lambda: re.search(r"weir +running version=", program.output()), timeout=10)
        assert program.stop() == 0, program.tail()
    finally:
        program.kill()


@pytest.fixture(scope="module")
def certificate_and_key(tmp_path_factory) -> tuple:
    folder = tmp_path_factory.mktemp("certificate")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-out", folder / "certificate", "-keyout", folder / "key"]
    subprocess.run(words, check=True, capture_output=True)
    return (folder / "certificate").read_text(), (folder / "key").read_text()


@pytest.fixture(scope="module")
def certificate(certificate_and_key) -> str:
    """One that signed itself, in PEM."""
    return certificate_and_key[0]


@pytest.fixture(scope="module")
def key(certificate_and_key) -> str:
    return certificate_and_key[1]


@of_verdict("advice")
def test_one_run_names_all_that_weir_lacks(example: Example, tmp_path, built_in):
    config = tmp_path / "config.yaml"
    config.write_text(example.text())
    done = subprocess.run([weir_binary(), "validate", "--config", config], capture_output=True, text=True, check=False,
                          timeout=30, env={**os.environ, **example.env})
    said = done.stdout + done.stderr
    lacking = [(section, name) for section, name in sorted(example.components())
               if (_KINDS[section], name.split("/")[0]) not in built_in]
    assert lacking or example.lacks, f"weir has all of it by now: move {example} to those that run"
    assert done.returncode == 1, said
    silent = [f"{section}.{name}" for section, name in lacking if not advice_on(section, name, said)]
    silent += [key for key in example.lacks if not re.search(rf":\d+:\d+: error: {re.escape(key)}\S*: \w+", said)]
    assert not silent, f"no advice on {', '.join(silent)} in:\n{said}"


def advice_on(section: str, name: str, said: str) -> bool:
    """config.yaml:7:3: error: receivers.hostmetrics: weir has no receiver "hostmetrics": what to do instead"""
    component, kind = re.escape(name.split("/")[0]), _KINDS[section]
    says = rf':\d+:\d+: error: {section}\.{re.escape(name)}: weir has no {kind} "{component}": \w+'
    return re.search(says, said) is not None
