"""The section *What the server says* in a real browser: nothing is cut, wide or narrow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from harness.analyse.run import digest
from tests import fakes
from tests.fakes import Fake
from tests.report import pages
from tests.report.campaigns import PROFILES
from tests.report.test_breakdown import stored
from tests.report.test_browser import browser

__all__ = ["browser"]  # the fixture of the report's own browser tests
pytestmark = pytest.mark.slow
_CUT = """() => [...document.querySelectorAll("#own_metrics svg text")].filter((text) => {
  const seen = text.getBoundingClientRect();
  const room = text.closest(".plot, .scroll, td, li, figure").getBoundingClientRect();
  return seen.width && (seen.left < room.left - 1 || seen.right > room.right + 1);
}).map((text) => text.textContent)"""
NAMES = ("fast", "a-server-with-a-name-that-is-longer-than-any-picture", "slow")


@pytest.mark.parametrize("width", [1300, 390])
def test_no_picture_is_cut_and_the_page_is_no_wider(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    known = [Fake(name, 4.0 * 4**n, metered=True) for n, name in enumerate(NAMES)]
    runs = [fakes.run(replace(fake, profiles=PROFILES)) for fake in known]
    path = pages.write(digest.of_campaign(stored(tmp_path / "c", *runs)), tmp_path / "page")
    opened = browser.new_page(viewport={"width": width, "height": 900})
    events: list[str] = []
    opened.on("console", lambda message: events.append(message.text))
    opened.on("pageerror", lambda error: events.append(str(error)))
    opened.goto(path.as_uri())
    shown = opened.locator("#own_metrics svg:visible")
    assert shown.count() == 1
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate(_CUT) == []
    assert events == []
    opened.close()
