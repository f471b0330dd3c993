"""The formats of a report: one module each, found by looking into this package.

A format is a function from the report's facts to the content of its file: text, or bytes where it
is none. `report --format` knows it by its name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from harness.report.page.view import Report

Make = Callable[[Report], str | bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a report."""

    name: str
    file: str  # in the campaign's folder of reports
    make: Make


FORMATS: dict[str, Format] = {}


def report_format(name: str, file: str) -> Callable[[Make], Make]:
    """Register a format."""

    def register(make: Make) -> Make:
        FORMATS[name] = Format(name, file, make)
        return make

    return register


def load() -> dict[str, Format]:
    """Every format, by its name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(FORMATS.items()))
