"""The sections of the report: one module each, found by looking into this package.

A section is a function from the report's facts to the values of its template, which is
`templates/<name>.html.j2`; it returns None where it has nothing to say. Adding one means adding one
module here and one template there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.report.page.view import Report

Values = dict[str, Any]
Make = Callable[[Report], Values | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A piece of the report."""

    name: str
    title: str
    order: int
    make: Make
    short: str = ""  # in the navigation, where the title is too long for that

    @property
    def template(self) -> str:
        return f"{self.name}.html.j2"


SECTIONS: dict[str, Section] = {}


def section(title: str, *, order: int, short: str = "") -> Callable[[Make], Make]:
    """Register a section under the function's name."""

    def register(make: Make) -> Make:
        name = getattr(make, "__name__", "")
        SECTIONS[name] = Section(name=name, title=title, order=order, make=make, short=short)
        return make

    return register


def load() -> list[Section]:
    """Every section, in the order of the page."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return sorted(SECTIONS.values(), key=lambda found: (found.order, found.name))
