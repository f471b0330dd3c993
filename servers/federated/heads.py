"""The head that predicts, and all that came before it. Version 1 is the artefact's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from serving import Predictor, recorded


class Unknown(Exception):
    """No such version was served."""


@dataclass(frozen=True)
class Served:
    """A version, and what predicts with it."""

    version: int
    predictor: Predictor


class Heads:
    """Only one thread may give it heads; any may read `served`, which changes as a whole."""

    def __init__(self, split: Any, folder: Path) -> None:
        self._split = split
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._store(1, split.head.weights, split.head.bias)
        self.served = Served(1, recorded(split.with_head(split.head)))

    def take(self, weights: list[list[float]], bias: list[float]) -> int:
        """Predict with another head from now on; its version.

        Raises ValueError for one that does not fit the model.
        """
        own = self._split.head
        made = type(own)(np.array(weights, np.float32), np.array(bias, np.float32))
        for name, part, known in (
            ("weights", made.weights, own.weights),
            ("bias", made.bias, own.bias),
        ):
            if part.shape != known.shape:
                raise ValueError(f"the {name} have the shape {part.shape}, not {known.shape}")
            if not np.isfinite(part).all():
                raise ValueError(f"the {name} are not all finite")
        version = self.served.version + 1
        self._store(version, made.weights, made.bias)
        self.served = Served(version, recorded(self._split.with_head(made)))
        return version

    def stored(self, version: str) -> dict[str, Any]:
        """A head that was served at some time, or the `last` one, as JSON. Raises Unknown."""
        last = self.served.version
        number = str(last) if version == "last" else version
        if not number.isdecimal() or not 1 <= int(number) <= last:
            raise Unknown(f"There is no version {version}: the last one is {last}.")
        found: dict[str, Any] = json.loads((self._folder / f"{int(number)}.json").read_text())
        return found

    def _store(self, version: int, weights: Any, bias: Any) -> None:
        head = {"version": version, "weights": weights.tolist(), "bias": bias.tolist()}
        (self._folder / f"{version}.json").write_text(json.dumps(head))
