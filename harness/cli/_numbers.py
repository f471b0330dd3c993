"""Numbers on the command line that are above zero and finite."""

from __future__ import annotations

import math
from typing import Any

import click

from harness.cli._affordable import LONGEST_S


class Positive(click.FloatRange):
    """Above zero, and a number: FloatRange lets `nan` and `inf` pass."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Seconds(Positive):
    """No longer than nanoseconds in 64 bits have room for."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        number = super().convert(value, param, ctx)
        if number > LONGEST_S:
            self.fail(f"{value} s is too long: {LONGEST_S:g} at most.", param, ctx)
        return number


POSITIVE, SECONDS = Positive(min=0, min_open=True), Seconds(min=0, min_open=True)
