"""What the hub would have given, with weights from a seed: for hosts that can't have the real ones.

Configuration and vocabulary are the hub's, byte for byte. Only the weights are made up, so that a
prediction costs what the real one costs; it means nothing. Every machine makes the same bytes.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

# Chosen so that both labels are common among the payloads' answers, and no score is near a tie.
SEED = 17
NOISE = 0.1  # of biases and norms, so that none of them can be left out unnoticed


def complete(folder: Path) -> None:
    """Put config.json, vocab.txt and model.safetensors beside the tokenizer.json that is there."""
    shutil.copyfile(Path(__file__).with_name("config.json"), folder / "config.json")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    vocabulary = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words), "utf-8")
    # Of all of NumPy's generators, this one's stream is promised never to change.
    random = np.random.RandomState(SEED)
    weights = {name: _drawn(random, name, shape) for name, shape in _shapes(config).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _drawn(random: np.random.RandomState, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Uniform, so that no library function with a last bit of its own is involved."""
    drawn = random.uniform(-1, 1, shape)
    if len(shape) == 1:
        drawn = (1 if name.lower().endswith("norm.weight") else 0) + NOISE * drawn
    else:
        # What goes through a layer keeps its size: a variance of 1, shared among the inputs.
        inputs = 1 if "embeddings" in name else shape[1]
        drawn *= math.sqrt(3 / inputs)
    return drawn.astype(np.float32)


def _shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Every tensor of the hub's file, by name."""
    dim, hidden, positions = (
        config[key] for key in ("dim", "hidden_dim", "max_position_embeddings")
    )
    embeddings = "distilbert.embeddings"
    shapes: dict[str, tuple[int, ...]] = {
        f"{embeddings}.word_embeddings.weight": (config["vocab_size"], dim),
        f"{embeddings}.position_embeddings.weight": (positions, dim),
        **_norm(f"{embeddings}.LayerNorm", dim),
    }
    for number in range(config["n_layers"]):
        layer = f"distilbert.transformer.layer.{number}"
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            shapes |= _linear(f"{layer}.attention.{part}", dim, dim)
        shapes |= _norm(f"{layer}.sa_layer_norm", dim)
        shapes |= _linear(f"{layer}.ffn.lin1", dim, hidden)
        shapes |= _linear(f"{layer}.ffn.lin2", hidden, dim)
        shapes |= _norm(f"{layer}.output_layer_norm", dim)
    shapes |= _linear("pre_classifier", dim, dim)
    return shapes | _linear("classifier", dim, len(config["id2label"]))


def _linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
