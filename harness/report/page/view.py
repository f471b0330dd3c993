"""The common part of the sections: the facts of a report, and the formatting of numbers and
names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from harness.analyse.cost.prices import PriceTable
from harness.analyse.field.comparison import COLUMNS, Comparison, Row, ratio, tied
from harness.analyse.run.digested import Digested
from harness.analyse.run.metrics import Metric
from harness.analyse.statistics.stats import Spread
from harness.stored.records import Campaign
from harness.windows.profiles import Profile

NONE = "–"
TRACKS = {
    "default": "out of the box",
    "functions": "instances that a service starts as requests come",
    "matched": "same workers and threads for all, one call of the model at a time, no batching",
    "pattern": "ways to serve other than a service that predicts on each request",
    "remote": "endpoints that were already running",
    "tuned": "configured as each framework's own production guide says",
}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# Control characters, lone surrogates, and the marks that turn the direction of the text around.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign, ready to be written about."""

    digested: Digested
    comparisons: tuple[Comparison, ...]
    prices: PriceTable

    @property
    def campaign(self) -> Campaign:
        return self.digested.campaign


def clean(value: Any) -> Any:
    """Text without what no browser shows: escape sequences of terminals, lone surrogates."""
    if type(value) is not str:
        return value
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", _ANSI.sub("", value))


def number(value: float | None, digits: int = 2) -> str:
    """A number with about three digits that matter, and never more decimals than `digits`."""
    if value is None:
        return NONE
    size = abs(value)
    decimals = digits if size < 10 else max(digits - (1 if size < 100 else 2), 0)
    text = f"{value:,.{decimals}f}" if value != round(value) else f"{value:,.0f}"
    if value and not text.strip("-0.,"):
        return f"{value:.1g}" if size >= 1e-4 else "~0"
    return text.replace("-", "−") if text.strip("-0.,") else "0"


def amount(value: float | None, metric: Metric) -> str:
    """A number with its unit."""
    if value is None:
        return NONE
    text = number(value, metric.digits)
    return text + metric.unit[1:] if metric.unit.startswith("1/") else f"{text} {metric.unit}"


def usd(value: float) -> str:
    """US dollars with two digits that matter at least."""
    if value >= 100:
        return f"${value:,.0f}"
    return f"${value:.2f}" if value >= 0.1 else f"${value:.2g}"


def anchor(variant: str) -> str:
    """The id of a variant's own page in the file: letters that need no quoting, one for one."""
    return "variant-" + re.sub(r"[^A-Za-z0-9@.-]", lambda found: f"_{ord(found[0]):x}_", variant)


def evidence(variant: str, benchmark: str) -> str:
    """The id of what is known of a variant on a benchmark, within its own page."""
    return f"{anchor(variant)}:{anchor(benchmark).removeprefix('variant-')}"


class Finder:
    """The number under which the filter box finds a variant: by its name, server, framework and
    track. A page refers to variants hundreds of times, so it holds the words once."""

    def __init__(self, report: Report) -> None:
        self._rows = {row.variant: row for found in report.comparisons for row in found.rows}
        self._numbers: dict[str, int] = {}

    def __call__(self, variant: str) -> int:
        row = self._rows.get(variant)
        more = (row.server.server, row.server.framework, row.server.track) if row else ()
        words = str(clean(" ".join((variant, *more)).lower()))
        return self._numbers.setdefault(words, len(self._numbers))

    @property
    def words(self) -> list[str]:
        """Those that have a number, in its order."""
        return list(self._numbers)


def interval(spread: Spread | None, metric: Metric) -> str:
    """The range over the rounds; empty where every round has the same number."""
    if spread is None:
        return ""
    low, high = number(spread.low, metric.digits), number(spread.high, metric.digits)
    return "" if low == high else f"{low} to {high}" if spread.low < 0 else f"{low}–{high}"


def rate(profile: Profile) -> str:
    """The load of a profile, in words."""
    if profile.think_s is not None:
        think = number(profile.think_s)
        return f"{profile.concurrency} users, each asks, waits, and thinks for {think} s on average"
    if not profile.is_open:
        return f"{profile.concurrency} callers, each sends when its last answer has come"
    base = f"{number(profile.rate_per_s, 1)}/s"
    if profile.rate_to_per_s is not None:
        base += f" to {number(profile.rate_to_per_s, 1)}/s"
    return f"{base}, {profile.shape}{_repeats(profile)}"


def _repeats(profile: Profile) -> str:
    """How its requests repeat, in words."""
    said = ""
    if profile.popularity is not None and profile.exponent is not None:
        said += f", payloads by {profile.popularity} with exponent {profile.exponent:g}"
    if profile.unseen_share:
        said += f", {profile.unseen_share:.0%} of them never seen before"
    return said


def listed(names: Iterable[str]) -> str:
    """Names as a reader says them: a, b and c."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def rounds(numbers: Iterable[int]) -> str:
    """The rounds, in words."""
    found = sorted(set(numbers))
    return f"round{'s' if len(found) > 1 else ''} {listed(map(str, found))}"


def home(url: str) -> str | None:
    """A link that may be followed: http or https, or none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


def track_note(track: str) -> str:
    """The meaning of a track."""
    return TRACKS.get(track, "")


def reason(row: Row) -> str:
    """Why a row is not ranked, in one sentence."""
    if row.failures:
        failure = row.failures[0]
        return f"failed ({failure.phase}): {failure.message}"
    messages = [finding.message for _, finding in row.findings if finding.verdict == "INVALID"]
    messages += [f"its {COLUMNS[name].title} is {said}" for name, said in row.beyond.items()]
    return (
        messages[0] if messages else "neither its capacity nor a percentile of its latency is known"
    )


def contenders(comparison: Comparison, track: str) -> list[Row]:
    """The ranked rows of a track, best first."""
    return [row for row in comparison.rows if row.rank and row.server.track == track]


def best_at(rows: Sequence[Row], column: str) -> tuple[Row, ...]:
    """The row with the best median, and those that are tied with it; nothing where all that have
    such a number are: then it tells none apart."""
    sign = 1 if COLUMNS[column].better == "lower" else -1
    known = [(row, spread) for row in rows if (spread := row.spreads[column]) is not None]
    if not known:
        return ()
    known.sort(key=lambda pair: (sign * pair[1].median, pair[0].variant))
    (leader, most), *others = known
    best = [leader]
    for row, spread in others:
        if ratio(row, leader, column) is not None:
            as_good = tied(row, leader, column)
        else:  # zero errors beside some: by their intervals, if there are any
            as_good = min(spread.rounds, most.rounds) == 1 or _meet(spread, most)
        if as_good:
            best.append(row)
    return tuple(best) if len(best) < len(known) else ()


def _meet(one: Spread, other: Spread) -> bool:
    return one.low <= other.high and other.low <= one.high
