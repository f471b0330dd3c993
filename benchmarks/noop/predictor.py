"""A constant answer: what is measured is the framework alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Predictor:
    """Holds nothing, so any number of threads may call it."""

    def predict(self, instances: list[Any]) -> list[dict[str, Any]]:
        """Raises ValueError naming the first instance that is not a string."""
        for index, instance in enumerate(instances):
            if not isinstance(instance, str):
                kind = type(instance).__name__
                raise ValueError(f"instance {index} must be a string, not {kind}")
        return [{"label": "noop"} for _ in instances]


def load(artefact_dir: Path, device: str, threads: int) -> Predictor:
    """There is no artefact to read, and any device and number of threads will do."""
    del artefact_dir, device, threads
    return Predictor()
