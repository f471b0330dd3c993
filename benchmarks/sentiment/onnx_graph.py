"""The sentence encoder and its linear head as an ONNX graph.

Shapes below: B texts, S tokens, H hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from bert_graph import Architecture, Array, Graph, encoder, linear
from onnx import TensorProto


@dataclass(frozen=True, slots=True)
class Head:
    """A linear classifier on the embedding: weights (H, labels), bias (labels,)."""

    weights: Array
    bias: Array


def build_model(
    weights: Mapping[str, Array], architecture: Architecture, head: Head | None
) -> onnx.ModelProto:
    """Output: `probabilities` (B, labels), or without a head `embedding` (B, H) of unit length."""
    graph = Graph()
    embedding = _pooled(graph, encoder(graph, weights, architecture))
    if head is None:
        width = weights["embeddings.LayerNorm.weight"].size
        return graph.model("sentiment", "embedding", width)
    logits = linear(graph, embedding, head.weights, head.bias)
    graph.add("Softmax", logits, axis=-1)
    return graph.model("sentiment", "probabilities", head.bias.size)


def _pooled(graph: Graph, hidden: str) -> str:
    """The mean over the text's tokens, scaled to unit length, (B, H)."""
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    rows = graph.add("Unsqueeze", mask, graph.constant([1]))  # (B, 1, S)
    # Unit length follows, so the sum points the same way as the mean and needs no division.
    total = graph.add("Squeeze", graph.add("MatMul", rows, hidden), graph.constant([1]))
    length = graph.add("ReduceL2", total, axes=[-1], keepdims=1)
    return graph.add("Div", total, length)
