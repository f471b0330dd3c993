"""`[counters]` of a server.toml: which of a server's own metrics say what the harness measures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, field_validator

from harness.base import toml

_SELECTOR = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?")
_LABEL = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*"([^"]*)"\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Selector:
    """Series of one name, those alone that have all of these labels: `name{label="value"}`."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    def takes(self, name: str, labels: Mapping[str, str], suffix: str = "") -> bool:
        """Whether it is one of them; with a suffix, one of the series of a histogram."""
        named = name == self.name + suffix or (not suffix and name == f"{self.name}_total")
        return named and all(labels.get(key) == value for key, value in self.labels)


def selector(text: str) -> Selector:
    """Read `name` or `name{label="value", other="value"}`. Raises ValueError."""
    found = _SELECTOR.fullmatch(text)
    labels: list[tuple[str, str]] = []
    place, inside = 0, (found[2] or "").rstrip() if found else ""
    while found and place < len(inside):
        label = _LABEL.match(inside, place)
        if label is None:
            break
        labels.append((label[1], label[2]))
        place = label.end()
    if found is None or place < len(inside):
        raise ValueError(f'{text!r} is not of the form name{{label="value"}}')
    return Selector(found[1], tuple(labels))


class CountersTable(toml.Strict):
    """`[counters]`: names at `metrics_path` whose growth says what the server itself measured."""

    requests: str  # how many were answered
    queue: str | None = None  # how long they waited before the model, summed over them
    model: str | None = None  # how long they were in it, summed over them
    # How long requests took: histograms, summaries, or times summed over them. Of several, the one
    # that grew most: a server of two protocols has one for each.
    latency: tuple[str, ...] = ()
    spans: Literal["request", "model"] = "request"  # what `latency` times
    unit_s: float = Field(default=1.0, gt=0)  # of all those times
    # For rules of Prometheus alone; labels as there: `code!="200"`, `code=~"5.."`.
    failed: tuple[str, ...] = ()  # how many failed
    counts_failed: bool = False  # whether `requests` has those, too
    in_flight: str | None = None  # how many it has and has not answered, a gauge
    batch: tuple[str, str] | None = None  # instances that were predicted, and calls of the model
    lag_s: float = Field(default=0.0, ge=0)  # by which its metrics may be behind

    @field_validator("requests", "queue", "model")
    @classmethod
    def _right_name(cls, value: str | None) -> str | None:
        if value is not None:
            selector(value)
        return value

    @field_validator("latency")
    @classmethod
    def _right_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            selector(each)
        return value

    @property
    def names(self) -> frozenset[str]:
        """All names that are looked for."""
        given = (self.requests, self.queue, self.model, *self.latency)
        return frozenset(selector(each).name for each in given if each is not None)
