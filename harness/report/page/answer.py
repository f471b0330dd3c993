"""The answer in a sentence: what serves most at the SLO, how sure that is, and what does not.

limits.js makes the same sentence of the variants that are within the reader's limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from harness.analyse.field.comparison import Row
from harness.analyse.field.paired import Ratio
from harness.report.page import confidence, view
from harness.report.page.ranking import Figure, Ranking

NAMED = 4  # of those that are tied at the top; of more, the first and the last are named
_OUT_NAMED = 3
_TIMES = 2.0  # from this ratio on it is "times as much", not a percentage
_NEVER = "at no tried rate"
_OVERLOADED = "overloaded"


def clause(found: Ranking, figures: Sequence[Figure]) -> Markup:
    """The clause on the ranked figures of a track, best first."""
    if not figures:
        return Markup("nothing can be ranked")
    holding = [f for f in figures if f.middle > 0 or not found.by_capacity]
    if not holding:
        if len(figures) == 1:
            return Markup("{} meets it {}").format(_name(figures[0]), _NEVER)
        return Markup("none of the {} meets it at any tried rate").format(len(figures))
    leaders = [figure for figure in holding if figure.rank == holding[0].rank]
    said = _leading(found, leaders, figures)
    if len(holding) > len(leaders):
        said += _next(found, leaders, holding[len(leaders)])
    rest = figures[len(holding) :]
    return said + _not_holding(rest) if rest else said


def out(rows: Iterable[Row]) -> Markup:
    """The clause on rows that are not ranked, with its semicolons; empty if there are none."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(_became(row), []).append(row)
    said = Markup("")
    for kind, found in kinds.items():
        if len(found) > _OUT_NAMED:
            said += Markup("; {} {}").format(len(found), _of_many(kind))
        else:
            names = _listed([_named(row.variant) for row in found])
            said += Markup("; {} {}").format(names, kind if len(found) == 1 else _of_many(kind))
    return said


def difference(found: Ranking, one: Figure, other: Figure) -> str:
    """How much more one serves, or how much sooner it answers, as `20% (12–29%) more than`; empty
    where only bounds are known."""
    ratio = found.ratio(one.row, other.row)
    if ratio is None or ratio.rounds < 2:
        return ""
    higher = found.metric.better == "higher"
    if (ratio.ratio > 1) is not higher:
        return ""
    if higher and ratio.ratio >= _TIMES:
        ends = f"{view.number(ratio.low)}–{view.number(ratio.high)}"
        return f"{view.number(ratio.ratio)} times ({ends}) as much as"
    middle, low, high = _percent(ratio, 1 if higher else -1)
    return f"{middle}% ({low}–{high}%) {'more' if higher else 'less'} than"


def _percent(ratio: Ratio, sign: int) -> tuple[str, str, str]:
    low, high = sorted((sign * (ratio.low - 1), sign * (ratio.high - 1)))
    middle, least, most = (
        view.number(100 * value, 1) for value in (sign * (ratio.ratio - 1), low, high)
    )
    return middle, least, most


def _leading(found: Ranking, leaders: Sequence[Figure], figures: Sequence[Figure]) -> Markup:
    first, last = leaders[0], leaders[-1]
    if len(leaders) == 1:
        within = Markup(" ({})").format(first.range) if first.range else Markup("")
        return Markup("{} {} {}").format(_top(first), _verb(found), first.text) + within
    one_round = confidence.untold(figures)
    # Nothing recommends a variant that is not separated from any other.
    name = _name if one_round or len(leaders) == len(figures) else _top
    if len(leaders) <= NAMED:
        names = _listed([Markup("{} ({})").format(name(each), each.text) for each in leaders])
        form = "one round cannot separate {}" if one_round else "{} are tied"
        return Markup(form).format(names)
    ends = Markup("from {} ({}) to {} ({})").format(
        view.clean(first.row.variant), first.text, view.clean(last.row.variant), last.text
    )
    if one_round:
        return Markup("one round cannot separate {} variants, {}").format(len(leaders), ends)
    count = (
        f"all {len(leaders)}"
        if len(leaders) == len(figures)
        else (f"{len(leaders)} of {len(figures)}")
    )
    return Markup("{} are tied, {}").format(count, ends)


def _next(found: Ranking, leaders: Sequence[Figure], other: Figure) -> Markup:
    how = difference(found, leaders[0], other)
    if not how:
        lead = ", ahead of" if len(leaders) == 1 else "; next is"
        return Markup("{} {} ({})").format(lead, _name(other), other.text)
    if len(leaders) == 1:
        return Markup(", {} {}").format(how, _name(other))
    verb = "serves" if found.by_capacity else "takes"
    return Markup("; {} {} {} {}").format(_top(leaders[0]), verb, how, _name(other))


def _not_holding(rest: Sequence[Figure]) -> Markup:
    if len(rest) > NAMED:
        return Markup("; {} others meet it {}").format(len(rest), _NEVER)
    verb = "meets" if len(rest) == 1 else "meet"
    return Markup("; {} {} it {}").format(_listed([_name(each) for each in rest]), verb, _NEVER)


def _verb(found: Ranking) -> str:
    return "serves" if found.by_capacity else "answers in"


def _became(row: Row) -> str:
    if row.failures and row.invalid:
        return "failed"
    names = {finding.name for _, finding in row.findings if finding.verdict == "INVALID"}
    if _OVERLOADED in names:
        return "cannot keep up with the load"
    return "is INVALID" if row.invalid else "is not known"


def _of_many(kind: str) -> str:
    return kind.replace("is ", "are ", 1)


def _top(figure: Figure) -> Markup:
    """The name of what may be taken."""
    return Markup("<b>{}</b>").format(view.clean(figure.row.variant))


def _name(figure: Figure) -> Markup:
    return _named(figure.row.variant)


def _named(variant: str) -> Markup:
    return Markup("<em>{}</em>").format(view.clean(variant))


def _listed(parts: Sequence[Markup]) -> Markup:
    if len(parts) == 1:
        return parts[0]
    return escape(", ").join(parts[:-1]) + Markup(" and ") + parts[-1]
