"""Sentiment of English sentences: the MiniLM-L6 encoder with a linear head, on ONNX Runtime."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
from linear_head import Head, Split
from onnx_session import open_session, run
from text_classifier import TextClassifier, checked_texts, open_tokenizer, tokenized


def load(artefact_dir: Path, device: str, threads: int) -> TextClassifier:
    """Read what build.py wrote. `device` is "cpu" or "cuda"; `threads` share one prediction."""
    labels: list[str] = json.loads((artefact_dir / "head.json").read_text("utf-8"))["labels"]
    session = open_session(str(artefact_dir / "model.onnx"), device, threads)
    tokenizer = open_tokenizer(artefact_dir / "tokenizer.json")
    return TextClassifier(tokenizer, labels, partial(run, session))


def load_split(artefact_dir: Path, device: str, threads: int) -> Split:
    """The same model as encoder and head. It needs the package `onnx`."""
    from onnx_cut import before_head

    stored = json.loads((artefact_dir / "head.json").read_text("utf-8"))
    encoder = partial(run, open_session(before_head(artefact_dir / "model.onnx"), device, threads))
    tokenizer = open_tokenizer(artefact_dir / "tokenizer.json")
    return Split(
        labels=tuple(stored["labels"]),
        head=Head(*(np.array(stored[name], np.float32) for name in ("weights", "bias"))),
        features=lambda texts: encoder(*tokenized(tokenizer, checked_texts(texts))),
        with_head=lambda head: TextClassifier(
            tokenizer, stored["labels"], lambda ids, mask: head.probabilities(encoder(ids, mask))
        ),
    )
