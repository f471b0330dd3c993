"""A report as a picture: what a reader sees first, in a window of fixed size.

The picture says in its own metadata what it was made from, so that a test can tell whether that is
still so.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

WIDTH, HEIGHT = 1280, 1000
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb")
_COLOURS = 128  # a fifth of the bytes of a picture in true colour, with no visible difference


def take(report: Path, picture: Path, made_from: dict[str, str]) -> None:
    """Open a report in a browser and keep its first screen. Raises OSError without a browser."""
    drawn = Image.open(io.BytesIO(_first_screen(report))).convert("RGB")
    told = PngInfo()
    for key, value in made_from.items():
        told.add_itxt(key, value)
    picture.parent.mkdir(parents=True, exist_ok=True)
    drawn.quantize(_COLOURS).save(picture, pnginfo=told, optimize=True)


def told(picture: Path) -> dict[str, str]:
    """The sources of a picture."""
    with Image.open(picture) as opened:
        opened.load()
        return {str(key): value for key, value in opened.info.items() if isinstance(value, str)}


def _first_screen(report: Path) -> bytes:
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise OSError("There is no Chromium here: scripts/install-test-tools installs it.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=list(_ARGUMENTS))
        try:
            page = opened.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light"
            )
            page.goto(report.as_uri())
            return page.screenshot()
        finally:
            opened.close()
