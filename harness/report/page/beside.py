"""An endpoint beside a variant: a ratio, although the two share no ranking."""

from __future__ import annotations

from harness.analyse.field import comparison
from harness.report.page import view
from harness.report.page.ranking import Figure, Ranking
from harness.stored.records import Campaign


def sentence(campaign: Campaign, found: Ranking) -> str:
    """The endpoint's figure as a ratio to that of `--beside`; empty if that is not given."""
    endpoint = campaign.endpoint
    if endpoint is None or not endpoint.beside:
        return ""
    figures = {figure.row.variant: figure for figure in found.figures if not figure.row.invalid}
    lacking = [name for name in (endpoint.name, endpoint.beside) if name not in figures]
    if lacking:
        return (
            f"{endpoint.name} can't be compared with {endpoint.beside}: no {found.metric.title} of "
            f"{view.listed(lacking)} counts."
        )
    own, other = figures[endpoint.name], figures[endpoint.beside]
    times, why = _times(own, other, found)
    if not times:
        return f"{endpoint.name} beside {endpoint.beside}: {own.text} and {other.text}."
    lacks = f" It has no interval: {why}." if why else ""
    return (
        f"{endpoint.name} beside {endpoint.beside}: {times} times its {found.metric.title}.{lacks} "
        "This is not a ranking: how the endpoint is configured is not known."
    )


def _times(own: Figure, other: Figure, found: Ranking) -> tuple[str, str]:
    """(the ratio, with its interval; why it has none); empty where there is no ratio."""
    # A ranking compares within a track; rounds are paired across them too.
    paired = found.beside(own.row, other.row)
    if paired is not None and paired.rounds > 1:
        ends = f" ({view.number(paired.low)}–{view.number(paired.high)})"
        return f"{view.number(paired.ratio)}{ends}", ""
    if paired is not None:
        return view.number(paired.ratio), "one round cannot show how much starts differ"
    if own.middle <= 0 or other.middle <= 0:
        return "", ""
    known = [{d.cell.round for d in comparison.counted(f.row.digests)} for f in (own, other)]
    why = "no round has both" if not set.intersection(*known) else "only bounds are known"
    return f"about {view.number(own.middle / other.middle)}", why
