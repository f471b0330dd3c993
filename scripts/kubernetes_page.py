"""What stored campaigns measured on a cluster, as the section of docs/kubernetes.md that shows it.

    python scripts/kubernetes_page.py CAMPAIGN...

Campaigns of `scale`, and of `run` with several launchers, whose rows are set beside each other, in
the order in which they are to be shown. The section is replaced, or put at the page's end if it has
none yet.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import measured_section
from harness.analyse.cost import prices
from harness.analyse.field import comparison
from harness.analyse.field.comparison import COLUMNS, Comparison, Row
from harness.analyse.run import digest
from harness.base import paths
from harness.base.errors import HarnessError, UsageError
from harness.report.page import view
from harness.report.page.sections import cluster as section
from harness.report.page.view import Report

PAGE = paths.PROJECT / "docs" / "kubernetes.md"
BEGIN, END = "<!-- made by scripts/kubernetes_page.py -->\n", "<!-- end -->\n"
_POINTS = ("variant", "replicas", "capacity 1/s", "efficiency", "balance", "calls of each pod")
_PHASES = ("phase", "seconds", "rate 1/s", "requests", "late", "failed", "p50 ms")
_BESIDE = ("capacity", "latency_p50", "latency_p99", "cpu_per_1000", "ready", "first_answer")


def main(names: Sequence[str]) -> int:
    """Renew the page; the exit code."""
    try:
        if not names:
            raise UsageError("Name the campaigns to show: scripts/kubernetes_page.py CAMPAIGN...")
        body = "\n".join(line for name in names for line in _campaign(name))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Kubernetes\n"
    PAGE.write_text(renewed(page, body), encoding="utf-8")
    return 0


def renewed(page: str, body: str) -> str:
    """The page with that section."""
    return measured_section.renewed(page, body, BEGIN, END)


def _campaign(name: str) -> Iterator[str]:
    digested = digest.of_campaign(paths.results_dir() / name)
    report = Report(digested, comparison.compare(digested), prices.load())
    values, beside = section.cluster(report), [*map(_beside, report.comparisons)]
    if values is None and not any(beside):
        raise UsageError(f"{name} has measured nothing on a cluster.")
    campaign = digested.campaign
    machine = campaign.environment.get("machine", "an unknown machine")
    cpus = campaign.environment.get("cpus", "?")
    yield _filled(
        f"`{campaign.command}`, {campaign.started_at[:10]}, {_each(report)} on a machine of {cpus} "
        f"CPUs ({machine}):"
    )
    yield ""
    for table in beside:
        yield from table
    for benchmark in values["benchmarks"] if values is not None else ():
        yield from _benchmark(benchmark)


def _each(report: Report) -> str:
    """What each pod, or each server, may use."""
    pods = [
        digest.facts.container.pod.cpus
        for digest in report.digested.digests
        if digest.facts.container is not None and digest.facts.container.pod is not None
    ]
    known = sorted({f"{cpus:g}" for cpus in pods if cpus})
    if known:
        return f"pods of {view.listed(known)} {'CPU' if known == ['1'] else 'CPUs'} each"
    return f"{view.plural(len(report.campaign.server_cpus), 'CPU')} for each server"


def _beside(found: Comparison) -> list[str]:
    """The launchers of the same variant beside each other; empty where none ran on a cluster."""
    rows = [row for row in found.rows if row.cell.point is None and row.measured]
    on = {row.cell.subject.variant for row in rows if _pod(row)}
    rows = [row for row in rows if row.cell.subject.variant in on]
    if len(rows) <= len(on):
        return []
    columns = [COLUMNS[name] for name in _BESIDE if any(row.spreads[name] for row in rows)]
    head = ["variant", *(f"{column.title} {column.unit}" for column in columns)]
    lines = [[row.variant, *(_number(row, column.name) for column in columns)] for row in rows]
    return [f"### {found.benchmark}: launchers beside each other\n", *_table(head, lines)]


def _pod(row: Row) -> bool:
    containers = (digest.facts.container for digest in row.digests)
    return any(each is not None and each.pod is not None for each in containers)


def _number(row: Row, name: str) -> str:
    spread, metric = row.spreads[name], COLUMNS[name]
    if spread is None:
        return view.NONE
    return _with(view.number(spread.median, metric.digits), view.interval(spread, metric))


def _benchmark(found: dict[str, Any]) -> Iterator[str]:
    yield f"### {found['name']}\n"
    yield from (_filled(f"- {each}") for each in found["room"])
    for note, names in found["notes"]:
        yield _filled(f"- {view.listed(names)}: {note}")
    yield ""
    if found["points"]:
        yield "#### Replicas\n"
        yield from _told(found["sentences"])
        yield from _table(_POINTS, [_point(line) for line in found["points"]])
    for change in found["changes"]:
        yield from _change(change)


def _point(line: Any) -> list[str]:
    if line.failed:
        return [line.variant, str(line.replicas), line.failed, "", "", ""]
    capacity = _with(line.capacity, line.range)
    return [
        line.variant,
        str(line.replicas),
        capacity,
        line.efficiency,
        line.jain,
        line.calls,
    ]


def _change(found: dict[str, Any]) -> Iterator[str]:
    yield f"#### {found['title']}\n"
    yield from _told(found["sentences"])
    if found["lines"]:
        columns = [f"{metric.title} {metric.unit}" for metric in found["columns"]]
        lines = [
            [line.variant, str(line.rounds), *(_with(*cell) for cell in line.cells)]
            for line in found["lines"]
        ]
        yield from _table(["variant", "rounds", *columns], lines)
    for drawn in found["figures"] if found["name"] == "autoscaling" else ():
        cpu = ["CPU %"] if drawn.scaled else []
        head = [*_PHASES, f"{drawn.tail} ms", "pods ready", *cpu]
        lines = [[p.name, *p.cells[: len(head) - 1]] for p in drawn.phases]
        yield f"{drawn.variant}, by phase:\n"
        yield from _table(head, lines)


def _told(sentences: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    for variant, said in sentences:
        yield from (_filled(f"- {variant}: {each}") for each in said)
    if sentences:
        yield ""


def _filled(line: str) -> str:
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(
        line, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _with(text: str, inside: str) -> str:
    return f"{text} ({inside})" if inside else text


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in row) + " |"
    yield ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
