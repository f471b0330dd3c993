"""The model for Triton's Python backend."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

import numpy as np
import triton_python_backend_utils as triton
from serving import load_predictor, signature
from tensors import columns_of, instances_of


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002
        sys.dont_write_bytecode = True  # Triton's Python heeds no environment variable
        self.predictor = load_predictor()
        self.signature = signature()

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response for each request; the dynamic batcher merges several into a call."""
        try:
            asked = [self.instances(request) for request in requests]
            answers = iter(self.predictor.predict([i for instances in asked for i in instances]))
            return [self.response(list(islice(answers, len(instances)))) for instances in asked]
        except ValueError as error:
            if len(requests) > 1:  # one of them is to blame: the others get their answers
                return [response for request in requests for response in self.execute([request])]
            invalid = triton.TritonError(str(error), triton.TritonError.INVALID_ARG)
            return [triton.InferenceResponse(error=invalid)]

    def instances(self, request: Any) -> list[Any]:
        name, width = self.signature["input"]["name"], self.signature["input"]["width"]
        values = triton.get_input_tensor_by_name(request, name).as_numpy()
        return instances_of(name, values.ravel().tolist(), width)

    def response(self, predictions: list[Any]) -> Any:
        columns = columns_of(predictions)
        tensors = []
        for name, datatype in self.signature["outputs"].items():
            values = columns[name][1]
            if datatype == "BYTES":
                values = [value.encode() for value in values]
            array = np.array(values, NUMPY[datatype]).reshape(-1, 1)
            tensors.append(triton.Tensor(name, array))
        return triton.InferenceResponse(tensors)


NUMPY = {"BYTES": np.object_, "FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_}
