"""The sentence encoder and its linear head as an ONNX graph, written node by node from the weights.

Written by hand rather than exported, so that the build needs no torch and gives the same bytes
every time. Shapes below: B texts, S tokens, H hidden units, A attention heads, D = H / A.
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


@dataclass(frozen=True, slots=True)
class Head:
    """A linear classifier on the embedding: weights (H, labels), bias (labels,)."""

    weights: Array
    bias: Array


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

    def rename_last(self, name: str) -> None:
        """Give the last node's output the name that the model shows."""
        self.nodes[-1].output[0] = name


def build_model(
    weights: Mapping[str, Array], architecture: Architecture, head: Head | None
) -> onnx.ModelProto:
    """Inputs `input_ids`, `attention_mask`: int64 (B, S), the mask 1 on text and 0 on padding.

    Output: `probabilities` (B, labels), or without a head `embedding` (B, H) of unit length.
    """
    graph = Graph()
    hidden = _encoder(graph, weights, architecture)
    embedding = _pooled(graph, hidden)
    name, width = "embedding", weights["embeddings.LayerNorm.weight"].size
    if head is not None:
        logits = _linear(graph, embedding, head.weights, head.bias)
        graph.add("Softmax", logits, axis=-1)
        name, width = "probabilities", head.bias.size
    graph.rename_last(name)
    return _model(graph, helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]))


def _model(graph: Graph, output: onnx.ValueInfoProto) -> onnx.ModelProto:
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    body = helper.make_graph(graph.nodes, "sentiment", inputs, [output], graph.constants)
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _encoder(graph: Graph, weights: Mapping[str, Array], architecture: Architecture) -> str:
    """The last layer's hidden states, (B, S, H)."""
    eps = architecture.layer_norm_eps
    hidden = _normalised(
        graph, _embedded(graph, weights), _under(weights, "embeddings.LayerNorm"), eps
    )
    bias = _attention_bias(graph)
    for number in range(architecture.layers):
        layer = _under(weights, f"encoder.layer.{number}")
        attended = _attention(graph, hidden, bias, layer, architecture.heads)
        hidden = _normalised(
            graph,
            graph.add("Add", attended, hidden),
            _under(layer, "attention.output.LayerNorm"),
            eps,
        )
        expanded = _gelu(graph, _dense(graph, hidden, _under(layer, "intermediate.dense")))
        contracted = _dense(graph, expanded, _under(layer, "output.dense"))
        hidden = _normalised(
            graph, graph.add("Add", contracted, hidden), _under(layer, "output.LayerNorm"), eps
        )
    return hidden


def _under(weights: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The weights whose names start with `prefix.`, by the rest of the name."""
    start = prefix + "."
    return {
        name.removeprefix(start): value for name, value in weights.items() if name.startswith(start)
    }


def _embedded(graph: Graph, weights: Mapping[str, Array]) -> str:
    words = graph.add(
        "Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "input_ids"
    )
    # Every text is one segment, so the segment's row can be added to all positions beforehand.
    positions = (
        weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
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
        part: _dense(graph, hidden, _under(layer, f"attention.self.{part}"))
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
    return _dense(graph, joined, _under(layer, "attention.output.dense"))


def _dense(graph: Graph, x: str, layer: Mapping[str, Array]) -> str:
    # The weights file holds (out, in); MatMul wants (in, out).
    return _linear(graph, x, layer["weight"].T, layer["bias"])


def _linear(graph: Graph, x: str, weights: Array, bias: Array) -> str:
    return graph.add("Add", graph.add("MatMul", x, graph.constant(weights)), graph.constant(bias))


def _normalised(graph: Graph, x: str, layer: Mapping[str, Array], eps: float) -> str:
    scale, bias = graph.constant(layer["weight"]), graph.constant(layer["bias"])
    return graph.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=eps)


def _gelu(graph: Graph, x: str) -> str:
    # In this order of operations the runtime recognises it and runs it as one kernel.
    error = graph.add("Erf", graph.add("Div", x, graph.constant(2.0**0.5)))
    gate = graph.add("Mul", x, graph.add("Add", error, graph.constant(1.0)))
    return graph.add("Mul", gate, graph.constant(0.5))


def _pooled(graph: Graph, hidden: str) -> str:
    """The mean over the text's tokens, scaled to unit length, (B, H)."""
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    rows = graph.add("Unsqueeze", mask, graph.constant([1]))  # (B, 1, S)
    # Unit length follows, so the sum points the same way as the mean and needs no division.
    total = graph.add("Squeeze", graph.add("MatMul", rows, hidden), graph.constant([1]))
    length = graph.add("ReduceL2", total, axes=[-1], keepdims=1)
    return graph.add("Div", total, length)
