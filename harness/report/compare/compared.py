"""Changes as text for programs and pull requests, and the words that the page shares."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from harness.analyse.field.paired import CONFIDENCE, Ratio
from harness.analyse.regression.differences import Change, Changes, Shown
from harness.analyse.regression.gate import Judgement
from harness.analyse.run.metrics import Metric
from harness.analyse.statistics.stats import Spread
from harness.report.page import view
from harness.stored.identity import record

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")


def headline(changes: Changes) -> str:
    """All of it in a sentence."""
    if changes.why_not:
        return f"{changes.base} and {changes.new} can't be compared."
    counts = {said: sum(row.verdict is said for row in changes.rows) for said in Judgement}
    stops = len(changes.regressions)
    said = ", ".join(f"{count} {name.value}" for name, count in counts.items() if count)
    first = view.plural(stops, "regression") if stops else "No regression"
    return f"{first}. Of {view.plural(len(changes.rows), 'number')}: {said or 'none'}."


def as_json(changes: Changes) -> dict[str, Any]:
    """The keys that docs/cli.md promises."""
    return {
        "base": changes.base,
        "new": changes.new,
        "comparable": not changes.why_not,
        "why_not": "; ".join(changes.why_not) or None,
        "rows": [_row_json(row) for row in changes.rows],
        "regressions": [_row_json(row) for row in changes.regressions],
        "smallest": [_shown_json(found) for found in changes.shown],
        "notes": list(changes.notes),
        "damaged": list(changes.damaged),
    }


def _row_json(row: Change) -> dict[str, Any]:
    known = row.ratio is not None and row.ratio.rounds > 1
    return {
        "variant": row.variant,
        "benchmark": row.benchmark,
        **record(row.key),
        "metric": row.metric.name,
        "base": row.base.median if row.base is not None else None,
        "new": row.new.median if row.new is not None else None,
        "ratio": _finite(row.ratio.ratio) if row.ratio is not None else None,
        "interval": [_finite(row.ratio.low), _finite(row.ratio.high)]
        if row.ratio is not None and known
        else None,
        "rounds": row.ratio.rounds if row.ratio is not None else 0,
        "verdict": row.verdict.value,
        "minimum_effect": row.effect,
        "smallest_change": _finite(row.smallest),
        "gates": row.gates,
        "note": row.note,
    }


def _shown_json(found: Shown) -> dict[str, Any]:
    return {
        "benchmark": found.benchmark,
        "plain_benchmark": found.plain_benchmark,
        "point": asdict(found.point) if found.point else None,
        "metric": found.metric.name,
        "minimum_effect": found.effect,
        "smallest_change": _finite(found.smallest),
        "rounds": found.rounds,
        "gates": found.gates,
        "source": found.source,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def numbers(row: Change) -> tuple[str, str]:
    """The number then and now."""
    return _number(row.base, row.metric), _number(row.new, row.metric)


def _number(found: Spread | None, metric: Metric) -> str:
    if found is not None and metric.name == "capacity" and found.median == 0:
        return "at no rate"  # of the tried ones; zero was never measured
    return view.number(None if found is None else found.median, metric.digits)


def ratio(found: Ratio | None) -> str:
    """A ratio with its interval."""
    if found is None:
        return view.NONE
    if not math.isfinite(found.ratio):
        return "from nothing"
    if found.rounds == 1:
        return f"{found.ratio:.3f}"
    return f"{found.ratio:.3f} [{found.low:.3f} to {found.high:.3f}]"


def share(value: float | None) -> str:
    """A change, in percent."""
    if value is None:
        return view.NONE
    return f"{100 * value:.{0 if value >= 0.1 else 1}f} %" if value < 10 else "over 1000 %"


def said(row: Change) -> str:
    """The verdict, and whether a gate stops for it."""
    return f"{row.verdict.value}: a regression" if row.regression else row.verdict.value


def unit(row: Change | Shown) -> str:
    """The metric, with its unit."""
    return " ".join(row.metric.heading)


def told(rows: Sequence[Change]) -> list[Change]:
    """Those that got better or worse, regressions first."""
    found = [row for row in rows if row.verdict in (Judgement.WORSE, Judgement.BETTER)]
    return sorted(found, key=lambda row: (not row.regression, row.verdict is Judgement.BETTER))


def markdown(changes: Changes) -> str:
    """For a pull request: what changed first, everything else folded away."""
    lines = [f"## {_plain(changes.base)} → {_plain(changes.new)}", "", f"**{headline(changes)}**"]
    lines += ["", *(f"- {_plain(reason)}" for reason in changes.why_not)]
    if not changes.why_not:
        lines += [*_table(told(changes.rows)), ""] if told(changes.rows) else []
        lines += _folded("Every number", _table(changes.rows))
        lines += _folded("The smallest change that each metric can show here", _smallest(changes))
    for title, found in (("Notes", changes.notes), ("Damaged, left out", changes.damaged)):
        lines += _folded(title, [f"- {_plain(each)}" for each in found])
    return "\n".join(lines).rstrip() + "\n"


def _folded(title: str, body: Sequence[str]) -> list[str]:
    if not body:
        return []
    return [f"<details><summary>{title}</summary>", "", *body, "", "</details>", ""]


def _table(rows: Sequence[Change]) -> list[str]:
    lines = ["| variant | benchmark | metric | before | now | ratio | verdict |"]
    lines.append("|---|---|---|--:|--:|---|---|")
    for row in rows:
        cells = (row.variant, row.benchmark, unit(row), *numbers(row), ratio(row.ratio))
        verdict = f"**{said(row)}**" if row.regression else said(row)
        lines.append(f"| {' | '.join(map(_plain, cells))} | {verdict} |")
    return lines


def _smallest(changes: Changes) -> list[str]:
    lines = ["| benchmark | metric | least effect | smallest change | rounds | stops a gate from |"]
    lines.append("|---|---|--:|--:|--:|--:|")
    for found in changes.shown:
        cells = (found.benchmark, unit(found), share(found.effect), share(found.smallest))
        stops = share(found.stops_from)
        lines.append(f"| {' | '.join(map(_plain, cells))} | {found.rounds} | {stops} |")
    return lines


def _plain(text: str) -> str:
    """Text that means nothing to Markdown, nor to those who are named in it."""
    return _MARKUP.sub(r"\\\1", str(view.clean(text)).replace("\n", " "))


def junit(changes: Changes) -> str:
    """As test results: a regression is a failure, what can't be told is skipped."""
    suites = ElementTree.Element("testsuites", name=_xml(f"{changes.base} to {changes.new}"))
    for benchmark in dict.fromkeys(row.benchmark for row in changes.rows):
        rows = [row for row in changes.rows if row.benchmark == benchmark]
        suite = _suite(suites, benchmark, len(rows))
        suite.set("failures", str(sum(row.regression for row in rows)))
        suite.set("skipped", str(sum(row.verdict is Judgement.UNSURE for row in rows)))
        for row in rows:
            _case(suite, row)
    for name, problems in (("comparable", changes.why_not), ("readable", changes.damaged)):
        if problems:
            suite = _suite(suites, name, len(problems))
            suite.set("errors", str(len(problems)))
            for problem in problems:
                case = ElementTree.SubElement(suite, "testcase", classname=name, name=_xml(problem))
                ElementTree.SubElement(case, "error", message=_xml(problem))
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _suite(suites: ElementTree.Element, name: str, tests: int) -> ElementTree.Element:
    return ElementTree.SubElement(suites, "testsuite", name=_xml(name), tests=str(tests))


def _case(suite: ElementTree.Element, row: Change) -> None:
    name = f"{row.benchmark}.{row.variant}"
    case = ElementTree.SubElement(
        suite, "testcase", classname=_xml(name), name=_xml(row.metric.name)
    )
    words = _xml(sentence(row))
    if row.regression:
        ElementTree.SubElement(case, "failure", message=words, type="regression")
    elif row.verdict is Judgement.UNSURE:
        ElementTree.SubElement(case, "skipped", message=words)
    else:
        ElementTree.SubElement(case, "system-out").text = words


def _xml(text: str) -> str:
    return str(view.clean(text))


def sentence(row: Change) -> str:
    """One change, in words."""
    then, now = numbers(row)
    words = f"{row.verdict.value}: {unit(row)}, {then} before and {now} now"
    if row.ratio is not None:
        words += f", ratio {ratio(row.ratio)}"
    return f"{words} ({row.note})" if row.note else words


def lines(changes: Changes) -> Iterator[str]:
    """For a terminal."""
    yield f"\n{changes.base} -> {changes.new}: {headline(changes)}"
    for reason in changes.why_not:
        yield f"  {reason}"
    names = ("variant", "metric", "before", "now", f"ratio [{CONFIDENCE:.0%}]", "smallest", "")
    for benchmark in dict.fromkeys(row.benchmark for row in changes.rows):
        rows = [names]
        for row in (each for each in changes.rows if each.benchmark == benchmark):
            cells = (*numbers(row), ratio(row.ratio), share(row.smallest), said(row))
            rows.append((row.variant, unit(row), *cells))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        yield f"\n{benchmark}"
        for each in rows:
            padded = [cell.ljust(width) for cell, width in zip(each, widths, strict=True)]
            yield "  ".join(padded).rstrip()
    for note in changes.notes:
        yield f"note: {note}"
