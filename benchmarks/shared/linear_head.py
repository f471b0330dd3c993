"""For predictors whose last step is a linear head: the model in two parts, so that what predicts
can be given another head while the rest stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Head:
    """Weights (features, labels), bias (labels,)."""

    weights: Floats
    bias: Floats

    def probabilities(self, features: Floats) -> Floats:
        """The softmax of the labels, (instances, labels)."""
        logits = features @ self.weights + self.bias
        grown = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: Floats = grown / grown.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True, kw_only=True)
class Split:
    """What a predictor's `load_split` gives."""

    labels: tuple[str, ...]  # in the order of the head's columns
    head: Head  # the artefact's own
    features: Callable[[list[Any]], Floats]  # of instances, (instances, features)
    with_head: Callable[[Head], Any]  # what `load` gives, but for the head
