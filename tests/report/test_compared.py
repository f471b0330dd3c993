"""The page of what changed: the same bytes for the same files, and in a real browser."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.analyse.regression import changes
from harness.analyse.regression.differences import Changes
from harness.analyse.regression.gate import Wanted
from harness.analyse.run import digest
from harness.report.compare import compared, compared_page
from tests.fakes import Fake, stored_campaign

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
NAMES = ("a-variant-with-a-name-that-is-rather-long", "b", "c")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Changes:
    folder = tmp_path_factory.mktemp("results")
    sides = []
    for campaign, factor in (("base", 1.0), ("new", 1.3)):
        fakes = [Fake("in-process", 4.0, reference=True), Fake("c", 9.0, errors=0.02)]
        fakes += [Fake(name, 8.0 * factor, capacity_per_s=90 / factor) for name in NAMES[:2]]
        sides.append(digest.of_campaign(stored_campaign(folder / campaign, fakes, 3)))
    return changes.of_campaigns(sides[0], sides[1], Wanted(), {})


def test_the_same_changes_give_the_same_bytes(found: Changes, tmp_path: Path) -> None:
    one = compared_page.write(found, tmp_path / "one.html")
    assert one.read_bytes() == compared_page.write(found, tmp_path / "two.html").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_changed_comes_first_and_regressions_before_all(found: Changes) -> None:
    page = compared_page.render(found)
    assert page.index("What changed") < page.index("Every number on sentiment")
    first, *_ = compared.told(found.rows)
    assert first.regression
    markdown = compared.markdown(found)
    assert markdown.index("**worse: a regression**") < markdown.index("<details>")


def test_the_strip_shows_where_the_interval_lies(found: Changes) -> None:
    worse = next(row for row in found.regressions if row.metric.name == "latency_p50")
    drawn = ElementTree.fromstring(compared_page.strip(worse))
    within, middle, interval, dot = drawn
    low, length = float(interval.attrib["x"]), float(interval.attrib["width"])
    assert middle.attrib["d"] == "M50.0 0v12"
    assert 50 < low <= float(dot.attrib["cx"]) <= low + length <= 100
    assert 0 < float(within.attrib["width"]) / 2 < low - 50
    assert not compared_page.strip(replace(worse, ratio=None))


def test_a_capacity_of_nothing_is_not_zero(found: Changes) -> None:
    row = next(row for row in found.rows if row.metric.name == "capacity" and row.new is not None)
    assert row.new is not None
    now = compared.numbers(row)[1]
    none = replace(row, new=replace(row.new, median=0.0, low=0.0, high=0.0))
    assert compared.numbers(none)[1] == "at no rate" != now


@pytest.mark.slow
def test_in_a_browser(found: Changes, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    path = compared_page.write(found, tmp_path / "compare.html")
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if chromium is None:
        pytest.fail("No Chromium on this machine. Install it with: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        events: list[str] = []
        page.on("console", lambda message: events.append(message.text))
        page.on("request", lambda request: events.append(request.url))
        page.goto(path.as_uri())
        for width, scheme in ((1280, "light"), (360, "dark")):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=tmp_path / f"{width}.png", full_page=True)
        assert len(page.pdf()) > 1000
        browser.close()
    assert events == [path.as_uri()]
