"""The verdict in a real browser: marks, limits, ties, and a page that fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from harness.analyse.run import digest
from harness.analyse.run.digested import Digest
from harness.stored.records import ServerFacts
from tests.fakes import Fake, stored_campaign
from tests.report import pages
from tests.report.campaigns import PROFILES
from tests.report.test_browser import browser, opened, unfold

__all__ = ["browser"]  # a fixture
pytestmark = pytest.mark.slow

FAKES = (
    Fake("in-process", 4.0, reference=True, framework="in process", capacity_per_s=320.0),
    Fake("big", 6.0, capacity_per_s=300.0, memory_mib=900.0),
    Fake("also-big", 6.0, capacity_per_s=300.0, memory_mib=800.0),
    Fake("middle", 7.0, capacity_per_s=200.0, memory_mib=300.0),
    Fake("like-middle", 7.0, capacity_per_s=199.5, memory_mib=280.0, drift=0.03),
    Fake("small", 9.0, capacity_per_s=90.0, memory_mib=100.0, slows=1.8),
    Fake("nowhere", 9.0, capacity_per_s=100.0, memory_mib=90.0, parts=(2.0, 1.5)),
    *(Fake(f"tuned-{n}", 8.0, track="tuned", capacity_per_s=250.0 - n) for n in range(6)),
)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with ties, a variant that holds the SLO nowhere, and large and small memories."""
    folder = tmp_path_factory.mktemp("results") / "decided"
    small = [replace(fake, profiles=PROFILES) for fake in FAKES]
    found = digest.of_campaign(stored_campaign(folder, small, 3))
    digests = tuple(replace(d, facts=replace(d.facts, server=_server(d))) for d in found.digests)
    return pages.write(replace(found, digests=digests), tmp_path_factory.mktemp("reports") / "d")


def _server(found: Digest) -> ServerFacts:
    server = found.facts.server
    if found.cell.variant_name == "middle":
        return replace(server, maintained=False)
    if found.cell.variant_name == "like-middle":
        return replace(server, protocol="kserve-v2-grpc")
    return server


@pytest.fixture
def page(browser: Browser, decided: Path) -> Iterator[Page]:
    yield from opened(browser, decided)


def track(page: Page, name: str = "matched") -> Locator:
    return page.locator(".choice:visible tbody.ranked", has_text=f"Track {name}")


def ranks(page: Page, name: str = "matched") -> dict[str, str]:
    rows = track(page, name).locator("tr[data-cost]")
    found = rows.evaluate_all(
        "rows => rows.map(row => [row.querySelector('th a').textContent,"
        " row.querySelector('.rank').innerText])"
    )
    return {str(variant): str(rank) for variant, rank in found}


def row_of(page: Page, variant: str) -> Locator:
    link = page.locator(f"th a[href='#variant-{variant}']")
    return track(page).locator("tr", has=link)


def answer(page: Page) -> str:
    return " ".join(page.locator(".answer:visible").inner_text().split())


def test_the_page_begins_with_the_answer(page: Page) -> None:
    places = {
        name: page.locator(selector).first.bounding_box()
        for name, selector in {
            "answer": ".answer:visible",
            "bars": "table.bars:visible",
            "measured": ".measured",
            "limits": "#your-limits",
            "filter": "#filter",
        }.items()
    }
    tops = [box["y"] for box in places.values() if box is not None]
    assert len(tops) == len(places)
    assert tops == sorted(tops)
    assert tops[1] < 400  # above the fold


def test_limits_that_exclude_nothing_change_nothing(page: Page) -> None:
    """So that the script ranks and says as the program does."""
    said, ranked = answer(page), {name: ranks(page, name) for name in ("matched", "tuned")}
    classes = "rows => rows.map(row => row.className.split(' ').filter(Boolean).sort().join(' '))"
    before = page.locator(".choice tr[data-cost]").evaluate_all(classes)
    page.get_by_label("Memory, MiB at most").fill("99999")
    assert (
        page.locator("#your-limits [role=status]").inner_text()
        == "12 of 12 ranked are within your limits"
    )
    assert answer(page) == said
    assert {name: ranks(page, name) for name in ranked} == ranked
    assert page.locator(".choice tr[data-cost]").evaluate_all(classes) == before


def test_the_ranking_follows_the_limits(page: Page) -> None:
    before = answer(page)
    assert ranks(page)["big"] == "1="
    assert "big (" in before
    page.get_by_label("Memory, MiB at most").fill("500")
    now = ranks(page)
    assert now["big"] == now["also-big"] == "–"
    assert (now["middle"], now["like-middle"], now["small"]) == ("1=", "1=", "3")
    assert "middle (200/s) and like-middle" in answer(page) or "like-middle (" in answer(page)
    assert "big" not in answer(page).partition("in track tuned")[0]
    assert "as much as small" in answer(page)
    assert "memory 900 MiB" in row_of(page, "big").inner_text()
    assert "nowhere meets it at no tried rate" in answer(page)

    page.get_by_label("maintained only").check()
    assert ranks(page)["middle"] == "–"
    assert ranks(page)["like-middle"] == "1"
    assert "like-middle serves" in answer(page)
    page.get_by_label("Protocol").select_option("json")
    assert ranks(page)["like-middle"] == "–"
    assert "small serves" in answer(page)
    page.get_by_label("Cost per million, $ at most").fill("0.0001")
    assert "nothing is within your limits" in answer(page)
    page.get_by_role("button", name="No limits").press("Enter")
    assert answer(page) == before
    assert ranks(page)["big"] == "1="


def test_a_cost_that_is_not_known_is_within_no_limit(page: Page) -> None:
    page.get_by_label("Cost per million, $ at most").fill("1000")
    assert ranks(page)["nowhere"] == "–"
    assert "cost not known" in row_of(page, "nowhere").inner_text()
    assert ranks(page)["big"] == "1="


def test_a_mark_says_why_by_mouse_and_by_keyboard(page: Page) -> None:
    row = row_of(page, "small")
    said = row.locator("[role=tooltip]")
    assert not said.is_visible()
    row.locator(".mark button").hover()
    assert said.is_visible()
    assert "no-steady-state" in said.inner_text()
    page.mouse.move(0, 0)
    assert not said.is_visible()

    row.locator("td.value a").focus()
    for _ in range(6):
        page.keyboard.press("Tab")
        if said.is_visible():
            break
    assert said.is_visible()
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == (
        said.get_attribute("id")
    )
    page.keyboard.press("Escape")
    assert not said.is_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert said.is_visible()


def test_numbers_lead_to_their_evidence_and_to_the_command(page: Page) -> None:
    row = row_of(page, "middle")
    row.locator("td.value a").click()
    own = page.locator("[id='variant-middle:sentiment']")
    own.wait_for(state="visible")
    assert "Numbers" in own.inner_text()
    page.evaluate("scrollTo(0, 0)")
    row.locator("td.again a").click()
    command = page.locator("[id='run-variant-middle:sentiment']")
    command.wait_for(state="visible")
    assert "python -m harness run middle --benchmark sentiment" in command.inner_text()


@pytest.mark.parametrize("width", [1300, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut(page: Page, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    inside = (
        "(each) => { const box = each.getBoundingClientRect();"
        " return box.left >= 0 && box.right <= innerWidth + 0.5; }"
    )
    links = page.locator("nav a")
    assert all(link.evaluate(inside) for link in links.all())
    assert page.locator("nav").evaluate("nav => nav.scrollWidth <= nav.clientWidth")
    marks = track(page).locator(".mark")
    for mark in marks.all():
        mark.locator("button").focus()
        assert mark.locator("[role=tooltip]").is_visible()
        assert mark.locator("[role=tooltip]").evaluate(inside)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_batches_are_lettered_as_the_rest(page: Page, browser: Browser, searched: Path) -> None:
    other = browser.new_page(viewport={"width": 1300, "height": 900})
    other.goto(searched.as_uri())
    sizes = {
        name: other.locator(selector).first.evaluate(
            "svg => parseFloat(getComputedStyle(svg).fontSize) * svg.getBoundingClientRect().width"
            " / svg.viewBox.baseVal.width"
        )
        for name, selector in {
            "way": "#breakdown figure.wide svg",
            "batches": "#breakdown figure.still:not(.wide) svg",
            "memory": "#charts figure.still svg",
        }.items()
    }
    other.close()
    assert max(sizes.values()) < 1.35 * min(sizes.values()), sizes


def test_each_name_to_choose_has_its_mark(page: Page) -> None:
    drawn = page.locator(".chooser label svg path")
    assert drawn.count() > 0
    assert all("z" in str(each.get_attribute("d")) for each in drawn.all())


def test_without_scripts_the_verdict_reads(browser: Browser, decided: Path) -> None:
    for page in opened(browser, decided, java_script_enabled=False):
        assert not page.locator("#your-limits").is_visible()
        assert "nowhere meets it at no tried rate" in answer(page)
        row = row_of(page, "small")
        row.locator(".mark button").focus()
        assert row.locator("[role=tooltip]").is_visible()
