# SPDX-License-Identifier: Apache-2.0
"""The same processors in weir and in the Collector, the same requests through both, and what comes out of each.

Every case is a pipeline of its own in one run of each program: a receiver on a port of its own in front of the
processors, an exporter behind them that names the case in a header.
"""

from concurrent import futures

import grpc
import yaml
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from support.collector import Collector
from support.process import free_port, http_ok

RESPONSES = {
    "traces": trace_service_pb2.ExportTraceServiceResponse,
    "metrics": metrics_service_pb2.ExportMetricsServiceResponse,
    "logs": logs_service_pb2.ExportLogsServiceResponse,
}
STUBS = {
    "traces": trace_service_pb2_grpc.TraceServiceStub,
    "metrics": metrics_service_pb2_grpc.MetricsServiceStub,
    "logs": logs_service_pb2_grpc.LogsServiceStub,
}
LISTS_OF_ITEMS = {"spans", "logRecords", "metrics"}


class Sink:
    """An OTLP backend over gRPC that keeps all it is sent, by the header `case`."""

    def __init__(self):
        self.received = {}
        self.server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", 1 << 28)])
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self._servicer("traces"), self.server)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(self._servicer("metrics"), self.server)
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(self._servicer("logs"), self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def _servicer(self, signal: str):
        sink = self

        class Servicer:
            def Export(self, request, context):  # noqa: N802, as gRPC calls it
                case = dict(context.invocation_metadata()).get("case", "")
                sink.received.setdefault((case, signal), []).append(request)
                return RESPONSES[signal]()

        return Servicer()

    def take(self, case: str, signal: str) -> list:
        return self.received.pop((case, signal), [])

    def stop(self):
        self.server.stop(None)


class SideBySide:
    """Both programs with one pipeline per case and signal. `cases` maps a name to the `processors:` of its pipeline.

    What it is given to export has arrived at the sink when `through` returns: nothing queues in between.
    """

    def __init__(self, cases: dict, binaries: dict, directory, env: dict | None = None):
        self.sinks = {name: Sink() for name in binaries}
        self.ports = {name: {} for name in binaries}
        self.programs = {}
        try:
            for name, binary in binaries.items():
                health = free_port()
                config = yaml.safe_dump(self._config(name, cases, health))
                program = Collector(name, binary, config, directory, whole=True, env=env)
                self.programs[name] = program
                program.start(ready=lambda: http_ok(f"http://127.0.0.1:{health}/"))
        except BaseException:
            self.kill()
            raise

    def _config(self, program: str, cases: dict, health: int) -> dict:
        config = {"receivers": {}, "processors": {}, "exporters": {}}
        config["extensions"] = {"health_check": {"endpoint": f"127.0.0.1:{health}"}}
        pipelines = {}
        for case, processors in cases.items():
            port = self.ports[program][case] = free_port()
            config["receivers"][f"otlp/{case}"] = {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}", "include_metadata": True}}}
            config["exporters"][f"otlp_grpc/{case}"] = {
                "endpoint": f"127.0.0.1:{self.sinks[program].port}",
                "tls": {"insecure": True},
                "headers": {"case": case},
                "sending_queue": {"enabled": False},
                "retry_on_failure": {"enabled": False},
                "compression": "none",
            }
            signals = processors.pop("signals") if "signals" in processors else ["traces", "logs"]
            names = [f"{kind}/{case}" for kind in processors]
            config["processors"].update(zip(names, processors.values()))
            for signal in signals:
                pipelines[f"{signal}/{case}"] = {
                    "receivers": [f"otlp/{case}"], "processors": names, "exporters": [f"otlp_grpc/{case}"],
                }
            processors["signals"] = signals
        config["service"] = {
            "extensions": ["health_check"], "pipelines": pipelines, "telemetry": {"metrics": {"level": "none"}},
        }
        return config

    def through(self, program: str, case: str, signal: str, requests: list, metadata=()) -> list:
        """What arrives behind the case's pipeline."""
        with grpc.insecure_channel(f"127.0.0.1:{self.ports[program][case]}") as channel:
            stub = STUBS[signal](channel)
            for request in requests:
                stub.Export(request, timeout=60, metadata=metadata)
        return self.sinks[program].take(case, signal)

    def both(self, case: str, signal: str, requests: list, metadata=()) -> tuple:
        """(weir's, the Collector's), each as a list of plain items; see `items`."""
        return tuple(items(self.through(name, case, signal, requests, metadata)) for name in ("weir", "collector"))

    def stop(self):
        try:
            for program in self.programs.values():
                program.stop_cleanly()
        finally:
            self.kill()

    def kill(self):
        for program in self.programs.values():
            program.kill()
        for sink in self.sinks.values():
            sink.stop()


# Messages the Collector writes, empty, where the sender wrote none; and ids that are all zero, where it writes none.
MEANING_NOTHING = [("status", {}), ("body", {}), ("positive", {}), ("negative", {}), ("traceId", "AAAAAAAAAAAAAAAAAAAAAA==")]


def plain(value):
    """Without differences that mean nothing. Attributes are a map: their order does not count."""
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    result = {key: plain(entry) for key, entry in value.items() if (key, entry) not in MEANING_NOTHING}
    for key in ("attributes", "values"):
        if isinstance(result.get(key), list) and all("key" in entry for entry in result[key]):
            result[key] = sorted(result[key], key=lambda entry: (entry["key"], str(entry)))
    if not result.get("attributes", True):
        del result["attributes"]
    return result


def items(requests: list) -> list:
    """Every item with its resource and scope, as plain dictionaries, in the order they came."""
    result = []
    for request in requests:
        for of_resource in next(iter(MessageToDict(request).values()), []):
            around_resource = {"resource": of_resource.get("resource", {}), "schema": of_resource.get("schemaUrl", "")}
            for key, scopes in of_resource.items():
                for of_scope in scopes if key.startswith("scope") else []:
                    around = {**around_resource, "scope": of_scope.get("scope", {})}
                    for name in LISTS_OF_ITEMS & of_scope.keys():
                        result += [plain({**around, "item": item}) for item in of_scope[name]]
    return result
