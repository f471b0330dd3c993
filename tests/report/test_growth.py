"""The section on how cost grows along the axis of a sweep."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from harness.analyse.cost import prices
from harness.analyse.field.comparison import compare
from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.report.page.view import Report
from harness.stored.identity import BENCHMARK, Point, benchmark_name
from harness.stored.records import SWEEP, Failure
from harness.windows.profiles import Profile
from tests import fakes
from tests.fakes import Fake
from tests.report.test_charts import figures, rendered


def swept(*known: Fake, axis: str = "concurrency", values: tuple[int, ...] = (1, 2, 4)) -> Report:
    """A sweep whose service times are those of the fakes times the value of the axis."""
    points = [Point(axis, value, BENCHMARK) for value in values]
    names = [benchmark_name("noop", point) for point in points]
    plan = replace(fakes.campaign(known, 1, names), preset=SWEEP, kind=SWEEP)
    made = []
    for fake in known:
        for point in points:
            window = Profile("saturated", "closed", 4.0, concurrency=point.value)
            slower = replace(fake, median_ms=fake.median_ms * point.value, profiles=(window,))
            made.append(digest.of_run(fakes.run(slower, 1, "noop", plan.id, point), plan, None))
    digested = Digested(folder=Path("c"), campaign=plan, digests=tuple(made), damaged=())
    return Report(digested, compare(digested), prices.load())


def cells(row: str) -> list[str]:
    return re.findall(r"<td[^>]*>(.*?)</td>", row)


def test_each_value_has_a_row_and_the_exponents_stand_below() -> None:
    html = rendered(swept(Fake("a", 4.0), Fake("b", 6.0)), "growth")
    table = html.partition("<figure")[0]
    rows = re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)
    assert [cells(row)[0] for row in rows if "<td" in row] == [*("1", "2", "4", "exponent")] * 2
    exponent = cells(next(row for row in rows if "exponent" in row))
    # The fake's service time grows with its callers once more.
    assert re.fullmatch(r"\+[12]\.\d\d ± 0\.\d\d", exponent[2])
    assert exponent[1].startswith("−1.")
    assert "<h3>noop <small>over concurrency</small></h3>" in html


def test_each_cost_has_a_picture_with_its_values() -> None:
    found = figures(rendered(swept(Fake("a", 4.0)), "growth"))
    assert list(found) == [
        "Predictions a second",
        "P50 of the service time, ms",
        "P99 of the service time, ms",
        "CPU seconds for 1000 predictions",
    ]
    entries = re.findall('data-p="(.*?)"', found["P50 of the service time, ms"])[0].split(";")
    assert [e.split(" ", 2)[2].split("|")[0] for e in entries] == [
        f"concurrency {value}" for value in (1, 2, 4)
    ]


def test_a_point_that_failed_is_marked_and_not_drawn() -> None:
    report = swept(Fake("a", 4.0))
    last = report.digested.digests[-1]
    assert last.swept is not None
    dead = replace(last, swept=replace(last.swept, invalid="It died <b>here</b>."))
    digested = replace(report.digested, digests=(*report.digested.digests[:-1], dead))
    html = rendered(Report(digested, report.comparisons, report.prices), "growth")
    assert 'title="It died &lt;b&gt;here&lt;/b&gt;.">does not count</span>' in html
    assert "the points 4 do not count" in html
    assert (
        "exponent"
        not in html.partition("<figure")[0].partition("<thead>")[2].partition("A cost")[0]
    )
    curve = re.findall('data-p="(.*?)"', html)[0]
    assert len(curve.split(";")) == 2


def test_an_axis_that_is_not_taken_has_no_exponents() -> None:
    report = swept(Fake("a", 4.0), axis="threads")
    made = tuple(
        replace(d, swept=replace(d.swept, taken=1)) for d in report.digested.digests if d.swept
    )
    digested = replace(report.digested, digests=made)
    html = rendered(Report(digested, report.comparisons, report.prices), "growth")
    assert "it does not take the axis threads" in html
    assert '<tr class="grown">' not in html


def test_other_campaigns_have_no_such_section() -> None:
    report = swept(Fake("a", 4.0))
    plain = replace(report.campaign, preset="quick")
    run = fakes.run(replace(Fake("a"), profiles=()), 1, "noop-batch-2", plain.id)
    made = digest.of_run(run, plain, None)
    assert made.swept is None
    digested = Digested(folder=Path("c"), campaign=plain, digests=(made,), damaged=())
    assert rendered(Report(digested, compare(digested), prices.load()), "growth") == ""


def test_a_sweep_of_failures_still_has_its_table() -> None:
    html = rendered(swept(Fake("a", failure=Failure("launch", "No."))), "growth")
    assert html.count("does not count") == 3
    assert "<figure" not in html
