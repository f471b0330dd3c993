"""The section *Cluster* in a real browser: nothing is cut, on a screen and on a phone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from harness.report.page import page as pages
from harness.stored.pods import Happening
from tests import clustered
from tests.clustered import S
from tests.report.test_browser import browser
from tests.report.test_cluster import FASTAPI, TRITON, report_of

__all__ = ["browser"]  # the fixture of the report's own browser tests
pytestmark = pytest.mark.slow
_CUT = """() => [...document.querySelectorAll("#cluster svg text")].filter((text) => {
  const seen = text.getBoundingClientRect();
  const room = text.closest(".plot, .scroll, td, li, figure").getBoundingClientRect();
  return seen.width && (seen.left < room.left - 1 || seen.right > room.right + 1);
}).map((text) => text.textContent)"""
# Words of a course that lie on each other.
_ON_EACH_OTHER = """() => [...document.querySelectorAll("#cluster svg.desk, #cluster svg.phone")]
  .flatMap((svg) => {
    const words = [...svg.querySelectorAll("text")]
      .map((text) => [text.textContent, text.getBoundingClientRect()])
      .filter(([, box]) => box.width);
    return words.flatMap(([one, a], n) => words.slice(n + 1)
      .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 &&
        a.top < b.bottom - 3 && b.top < a.bottom - 3)
      .map(([other]) => `${one} / ${other}`));
  })"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    window, told = clustered.rolled()
    close = tuple(Happening(at_ns=6 * S + n * S // 50, said=f"pod {n} began") for n in range(9))
    changes = [*clustered.every()]
    changes[1] = (window, replace(told, happenings=close))
    long = replace(TRITON, variant="triton-with-a-name-that-is-longer-than-any-picture")
    made = tmp_path_factory.mktemp("cluster") / "page.html"
    made.write_text(pages.of_report(report_of(FASTAPI, long, changes=changes)), encoding="utf-8")
    return made


def opened(browser: Browser, path: Path, width: int) -> tuple[Page, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 900})
    events: list[str] = []
    page.on("console", lambda message: events.append(message.text))
    page.on("pageerror", lambda error: events.append(str(error)))
    page.goto(path.as_uri())
    return page, events


@pytest.mark.parametrize("width", [1300, 390])
def test_no_picture_is_cut_and_the_page_is_no_wider(
    browser: Browser, path: Path, width: int
) -> None:
    page, events = opened(browser, path, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(_CUT) == []
    assert page.evaluate(_ON_EACH_OTHER) == []
    shown = page.locator("#cluster svg.desk:visible, #cluster svg.phone:visible").count()
    assert shown == 12  # six changes of two variants, each once
    assert events == []
    page.close()


def test_a_value_of_the_efficiency_can_be_pointed_at(browser: Browser, path: Path) -> None:
    page, events = opened(browser, path, 1300)
    chart = page.locator("#cluster figure.live").nth(1)
    plot = chart.locator(".plot")
    plot.scroll_into_view_if_needed()
    plot.focus()
    plot.press("ArrowRight")
    assert "1 replica" in chart.inner_text()
    assert events == []
    page.close()
