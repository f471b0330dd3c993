"""The environment of every page's templates: everything escaped, nothing undefined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.report.page import view

TEMPLATES = Path(__file__).parent / "templates"


def environment(*helpers: Callable[..., Any], folder: Path = TEMPLATES) -> Environment:
    """For the templates of a folder; the helpers are filters under their own names."""
    jinja = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=view.clean,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters.update({helper.__name__: helper for helper in helpers})
    return jinja


def assets(pattern: str) -> str:
    """The text of every file of that kind, in the order of their names."""
    found = sorted(TEMPLATES.glob(pattern))
    return "".join(each.read_text(encoding="utf-8") for each in found)
