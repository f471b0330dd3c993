"""The Open Inference Protocol (v2) of KServe, MLServer, Seldon and Triton.

https://github.com/kserve/open-inference-protocol
"""

from __future__ import annotations

import json
import struct
from typing import Any

from harness.base.errors import AnswerError, UsageError
from harness.protocols import Message, Protocol, json_message, protocol, start, tensors
from harness.protocols.models import Model, of_metadata
from harness.protocols.tensors import Tensor

MODEL = "model"
# struct's letter of each datatype that a tensor can have.
_LETTERS = {
    "BOOL": "?",
    **{"INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q"},
    **{"UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q"},
    **{"FP16": "e", "FP32": "f", "FP64": "d"},
}
_CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


class OpenInference(Protocol):
    """The common part of the three forms: the model, as far as its metadata is known."""

    def __init__(self, model: Model | None = None) -> None:
        self.model = model

    def told(self, metadata: bytes, payload: Any, prediction: Any) -> Protocol:
        model = of_metadata(metadata, payload, prediction)
        return self if model is None else type(self)(model)

    def _inputs(self, instances: list[Any]) -> list[Tensor]:
        return self.model.tensors(instances) if self.model else [tensors.of_instances(instances)]

    def _predictions(self, outputs: list[Tensor]) -> list[Any]:
        return self.model.predictions(outputs) if self.model else tensors.to_predictions(outputs)


class OverHttp(OpenInference):
    """REST: the metadata are where the model is."""

    path = f"/v2/models/{MODEL}/infer"
    place = "/v2/models/"
    index = "/v2/repository/index"


@protocol("v2")
class V2(OverHttp):
    """REST, tensors as JSON."""

    def encode(self, instances: list[Any]) -> Message:
        inputs = self._inputs(instances)
        return json_message({"inputs": [{**_head(each), "data": each.data} for each in inputs]})

    def decode(self, body: bytes) -> list[Any]:
        answer, _ = _object(body)
        return self._predictions([_checked(output, _data(output)) for output in answer])


@protocol("v2-binary")
class V2Binary(OverHttp):
    """REST with the binary tensor extension: a JSON head, then the tensors' bytes."""

    def encode(self, instances: list[Any]) -> Message:
        inputs = self._inputs(instances)
        raw = [packed(each) for each in inputs]
        described = [
            {**_head(each), "parameters": {"binary_data_size": len(part)}}
            for each, part in zip(inputs, raw, strict=True)
        ]
        head = json.dumps({"inputs": described, "parameters": {"binary_data_output": True}})
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(head)),
        }
        return Message(head.encode() + b"".join(raw), headers=headers)

    def decode(self, body: bytes) -> list[Any]:
        outputs, place = _object(body)
        found = []
        for output in outputs:
            size = (output.get("parameters") or {}).get("binary_data_size")
            if size is None:
                found.append(_checked(output, _data(output)))
                continue
            if not isinstance(size, int) or size < 0 or place + size > len(body):
                raise AnswerError(f"a tensor of {size!r} bytes does not fit into the answer")
            raw = body[place : place + size]
            found.append(_checked(output, unpacked(str(output.get("datatype")), raw)))
            place += size
        return self._predictions(found)


@protocol("v2-grpc")
class V2Grpc(OpenInference):
    """gRPC, tensors as raw bytes."""

    method = "/inference.GRPCInferenceService/ModelInfer"
    metadata_method = "/inference.GRPCInferenceService/ModelMetadata"
    rpc = True

    def __init__(self, model: Model | None = None, name: str = MODEL) -> None:
        super().__init__(model)
        self.name = name

    def at(self, path: str) -> Protocol:
        """The path of a URL is the model's name."""
        return type(self)(self.model, path.strip("/") or MODEL)

    def question(self) -> Message:
        """The request for the model's metadata."""
        from tritonclient.grpc import service_pb2

        return Message(service_pb2.ModelMetadataRequest(name=self.name).SerializeToString())

    def told(self, metadata: bytes, payload: Any, prediction: Any) -> Protocol:
        from google.protobuf.json_format import MessageToJson
        from google.protobuf.message import DecodeError
        from tritonclient.grpc import service_pb2

        response = service_pb2.ModelMetadataResponse()
        try:
            response.ParseFromString(metadata)
        except DecodeError as error:
            raise AnswerError(f"no ModelMetadataResponse in {start(metadata)}") from error
        model = of_metadata(MessageToJson(response).encode(), payload, prediction)
        return self if model is None else type(self)(model, self.name)

    def encode(self, instances: list[Any]) -> Message:
        from tritonclient.grpc import service_pb2

        request = service_pb2.ModelInferRequest(model_name=self.name)
        for tensor in self._inputs(instances):
            request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
            request.raw_input_contents.append(packed(tensor))
        return Message(request.SerializeToString())

    def decode(self, body: bytes) -> list[Any]:
        from google.protobuf.message import DecodeError
        from tritonclient.grpc import service_pb2

        response = service_pb2.ModelInferResponse()
        try:
            response.ParseFromString(body)
        except DecodeError as error:
            raise AnswerError(f"no ModelInferResponse in {start(body)}") from error
        raw = list(response.raw_output_contents)
        if raw and len(raw) != len(response.outputs):
            raise AnswerError(f"{len(raw)} raw contents for {len(response.outputs)} outputs")
        found = []
        for place, output in enumerate(response.outputs):
            if raw:
                data = unpacked(output.datatype, raw[place])
            elif output.datatype in _CONTENTS:
                data = list(getattr(output.contents, _CONTENTS[output.datatype]))
                data = [_text(v) if isinstance(v, bytes) else v for v in data]
            else:
                raise AnswerError(f"datatype {output.datatype!r} is not known")
            found.append(
                Tensor(
                    name=output.name, datatype=output.datatype, shape=list(output.shape), data=data
                )
            )
        return self._predictions(found)


def packed(tensor: Tensor) -> bytes:
    """A tensor's bytes: little-endian numbers; each text after its length in four bytes.

    Raises UsageError.
    """
    if tensor.datatype == "BYTES":
        texts = [value.encode("utf-8", "surrogatepass") for value in tensor.data]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    letter = _LETTERS.get(tensor.datatype)
    if letter is None:
        raise UsageError(
            f"The input {tensor.name!r} is {tensor.datatype}, which is not known here."
        )
    try:
        return struct.pack(f"<{len(tensor.data)}{letter}", *tensor.data)
    except (struct.error, OverflowError) as error:
        raise UsageError(
            f"The input {tensor.name!r}: {tensor.datatype} has no room for a value: {error}."
        ) from error


def unpacked(datatype: str, raw: bytes) -> list[Any]:
    """The values of a tensor's bytes. Raises AnswerError."""
    if datatype == "BYTES":
        return _texts(raw)
    letter = _LETTERS.get(datatype)
    if letter is None:
        raise AnswerError(f"datatype {datatype!r} is not known")
    count, rest = divmod(len(raw), struct.calcsize(f"<{letter}"))
    if rest:
        raise AnswerError(f"{len(raw)} bytes are not a whole number of {datatype}")
    return list(struct.unpack(f"<{count}{letter}", raw))


def _texts(raw: bytes) -> list[str]:
    found, place = [], 0
    while place < len(raw):
        if place + 4 > len(raw):
            raise AnswerError("a text's length is cut off")
        end = place + 4 + int.from_bytes(raw[place : place + 4], "little")
        if end > len(raw):
            raise AnswerError("a text is cut off")
        found.append(_text(raw[place + 4 : end]))
        place = end
    return found


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise AnswerError(f"no UTF-8 in {start(raw)}") from error


def _head(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}


def _object(body: bytes) -> tuple[list[dict[str, Any]], int]:
    """(the outputs of the JSON at the beginning of a body, where that JSON ends)."""
    text = body.decode("latin-1")  # one character a byte; binary tensors may follow
    try:
        answer, end = json.JSONDecoder().raw_decode(text)
        outputs = answer["outputs"]
        if not isinstance(outputs, list) or not all(isinstance(o, dict) for o in outputs):
            raise TypeError
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"no JSON in {start(body)}") from error
    except (KeyError, TypeError) as error:
        raise AnswerError(f'no list "outputs" in {start(body)}') from error
    return json.loads(body[:end])["outputs"], end


def _data(output: dict[str, Any]) -> list[Any]:
    data = output.get("data")
    if not isinstance(data, list):
        raise AnswerError(f"output {output.get('name')!r} has no data")
    while data and all(isinstance(row, list) for row in data):
        data = [value for row in data for value in row]
    return data


def _checked(output: dict[str, Any], data: list[Any]) -> Tensor:
    name, datatype, shape = output.get("name"), output.get("datatype"), output.get("shape")
    if not isinstance(name, str) or not isinstance(datatype, str):
        raise AnswerError("an output tensor has no name or no datatype")
    if not isinstance(shape, list) or not all(isinstance(size, int) for size in shape):
        raise AnswerError(f"output {name!r} has no shape")
    return Tensor(name=name, datatype=datatype, shape=shape, data=data)
