"""What the report says of servers' own metrics."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.run import digest
from harness.windows.own_figures import OwnFigures, OwnLatency
from tests import fakes
from tests.fakes import Fake
from tests.report import pages
from tests.report.campaigns import PROFILES
from tests.report.test_breakdown import made, stored

WIDE = OwnLatency(
    spans="request", count=500.0, sum_s=1.5, bounds_s=(0.01, 0.025), counts=(500.0, 0.0, 0.0)
)


def section_of(folder: Path) -> str:
    html = pages.render(digest.of_campaign(folder))
    return html.partition('<section id="own_metrics"')[2].partition("</section>")[0]


def cells_of(html: str, variant: str) -> list[str]:
    line = re.search(rf">{variant}</a></th>(.*?)</tr>", html, flags=re.DOTALL)
    assert line is not None
    return re.findall(r"<td[^>]*>(.*?)</td>", line[1])


def test_both_sides_stand_beside_each_other(tmp_path: Path) -> None:
    fake = replace(Fake("fast"), profiles=PROFILES, metered=True)
    run = fakes.run(fake)
    folder = stored(tmp_path / "c", run, made("other"))
    html = section_of(folder)
    cells = cells_of(html, "fast")
    steady = run.windows[0].requests
    assert cells[:3] == ["steady", str(len(steady)), str(len(steady))]
    client, server = cells[3], cells[4]
    assert float(client) > 0
    found = re.fullmatch(r"([\d.]+) \(([\d.]+)–([\d.]+)\)", server)
    assert found is not None
    assert float(found[2]) <= float(found[1]) <= float(found[3])
    assert "other" not in html
    assert "Milliseconds of a request by its client and by its server: p50 of fast" in html
    assert "asked every 5 s, 2 answers, the longest after 3.10 ms, the last of 12.1 KiB" in html


@pytest.mark.parametrize(
    ("own", "problem", "said"),
    [
        (OwnFigures(requests=7.0), "", "7 <small>differs</small>"),
        (OwnFigures(requests=500.0, latency=WIDE), "", "(0–10)"),
        (
            OwnFigures(requests=500.0, latency=replace(WIDE, spans="model")),
            "",
            "<small>model only</small>",
        ),
        (
            OwnFigures(requests=500.0, latency=replace(WIDE, counts=(0.0, 0.0, 500.0))),
            "",
            "over 25",
        ),
        (None, "it is <broken>", "No figures of fast: it is &lt;broken&gt;."),
    ],
)
def test_what_else_may_be_said(
    tmp_path: Path, own: OwnFigures | None, problem: str, said: str
) -> None:
    run = made("fast", own=own)
    facts = replace(run.windows[0].facts, own_problem=problem)
    run = fakes.of_windows(run, replace(run.windows[0], facts=facts), *run.windows[1:])
    assert said in section_of(stored(tmp_path / "c", run))


def test_without_metrics_there_is_no_section(tmp_path: Path) -> None:
    assert section_of(stored(tmp_path / "c", made("fast"))) == ""
