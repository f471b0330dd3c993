"""The section *Functions* in a real browser: nothing is cut, on a screen and on a phone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from harness.report.page import page as pages
from harness.report.page.view import Report
from tests.report.test_browser import browser
from tests.report.test_functions import HANDLER, MANGUM, TOLD, memory, report_of

__all__ = ["browser"]  # the fixture of the report's own browser tests
pytestmark = pytest.mark.slow
_CUT = """() => [...document.querySelectorAll("#functions svg text")].filter((text) => {
  const seen = text.getBoundingClientRect();
  const room = text.closest(".plot, .scroll, td, li, figure").getBoundingClientRect();
  return seen.width && (seen.left < room.left - 1 || seen.right > room.right + 1);
}).map((text) => text.textContent)"""


def reports() -> dict[str, Report]:
    long = replace(MANGUM, variant="lambda-with-a-name-that-is-longer-than-any-picture")
    return {"run": report_of({HANDLER: TOLD, long: replace(TOLD, instances=7)}), "memory": memory()}


@pytest.mark.parametrize("name", ["run", "memory"])
@pytest.mark.parametrize("width", [1300, 390])
def test_no_picture_is_cut_and_the_page_is_no_wider(
    browser: Browser, tmp_path: Path, width: int, name: str
) -> None:
    path = tmp_path / "page.html"
    path.write_text(pages.of_report(reports()[name]), encoding="utf-8")
    opened = browser.new_page(viewport={"width": width, "height": 900})
    events: list[str] = []
    opened.on("console", lambda message: events.append(message.text))
    opened.on("pageerror", lambda error: events.append(str(error)))
    opened.goto(path.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate(_CUT) == []
    assert events == []
    opened.close()
