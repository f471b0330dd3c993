"""What the charts section says and draws."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from harness.analyse.cost import prices
from harness.analyse.field.comparison import compare
from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.report import templating
from harness.report.draw import colours
from harness.report.page import page, sections
from harness.report.page.view import Report
from harness.stored.records import Failure
from harness.windows.profiles import Profile
from tests import fakes
from tests.fakes import Fake
from tests.report import field

STYLE = (templating.TEMPLATES / "charts.css").read_text(encoding="utf-8")
PROFILES = (
    Profile("steady", "poisson", 5.0, rate_per_s=100.0),
    Profile("saturated", "closed", 2.0, concurrency=4),
)
EVIL = '<b onmouseover="x">"\'&;|<b>'


def report_of(*known: Fake, rounds: int = 2) -> Report:
    """The facts of a campaign of those fakes, without files."""
    plan = fakes.campaign(known, rounds)
    facts = {n: replace(f, profiles=PROFILES) for n, f in plan.benchmarks.items()}
    plan = replace(plan, benchmarks=facts)
    by_name = {fake.name: replace(fake, profiles=PROFILES) for fake in known}
    runs = (fakes.run(by_name[c.variant_name], c.round, c.benchmark, plan.id) for c in plan.cells)
    made = tuple(digest.of_run(run, plan, None) for run in runs)
    digested = Digested(folder=Path("c"), campaign=plan, digests=made, damaged=())
    return Report(digested, compare(digested), prices.load())


def rendered(report: Report, name: str = "charts") -> str:
    """A section as the page has it; nothing where it is left out."""
    found = next(section for section in sections.load() if section.name == name)
    values = found.make(report)
    if values is None:
        return ""
    return page.environment_of(report).get_template(found.template).render(values)


def figures(html: str) -> dict[str, str]:
    """The figures of a section by their title."""
    found = re.findall(r"<figure.*?</figure>", html, flags=re.DOTALL)
    return {unescape(re.findall("<b>(.*?)</b>", each)[0]): each for each in found}


@pytest.fixture(scope="module")
def three() -> dict[str, str]:
    known = (
        Fake("fast", 6.0, framework="A", capacity_per_s=300.0),
        Fake("slow", 12.0, framework="B", capacity_per_s=150.0, memory_mib=900.0),
        Fake("in-process", 4.0, reference=True, capacity_per_s=320.0),
    )
    return figures(rendered(report_of(*known)))


def test_every_chart_is_there_with_a_text_alternative(three: dict[str, str]) -> None:
    assert list(three) == [
        "Capacity",
        "Response time over offered load",
        "Response time by share of requests",
        "Start-up",
        "Memory",
        "Cost against latency",
        "Response time along the window steady",
    ]
    for figure in three.values():
        pictures = re.findall(r"<svg [^>]*>", figure)
        shown = [tag for tag in pictures if 'aria-hidden="true"' not in tag]
        assert shown
        assert all('role="img"' in tag and 'aria-label="' in tag for tag in shown)


def test_the_capacity_is_written_with_its_interval(three: dict[str, str]) -> None:
    said = re.findall(r'aria-label="(Capacity in[^"]*)"', three["Capacity"])[0]
    assert "fast (matched) " in said
    assert re.search(r"slow \(matched\) 1[45]\d(\.\d)? \(1[45]\d.*–1[45]\d", said)
    titles = re.findall(r"<text[^>]*>(\w+)</text>", three["Capacity"])
    assert {"matched", "reference"} <= set(titles)


def test_a_capacity_below_what_was_tried_is_no_number() -> None:
    none = Fake("none", capacity_per_s=100.0, parts=(2.0, 1.5))
    drawn = figures(rendered(report_of(Fake("some", capacity_per_s=300.0), none)))["Capacity"]
    assert re.search(r"none \(matched\) below 1[45]\d/s", drawn)


def test_the_curves_carry_their_values(three: dict[str, str]) -> None:
    curve = re.findall(
        r'data-name="fast"[^>]* data-p="([^"]*)"', three["Response time by share of requests"]
    )[0]
    entries = [entry.split(" ", 2)[2].split("|") for entry in curve.split(";")]
    assert [name for name, _ in entries] == ["p50", "p75", "p90", "p95", "p99"]
    table = re.findall(
        r"</span> fast</th><td>matched</td>(.*?)</tr>", three["Response time by share of requests"]
    )[0]
    assert re.findall("<td>(.*?)</td>", table) == [said.removesuffix(" ms") for _, said in entries]


def test_the_limit_is_a_line_of_its_own(three: dict[str, str]) -> None:
    assert "limit: 50 ms" in three["Response time over offered load"]
    assert 'class="limit"' in three["Response time over offered load"]


def test_the_cheaper_and_faster_one_is_the_front(three: dict[str, str]) -> None:
    figure = three["Cost against latency"]
    assert "On it, matched: fast." in figure
    assert re.search(r'class="curve fixed [^"]* leads" data-name="fast"', figure)
    assert not re.search(r'leads" data-name="slow"', figure)


@pytest.mark.parametrize(
    ("known", "titles"),
    [
        ((Fake("a", failure=Failure("launch", "No.")),), []),
        (
            (Fake("a", 6.0),),
            [
                "Response time by share of requests",
                "Start-up",
                "Memory",
                "Response time along the window steady",
            ],
        ),
    ],
)
def test_what_has_nothing_to_show_is_left_out(known: tuple[Fake, ...], titles: list[str]) -> None:
    html = rendered(report_of(*known))
    assert list(figures(html)) == titles
    assert bool(html) is bool(titles)
    for missing in {"Capacity", "Cost against latency", "offered load"} - set(titles):
        assert missing not in html


def test_findings_are_marked_along_the_window() -> None:
    html = rendered(report_of(Fake("a", 6.0), Fake("b", 6.0, slows=2.0), Fake("c", lag_ms=30.0)))
    figure = figures(html)["Response time along the window steady"]
    panels = re.findall(r'<div class="panel.*?</div>', figure, flags=re.DOTALL)
    assert len(panels) == 3
    by_name = {re.findall('data-name="(.*?)"', panel)[0]: panel for panel in panels}
    assert "badge" not in by_name["a"]
    assert '<span class="badge warning"' in by_name["b"]
    assert "round 1: no-steady-state" in by_name["b"]
    assert by_name["b"].count('class="odd"') == 2
    assert "round 1 INVALID: generator-lagged" in by_name["c"]
    assert 'class="middle"' not in by_name["c"]
    assert "Not drawn beside the others, because they failed or are INVALID: c." in html


def test_hostile_names_stay_text() -> None:
    html = rendered(report_of(Fake(EVIL, 6.0, framework=EVIL, capacity_per_s=300.0), Fake("b")))
    assert "<b onmouseover" not in html
    assert len(re.findall("<b[ >]", html)) == len(figures(html))
    live = figures(html)["Response time by share of requests"]
    names = [unescape(name) for name in re.findall('data-name="(.*?)"', live)]
    assert names == ["b", EVIL] or names == [EVIL, "b"]


def test_a_picture_has_the_same_bytes_each_time() -> None:
    report = report_of(Fake("a", 6.0, capacity_per_s=300.0), Fake("b", 7.0, capacity_per_s=200.0))
    assert rendered(report) == rendered(report)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def variables(style: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6});", style))


def test_the_style_sheet_has_all_colours() -> None:
    light, _, dark = STYLE.partition("prefers-color-scheme: dark")
    found = variables(light)
    names = {f"f{place}" for place in range(colours.SLOTS)}
    assert len({found[name] for name in names}) == colours.SLOTS
    assert names <= variables(dark).keys()
    assert f"f{colours.SLOTS}" not in found


@pytest.mark.parametrize("light", [True, False])
def test_every_colour_is_seen_on_its_paper(light: bool) -> None:
    found = variables(STYLE.partition("prefers-color-scheme: dark")[0 if light else 2])
    paper = "#ffffff" if light else found["paper"]
    for place in range(colours.SLOTS):
        assert contrast(found[f"f{place}"], paper) >= 3, place


@pytest.mark.slow
def test_a_large_field_stays_within_its_size() -> None:
    digested = field.made()
    report = Report(digested, compare(digested), prices.load())
    drawn = {name: rendered(report, name) for name in ("capacity", "charts", "breakdown")}
    assert all(drawn.values())
    assert sum(len(html.encode()) for html in drawn.values()) < 1_800_000
    for path in re.findall(r'class="line" d="(.*?)"', drawn["charts"]):
        assert path.count("L") < 60
