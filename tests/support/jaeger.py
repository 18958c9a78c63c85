# SPDX-License-Identifier: Apache-2.0
"""A real Jaeger and its query API."""

from pathlib import Path

import requests

from support.process import Process, free_port, http_ok, port_open, server_binary, wait_until

CONFIG = Path(__file__).parent / "servers" / "jaeger.yaml"


class Jaeger(Process):
    """`on_disk` keeps the traces over stop() and start(), on the same ports; otherwise they are in memory."""

    def __init__(self, directory: Path, on_disk: bool = False):
        self.grpc_port, self.http_port, self.query_port = free_port(), free_port(), free_port()
        data = directory / "jaeger-data"
        data.mkdir()
        env = {
            "GRPC_PORT": self.grpc_port,
            "HTTP_PORT": self.http_port,
            "QUERY_PORT": self.query_port,
            "QUERY_GRPC_PORT": free_port(),
            "HEALTH_PORT": free_port(),
            "JAEGER_STORAGE": "disk" if on_disk else "memory",
            "JAEGER_DIRECTORY": data,
        }
        super().__init__("jaeger", [server_binary("jaeger"), "--config", CONFIG], directory / "jaeger.log", env)

    def start(self, ready=None, timeout: float = 60):
        return super().start(ready or self._is_ready, timeout)

    def _is_ready(self) -> bool:
        return port_open(self.grpc_port) and http_ok(self._url("services"))

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.query_port}/api/{path}"

    def get_services(self) -> list:
        answer = requests.get(self._url("services"), timeout=30)
        answer.raise_for_status()
        return answer.json()["data"] or []

    def get_traces(self, service: str, limit: int = 10000, **params) -> list:
        """The traces of a service, in the form of Jaeger's own JSON: {traceID, spans: [...], processes: {...}}."""
        answer = requests.get(self._url("traces"), params={"service": service, "limit": limit, **params}, timeout=60)
        answer.raise_for_status()
        return answer.json()["data"] or []

    def get_trace(self, trace_id: str) -> dict | None:
        """One trace by its id in hex; None if Jaeger does not have it."""
        answer = requests.get(self._url(f"traces/{trace_id}"), timeout=30)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return answer.json()["data"][0]

    def wait_for_spans(self, service: str, count: int, timeout: float = 30) -> list:
        """The traces of `service` once they have at least `count` spans together."""

        def traces_if_enough():
            traces = self.get_traces(service)
            return traces if sum(len(trace["spans"]) for trace in traces) >= count else None

        return wait_until(traces_if_enough, timeout, f"{count} spans of {service} in Jaeger", every=0.2)
