"""Make the artefact: `python build.py ARTEFACT_DIR`. The same inputs give the same bytes.

A version other than 1, which `HARNESS_ARTEFACT_VERSION` names, is what a model is that was trained
again on other data.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import joblib
import numpy as np
import small_training
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

HELD_OUT = 1 / 3
SEED = 20
SMALL_COLUMNS = (0, 1)  # the sepal's measurements: of the petal's, one alone would nearly do
VERSION = int(os.environ.get("HARNESS_ARTEFACT_VERSION", "1"))
DRAWN = 0.75  # of the rows to train on, in versions other than 1


def main() -> None:
    artefact_dir = Path(sys.argv[1])
    artefact_dir.mkdir(parents=True, exist_ok=True)
    lines = Path(__file__).with_name("payloads.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    labels = [row["label"] for row in rows]
    train_x, test_x, train_y, test_y = train_test_split(
        np.array([row["instance"] for row in rows], np.float64),
        labels,
        test_size=HELD_OUT,
        random_state=SEED,
        stratify=labels,
    )
    if VERSION > 1:
        train_x, _, train_y, _ = train_test_split(
            train_x, train_y, train_size=DRAWN, random_state=VERSION, stratify=train_y
        )
    model = make_pipeline(StandardScaler(), LogisticRegression())
    with threadpool_limits(limits=1):
        model.fit(train_x, train_y)
    joblib.dump(model, artefact_dir / "model.joblib")
    facts = {
        "accuracy": float(model.score(test_x, test_y)),
        "held_out": len(test_y),
        "trained_on": len(train_y),
        "labels": [str(name) for name in model.classes_],
        "seed": SEED if VERSION == 1 else VERSION,
    }
    (artefact_dir / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    _, held_out = train_test_split(
        range(len(rows)), test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    instances = [row["instance"] for row in rows]
    small_training.write(artefact_dir, instances, labels, held_out, SMALL_COLUMNS)


if __name__ == "__main__":
    main()
