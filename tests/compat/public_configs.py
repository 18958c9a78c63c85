# SPDX-License-Identifier: Apache-2.0
"""The Collector's public example configurations, taken from its Go modules when the tests run. public_configs.txt lists
them and says how a line is written."""

import json
import os
import re
import subprocess
import textwrap
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

LIST = Path(__file__).with_name("public_configs.txt")
SECTIONS = ("receivers", "processors", "exporters", "extensions", "connectors")
SIGNALS = ("traces", "metrics", "logs")


@dataclass(frozen=True)
class Example:
    """A line of the list."""

    verdict: str  # "runs" or "advice"
    module: str
    path: str
    form: str
    only: tuple = ()
    without: tuple = ()
    lacks: tuple = ()
    sets: tuple = ()
    certificates: tuple = ()
    keys: tuple = ()
    files: tuple = ()
    directories: tuple = ()
    hosts: tuple = ()
    env: dict = field(default_factory=dict, hash=False)

    def __str__(self):
        return f"{self.module.rpartition('/')[2]}/{self.path}"

    def text(self) -> str:
        """The configuration: as published if it is a whole one; otherwise with what is missing to a whole one."""
        text = text_in_module(self.module, self.path)
        return text if self.form == "whole" else yaml.safe_dump(completed(self, yaml.safe_load(text)), sort_keys=False)

    def components(self) -> dict:
        """(section, id) of each component in it."""
        document = yaml.safe_load(self.text())
        return {(section, name) for section in SECTIONS for name in document.get(section) or ()}


# An option of the list to the field it adds to; every other one is a variable of the environment.
_OPTIONS = {
    "only": "only", "without": "without", "lacks": "lacks", "set": "sets", "certificate": "certificates", "key": "keys",
    "file": "files", "directory": "directories", "host": "hosts",
}


def read_list() -> list:
    lines = LIST.read_text().splitlines()
    return [_example(line.split()) for line in lines if line.strip() and not line.startswith("#")]


def _example(words: list) -> Example:
    verdict, module, path, form, *options = words
    assert verdict in ("runs", "advice"), words
    lists = {field: [] for field in _OPTIONS.values()}
    env = {}
    for option in options:
        key, value = option.split("=", 1)
        if key in _OPTIONS:
            lists[_OPTIONS[key]].append(value)
        else:
            env[key] = value
    return Example(verdict, module, path, form, env=env, **{field: tuple(values) for field, values in lists.items()})


def text_in_module(module: str, path: str) -> str:
    """`path` may end in #N, the N-th YAML block of a Markdown page, or #NAME, an entry of a Kubernetes ConfigMap."""
    file, _, part = path.partition("#")
    text = (folder_of(module) / file).read_text()
    if not part:
        return text
    if part.isdigit():
        blocks = re.findall(r"^( *)```ya?ml\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
        return textwrap.dedent(blocks[int(part) - 1][1])
    entries = [document["data"] for document in yaml.safe_load_all(text) if document and document.get("kind") == "ConfigMap"]
    return next(entry[part] for entry in entries if part in entry)


@cache
def folder_of(module: str) -> Path:
    """Where the module is, downloaded first if need be; no host but the configured proxy is asked."""
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=mod"}
    proxy = subprocess.run(["go", "env", "GOPROXY"], capture_output=True, text=True, check=True, env=env).stdout.strip()
    env["GOPROXY"] = proxy.removesuffix(",direct")
    done = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False, env=env,
                          cwd="/", timeout=120)
    answer = json.loads(done.stdout) if done.stdout else {}
    assert "Dir" in answer, f"{module}: {answer.get('Error') or done.stderr}"
    return Path(answer["Dir"])


def completed(example: Example, document: dict) -> dict:
    """A whole configuration around what the document has: an OTLP receiver and an exporter that keeps nothing where it has
    none, and, unless it has a service, a pipeline for each signal."""
    if example.form == "sections":
        assert set(document) <= {*SECTIONS, "service"}, f"{example}: sections are expected"
        config = {section: document.get(section) or {} for section in SECTIONS}
    elif "/" in example.form:
        section, name = example.form.split("/", 1)
        config = {section: {name: document}}
    else:
        config = {example.form: document}
    config = {section: _chosen(example, of) for section, of in config.items() if of}
    config.setdefault("receivers", {"otlp": {"protocols": {"grpc": None, "http": None}}})
    config.setdefault("exporters", {"nop": None})
    config["service"] = (document.get("service") if example.form == "sections" else None) or {
        "extensions": list(config.get("extensions", ())),
        "pipelines": {signal: _pipeline(config, signal) for signal in SIGNALS},
    }
    return config


def _chosen(example: Example, components: dict) -> dict:
    return {name: body for name, body in components.items()
            if (not example.only or name in example.only) and name not in example.without}


def _pipeline(config: dict, signal: str) -> dict:
    """All there is, in the order of the file; only the sampler does not take metrics."""
    processors = [name for name in config.get("processors", ())
                  if signal != "metrics" or not name.startswith("probabilistic_sampler")]
    return {"receivers": list(config["receivers"]), "processors": processors, "exporters": list(config["exporters"])}
