"""What the report says of where the time goes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from harness.analyse.run import digest
from harness.stored import store
from harness.stored.records import Run
from harness.windows.own_figures import OwnFigures
from harness.windows.samples import Calls, calls_of, empty
from tests import fakes
from tests.fakes import Fake
from tests.report import pages
from tests.report.campaigns import PROFILES


def section_of(folder: Path) -> str:
    html = pages.render(digest.of_campaign(folder))
    return html.partition('<section id="breakdown"')[2].partition("</section>")[0]


def row_of(html: str, variant: str) -> list[str]:
    """The cells of a variant's first line of numbers."""
    line = re.search(rf'<th scope="row">{variant}</th>(.*?)</tr>', html, flags=re.DOTALL)
    assert line is not None
    return re.findall(r"<td[^>]*>(.*?)</td>", line[1])


def stored(folder: Path, *runs: Run, benchmarks: tuple[str, ...] = ("sentiment",)) -> Path:
    known = [Fake(name) for name in dict.fromkeys(run.cell.variant_name for run in runs)]
    plan = fakes.campaign(known, 1, benchmarks, folder.name)
    store.write_campaign(folder, plan)
    for run in runs:
        facts = replace(run.facts, campaign=plan.id)
        store.write_run(folder, replace(run, facts=facts))
    return folder


def made(variant: str, benchmark: str = "sentiment", own: OwnFigures | None = None) -> Run:
    run = fakes.run(replace(Fake(variant), profiles=PROFILES), 1, benchmark)
    facts = replace(run.facts.windows[0], own=own)
    windows = (replace(run.windows[0], facts=facts), *run.windows[1:])
    told = tuple(window.facts for window in windows)
    return replace(run, windows=windows, facts=replace(run.facts, windows=told))


def test_the_parts_of_a_row_add_up(tmp_path: Path) -> None:
    html = section_of(stored(tmp_path / "c", made("fast")))
    *parts, total = map(float, row_of(html, "fast"))
    assert abs(sum(parts) - total) < 0.05
    assert 'aria-label="Mean response time in ms, by its parts: fast ' in html


def test_the_servers_own_figures_stand_beside(tmp_path: Path) -> None:
    own = OwnFigures(requests=100.0, queue_s=0.25, model_s=0.5)
    html = section_of(stored(tmp_path / "c", made("fast", own=own), made("other")))
    assert row_of(html, "fast")[-1] == "2.50 / 5"
    assert row_of(html, "other")[-1] == "–"
    assert "its own waiting / model" in html


def test_the_framework_alone_comes_from_noop(tmp_path: Path) -> None:
    both = ("sentiment", "noop")
    runs = [made("fast", name) for name in both]
    html = section_of(stored(tmp_path / "c", *runs, made("other"), benchmarks=both))
    sentiment, _, noop = html.partition("<h3>noop")
    split = [float(cell) for cell in row_of(noop, "fast")]
    assert float(row_of(sentiment, "fast")[-1]) == round(split[2] + split[5], 2)
    assert row_of(sentiment, "other")[-1] == "–"
    assert "framework on noop" not in noop


def test_batches_are_shown_where_there_are_some(tmp_path: Path) -> None:
    run = made("batched")
    seen = run.windows[0].calls
    batch = seen.batch.copy()
    batch[: len(batch) // 4] = 3
    calls = calls_of(seen.start_ns, seen.duration_ns, batch, seen.process)
    run = replace(run, windows=(replace(run.windows[0], calls=calls), *run.windows[1:]))
    html = section_of(stored(tmp_path / "c", run, made("single")))
    (line,) = re.findall(r"<td>steady</td>(.*?)</tr>", html, flags=re.DOTALL)
    assert re.findall(r"<td[^>]*>(.*?)</td>", line) == ["1.50", "3", "1: 75%, 3: 25%"]


def test_without_any_call_there_is_no_section(tmp_path: Path) -> None:
    run = made("silent")
    windows = tuple(replace(w, calls=empty(Calls)) for w in run.windows)
    assert section_of(stored(tmp_path / "c", replace(run, windows=windows))) == ""
