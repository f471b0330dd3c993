"""Iris species from four measurements of a flower: a scikit-learn pipeline."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

FEATURES = 4


class Predictor:
    """Safe to call from several threads: predicting leaves the pipeline as it is."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._labels = [str(name) for name in pipeline.classes_]

    def predict(self, instances: list[Any]) -> list[dict[str, Any]]:
        """Name the species of each flower, in order; `score` is its probability.

        Raises ValueError naming the first instance that is not four finite numbers.
        """
        rows = [_checked(index, instance) for index, instance in enumerate(instances)]
        if not rows:
            return []
        probabilities = self._pipeline.predict_proba(np.array(rows, np.float64))
        chosen = probabilities.argmax(axis=1)
        return [
            {"label": self._labels[column], "score": float(row[column])}
            for row, column in zip(probabilities, chosen.tolist(), strict=True)
        ]


def load(artefact_dir: Path, device: str, threads: int) -> Predictor:
    """Read what build.py wrote. scikit-learn runs on "cpu" only.

    The number of threads holds for the whole process.
    """
    if device != "cpu":
        raise ValueError(f"iris runs on device cpu only, not {device!r}")
    threadpool_limits(limits=threads)
    return Predictor(joblib.load(artefact_dir / "model.joblib"))


def _checked(index: int, instance: object) -> list[float]:
    if not isinstance(instance, (list, tuple)) or len(instance) != FEATURES:
        raise ValueError(f"instance {index} must be a list of {FEATURES} numbers")
    if not all(_is_finite_number(value) for value in instance):
        raise ValueError(f"instance {index} must hold finite numbers only")
    return list(instance)


def _is_finite_number(value: object) -> bool:
    # Python's JSON reader lets NaN and infinities through, and its booleans count as integers.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of float
        return False
