"""The report in a real browser, from a file, without a network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from harness.analyse import summary_file
from harness.report import index
from tests.report.test_index import figures, short

pytestmark = pytest.mark.slow
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.fail("No Chromium on this machine. Install it with: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, written: Path, events: list[str]) -> Iterator[Page]:
    """The report, opened at 1280 px; what it asks for or complains of goes to `events`."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.on("console", lambda message: events.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: events.append(f"error: {error}"))
    opened.on("dialog", lambda dialog: events.append(f"dialog: {dialog.message}"))
    opened.on("request", lambda request: events.append(f"request: {request.url}"))
    opened.goto(written.as_uri())
    yield opened
    opened.close()


def column(page: Page, number: int) -> list[str]:
    """The text of a column in the first ranked body of the table, top down."""
    rows = page.locator("table.numbers tbody.ranked").first.locator("tr")
    cells = rows.evaluate_all("(rows, i) => rows.map(r => r.cells[i].dataset.value)", arg=number)
    return [str(cell) for cell in cells]


def test_nothing_but_the_file_is_asked_for(page: Page, written: Path, events: list[str]) -> None:
    page.wait_for_timeout(200)
    assert events == [f"request: {written.as_uri()}"]


@pytest.mark.parametrize("title", ["p99", "throughput"])
def test_header_sorts_and_sorts_back(page: Page, title: str, events: list[str]) -> None:
    head = page.locator("table.numbers thead th", has=page.get_by_role("button", name=title))
    place = int(head.evaluate("head => head.cellIndex"))
    sign = -1 if title == "throughput" else 1  # the best comes first
    ordered = sorted(column(page, place), key=lambda value: sign * float(value))

    head.get_by_role("button").click()
    assert column(page, place) == ordered
    assert head.get_attribute("aria-sort") == ("descending" if sign < 0 else "ascending")

    head.get_by_role("button").press("Enter")
    assert column(page, place) == ordered[::-1]
    assert head.get_attribute("aria-sort") == ("ascending" if sign < 0 else "descending")
    others = page.locator("table.numbers th[aria-sort]:not([aria-sort=none])")
    assert others.count() == 1
    assert len(events) == 1


def test_what_is_missing_is_last_either_way(page: Page) -> None:
    body = page.locator("table.numbers tbody.out")
    button = page.get_by_role("button", name="p50")
    for _ in range(2):
        button.click()
        assert "broken" in body.locator("tr").last.inner_text()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_never_scrolls_sideways(page: Page, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    for details in page.locator("details").all():
        details.evaluate("details => { details.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("window.scrollTo(1000, 0)")
    assert page.evaluate("window.scrollX") == 0


# --- the list of all campaigns -------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of thirty campaigns, the newest one with a name that is too long for a phone."""
    root = tmp_path_factory.mktemp("list")
    for number in range(30):
        name = f"campaign-{number}" if number < 29 else f"a-campaign-{'x' * 120}"
        leaders = figures("fastapi-batched", 1, 100.0 + number % 7), figures("mosec", 1, 99.0)
        summary_file.keep(root / name / summary_file.NAME, "key", short(number, *leaders))
    return index.write(root / "no results", root)


@pytest.fixture
def list_page(browser: Browser, listed: Path, events: list[str]) -> Iterator[Page]:
    """The list, opened at 1280 px."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.on("console", lambda message: events.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: events.append(f"error: {error}"))
    opened.on("request", lambda request: events.append(f"request: {request.url}"))
    opened.goto(listed.as_uri())
    yield opened
    opened.close()


def test_the_list_asks_for_nothing_but_itself(
    list_page: Page, listed: Path, events: list[str]
) -> None:
    list_page.wait_for_timeout(200)
    assert events == [f"request: {listed.as_uri()}"]


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_never_scrolls_sideways(list_page: Page, width: int, scheme: str) -> None:
    list_page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    list_page.set_viewport_size({"width": width, "height": 800})
    assert list_page.evaluate("document.documentElement.scrollWidth") <= width


def test_lines_of_the_list_are_seen_and_have_their_words(list_page: Page) -> None:
    lines = list_page.get_by_role("img", name="capacity of fastapi-batched over 30 campaigns")
    assert lines.count() == 30
    drawn = lines.first.locator("use").bounding_box()
    assert drawn is not None
    assert drawn["width"] > 60
    assert drawn["height"] > 8
    stroke = lines.first.locator("use").evaluate("line => getComputedStyle(line).stroke")
    assert stroke not in ("none", "")


def test_the_list_prints_on_paper(list_page: Page) -> None:
    assert list_page.pdf(format="A4").startswith(b"%PDF")
