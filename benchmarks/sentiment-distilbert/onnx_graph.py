"""DistilBERT with its classification head as an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from bert_graph import Architecture, Array, Graph, dense, encoder, under

# DistilBERT's layers are BERT's under other names.
_ENCODER = "distilbert."
_BERT_NAMES = {
    "transformer.layer.": "encoder.layer.",
    ".attention.q_lin.": ".attention.self.query.",
    ".attention.k_lin.": ".attention.self.key.",
    ".attention.v_lin.": ".attention.self.value.",
    ".attention.out_lin.": ".attention.output.dense.",
    ".sa_layer_norm.": ".attention.output.LayerNorm.",
    ".ffn.lin1.": ".intermediate.dense.",
    ".ffn.lin2.": ".output.dense.",
    ".output_layer_norm.": ".output.LayerNorm.",
}


def build_model(weights: Mapping[str, Array], architecture: Architecture) -> onnx.ModelProto:
    """Output: `probabilities`, (texts, labels)."""
    graph = Graph()
    hidden = encoder(graph, _as_bert(weights), architecture)
    first = graph.add("Gather", hidden, graph.constant(np.int64(0)), axis=1)  # the [CLS] token
    classified = graph.add("Relu", dense(graph, first, under(weights, "pre_classifier")))
    graph.add("Softmax", dense(graph, classified, under(weights, "classifier")), axis=-1)
    return graph.model("sentiment", "probabilities", weights["classifier.bias"].size)


def _as_bert(weights: Mapping[str, Array]) -> dict[str, Array]:
    return {
        _bert_name(name.removeprefix(_ENCODER)): value
        for name, value in weights.items()
        if name.startswith(_ENCODER)
    }


def _bert_name(name: str) -> str:
    for ours, berts in _BERT_NAMES.items():
        name = name.replace(ours, berts)
    return name
