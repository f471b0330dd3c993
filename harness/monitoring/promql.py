"""Expressions of PromQL, of the selectors that a server.toml names."""

from __future__ import annotations

from collections.abc import Sequence

# What a served model is told apart by; scrape configurations of `monitoring` give these labels.
_WHOLE = ("_total", "_sum", "_count", "_bucket")
SERVED = ("job", "framework", "variant", "benchmark")


def series(text: str, framework: str, suffix: str = "", *matchers: str) -> str:
    """The series of a framework that a selector takes, or with a suffix those of its histogram."""
    name, labels = _parts(text)
    parts = (labels, *matchers, f"framework={quoted(framework)}")
    return f"{name}{suffix}{{{', '.join(filter(None, parts))}}}"


def counter(text: str, framework: str) -> str:
    """The same of a counter: whether its name ends with _total depends on the format that server
    and scraper agreed on."""
    name, labels = _parts(text)
    if name.endswith(_WHOLE):
        return series(text, framework)
    named = f'__name__=~"{name}(_total)?"'
    parts = (named, labels, f"framework={quoted(framework)}")
    return f"{{{', '.join(filter(None, parts))}}}"


def quoted(text: str) -> str:
    """A text of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def summed(expression: str, *more: str) -> str:
    """Summed over all that does not tell served models apart."""
    return f"sum by ({', '.join((*SERVED, *more))}) ({expression})"


def largest(expressions: Sequence[str]) -> str:
    """Of several that may be there, the largest: a server of two protocols has one for each."""
    first, *others = expressions
    if not others:
        return first
    told = [f'label_replace({each}, "of", "{n}", "", "")' for n, each in enumerate(expressions)]
    return f"max without (of) ({' or '.join(told)})"


def _parts(text: str) -> tuple[str, str]:
    name, _, inside = text.partition("{")
    return name, inside.strip().removesuffix("}").strip().rstrip(",")
