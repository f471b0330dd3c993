"""The report for a pull request: what GitHub shows in a comment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from harness.analyse.campaigns import summary
from harness.analyse.campaigns.summary import RunCounts, Summary
from harness.analyse.field import missing, scaling, scaling_words
from harness.analyse.field.comparison import COLUMNS, Comparison, Row
from harness.analyse.run.findings import Verdict
from harness.analyse.run.metrics import Metric
from harness.report.formats import report_format
from harness.report.page import beside, break_even, confidence, headline, ranking, view
from harness.report.page.view import Report
from harness.report.text import outcomes
from harness.report.text.github import code, text

# GitHub takes 65 536 characters in a comment.
ROOM = 60_000
_SHOWN = (
    *("capacity", "latency_p50", "latency_p99", "throughput", "first_answer", "memory"),
    *("cpu_per_1000", "error_rate"),
)
_ARROWS = {"lower": "↓", "higher": "↑"}


class Passage(NamedTuple):
    """Lines of one kind; the last ones may be left out if space runs out."""

    before: tuple[str, ...]
    lines: tuple[str, ...]
    noun: str  # of a line
    after: tuple[str, ...] = ()


@report_format("markdown", "report.md")
def markdown(report: Report) -> str:
    short = summary.of(report.digested, report.comparisons)
    parts = [_head(report, short)]
    for comparison in report.comparisons:
        parts += _tables(comparison)
        found = ranking.of_benchmark(report, comparison)
        if found and (said := beside.sentence(report.campaign, found[0])):
            parts.append(Passage((text(said),), (), ""))
        even = break_even.sentences(break_even.besides(report, comparison))
        if even:
            parts.append(Passage((), tuple(f"- {text(each)}" for each in even), "function"))
    parts += [*_cluster(report), *_left_over(report), *_findings(report), _foot()]
    return "\n".join(_fitted(parts)).rstrip() + "\n"


def _fitted(parts: Iterable[Passage]) -> Iterator[str]:
    """All lines that there is room for; where lines are left out, how many."""
    room = ROOM
    for part in parts:
        room -= sum(len(line) + 1 for line in (*part.before, *part.after, ""))
        kept = 0
        while kept < len(part.lines) and len(part.lines[kept]) < room:
            room -= len(part.lines[kept]) + 1
            kept += 1
        yield from (*part.before, *part.lines[:kept])
        if left := len(part.lines) - kept:
            room = 0  # what weighs less must not stand where what weighs more had no room
            yield from ("", f"… and {view.plural(left, part.noun)} more: see the HTML report.")
        yield from (*part.after, "")


def _head(report: Report, short: Summary) -> Passage:
    campaign = report.campaign
    facts = [text(campaign.started_at[:16].replace("T", " ")), f"preset {text(campaign.preset)}"]
    facts.append(text(campaign.environment.get("machine", "unknown machine")))
    if "cpus" in campaign.environment:
        facts.append(f"{text(campaign.environment['cpus'])} CPUs")
    if campaign.device == "gpu" and "gpu" in campaign.environment:
        facts.append(text(campaign.environment["gpu"]))
    facts.append(_counted(short.counts))
    found = summary.headlines(short)
    answers = [f"- {headline.sentence(each, code, text)}" for each in found]
    if not answers:
        answers = ["- Nothing can be ranked: this campaign has no valid run."]
    after = ["", " · ".join(facts), *_warnings(report, short)]
    title = f"## Serving Harness: {code(campaign.id)}"
    return Passage((title, ""), tuple(answers), "answer", tuple(after))


def _counted(counts: RunCounts) -> str:
    shown = ", ".join(f"{count} {noun}" for _, count, noun in outcomes.counted(counts))
    return f"{view.plural(counts.planned, 'run')}: {shown or 'none'}"


def _warnings(report: Report, short: Summary) -> Iterator[str]:
    """Warnings that a reader needs before relying on the report."""
    made_up = [n for n, b in report.campaign.benchmarks.items() if b.synthetic]
    if made_up:
        names = view.listed(map(code, sorted(made_up)))
        yield from ("", f"**Synthetic weights** on {names}: the speed is real, the labels are not.")
    counts = short.counts
    if counts.missing:
        yield ""
        yield (
            f"**Not finished**: {counts.missing} of {view.plural(counts.planned, 'planned run')} "
            f"{'is' if counts.missing == 1 else 'are'} not stored. This is of the others."
        )
    if counts.damaged:
        yield from ("", f"**Damaged**: {view.plural(counts.damaged, 'stored run')} left out.")
    ranked = [row for comparison in report.comparisons for row in comparison.rows if row.rank]
    if ranked and max(row.counted for row in ranked) == 1:
        yield from ("", f"**{confidence.ONE_ROUND[:9]}**{confidence.ONE_ROUND[9:]}")


def _tables(comparison: Comparison) -> Iterator[Passage]:
    facts = comparison.facts
    limit = f", SLO {text(facts.slo)}" if facts else ""
    version = f", version {facts.version}" if facts else ""
    title = f"### {code(comparison.benchmark)}"
    ranked_by = COLUMNS[comparison.ranked_by].title
    instead = "".join(f"; not by {text(lack.text)}" for lack in missing.passed_over(comparison))
    yield Passage((title, "", f"Ranked by {ranked_by}{limit}{version}{instead}."), (), "")
    names = [comparison.ranked_by, *(n for n in _SHOWN if n != comparison.ranked_by)]
    metrics = [
        COLUMNS[n]
        for n in names
        if any(row.spreads[n] or n in row.beyond for row in comparison.rows)
    ]
    words = ranking.bounded(comparison)
    for track in comparison.tracks:
        note = view.track_note(track)
        title = f"**Track {text(track)}**{f': {note}' if note else ''}"
        yield _table(title, view.contenders(comparison, track), metrics, words)
    references = [row for row in comparison.rows if row.server.reference and row.measured]
    if references:
        yield _table("**Reference points**, not ranked", references, metrics, words)
    lines = tuple(line for row in comparison.rows for line in _out(row))
    if lines:
        yield Passage(("**Failed, INVALID or not ranked**", ""), lines, "line")


def _table(title: str, rows: list[Row], metrics: list[Metric], words: Mapping[str, str]) -> Passage:
    heads = [f"{' '.join(m.heading)} {_ARROWS[m.better]}" for m in metrics]
    lines = []
    for row in rows:
        rank = confidence.rank(row, rows, metrics[0].name) if row.rank else "ref"
        left = row.rounds - row.counted
        note = f" ({left} of {row.rounds} rounds left out)" if left and not row.invalid else ""
        lines.append(
            _row([rank, code(row.variant) + note, *(_number(row, m, words) for m in metrics)])
        )
    rule = _row(["---:", "---", *("---:" for _ in metrics)])
    return Passage((title, "", _row(["rank", "variant", *heads]), rule), tuple(lines), "variant")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(row: Row, metric: Metric, words: Mapping[str, str]) -> str:
    spread = row.spreads[metric.name]
    if spread is None:
        return text(row.beyond.get(metric.name, view.NONE))
    if metric.name == "capacity" and row.variant in words:
        return text(words[row.variant])
    shown, between = view.number(spread.median, metric.digits), view.interval(spread, metric)
    shown = f"{shown} ({between})" if between else shown
    return f"~~{shown}~~" if row.invalid else shown


def _out(row: Row) -> Iterator[str]:
    found = outcomes.mishaps(row)
    for mishap in found:
        when = view.rounds(mishap.rounds)
        yield f"- {code(row.variant)} {text(mishap.what)} in {when}: {text(mishap.why)}"
    why = outcomes.why_out(row)
    if why is not None and not found:
        yield f"- {code(row.variant)} not ranked: {text(why)}"


def _cluster(report: Report) -> Iterator[Passage]:
    """What more replicas gave, and what changes under load did."""
    for each in scaling.of_comparisons(report.comparisons):
        said = list(scaling_words.of_points(each))
        for change in each.changes:
            title = scaling_words.TITLES[change.name]
            said += [f"{title}: {line}" for line in scaling_words.of_change(change)]
        said += [f"Note: {note}" for note in scaling_words.notes(each)]
        title = f"### {code(each.variant)} on a cluster, {code(each.benchmark)}"
        yield Passage((title, ""), tuple(f"- {text(line)}" for line in said), "line")


def _left_over(report: Report) -> Iterator[Passage]:
    """Damaged files, and cells that were not run."""
    digested = report.digested
    lines = [
        f"- damaged: {text(str(found.cell))}: {text(outcomes.damage(found, digested))}"
        for found in digested.damaged
    ]
    missing: dict[tuple[str, str], list[int]] = {}
    for cell in digested.missing:
        missing.setdefault((cell.variant_name, cell.benchmark_name), []).append(cell.round)
    lines += [
        f"- not run: {code(variant)} on {code(benchmark)}, {view.rounds(numbers)}"
        for (variant, benchmark), numbers in missing.items()
    ]
    if lines:
        yield Passage(("### Damaged or not run", ""), tuple(lines), "line")


def _findings(report: Report) -> Iterator[Passage]:
    rows = [(row, c.benchmark) for c in report.comparisons for row in c.rows]
    known = [(doubt, row, benchmark) for row, benchmark in rows for doubt in outcomes.doubts(row)]
    if not known:
        return
    counts, lines = [], []
    for verdict in reversed(Verdict):
        of_it = [each for each in known if each[0].verdict is verdict]
        counts += [_many(len(of_it), verdict)] if of_it else []
        lines += [
            f"- **{verdict}** {code(doubt.name)}: {code(row.variant)} on {code(benchmark)}, "
            f"{view.rounds(doubt.rounds)}: {text(doubt.message)}"
            for doubt, row, benchmark in of_it
        ]
    title = f"<details><summary>Findings: {', '.join(counts)}</summary>"
    yield Passage((title, ""), tuple(lines), "finding", ("", "</details>"))


def _many(count: int, verdict: Verdict) -> str:
    return f"{count} {verdict}" if verdict is Verdict.INVALID else view.plural(count, verdict)


def _foot() -> Passage:
    said = (
        "A number is the median over the rounds that count, with its 95% interval; `=` marks "
        f"variants that are not separated from the leader of their rank ({confidence.level()}). "
        "↓ lower is better, ↑ higher."
    )
    return Passage((said,), (), "")
