"""The first-ranked variants of a track, in a sentence."""

from __future__ import annotations

from collections.abc import Callable

from harness.analyse.campaigns.summary import Headline
from harness.analyse.field.comparison import COLUMNS
from harness.report.page import view

Dress = Callable[[str], str]
NAMED = 3  # of variants that are tied for the first place; more are counted


def _plain(text: str) -> str:
    return str(view.clean(text))


def sentence(found: Headline, name: Dress = _plain, text: Dress = _plain) -> str:
    """The answer of one track of one benchmark; `name` dresses names, `text` other foreign text."""
    where = f"On {name(found.benchmark.name)}, track {text(found.track)}"
    slo = text(found.benchmark.slo or "")
    spread, metric = found.spread, COLUMNS[found.benchmark.ranked_by]
    if spread is None:
        return f"{where}: nothing could be ranked."
    if metric.name == "capacity" and spread.median == 0:
        return f"{where}: none meets {slo or 'its SLO'} at any tried rate."
    said = f"{where}: {_first(found, name)}, with a {metric.title} of "
    said += view.amount(spread.median, metric)
    if between := view.interval(spread, metric):
        said += f" ({between})"
    if metric.name == "capacity" and slo:
        said += f" at {slo}"
    return f"{said}; {_next(found, name)}."


def _first(found: Headline, name: Dress) -> str:
    variants = [standing.variant for standing in found.leaders]
    if len(variants) == 1:
        return f"{name(variants[0])} is first"
    shown = [name(variant) for variant in variants[:NAMED]]
    if len(variants) > NAMED:
        shown.append(f"{len(variants) - NAMED} more")
    if found.untold:
        return f"one round cannot separate {view.listed(shown)}"
    return f"{view.listed(shown)} are tied for the first place"


def _next(found: Headline, name: Dress) -> str:
    following, metric = found.following, COLUMNS[found.benchmark.ranked_by]
    if following is not None and (spread := following.spread(metric.name)) is not None:
        if metric.name == "capacity" and spread.median == 0:
            return f"next is {name(following.variant)}, which meets it at no tried rate"
        return f"next is {name(following.variant)}, {view.amount(spread.median, metric)}"
    return "nothing else could be ranked there"
