"""Seldon Core's own protocol: rows of an ndarray, with the names of their columns.

https://docs.seldon.io/projects/seldon-core/en/latest/reference/apis/prediction.html
"""

from __future__ import annotations

from functools import cache
from typing import Any

from harness.base.errors import AnswerError
from harness.base.secrecy import beginning
from harness.protocols import Message, Protocol, json_message, parsed, protocol, start


@protocol("seldon")
class Seldon(Protocol):
    """REST."""

    path = "/api/v1.0/predictions"

    def encode(self, instances: list[Any]) -> Message:
        return json_message({"data": {"ndarray": instances}})

    def decode(self, body: bytes) -> list[Any]:
        answer = parsed(body)
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            raise AnswerError(f'no object "data" in {start(body)}')
        return _predictions(data.get("names"), data.get("ndarray"))


@protocol("seldon-grpc")
class SeldonGrpc(Protocol):
    """gRPC."""

    method = "/seldon.protos.Seldon/Predict"
    rpc = True

    def encode(self, instances: list[Any]) -> Message:
        message = _message_class()()
        message.data.ndarray.extend(instances)
        return Message(message.SerializeToString())

    def decode(self, body: bytes) -> list[Any]:
        from google.protobuf.json_format import MessageToDict
        from google.protobuf.message import DecodeError

        message = _message_class()()
        try:
            message.ParseFromString(body)
        except DecodeError as error:
            raise AnswerError(f"no SeldonMessage in {start(body)}") from error
        data = MessageToDict(message).get("data", {})
        return _predictions(data.get("names"), data.get("ndarray"))


def _predictions(names: Any, rows: Any) -> list[Any]:
    if not isinstance(rows, list) or not isinstance(names, list):
        raise AnswerError("data has no ndarray, or no names for its columns")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(names):
            shown = beginning(str(row), 80)
            raise AnswerError(f"a row is not one value for each of {names!r}: {shown}")
    if names == ["prediction"]:
        return [row[0] for row in rows]
    return [dict(zip(names, row, strict=True)) for row in rows]


@cache
def _message_class() -> Any:
    """SeldonMessage with the fields that are used here, numbered as in Seldon's prediction.proto.

    Declared in code: the generated module lives in a package whose pins fit nothing else.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

    file = descriptor_pb2.FileDescriptorProto(
        name="harness/seldon.proto",
        package="seldon.protos",
        syntax="proto3",
        dependency=[struct_pb2.DESCRIPTOR.name],
    )
    kind = descriptor_pb2.FieldDescriptorProto
    data = file.message_type.add(name="DefaultData")
    data.field.add(name="names", number=1, type=kind.TYPE_STRING, label=kind.LABEL_REPEATED)
    data.field.add(
        name="ndarray",
        number=3,
        type=kind.TYPE_MESSAGE,
        type_name=".google.protobuf.ListValue",
        label=kind.LABEL_OPTIONAL,
    )
    message = file.message_type.add(name="SeldonMessage")
    message.field.add(
        name="data",
        number=3,
        type=kind.TYPE_MESSAGE,
        type_name=".seldon.protos.DefaultData",
        label=kind.LABEL_OPTIONAL,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("seldon.protos.SeldonMessage")
    )
