"""Make the artefact: `HARNESS_WEIGHTS=folder-of-weights python build.py ARTEFACT_DIR`.

The encoder's weights are taken as they are; only the linear head is trained, on the labelled
payloads beside this file. The same inputs give the same bytes. A version other than 1, which
`HARNESS_ARTEFACT_VERSION` names, is what a model is that was trained again on other data.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import small_training
from bert_graph import Architecture, Array
from onnx_graph import Head, build_model
from onnx_session import open_session, run
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from text_classifier import open_tokenizer, tokenized
from threadpoolctl import threadpool_limits

HELD_OUT = 0.25
SEED = 20
BATCH = 32
# The two facts about this encoder that the shapes of its weights do not show.
HEADS = 12
LAYER_NORM_EPS = 1e-12
# Coarser than what differs between processors, so that all of them arrive at the same head.
HEAD_DECIMALS = 4
VERSION = int(os.environ.get("HARNESS_ARTEFACT_VERSION", "1"))
DRAWN = 0.75  # of the rows to train on, in versions other than 1


def main() -> None:
    artefact_dir, weights_dir = Path(sys.argv[1]), Path(os.environ["HARNESS_WEIGHTS"])
    artefact_dir.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copyfile(weights_dir / name, artefact_dir / name)
    weights = load_file(artefact_dir / "model.safetensors")
    config = bert_config(weights)
    architecture = Architecture(config["num_hidden_layers"], HEADS, LAYER_NORM_EPS)
    texts, labels = labelled_payloads()
    encoder = build_model(weights, architecture, head=None).SerializeToString()
    embeddings = embedded(encoder, artefact_dir / "tokenizer.json", texts)
    head, names, facts = trained_head(embeddings, labels)
    model = build_model(weights, architecture, head).SerializeToString()
    (artefact_dir / "model.onnx").write_bytes(model)
    write_json(artefact_dir / "config.json", config)
    write_json(artefact_dir / "head.json", head_as_json(head, names))
    write_json(artefact_dir / "facts.json", facts)
    _, held_out = train_test_split(
        range(len(texts)), test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    small_training.write(artefact_dir, texts, labels, held_out)


def labelled_payloads() -> tuple[list[str], list[str]]:
    """The texts that have a label, and their labels."""
    lines = Path(__file__).with_name("payloads.jsonl").read_text("utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if "label" in row]
    return [row["instance"] for row in rows], [row["label"] for row in rows]


def bert_config(weights: dict[str, Array]) -> dict[str, Any]:
    """What transformers needs to set up the same encoder; sizes are read off the weights."""
    vocabulary, hidden = weights["embeddings.word_embeddings.weight"].shape
    layers = {name.split(".")[2] for name in weights if name.startswith("encoder.layer.")}
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": len(weights["encoder.layer.0.intermediate.dense.bias"]),
        "num_hidden_layers": len(layers),
        "num_attention_heads": HEADS,
        "max_position_embeddings": len(weights["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(weights["embeddings.token_type_embeddings.weight"]),
        "hidden_act": "gelu",
        "layer_norm_eps": LAYER_NORM_EPS,
        "pad_token_id": 0,
    }


def embedded(encoder: bytes, tokenizer_file: Path, texts: list[str]) -> Array:
    """Unit-length embeddings, (texts, hidden), made as the predictor makes them."""
    # One thread: how sums are split among threads moves the last bits.
    session = open_session(encoder, "cpu", threads=1)
    tokenizer = open_tokenizer(tokenizer_file)
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return np.concatenate([run(session, *tokenized(tokenizer, batch)) for batch in batches])


def trained_head(embeddings: Array, labels: list[str]) -> tuple[Head, list[str], dict[str, Any]]:
    """Train on three quarters and measure on the rest: the head, its labels, what was measured."""
    train_x, test_x, train_y, test_y = train_test_split(
        embeddings, labels, test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    if VERSION > 1:
        train_x, _, train_y, _ = train_test_split(
            train_x, train_y, train_size=DRAWN, random_state=VERSION, stratify=train_y
        )
    # A tight tolerance leaves the optimiser at the one optimum, not somewhere near it.
    model = LogisticRegression(tol=1e-8, max_iter=10_000)
    with threadpool_limits(limits=1):
        model.fit(train_x.astype(np.float64), train_y)
    names = [str(name) for name in model.classes_]
    head = as_softmax_head(model)
    chosen = (test_x @ head.weights + head.bias).argmax(axis=1)
    hits = [names[column] == label for column, label in zip(chosen, test_y, strict=True)]
    facts = {
        "accuracy": sum(hits) / len(hits),
        "held_out": len(test_y),
        "trained_on": len(train_y),
        "labels": names,
        "seed": SEED if VERSION == 1 else VERSION,
    }
    return head, names, facts


def as_softmax_head(model: LogisticRegression) -> Head:
    """One column per label, rounded."""
    weights, bias = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:
        # Two labels share one column there: its sigmoid is the softmax of (0, that column).
        weights = np.hstack([np.zeros_like(weights), weights])
        bias = np.concatenate([np.zeros_like(bias), bias])
    return Head(
        np.round(weights, HEAD_DECIMALS).astype(np.float32),
        np.round(bias, HEAD_DECIMALS).astype(np.float32),
    )


def head_as_json(head: Head, names: list[str]) -> dict[str, Any]:
    """Labels in column order, weights as (hidden, labels)."""
    return {"labels": names, "weights": head.weights.tolist(), "bias": head.bias.tolist()}


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
