"""Iris species from four measurements of a flower: a scikit-learn pipeline."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from linear_head import Floats, Head, Split
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

FEATURES = 4


class Predictor:
    """Safe to call from several threads: predicting leaves the pipeline as it is."""

    def __init__(self, labels: list[str], probabilities: Callable[[Floats], Floats]) -> None:
        self._labels = labels
        self._probabilities = probabilities  # of rows of measurements, (rows, labels)

    def predict(self, instances: list[Any]) -> list[dict[str, Any]]:
        """Name the species of each flower, in order; `score` is its probability.

        Raises ValueError naming the first instance that is not four finite numbers.
        """
        if not instances:
            return []
        probabilities = self._probabilities(_rows(instances))
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
    pipeline = joblib.load(artefact_dir / "model.joblib")
    return Predictor(_labels(pipeline), pipeline.predict_proba)


def load_split(artefact_dir: Path, device: str, threads: int) -> Split:
    """The same model as scaler and head."""
    if device != "cpu":
        raise ValueError(f"iris runs on device cpu only, not {device!r}")
    threadpool_limits(limits=threads)
    pipeline = joblib.load(artefact_dir / "model.joblib")
    scale, last = pipeline[0].transform, pipeline[-1]
    labels = _labels(pipeline)
    return Split(
        labels=tuple(labels),
        head=Head(last.coef_.T, last.intercept_),
        features=lambda instances: scale(_rows(instances)),
        with_head=lambda head: Predictor(labels, lambda rows: head.probabilities(scale(rows))),
    )


def _labels(pipeline: Pipeline) -> list[str]:
    return [str(name) for name in pipeline.classes_]


def _rows(instances: list[Any]) -> Floats:
    return np.array([_checked(n, each) for n, each in enumerate(instances)], np.float64)


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
