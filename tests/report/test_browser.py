"""The report in a real browser, from a file, without a network."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from pypdf import PdfReader

from harness.analyse.campaigns import brief_file
from harness.analyse.campaigns.brief import Brief
from harness.base import paths
from harness.report.index import index
from tests.report.campaigns import IMAGE
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
        pytest.fail("No Chromium on this machine. Install it with scripts/install-test-tools.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield opened
        opened.close()


def opened(browser: Browser, report: Path, **options: bool) -> Iterator[Page]:
    """A report, opened at 1280 px. That nothing but the file is asked for, and that nothing is
    complained of, is checked when it is closed."""
    events: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)  # type: ignore[arg-type]
    page.on("console", lambda message: events.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: events.append(f"error: {error}"))
    page.on("dialog", lambda dialog: events.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: events.append(f"request: {request.url}"))
    page.goto(report.as_uri())
    yield page
    page.wait_for_timeout(100)
    assert set(events) == {f"request: {report.as_uri()}"}
    page.close()


@pytest.fixture
def page(browser: Browser, written: Path) -> Iterator[Page]:
    """The report with a bit of everything in it."""
    yield from opened(browser, written)


@pytest.fixture
def searched_page(browser: Browser, searched: Path) -> Iterator[Page]:
    """The report of a campaign that searched for capacities on two benchmarks."""
    yield from opened(browser, searched)


@pytest.fixture
def hostile_page(browser: Browser, hostile: Path) -> Iterator[Page]:
    yield from opened(browser, hostile)


@pytest.fixture
def bare_page(browser: Browser, searched: Path) -> Iterator[Page]:
    """The same where scripts are switched off."""
    yield from opened(browser, searched, java_script_enabled=False)


def unfold(page: Page) -> None:
    """Open whatever is folded."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def column(page: Page, number: int) -> list[str]:
    """The values of a column in the first ranked body of the table, top down."""
    rows = page.locator("#table tbody.ranked").first.locator("tr")
    cells = rows.evaluate_all("(rows, i) => rows.map(r => r.cells[i].dataset.value)", arg=number)
    return [str(cell) for cell in cells]


def shown(rows: Locator) -> list[str]:
    """The names in the rows that can be seen."""
    names = rows.evaluate_all(
        "(rows) => rows.filter((row) => row.checkVisibility()).map((row) => "
        "row.querySelector('th').innerText.split(/\\s/)[0])"
    )
    return [str(name) for name in names]


def test_nothing_but_the_file_is_asked_for(page: Page) -> None:
    unfold(page)
    page.wait_for_timeout(200)


def of_column(title: str) -> re.Pattern[str]:
    """The name of the button that sorts by it: its whole title, and perhaps an arrow."""
    return re.compile(rf"^{title}\W*$")


@pytest.mark.parametrize("title", ["p99", "throughput"])
def test_header_sorts_and_sorts_back(page: Page, title: str) -> None:
    head = page.locator("#table thead th", has=page.get_by_role("button", name=of_column(title)))
    place = int(head.evaluate("head => head.cellIndex"))
    sign = -1 if title == "throughput" else 1  # the best comes first
    ordered = sorted(column(page, place), key=lambda value: sign * float(value))

    head.get_by_role("button").click()
    assert column(page, place) == ordered
    assert head.get_attribute("aria-sort") == ("descending" if sign < 0 else "ascending")

    head.get_by_role("button").press("Enter")
    assert column(page, place) == ordered[::-1]
    assert head.get_attribute("aria-sort") == ("ascending" if sign < 0 else "descending")
    others = page.locator("#table th[aria-sort]:not([aria-sort=none])")
    assert others.count() == 1


def test_what_is_missing_is_last_either_way(page: Page) -> None:
    body = page.locator("#table tbody.out")
    button = page.locator("#table").get_by_role("button", name=of_column("p50"))
    for _ in range(2):
        button.click()
        assert "broken" in body.locator("tr").last.inner_text()


def test_every_sortable_table_sorts_by_every_column(page: Page) -> None:
    for table in page.locator("table.sortable").all():
        for button in table.get_by_role("button").all():
            button.click()
    assert page.locator("#lifecycle table.sortable").count() == 1


def test_the_filter_keeps_what_has_every_word(searched_page: Page) -> None:
    page = searched_page
    rows = page.locator("#table tbody.ranked tr")
    everyone = shown(rows)
    box = page.get_by_role("searchbox", name="Filter")
    box.fill("Fast")
    assert shown(rows) == ["as-fast", "fast"] * 2 or shown(rows) == ["fast", "as-fast"] * 2
    assert page.locator("#filtered").inner_text() == "2 of 9 variants"
    box.fill("tuned more")
    assert shown(rows) == ["batched-more"] * 2
    bars = page.locator(".choice:not(.away) .bars tbody tr:not(.line)")
    assert set(shown(bars)) == {"batched-more"}
    assert page.locator("details.variant:visible").count() == 1
    box.fill("no such thing")
    assert shown(rows) == []
    assert page.locator("#filtered").inner_text() == "0 of 9 variants"
    box.fill("")
    assert shown(rows) == everyone
    assert page.locator("#filtered").inner_text() == ""


def test_ranking_and_answer_follow_the_slo(searched_page: Page) -> None:
    page = searched_page
    assert page.locator(".choice:visible").count() == 2  # one for each benchmark
    select = page.get_by_role("combobox", name="SLO").first
    options = select.locator("option").all_inner_texts()
    assert [text.partition(",")[0] for text in options] == [
        *("p99<25ms", "p99<50ms", "p99<100ms", "p99<200ms"),
    ]
    assert select.locator("option:checked").inner_text().endswith("the benchmark's own")
    answers = page.locator(".answer:visible")
    assert re.search(
        r"p99<50ms on 2 CPUs, in track matched: fast \(30\d/s\) and as-fast",
        answers.first.inner_text(),
    )
    before = answers.nth(1).inner_text()

    select.select_option(label="p99<100ms, errors<0.1%")
    assert "p99<100ms on 2 CPUs, in track matched: fast (at least" in answers.first.inner_text()
    assert answers.nth(1).inner_text() == before  # the other benchmark has its own
    assert page.locator(".choice:visible").count() == 2
    places = page.locator(".choice:visible").first.locator("td.rank")
    assert places.first.inner_text() == "1="
    spoken = page.locator(".choose [role=status]").first
    assert spoken.text_content() == answers.first.text_content()

    select.focus()
    page.keyboard.press("ArrowUp")
    assert "p99<50ms" in answers.first.inner_text()


def test_the_page_follows_the_benchmark(searched_page: Page) -> None:
    page = searched_page
    page.locator("#benchmark").select_option("iris")
    unfold(page)
    parts = page.locator("[data-benchmark]")
    named = parts.evaluate_all(
        "(parts) => parts.filter((part) => part.checkVisibility())"
        ".map((part) => part.dataset.benchmark)"
    )
    assert set(named) == {"iris"}
    assert page.locator(".answer:visible").count() == 1
    page.locator("#benchmark").select_option("all")
    assert page.locator(".answer:visible").count() == 2


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_dark_follows_the_system_until_the_reader_chooses(page: Page, written: Path) -> None:
    page.emulate_media(color_scheme="light")
    light = background(page)
    page.emulate_media(color_scheme="dark")
    dark = background(page)
    assert dark != light
    button = page.get_by_role("button", name="Dark")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert background(page) == light
    assert button.get_attribute("aria-pressed") == "false"
    page.emulate_media(color_scheme="light")
    assert background(page) == light
    button.press("Enter")
    assert background(page) == dark
    page.reload()  # nothing is remembered
    assert background(page) == light


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_never_scrolls_sideways(page: Page, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("window.scrollTo(1000, 0)")
    assert page.evaluate("window.scrollX") == 0


def test_a_phone_shows_every_choice_without_scrolling_sideways(searched_page: Page) -> None:
    page = searched_page
    page.set_viewport_size({"width": 360, "height": 800})
    unfold(page)
    for value in range(4):
        page.get_by_role("combobox", name="SLO").first.select_option(str(value))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        # Nothing is cut off at the edge of its card either.
        assert page.evaluate(
            "[...document.querySelectorAll('.bars td, .bars th, .answer')]"
            ".every((each) => each.getBoundingClientRect().right <= 360)"
        )


def test_a_variants_page_opens_by_its_link(searched_page: Page) -> None:
    page = searched_page
    own = page.locator("#variant-slow")
    assert not own.is_visible()
    link = page.locator("#verdict a[href='#variant-slow']:visible").first
    link.focus()
    page.keyboard.press("Enter")
    own.wait_for(state="visible")
    page.wait_for_function("scrollY > 500")
    assert "python -m harness run slow --benchmark sentiment" in own.inner_text()
    # Folded by hand, the same link opens it again.
    page.locator("details.variant", has=own).locator("summary").click()
    assert not own.is_visible()
    link.click()
    own.wait_for(state="visible")


def test_a_link_from_outside_opens_a_variants_page(browser: Browser, written: Path) -> None:
    page = browser.new_page()
    page.goto(f"{written.as_uri()}#variant-fast")
    assert page.locator("#variant-fast").is_visible()
    page.close()


def test_everything_can_be_reached_by_keyboard(searched_page: Page) -> None:
    page = searched_page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.nodeName"))
    assert {"SELECT", "A"} <= reached
    # What scrolls by itself must take the focus, or no key would scroll it.
    stuck = page.evaluate(
        "[...document.querySelectorAll('.scroll, pre')].filter((each) => each.tabIndex < 0).length"
    )
    assert stuck == 0


def test_without_scripts_everything_is_there(bare_page: Page) -> None:
    page = bare_page
    assert not page.locator("#tools").is_visible()
    assert not page.locator(".choose").first.is_visible()
    assert "matched: fast (" in page.locator(".answer:visible").first.inner_text()
    page.locator("details.others summary").first.click()
    assert "p99<25ms" in page.locator("details.others .answer:visible").first.inner_text()
    page.locator("#verdict a[href='#variant-slow']:visible").first.click()
    page.locator("#variant-slow").wait_for(state="visible")


def printed(page: Page) -> tuple[int, str]:
    """(pages, their text) of the report on paper."""
    reader = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    text = " ".join(page.extract_text() for page in reader.pages)
    return len(reader.pages), " ".join(text.split())


@pytest.mark.parametrize("which", ["searched_page", "bare_page"])
def test_on_paper_is_everything_but_what_is_for_the_screen(
    which: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(which)
    if which == "searched_page":
        page.locator("#benchmark").select_option("iris")
        page.get_by_role("searchbox").fill("slow")
    pages, text = printed(page)
    assert pages > 5
    for needed in (
        *("With p99<25ms on", "With p99<200ms on", "the benchmark's own SLO"),
        *("run fast --benchmark sentiment", "run batched-more --benchmark iris"),
        *("End of its log", "Traceback", "What this does not tell you", "Not ranked"),
    ):
        assert needed in text, needed
    for interactive in ("Filter", "Skip to the verdict", "variant, server, track", "▲"):
        assert interactive not in text, interactive
    folded = page.locator("details.variant:not([open])").count()
    assert folded == page.locator("details.variant").count()  # as it was before


def test_dark_is_for_the_screen(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert background(page) == "rgb(255, 255, 255)"


def barriers(page: Page) -> list[str]:
    """What axe-core finds serious or worse."""
    source = paths.cache_dir() / "test-tools" / "axe.min.js"
    if not source.exists():
        pytest.fail(f"There is no {source}. Fetch it with scripts/install-test-tools.")
    page.evaluate(source.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['impact']}: {each['id']}: {node['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"][:3]
    ]


@pytest.mark.parametrize(
    ("which", "scheme", "width"),
    [
        ("page", "light", 1280),
        ("page", "dark", 360),
        ("searched_page", "dark", 1280),
        ("searched_page", "light", 360),
    ],
)
def test_nothing_keeps_anybody_out(
    which: str, scheme: str, width: int, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(which)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    unfold(page)
    assert barriers(page) == []


def test_hostile_text_stays_text(hostile_page: Page) -> None:
    page = hostile_page
    unfold(page)
    page.locator("#filter").fill("<img")
    assert page.locator("#filtered").inner_text().split()[0] != "0"
    page.locator("#filter").fill("")
    select = page.get_by_role("combobox", name="SLO").first
    if select.count():
        select.select_option(index=0)
    for button in page.locator("table.sortable button").all():
        button.click()
    link = page.locator("#verdict a[href^='#variant-']:visible").first
    link.click()
    assert page.locator("img, iframe, object, embed").count() == 0
    assert page.locator("script").count() == 1
    assert IMAGE in page.locator("main").inner_text()
    assert page.evaluate("document.title").startswith("Serving Harness: ")


# --- the list of all campaigns -------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of thirty campaigns, the newest one with a name that is too long for a phone."""
    root = tmp_path_factory.mktemp("list")
    for number in range(30):
        name = f"campaign-{number}" if number < 29 else f"a-campaign-{'x' * 120}"
        leaders = figures("fastapi-batched", 1, 100.0 + number % 7), figures("mosec", 1, 99.0)
        brief_file.keep(root / name / brief_file.NAME, "key", Brief(short(number, *leaders)))
    return index.write(root / "no results", root)


@pytest.fixture
def list_page(browser: Browser, listed: Path) -> Iterator[Page]:
    yield from opened(browser, listed)


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
