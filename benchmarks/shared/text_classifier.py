"""For predictors of texts: which texts they take, how tokens are made, what answers look like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

MAX_TOKENS = 128  # longer texts are cut
MAX_CHARACTERS = 100_000  # longer ones are no sentences

Ids = NDArray[np.int64]
# From token ids and their mask, (texts, tokens), to the labels' probabilities, (texts, labels).
Model = Callable[[Ids, Ids], NDArray[np.float32]]


class TextClassifier:
    """Safe to call from several threads: nothing in it changes after it is made."""

    def __init__(self, tokenizer: Tokenizer, labels: list[str], model: Model) -> None:
        self._tokenizer = tokenizer
        self._labels = labels
        self._model = model

    def predict(self, instances: list[Any]) -> list[dict[str, Any]]:
        """Label each text, in order; `score` is the probability of the label that was chosen.

        Raises ValueError naming the first instance that is not text.
        """
        texts = checked_texts(instances)
        if not texts:
            return []
        probabilities = self._model(*tokenized(self._tokenizer, texts))
        chosen = probabilities.argmax(axis=1)
        return [
            {"label": self._labels[column], "score": float(row[column])}
            for row, column in zip(probabilities, chosen.tolist(), strict=True)
        ]


def open_tokenizer(path: Path) -> Tokenizer:
    """Settle its state once: changing it per call would race between threads."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()  # a file may ask for 128 tokens always; `tokenized` pads to the longest
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def checked_texts(instances: list[Any]) -> list[str]:
    """Raise ValueError naming the first instance that is no text, empty, or far too long."""
    for index, instance in enumerate(instances):
        if not isinstance(instance, str):
            kind = type(instance).__name__
            raise ValueError(f"instance {index} must be a string, not {kind}")
        if not instance.strip():
            raise ValueError(f"instance {index} is empty")
        if len(instance) > MAX_CHARACTERS:
            raise ValueError(f"instance {index} has more than {MAX_CHARACTERS} characters")
        try:
            instance.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"instance {index} is not valid Unicode text: {error.reason}"
            ) from None
    return instances


def tokenized(tokenizer: Tokenizer, texts: list[str]) -> tuple[Ids, Ids]:
    """Token ids and mask, int64 (texts, tokens of the longest), filled up with 0."""
    # One by one: encode_batch would use a thread pool over all cores, whatever `threads` says.
    rows = [tokenizer.encode(text).ids for text in texts]
    lengths = np.array([len(row) for row in rows])
    mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    ids = np.zeros_like(mask)
    ids[mask == 1] = np.concatenate(rows)
    return ids, mask
