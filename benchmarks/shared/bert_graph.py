"""BERT encoders as ONNX graphs, written node by node from the weights.

Written by hand rather than exported, so that a build needs no torch and gives the same bytes every
time. Shapes below: B texts, S tokens, H hidden units, A attention heads, D = H / A.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17  # the first with LayerNormalization; older runtimes inside servers still read it
IR_VERSION = 8  # the file format that came with opset 17
MASKED = -1e9  # added to the scores of padding: its softmax weight becomes exactly zero

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Architecture:
    """What the weights alone do not tell about a BERT encoder."""

    layers: int
    heads: int
    layer_norm_eps: float


class Graph:
    """Nodes and constants in the order they were added; every value gets a name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: NDArray[np.generic] | float | list[int]) -> str:
        """Store `value`; a float is kept as float32 and a list as int64, as the operators want."""
        dtype = {float: np.float32, list: np.int64}.get(type(value))
        name = f"c{len(self.constants)}"
        array = np.ascontiguousarray(value, dtype) if np.ndim(value) else np.asarray(value, dtype)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output and return that output's name."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def model(self, name: str, output: str, width: int) -> onnx.ModelProto:
        """The model whose only output, (B, width), is what the last node gives.

        Inputs are `input_ids` and `attention_mask`: int64 (B, S), the mask 1 on text and 0 on
        padding.
        """
        self.nodes[-1].output[0] = output
        inputs = [
            helper.make_tensor_value_info(given, TensorProto.INT64, ["batch", "tokens"])
            for given in ("input_ids", "attention_mask")
        ]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", width])]
        body = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        model = helper.make_model(
            body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def encoder(graph: Graph, weights: Mapping[str, Array], architecture: Architecture) -> str:
    """The last layer's hidden states, (B, S, H). Weights have the names that BERT's files have."""
    eps = architecture.layer_norm_eps
    hidden = _normalised(
        graph, _embedded(graph, weights), under(weights, "embeddings.LayerNorm"), eps
    )
    bias = _attention_bias(graph)
    for number in range(architecture.layers):
        layer = under(weights, f"encoder.layer.{number}")
        attended = _attention(graph, hidden, bias, layer, architecture.heads)
        hidden = _normalised(
            graph,
            graph.add("Add", attended, hidden),
            under(layer, "attention.output.LayerNorm"),
            eps,
        )
        expanded = _gelu(graph, dense(graph, hidden, under(layer, "intermediate.dense")))
        contracted = dense(graph, expanded, under(layer, "output.dense"))
        hidden = _normalised(
            graph, graph.add("Add", contracted, hidden), under(layer, "output.LayerNorm"), eps
        )
    return hidden


def dense(graph: Graph, x: str, layer: Mapping[str, Array]) -> str:
    """A linear layer as a weights file holds it: `weight` (out, in), `bias` (out,)."""
    return linear(graph, x, layer["weight"].T, layer["bias"])


def linear(graph: Graph, x: str, weights: Array, bias: Array) -> str:
    """A linear layer: weights (in, out), bias (out,)."""
    return graph.add("Add", graph.add("MatMul", x, graph.constant(weights)), graph.constant(bias))


def under(weights: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The weights whose names start with `prefix.`, by the rest of the name."""
    start = prefix + "."
    return {
        name.removeprefix(start): value for name, value in weights.items() if name.startswith(start)
    }


def _embedded(graph: Graph, weights: Mapping[str, Array]) -> str:
    words = graph.add(
        "Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "input_ids"
    )
    positions = weights["embeddings.position_embeddings.weight"]
    segments = weights.get("embeddings.token_type_embeddings.weight")
    if segments is not None:
        # Every text is one segment, so its row can be added to all positions beforehand.
        positions = positions + segments[0]
    length = graph.add("Shape", "input_ids", start=1, end=2)
    first = graph.add(
        "Slice", graph.constant(positions), graph.constant([0]), length, graph.constant([0])
    )
    return graph.add("Add", words, first)


def _attention_bias(graph: Graph) -> str:
    """(B, 1, 1, S): 0 on text, MASKED on padding."""
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    padding = graph.add("Sub", graph.constant(1.0), mask)
    scaled = graph.add("Mul", padding, graph.constant(MASKED))
    return graph.add("Unsqueeze", scaled, graph.constant([1, 2]))


def _attention(graph: Graph, hidden: str, bias: str, layer: Mapping[str, Array], heads: int) -> str:
    """Multi-head self-attention with its output projection, (B, S, H)."""
    projected = {
        part: dense(graph, hidden, under(layer, f"attention.self.{part}"))
        for part in ("query", "key", "value")
    }
    width = layer["attention.self.query.bias"].size
    split = graph.constant([0, 0, heads, width // heads])

    def per_head(part: str, order: list[int]) -> str:
        return graph.add("Transpose", graph.add("Reshape", projected[part], split), perm=order)

    query = per_head("query", [0, 2, 1, 3])  # (B, A, S, D)
    key = per_head("key", [0, 2, 3, 1])  # (B, A, D, S)
    value = per_head("value", [0, 2, 1, 3])  # (B, A, S, D)
    scores = graph.add(
        "Mul", graph.add("MatMul", query, key), graph.constant(float((width // heads) ** -0.5))
    )
    shares = graph.add("Softmax", graph.add("Add", scores, bias), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", shares, value), perm=[0, 2, 1, 3])
    joined = graph.add("Reshape", mixed, graph.constant([0, 0, width]))
    return dense(graph, joined, under(layer, "attention.output.dense"))


def _normalised(graph: Graph, x: str, layer: Mapping[str, Array], eps: float) -> str:
    scale, bias = graph.constant(layer["weight"]), graph.constant(layer["bias"])
    return graph.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=eps)


def _gelu(graph: Graph, x: str) -> str:
    # In this order of operations the runtime recognises it and runs it as one kernel.
    error = graph.add("Erf", graph.add("Div", x, graph.constant(2.0**0.5)))
    gate = graph.add("Mul", x, graph.add("Add", error, graph.constant(1.0)))
    return graph.add("Mul", gate, graph.constant(0.5))
