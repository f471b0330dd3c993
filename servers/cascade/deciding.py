"""Whether the small model is sure enough to answer."""

from __future__ import annotations

import importlib.util
import math
import os
from pathlib import Path
from typing import Any

NAME = "CASCADE_THRESHOLD"


class Decider:
    """The small model and the threshold."""

    def __init__(self, model: Any, threshold: float) -> None:
        self._model = model
        self._threshold = threshold

    def predict(self, instances: Any) -> list[dict[str, Any]] | None:
        """The small model's predictions; None where it is not sure of every one."""
        if self._threshold >= 1 or not isinstance(instances, list):
            return None
        found = [self._model.predict(instance) for instance in instances]
        if not found or any(one is None or one[1] < self._threshold for one in found):
            return None
        return [{"label": label, "score": score} for label, score in found]


def threshold(text: str) -> float:
    """The threshold, from 0 to 1. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ValueError(
            f"{NAME} is {text!r}, but a threshold is a number from 0 (the small model answers all) "
            "to 1 (the server answers all)."
        )
    return value


def from_environment() -> Decider:
    """The settings of the variant and the artefact. Raises ValueError."""
    value = threshold(os.environ.get(NAME, ""))
    artefact = Path(os.environ["HARNESS_ARTEFACT"])
    # Beside the predictors, as the builds that train it import it too.
    module = Path(os.environ["HARNESS_PREDICTOR"]).parent.parent / "shared" / "small_model.py"
    spec = importlib.util.spec_from_file_location("small_model", module)
    if spec is None or spec.loader is None or not module.exists():
        raise ValueError(f"There is no {module}, which reads a benchmark's small model.")
    small_model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small_model)
    try:
        return Decider(small_model.load(artefact), value)
    except FileNotFoundError:
        raise ValueError(
            f"The benchmark's build wrote no {small_model.FILE}, so that there is no small model: "
            "let it call small_training.write, as the build of a benchmark that has one does."
        ) from None
