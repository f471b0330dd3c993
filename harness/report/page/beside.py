"""An endpoint beside a variant: a ratio, although they share no track and no ranks."""

from __future__ import annotations

from harness.analyse.field import comparison
from harness.report.page import view
from harness.report.page.ranking import Ranking
from harness.stored.records import Campaign


def sentence(campaign: Campaign, found: Ranking) -> str:
    """What the endpoint reaches of what `--beside` names; empty where nothing is named."""
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
    # A ranking compares within a track; rounds are paired across them too.
    paired = comparison.ratio(own.row, other.row, found.metric.name) if found.own else None
    if paired is not None:
        sure = paired.rounds > 1
        ends = f" ({view.number(paired.low)}–{view.number(paired.high)})" if sure else ""
        times = f"{view.number(paired.ratio)}{ends}"
    elif own.middle > 0 and other.middle > 0:
        times = f"about {view.number(own.middle / other.middle)}"
    else:
        return f"{endpoint.name} beside {endpoint.beside}: {own.text} and {other.text}."
    return (
        f"{endpoint.name} beside {endpoint.beside}: {times} times its {found.metric.title}. "
        "This is not a ranking: how the endpoint is configured is not known."
    )
