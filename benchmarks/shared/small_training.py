"""For builds: trains the model of `small_model`, and writes it beside the artefact's files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from small_model import FILE, FOLDS, chosen, fold, words
from threadpoolctl import threadpool_limits

BUCKETS = 4096
STRENGTH = 10.0  # the inverse of how strongly the weights are held down; chosen by cross-validation
# Coarser than what differs between processors, so that all of them arrive at the same head.
DECIMALS = 3


def write(
    artefact_dir: Path,
    instances: Sequence[Any],
    labels: Sequence[str],
    held_out: Sequence[int],
    columns: Sequence[int] = (),
) -> None:
    """`held_out` are the rows of payloads.jsonl that the benchmark's own model is not trained on;
    `columns` the numbers that are looked at: without any, instances are texts."""
    names = sorted(set(labels))
    shape: dict[str, Any] = {"buckets": BUCKETS}
    if columns:
        shape = {"columns": list(columns), "numbers": len(instances[0])}
    features = np.zeros((len(instances), len(columns) or BUCKETS))
    for row, instance in enumerate(instances):
        taken = chosen(instance, list(columns)) if columns else words(instance, BUCKETS)
        features[row, list(taken)] = list(taken.values())
    folds = np.array([fold(instance) for instance in instances])
    heads = [
        _head(features[folds != part], np.array(labels)[folds != part], names)
        for part in range(FOLDS)
    ]
    found = {**shape, "labels": names, "held_out": sorted(map(int, held_out)), "heads": heads}
    (artefact_dir / FILE).write_text(json.dumps(found) + "\n", "utf-8")


def _head(features: Any, labels: Any, names: Sequence[str]) -> dict[str, Any]:
    model = LogisticRegression(C=STRENGTH, tol=1e-8, max_iter=10_000)
    with threadpool_limits(limits=1):
        model.fit(features, labels)
    if list(model.classes_) != list(names):
        raise ValueError(f"a part of the payloads lacks one of the labels {', '.join(names)}")
    weights, bias = model.coef_, model.intercept_
    if len(names) == 2:
        # Two labels share one row there: its sigmoid is the softmax of (0, that row).
        weights, bias = np.vstack([0 * weights, weights]), np.append(0 * bias, bias)
    return {
        "weights": np.round(weights, DECIMALS).tolist(),
        "bias": np.round(bias, DECIMALS).tolist(),
    }
