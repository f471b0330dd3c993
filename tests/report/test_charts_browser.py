"""The charts in a real browser: choosing variants, pointing at values, phones, the dark, print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from harness.analyse.campaigns import history
from harness.analyse.run import digest
from harness.report.history import history_page
from tests.fakes import BENCHMARK, Fake, campaign, stored_campaign
from tests.generated import Made, generate
from tests.report import pages
from tests.report.test_browser import browser
from tests.report.test_charts import EVIL, PROFILES

__all__ = ["browser"]  # the fixture of the report's own browser tests
pytestmark = pytest.mark.slow
COUNT = 14  # variants: more than are drawn at first
LOAD, SHARES, COST = (
    "Response time over offered load",
    "Response time by share of requests",
    "Cost against latency",
)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with more variants than are drawn at first, one of them named by an enemy."""
    known = [
        Fake(
            EVIL if n == 1 else f"variant-{n:02}",
            5.0 + n,
            framework=f"Framework {n // 2}",
            track="tuned" if n % 3 == 2 else "matched",
            capacity_per_s=300.0 - 12 * n,
            profiles=PROFILES,
        )
        for n in range(COUNT)
    ]
    plan = campaign(known, 1)
    plan = replace(plan, benchmarks={"sentiment": replace(BENCHMARK, profiles=PROFILES)})
    folder = stored_campaign(tmp_path_factory.mktemp("results") / "many", known, plan=plan)
    out = tmp_path_factory.mktemp("reports") / "many"
    return pages.write(digest.of_campaign(folder), out)


@pytest.fixture
def page(browser: Browser, many: Path) -> Iterator[Page]:
    """The report at 1280 px; it must not complain of anything."""
    events: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.on("console", lambda message: events.append(message.text))
    opened.on("pageerror", lambda error: events.append(str(error)))
    opened.on("dialog", lambda dialog: events.append(dialog.message))
    opened.goto(many.as_uri())
    yield opened
    opened.close()
    assert events == []


def figure(page: Page, title: str) -> Locator:
    """The figure of that title."""
    return page.locator("#charts figure", has=page.locator("b", has_text=title))


def drawn(page: Page, title: str) -> set[str]:
    """The names of the curves that are seen."""
    curves = figure(page, title).locator(".curve:visible")
    return set(curves.evaluate_all("nodes => nodes.map((node) => node.dataset.name)"))


def chooser(page: Page) -> Locator:
    """The choice of variants, opened."""
    found = page.locator("#charts .chooser")
    found.evaluate("node => { node.open = true; }")
    return found


def test_the_best_are_drawn_at_first_and_others_when_they_are_chosen(page: Page) -> None:
    first = drawn(page, LOAD)
    assert len(first) == 8
    assert "variant-13" not in first
    assert drawn(page, SHARES) == first
    panels = page.locator("#charts .panel:visible")
    assert set(panels.evaluate_all("nodes => nodes.map((node) => node.dataset.name)")) == first

    chooser(page).get_by_label("variant-13").check()
    for title in (LOAD, SHARES):
        assert drawn(page, title) == first | {"variant-13"}
    assert page.locator("#charts .panel:visible").count() == 9
    assert "9 of 14" in chooser(page).locator("summary").inner_text()

    chooser(page).get_by_role("button", name="As at first").click()
    assert drawn(page, LOAD) == first


def test_all_none_and_what_the_filter_lists(page: Page) -> None:
    box = chooser(page)
    box.get_by_role("button", name="None").click()
    assert drawn(page, LOAD) == drawn(page, SHARES) == set()
    box.get_by_label("Filter the variants by name").fill("variant-1")
    assert box.locator("label:visible").count() == 4
    box.get_by_role("button", name="All listed").click()
    assert drawn(page, LOAD) == {"variant-10", "variant-11", "variant-12", "variant-13"}


def test_names_beside_the_curves_stay_apart(page: Page) -> None:
    chooser(page).get_by_role("button", name="All listed").click()
    texts = figure(page, SHARES).locator(".end text:visible")
    heights = sorted(texts.evaluate_all("nodes => nodes.map((n) => Number(n.getAttribute('y')))"))
    assert len(heights) == COUNT
    gaps = [after - before for before, after in pairwise(heights)]
    assert min(gaps) > 12.8
    assert heights[-1] <= 324 + 1e-6


def test_without_a_script_the_best_are_drawn_and_all_along_the_window(
    browser: Browser, many: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(many.as_uri())
    assert plain.locator("#charts .chooser").count() == 0
    assert figure(plain, LOAD).locator(".curve:visible").count() == 8
    assert plain.locator("#charts .panel:visible").count() == COUNT
    context.close()


@pytest.mark.parametrize("title", [LOAD, SHARES, COST])
def test_pointing_at_a_mark_shows_its_value(page: Page, title: str) -> None:
    part = figure(page, title)
    mark = part.locator('.curve[data-name="variant-00"] .mark')
    part.scroll_into_view_if_needed()
    curve = part.locator('.curve[data-name="variant-00"]')
    entries = str(curve.get_attribute("data-p")).split(";")
    x, y, where, said = re.fullmatch(r"(\S+) (\S+) (.*)\|(.*)", entries[-1]).groups()  # type: ignore[union-attr]
    assert mark.count() == 1
    page.mouse.move(*spot(part, float(x), float(y)))
    tip = part.locator(".tip")
    assert tip.is_visible()
    assert tip.locator("p").inner_text() == where
    assert tip.locator(".now").inner_text().strip() == f"variant-00: {said}"
    assert "lit" in str(curve.get_attribute("class"))
    page.mouse.move(5, 5)
    assert tip.is_hidden()
    assert "lit" not in str(curve.get_attribute("class"))


def spot(part: Locator, x: float, y: float) -> tuple[float, float]:
    """Where a place of a picture is on the page."""
    box = part.locator(".plot > svg").evaluate(
        "svg => { const b = svg.getBoundingClientRect();"
        " return [b.left, b.top, b.width / svg.viewBox.baseVal.width]; }"
    )
    return box[0] + box[2] * x, box[1] + box[2] * y


def test_one_load_has_all_values_beside_each_other(page: Page) -> None:
    part = figure(page, SHARES)
    part.scroll_into_view_if_needed()
    curve = part.locator('.curve[data-name="variant-00"]')
    x, y = str(curve.get_attribute("data-p")).split(";")[0].split(" ")[:2]
    page.mouse.move(*spot(part, float(x), float(y)))
    lines = part.locator(".tip li").all_inner_texts()
    assert len(lines) == 8
    values = [float(line.rpartition(": ")[2].removesuffix(" ms")) for line in lines]
    assert values == sorted(values, reverse=True)  # as they lie: the slowest is on top


@pytest.mark.parametrize("title", [LOAD, SHARES, COST])
def test_the_keyboard_goes_from_value_to_value(page: Page, title: str) -> None:
    part = figure(page, title)
    plot = part.locator(".plot")
    plot.focus()
    page.keyboard.press("ArrowRight")
    spoken = plot.get_by_role("status")
    seen = [spoken.inner_text()]
    for key in ("ArrowRight", "ArrowUp", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
        seen.append(spoken.inner_text())
    assert seen[0].startswith("variant-00, ")
    assert len(set(seen)) >= 2
    assert part.locator(".tip").is_visible()
    page.keyboard.press("Escape")
    assert part.locator(".tip").is_hidden()


def test_hostile_names_stay_text_when_the_script_writes_them(page: Page) -> None:
    assert chooser(page).get_by_text(EVIL, exact=True).count() == 1
    assert page.locator("b[onmouseover]").count() == 0
    part = figure(page, SHARES)
    part.scroll_into_view_if_needed()
    curve = part.locator(".curve").evaluate_all(
        "(nodes, name) => nodes.find((n) => n.dataset.name === name).dataset.p", EVIL
    )
    x, y = curve.split(";")[0].split(" ")[:2]
    page.mouse.move(*spot(part, float(x), float(y)))
    assert EVIL in part.locator(".tip").inner_text()
    assert page.locator("b[onmouseover]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_never_scrolls_sideways(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 360, "height": 740})
    chooser(page).get_by_role("button", name="All listed").click()
    for details in page.locator("#charts details").all():
        details.evaluate("details => { details.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    keys = figure(page, LOAD).locator(".end .key:visible")
    assert keys.count() == COUNT
    assert figure(page, LOAD).locator(".end .name:visible").count() == 0
    box = keys.first.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 360


def test_pictures_are_light_on_dark_paper_in_the_dark(page: Page) -> None:
    def colours() -> list[str]:
        return [
            page.locator(selector).first.evaluate(f"node => getComputedStyle(node).{name}")
            for selector, name in (
                ("#charts figure", "backgroundColor"),
                ("#charts .live .curve text", "fill"),
                ("#charts .still svg text", "fill"),
                ("#charts .curve.f0, #charts .curve", "color"),
            )
        ]

    light = colours()
    page.emulate_media(color_scheme="dark")
    dark = colours()
    assert all(one != other for one, other in zip(light, dark, strict=True))
    page.emulate_media(color_scheme="light", media="print")
    paper = colours()
    assert paper[0] == light[0]
    page.emulate_media(color_scheme="dark", media="print")
    assert colours() == paper


def test_print_has_the_pictures_as_they_are_chosen(page: Page) -> None:
    chooser(page).get_by_label("variant-13").check()
    page.emulate_media(media="print")
    assert page.locator("#charts .chooser").is_hidden()
    assert "variant-13" in drawn(page, LOAD)
    assert len(page.pdf()) > 10_000


def test_a_name_under_the_pointer_lights_its_curves(page: Page) -> None:
    chooser(page).locator("label", has_text="variant-00").hover()
    for title in (LOAD, SHARES):
        lit = figure(page, title).locator(".curve.lit")
        assert lit.evaluate_all("nodes => nodes.map((n) => n.dataset.name)") == ["variant-00"]


# Texts of a picture that leave it or cover each other; rotated ones there are none.
_CROWDED = """svg => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].filter((each) => each.getBBox().width > 0);
  const boxes = texts.map((each) => each.getBoundingClientRect());
  const outside = texts.filter((each, n) => boxes[n].left < frame.left - 1
    || boxes[n].right > frame.right + 1 || boxes[n].bottom > frame.bottom + 1);
  const covered = texts.filter((each, n) => boxes.some((other, m) => m < n
    && Math.min(other.right, boxes[n].right) - Math.max(other.left, boxes[n].left) > 1
    && Math.min(other.bottom, boxes[n].bottom) - Math.max(other.top, boxes[n].top) > 4));
  return [...outside, ...covered].map((each) => each.textContent);
}"""


def crowded(page: Page) -> list[str]:
    """Texts without room, in all pictures that stand still."""
    shown = [each for each in page.locator("figure.still svg[role=img]").all() if each.is_visible()]
    assert shown
    return [text for each in shown for text in each.evaluate(_CROWDED)]


def letter_px(picture: Locator) -> float:
    """The height of a picture's letters on the screen."""
    return float(
        picture.evaluate(
            "svg => parseFloat(getComputedStyle(svg).fontSize)"
            " * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"
        )
    )


@pytest.mark.parametrize("width", [1300, 900, 390])
def test_names_and_numbers_of_bars_have_room(
    browser: Browser, many: Path, searched: Path, width: int
) -> None:
    for report in (many, searched):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(report.as_uri())
        assert crowded(page) == []
        for figure_ in page.locator("#charts figure.still, #breakdown figure.still").all():
            picture = figure_.locator("svg[role=img]:visible")
            assert 9 <= letter_px(picture) <= 14
            if width == 390:
                fits = "each => each.scrollWidth <= each.clientWidth"
                assert figure_.locator(".scroll").evaluate(fits)
        page.close()


@pytest.mark.parametrize("width", [1300, 390])
def test_the_charts_of_a_history_have_room(browser: Browser, tmp_path: Path, width: int) -> None:
    version = "2.0.0-beta"
    made = Made(count=40, variants=2, steps={"v1": (24, 0.2)}, versions={"v1": (24, version)})
    found = history.of_nights(generate(3, made), ["latency_p50"])
    path = history_page.write(found, tmp_path, 10, [])
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(path.as_uri())
    assert crowded(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pictures = page.locator("figure.still svg[role=img]:visible")
    assert pictures.count() == 3
    assert all(9 <= letter_px(each) <= 14 for each in pictures.all())
    page.close()
