# SPDX-License-Identifier: Apache-2.0
"""weir, and the OpenTelemetry Collector it is compared with: the same class, the same configuration file."""

import itertools
import os
from pathlib import Path

import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.process import Process, free_port, http_ok, port_open, server_binary

# Merged under a test's own configuration, so that a test writes only what it is about.
BASE_CONFIG = """
extensions:
  health_check:
    endpoint: 127.0.0.1:${env:HEALTH_PORT}
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:${env:GRPC_PORT}
      http:
        endpoint: 127.0.0.1:${env:HTTP_PORT}
service:
  extensions: [health_check]
  telemetry:
    metrics:
      readers:
        - pull:
            exporter:
              prometheus:
                host: 127.0.0.1
                port: ${env:METRICS_PORT}
"""

SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error: ")

_run_numbers = itertools.count(1)


def weir_binary() -> str:
    """The binary under test: $WEIR_BINARY (./dev test sets it), else the one of the preset dev."""
    root = Path(__file__).resolve().parents[2]
    path = Path(os.environ.get("WEIR_BINARY") or root / "build" / "dev" / "bin" / "weir").absolute()
    assert os.access(path, os.X_OK), f"no program at {path}: build it (./dev build), or set WEIR_BINARY"
    return str(path)


def merge(under: dict, over: dict) -> dict:
    """Maps are merged key by key; everything else is replaced, as the Collector merges several --config."""
    result = dict(under)
    for key, value in over.items():
        both_maps = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merge(result[key], value) if both_maps else value
    return result


class Collector(Process):
    """One run of weir or of the Collector.

    The configuration may use ${env:GRPC_PORT}, ${env:HTTP_PORT}, ${env:HEALTH_PORT} and ${env:METRICS_PORT}, which are
    free ports of this run and attributes of this object, and whatever `env` adds. Unless `whole` is set, it is merged
    over BASE_CONFIG: an otlp receiver on both protocols, health_check and /metrics.
    """

    def __init__(self, name: str, binary: str, config: str, directory: Path, whole=False, env: dict | None = None):
        self.grpc_port, self.http_port = free_port(), free_port()
        self.health_port, self.metrics_port = free_port(), free_port()
        ports = {
            "GRPC_PORT": self.grpc_port,
            "HTTP_PORT": self.http_port,
            "HEALTH_PORT": self.health_port,
            "METRICS_PORT": self.metrics_port,
        }
        self.whole = whole
        self.tls = None  # support/certificates.py Trust: clients then speak TLS to both ports
        stem = f"{name}-{next(_run_numbers)}"
        self.config = directory / f"{stem}.yaml"
        text = config if whole else yaml.safe_dump(merge(yaml.safe_load(BASE_CONFIG), yaml.safe_load(config)))
        self.config.write_text(text)
        super().__init__(name, [binary, "--config", self.config], directory / f"{stem}.log", {**ports, **(env or {})})

    def start(self, ready=None, timeout: float = 30):
        """Ready is: health_check answers 200, or with a `whole` configuration that the gRPC port listens."""
        return super().start(ready or self._is_ready, timeout)

    def _is_ready(self) -> bool:
        return port_open(self.grpc_port) if self.whole else http_ok(self.health_url)

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.health_port}/"

    @property
    def grpc_endpoint(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def http_endpoint(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.http_port}"

    def samples(self) -> list:
        """/metrics read by Prometheus' own parser: samples with .name, .labels and .value."""
        answer = requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10)
        answer.raise_for_status()
        return [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]

    def metric(self, name: str, **labels) -> float:
        """The sum of the samples of that name whose labels include these; 0 when there is none. The name is as in
        the text, with or without a counter's `_total`."""
        names = {name, name + "_total"}
        return sum(
            sample.value
            for sample in self.samples()
            if sample.name in names and labels.items() <= sample.labels.items()
        )

    def stop_cleanly(self):
        """Stops it and asserts that it ended with 0 and that no sanitizer had anything to say."""
        code = self.stop()
        reports = [line for line in self.output().splitlines() if any(mark in line for mark in SANITIZER_REPORTS)]
        assert not reports, f"{self.name}: {reports[0]}\n{self.tail(80)}"
        assert code == 0, f"{self.name} ended with {code}:\n{self.tail()}"


def collector_binary() -> str:
    return server_binary("collector")
