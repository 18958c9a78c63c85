# SPDX-License-Identifier: Apache-2.0
"""The schemas in proto/ say the same as the published ones: names, numbers, types, labels, enums, services.

The published side are the descriptors inside the Python packages opentelemetry-proto, googleapis-common-protos and
grpcio-health-checking; our side is what protoc makes of proto/.
"""
import importlib
import pathlib
import subprocess

import pytest
from google.protobuf import descriptor_pb2

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"

# Our file -> the published module.
PUBLISHED = {
    "opentelemetry/proto/common/v1/common.proto": "opentelemetry.proto.common.v1.common_pb2",
    "opentelemetry/proto/resource/v1/resource.proto": "opentelemetry.proto.resource.v1.resource_pb2",
    "opentelemetry/proto/trace/v1/trace.proto": "opentelemetry.proto.trace.v1.trace_pb2",
    "opentelemetry/proto/logs/v1/logs.proto": "opentelemetry.proto.logs.v1.logs_pb2",
    "opentelemetry/proto/metrics/v1/metrics.proto": "opentelemetry.proto.metrics.v1.metrics_pb2",
    "opentelemetry/proto/collector/trace/v1/trace_service.proto":
        "opentelemetry.proto.collector.trace.v1.trace_service_pb2",
    "opentelemetry/proto/collector/logs/v1/logs_service.proto":
        "opentelemetry.proto.collector.logs.v1.logs_service_pb2",
    "opentelemetry/proto/collector/metrics/v1/metrics_service.proto":
        "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2",
    "google/rpc/status.proto": "google.rpc.status_pb2",
    "google/rpc/error_details.proto": "google.rpc.error_details_pb2",
    "grpc/health/v1/health.proto": "grpc_health.v1.health_pb2",
}

# Of these we write down only the messages that OTLP uses.
PARTIAL = {"google/rpc/error_details.proto": {"RetryInfo"}}


def facts_of_message(scope, message):
    """Everything about a message that its bytes or its JSON form depend on, one entry for each fact."""
    name = f"{scope}.{message.name}"
    facts = {name: "message"}
    if message.options.map_entry:
        facts[name] = "map entry"
    for number in reserved_numbers(message):
        facts[f"{name} number {number}"] = "reserved"
    for field in message.field:
        facts[f"{name}.{field.name}"] = {
            "number": field.number,
            "type": descriptor_pb2.FieldDescriptorProto.Type.Name(field.type),
            "type_name": field.type_name,
            "label": descriptor_pb2.FieldDescriptorProto.Label.Name(field.label),
            "json_name": field.json_name or camel_case(field.name),
            # `optional double sum` is a oneof named _sum to protobuf; we write that oneof out, because protoc-c
            # before 1.5 refuses the short form. So the flag `proto3_optional` is not compared, the oneof is.
            "oneof": message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None,
            "packed": field.options.packed if field.options.HasField("packed") else "default",
        }
    for enum in message.enum_type:
        facts.update(facts_of_enum(name, enum))
    for nested in message.nested_type:
        facts.update(facts_of_message(name, nested))
    return facts


def reserved_numbers(message):
    return [n for span in message.reserved_range for n in range(span.start, span.end)]


def camel_case(name):
    """The JSON name protobuf gives to a field; descriptors inside Python modules leave it out."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def facts_of_enum(scope, enum):
    name = f"{scope}.{enum.name}"
    return {name: "enum", **{f"{name}.{value.name}": value.number for value in enum.value}}


def facts_of_service(scope, service):
    name = f"{scope}.{service.name}"
    return {name: "service", **{
        f"{name}/{method.name}": (method.input_type, method.output_type,
                                  method.client_streaming, method.server_streaming)
        for method in service.method}}


def facts_of_file(file, only_messages=None):
    facts = {"syntax": file.syntax}
    for message in file.message_type:
        if only_messages is None or message.name in only_messages:
            facts.update(facts_of_message(file.package, message))
    for enum in file.enum_type:
        facts.update(facts_of_enum(file.package, enum))
    for service in file.service:
        facts.update(facts_of_service(file.package, service))
    return facts


def published_file(module_name):
    file = descriptor_pb2.FileDescriptorProto()
    importlib.import_module(module_name).DESCRIPTOR.CopyToProto(file)
    return file


@pytest.fixture(scope="module")
def our_files(tmp_path_factory):
    """What protoc makes of proto/, by file name."""
    out = tmp_path_factory.mktemp("proto") / "ours.bin"
    subprocess.run(["protoc", "-I", str(PROTO), f"--descriptor_set_out={out}", *PUBLISHED], check=True)
    descriptor_set = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return {file.name: file for file in descriptor_set.file}


@pytest.mark.parametrize("name", PUBLISHED)
def test_schema_equals_the_published_one(our_files, name):
    ours = facts_of_file(our_files[name])
    published = facts_of_file(published_file(PUBLISHED[name]), PARTIAL.get(name))
    assert ours == published


def test_every_schema_is_compared():
    in_tree = {str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto")}
    assert in_tree == set(PUBLISHED)
