"""The report's sentences on confidence, all of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from harness.analyse.field.comparison import Row
from harness.analyse.field.paired import CONFIDENCE, LEAST
from harness.analyse.field.ranks import FALSE
from harness.report.page import view
from harness.report.page.ranking import Figure, Ranking

ONE_ROUND = "One round cannot separate variants: the order may be due to chance."


def level() -> str:
    """How sure it is that two separated variants differ."""
    return f"at most {100 * FALSE:g}% of the separated pairs are separated by chance"


def rule() -> str:
    """When two variants share a rank."""
    return (
        f"variants are tied if the interval of their ratio includes 1 (in each track, {level()}), "
        f"or if they differ by less than {100 * LEAST:g}%"
    )


def by_chance() -> str:
    """The share of pairs separated by chance, in a sentence."""
    return (
        f"Of the separated pairs of a ranking, up to one in {round(1 / FALSE)} differs by chance "
        "alone. In the other columns, each pair is judged by itself: among many, one in "
        f"{round(1 / (1 - CONFIDENCE))} differs by chance alone."
    )


def untold(figures: Sequence[Figure]) -> bool:
    """Whether there was only one round, which can neither separate nor tie variants."""
    return _untold([(f.rank, f.row.counted) for f in figures if f.middle > 0])


def rank(row: Row, peers: Sequence[Row], column: str) -> str:
    """A row's rank among those of its track, with `=` where it is shared; `?` where one round
    cannot separate variants."""
    if row.rank is None:
        return view.NONE
    holding = [peer for peer in peers if _positive(peer, column)]
    if _positive(row, column) and _untold([(peer.rank, peer.counted) for peer in holding]):
        return "?"
    shared = sum(peer.rank == row.rank for peer in peers) > 1
    return f"{row.rank}{'=' if shared else ''}"


def _untold(ranks: Sequence[tuple[int | None, int]]) -> bool:
    if len(ranks) < 2 or len({rank for rank, _ in ranks}) > 1:
        return False
    return all(counted == 1 for _, counted in ranks)


def _positive(row: Row, column: str) -> bool:
    spread = row.spreads[column]
    return spread is not None and spread.median > 0


def sureness(found: Ranking, rows: Sequence[Row]) -> str | None:
    """How sure the order of a track is, in a sentence."""
    if len(rows) < 2:
        return None
    pairs, neighbours = list(combinations(rows, 2)), list(pairwise(rows))
    sure, next_sure = (
        sum(not found.tied(*pair) for pair in among) for among in (pairs, neighbours)
    )
    rounds = max(row.counted for row in rows)
    basis = f"over {view.plural(rounds, 'round')}; {level()}"
    if sure == len(pairs):
        return f"How sure: each variant is separated from every other ({basis})."
    if sure == 0:
        return (
            f"How sure: no variant is separated from another ({basis}): the order may be due to "
            "chance."
        )
    return (
        f"How sure: {sure} of {len(pairs)} pairs are separated ({basis}), {next_sure} of "
        f"{len(neighbours)} among neighbours in the ranking; the others may change places."
    )


def few_rounds(rows: Sequence[Row]) -> str | None:
    """The limits of a small number of rounds, in a sentence."""
    return ONE_ROUND if rows and all(row.counted == 1 for row in rows) else None
