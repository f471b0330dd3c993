"""What stored campaigns measured of functions, as the section of docs/functions.md that shows it.

    python scripts/functions_page.py CAMPAIGN...

Campaigns of `run` and of `sweep --over memory` and `--over gap`, in the order in which they are to
be shown. The section is replaced, or put at the page's end if it has none yet.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import measured_section
from harness.analyse.cost import prices
from harness.analyse.field import comparison
from harness.analyse.run import digest
from harness.base import paths
from harness.base.errors import HarnessError, UsageError
from harness.report.page import view
from harness.report.page.sections import functions as section
from harness.report.page.view import Report

PAGE = paths.PROJECT / "docs" / "functions.md"
BEGIN, END = "<!-- made by scripts/functions_page.py -->\n", "<!-- end -->\n"
_STARTS = ("variant", "temperature", "samples", "thrown away")
_PRICES = ("variant", "service", "billed", "$ per million", "server", "cheaper from", "always from")
_SIZES = ("variant", "MB", "ms", "GiB-s per million", "$ per million", "peak MiB", "best")


def main(names: Sequence[str]) -> int:
    """Renew the page; the exit code."""
    try:
        if not names:
            raise UsageError("Name the campaigns to show: scripts/functions_page.py CAMPAIGN...")
        body = "\n".join(line for name in names for line in _campaign(name))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), body), encoding="utf-8")
    return 0


def renewed(page: str, body: str) -> str:
    """The page with that section."""
    return measured_section.renewed(page, body, BEGIN, END)


def _campaign(name: str) -> Iterator[str]:
    digested = digest.of_campaign(paths.results_dir() / name)
    report = Report(digested, comparison.compare(digested), prices.load())
    values = section.functions(report)
    if values is None:
        raise UsageError(f"{name} has measured no function.")
    campaign = digested.campaign
    machine = campaign.environment.get("machine", "an unknown machine")
    cpus = view.plural(len(campaign.server_cpus), "CPU")
    yield _filled(
        f"`{campaign.command}`, {campaign.started_at[:10]}, {cpus} for the instances ({machine}):"
    )
    yield ""
    for benchmark in values["benchmarks"]:
        yield from _benchmark(benchmark, values)
    for sweep in values["sweeps"]:
        yield from _sweep(sweep)


def _benchmark(found: dict[str, Any], values: dict[str, Any]) -> Iterator[str]:
    yield f"### {found['name']}\n"
    yield from (_filled(f"- {each}") for each in found["sentences"])
    yield ""
    if found["starts"]:
        head = [*_STARTS, *(f"{part} ms" for part in values["parts"]), "whole ms"]
        yield from _table(
            head,
            [
                [s.variant, s.temperature, str(s.samples), str(s.thrown_away), *_cells(s.cells)]
                for s in found["starts"]
            ],
        )
    for said, names in found["impossible"]:
        yield _filled(f"- {', '.join(names)} could not be started here with {said}")
    if found["bursts"]:
        columns = [f"{metric.title} {metric.unit}" for metric in values["burst_columns"]]
        head = ["variant", "load", "limit", "requests", "answered", *columns]
        yield ""
        yield from _table(
            head,
            [
                [b.variant, b.load, b.limit, b.requests, b.answered, *_cells(b.cells)]
                for b in found["bursts"]
            ],
        )
    if found["price"]:
        lines = found["price"]["lines"]
        yield from _table(
            _PRICES,
            [
                [
                    p.variant,
                    p.service,
                    p.each,
                    p.usd,
                    p.server,
                    _with(p.rate, p.rate_range),
                    p.always,
                ]
                for p in lines
            ],
        )


def _sweep(found: dict[str, Any]) -> Iterator[str]:
    yield f"### {found['benchmark']} over {found['axis']}\n"
    if found["axis"] == "memory":
        yield from (_filled(f"- {each}") for each in found["sentences"])
        yield ""
        yield from _table(_SIZES, [_size(line) for line in found["lines"]])
        return
    yield f"An instance is ended after {', '.join(found['limits'])} without a request.\n"
    for chart in found["charts"]:
        rows = [[line.subject.name, *line.cells] for line in chart.table.lines]
        yield from _table(["cold at a gap of", *chart.table.head], rows)


def _size(line: Any) -> list[str]:
    if line.failed:
        return [line.variant, str(line.size), line.failed, "", "", "", ""]
    usd = _with(line.usd, line.range)
    return [line.variant, str(line.size), line.duration, line.gib_s, usd, line.peak, line.best]


def _filled(line: str) -> str:
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(
        line, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _cells(cells: Sequence[tuple[str, str]]) -> list[str]:
    return [_with(*each) for each in cells]


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
