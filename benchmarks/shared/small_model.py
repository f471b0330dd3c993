"""A small model that stands beside the benchmark's own: for a client that answers what is easy.

It takes texts, as a hashed bag of words, or numbers, of which it looks at a few; a linear head
gives the labels' probabilities. There is a head for each of `FOLDS` parts of all instances, and no
head was trained on what is in its part: so it is as sure, and as often right, of a payload that the
benchmark has as of one that is new. Standard library only: it is loaded into clients.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from pathlib import Path
from typing import Any

FILE = "small.json"  # in the artefact
FOLDS = 4
MOST_CHARACTERS = 10_000  # of a text: what is longer is for the other model, to refuse or to cut
_WORD = re.compile(r"[a-z']+")


def fold(instance: Any) -> int:
    """Which part an instance is in: the same wherever it is asked."""
    return zlib.crc32(json.dumps(instance).encode()) % FOLDS


def words(text: str, buckets: int) -> dict[int, float]:
    """A text as weights of buckets, of unit length."""
    found = {zlib.crc32(word.encode()) % buckets for word in _WORD.findall(text.lower())}
    return dict.fromkeys(found, 1 / math.sqrt(len(found))) if found else {}


def chosen(numbers: list[float], columns: list[int]) -> dict[int, float]:
    """Those numbers that it looks at."""
    return {place: numbers[column] for place, column in enumerate(columns)}


class SmallModel:
    """Safe to call from several threads: nothing in it changes after it is made."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._buckets: int = found.get("buckets", 0)
        self._columns: list[int] = found.get("columns", [])
        self._numbers: int = found.get("numbers", 0)
        self._labels: list[str] = found["labels"]
        self._heads: list[dict[str, Any]] = found["heads"]

    def predict(self, instance: Any) -> tuple[str, float] | None:
        """The likeliest label and its probability; None for what is nothing that it takes."""
        taken = self._features(instance)
        if taken is None:
            return None
        head = self._heads[fold(instance)]
        logits = [
            bias + sum(weights[place] * value for place, value in taken.items())
            for weights, bias in zip(head["weights"], head["bias"], strict=True)
        ]
        top = max(logits)
        score = 1 / sum(math.exp(logit - top) for logit in logits)
        return self._labels[logits.index(top)], score

    def _features(self, instance: Any) -> dict[int, float] | None:
        if self._buckets:
            fits = isinstance(instance, str) and len(instance) <= MOST_CHARACTERS
            return (words(instance, self._buckets) or None) if fits else None
        fits = isinstance(instance, list) and len(instance) == self._numbers
        return chosen(instance, self._columns) if fits and all(map(_is_finite, instance)) else None


def load(artefact_dir: Path) -> SmallModel:
    """Read what the build wrote. Raises FileNotFoundError where it makes no small model."""
    return SmallModel(json.loads((artefact_dir / FILE).read_text("utf-8")))


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e9  # false of NaN, too
