"""The predictor as a Python node. OpenVINO Model Server looks for a class of this name.

Runs in the container only. Not tried yet, see server.toml.
"""

from __future__ import annotations

import struct
from typing import Any

from pyovms import Tensor
from serving import load_predictor, signature
from tensors import columns_of, instances_of
from turns import Turns

LETTERS = {"BOOL": "?", "INT64": "q", "FP64": "d"}


class OvmsPythonModel:
    def initialize(self, kwargs: dict[str, Any]) -> None:  # noqa: ARG002
        self._predictor = load_predictor()
        self._width = signature()["input"]["width"]
        # One prediction at a time, as on the whole matched track; it has a thread for each CPU.
        self._lock = Turns()

    def execute(self, inputs: list[Tensor]) -> list[Tensor]:
        # A ValueError goes through: OpenVINO Model Server makes the answer of it.
        (tensor,) = inputs
        values = _unpacked(tensor.datatype, bytes(tensor))
        instances = instances_of(tensor.name, values, self._width)
        with self._lock:
            predictions = self._predictor.predict(instances)
        return [
            Tensor(name, _packed(datatype, column), [len(column)], datatype)
            for name, (datatype, column) in columns_of(predictions).items()
        ]


def _unpacked(datatype: str, raw: bytes) -> list[Any]:
    if datatype in LETTERS:
        count = len(raw) // struct.calcsize(LETTERS[datatype])
        return list(struct.unpack(f"<{count}{LETTERS[datatype]}", raw))
    if datatype != "BYTES":
        raise ValueError(f"datatype {datatype} is none that the model takes")
    texts, place = [], 0
    while place < len(raw):  # each text after its length in four bytes
        end = place + 4 + int.from_bytes(raw[place : place + 4], "little")
        texts.append(raw[place + 4 : end])
        place = end
    return texts


def _packed(datatype: str, values: list[Any]) -> bytes:
    if datatype in LETTERS:
        return struct.pack(f"<{len(values)}{LETTERS[datatype]}", *values)
    texts = [value.encode() for value in values]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)
