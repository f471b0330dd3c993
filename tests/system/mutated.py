"""Stored files as somebody else may have written them: one value is another, or gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from harness.stored import store

Place = tuple[str | int, ...]
GONE = object()
DEEP = "[" * 100_000 + "]" * 100_000
ODD: list[Any] = [
    *(None, True, 0, -1, 5e6, 1e18, -1e17, 10**15, 10**17, 1e-300, 10**6),
    *("", "x", "../../x", "a\nb", "\x1b[2J\x07", "1e5", "\ud800", "nan"),
    *([], {}, [[]], {"x": 1}, [1, 2, 3]),
]


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Of every value in parsed JSON."""
    if here:
        yield here
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*here, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*here, number))


def changes(known: list[Place]) -> st.SearchStrategy[list[tuple[Place, Any]]]:
    """One or two places, and what is put there."""
    one = st.tuples(st.sampled_from(known), st.sampled_from([GONE, *ODD]))
    return st.lists(one, min_size=1, max_size=2)


def changed(value: Any, made: list[tuple[Place, Any]]) -> Any:
    """A copy with other values; a place that is no longer there is passed over."""
    copy = json.loads(json.dumps(value))
    for (*way, last), other in made:
        inner = copy
        try:
            for key in way:
                inner = inner[key]
            if other is GONE:
                del inner[last]
            else:
                inner[last] = other
        except (IndexError, KeyError, TypeError):
            continue
    return copy


def write_sealed(path: Path, data: dict[str, Any]) -> None:
    """As the harness would: with the SHA-256 of what is in it."""
    data = {key: value for key, value in data.items() if key != "sha256"}
    path.write_text(json.dumps({**data, "sha256": store._seal(data)}))
