"""Metrics in Prometheus's text format: read from an endpoint, and what grew between two reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.base.secrecy import beginning
from harness.setup.server_metrics import CountersTable, Selector, selector
from harness.windows.own_figures import OwnLatency

Series = tuple[str, frozenset[tuple[str, str]]]  # name, and labels with their values
Growth = Mapping[Series, float]
_SAID = 60  # characters of what is no metric
_BUCKET = "_bucket"


class NoMetrics(ValueError):
    """Why a page has none of the metrics that are looked for."""


def series(text: str, names: Iterable[str]) -> dict[Series, float]:
    """The values of all series whose name begins with one of these. Raises NoMetrics."""
    wanted = tuple(names)
    # A page may have thousands of series of its own, of which a handful is looked for.
    told = [line for line in text.splitlines() if any(name in line for name in wanted)]
    found: dict[Series, float] = {}
    for name, labels, value in _samples(told):
        if name.startswith(wanted):
            place = (name, frozenset(labels.items()))
            found[place] = found.get(place, 0.0) + value
    if not found:
        _require_metrics(text)
    return found


def _samples(lines: list[str]) -> Iterator[tuple[str, dict[str, str], float]]:
    from prometheus_client import parser

    try:
        for family in parser.text_string_to_metric_families("\n".join((*lines, ""))):
            for sample in family.samples:
                yield sample.name, dict(sample.labels), float(sample.value)
    except (ValueError, IndexError, KeyError) as error:
        raise NoMetrics(f"not Prometheus's text format: {_said(str(error))}") from error


def _require_metrics(text: str) -> None:
    """Raises NoMetrics for a page that is something else altogether."""
    lines = text.splitlines()
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                list(_samples([line]))
            except NoMetrics:
                raise NoMetrics(f"not Prometheus's text format: {_said(line)!r}") from None
            return


def _said(text: str) -> str:
    return beginning(text.strip(), _SAID) or "an empty line"


def grown(before: Growth, after: Growth) -> dict[Series, float]:
    """By how much each grew; as Prometheus has it, one that shrank began again from 0."""
    return {
        place: value - before.get(place, 0.0) if value >= before.get(place, 0.0) else value
        for place, value in after.items()
    }


def total(growth: Growth, wanted: str | None, suffix: str = "") -> float | None:
    """The growth of what a selector takes, summed over the other labels; None where it takes
    nothing."""
    if wanted is None:
        return None
    taken = [v for _, _, v in _taken(growth, selector(wanted), suffix)]
    return sum(taken) if taken else None


def latency(growth: Growth, counters: CountersTable, requests: float) -> OwnLatency | None:
    """What its histogram, summary or sum says; of several, the one that grew most."""
    found = [
        each
        for wanted in counters.latency
        if (each := _latency(growth, wanted, counters, requests)) is not None
    ]
    return max(found, key=lambda each: each.count, default=None)


def _latency(
    growth: Growth, wanted: str, counters: CountersTable, requests: float
) -> OwnLatency | None:
    summed = total(growth, wanted, "_sum")
    buckets = _buckets(growth, selector(wanted), counters.unit_s)
    if summed is None and not buckets.counts:  # a mere counter of times
        summed, count = total(growth, wanted), requests
    else:
        count = total(growth, wanted, "_count") or sum(buckets.counts)
    if not count or (summed is None and not buckets.counts):
        return None
    return OwnLatency(
        spans=counters.spans,
        count=count,
        sum_s=None if summed is None else summed * counters.unit_s,
        bounds_s=buckets.bounds_s,
        counts=buckets.counts,
    )


@dataclass(frozen=True, slots=True)
class _Buckets:
    bounds_s: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()


def _buckets(growth: Growth, wanted: Selector, unit_s: float) -> _Buckets:
    """A histogram's buckets, each without those below it."""
    below: dict[float, float] = {}
    for _, labels, value in _taken(growth, wanted, _BUCKET):
        bound = float(labels.get("le", "nan")) * unit_s
        below[bound] = below.get(bound, 0.0) + value
    if float("inf") not in below:
        return _Buckets()
    ascending = sorted(below)
    counts, most = [], 0.0
    for bound in ascending:
        # Several series are not read at one instant: their sum may step back by a request.
        counts.append(max(below[bound] - most, 0.0))
        most = max(below[bound], most)
    return _Buckets(tuple(ascending[:-1]), tuple(counts))


def _taken(
    growth: Growth, wanted: Selector, suffix: str
) -> Iterator[tuple[str, dict[str, str], float]]:
    for (name, pairs), value in growth.items():
        labels = dict(pairs)
        if wanted.takes(name, labels, suffix):
            yield name, labels, value
