"""Options and output that `compare` and `run --against` share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError

if TYPE_CHECKING:
    from harness.analyse.regression.differences import Changes
    from harness.analyse.regression.gate import Wanted

_EFFECT = re.compile(r"(?:(\w+)=)?(\d+(?:\.\d+)?)%")


def wanted(
    effects: tuple[str, ...], variants: tuple[str, ...] = (), benchmarks: tuple[str, ...] = ()
) -> Wanted:
    """The request made by `--minimum-effect 5%`, `--minimum-effect capacity=10%` and names.

    Raises UsageError.
    """
    from harness.analyse.field.comparison import COLUMNS
    from harness.analyse.regression.gate import Wanted
    from harness.setup.catalog import pick

    of: dict[str, float] = {}
    every = None
    for text in effects:
        match = _EFFECT.fullmatch(text)
        if match is None:
            raise UsageError(
                f"--minimum-effect: {text!r} is not a share, such as 5% or capacity=10%."
            )
        value = float(match[2]) / 100
        if match[1] is None:
            every = value
        else:
            pick("metric", match[1], COLUMNS)
            of[match[1]] = value
    return Wanted(
        of=of, every=every, variants=frozenset(variants), benchmarks=frozenset(benchmarks)
    )


def lines(changes: Changes) -> Iterator[str]:
    """The table as text."""
    from harness.report.compare import compared

    return compared.lines(changes)


def as_json(changes: Changes) -> dict[str, Any]:
    """The same, for a program."""
    from harness.report.compare import compared

    return compared.as_json(changes)
