"""Nothing that came from outside becomes markup, script, a link or mathematics."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.report.page import view
from tests.report.campaigns import IMAGE, MATHS, SCRIPT


class Tags(HTMLParser):
    """Collects the start tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module", params=["html", "hostile_html"])
def tags(request: pytest.FixtureRequest) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(request.getfixturevalue(request.param))
    return parser.tags


@pytest.fixture(scope="module")
def hostile_html(hostile: Path) -> str:
    return hostile.read_text(encoding="utf-8")


def test_only_our_own_script_and_no_image(tags: list[tuple[str, dict[str, str | None]]]) -> None:
    names = [tag for tag, _ in tags]
    assert names.count("script") == 1
    assert not {"img", "iframe", "object", "embed", "form", "base", "b2"} & set(names)
    assert not [a for _, attrs in tags for a in attrs if a.startswith("on")]


def test_nasty_text_is_shown_as_text(html: str) -> None:
    assert SCRIPT not in html
    assert IMAGE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "{{ 7 * 7 }}" in html
    text = unescape(html)
    assert SCRIPT in text
    assert IMAGE in text


def test_whatever_is_text_stays_text(html: str, hostile_html: str) -> None:
    """Also where every name, message, version and setting is an enemy's."""
    assert SCRIPT not in hostile_html
    assert IMAGE not in hostile_html
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ud800-\udfff]", hostile_html)
    for name in ("verdict", "table", "variants", "method", "failures", "findings", "reproduce"):
        part = hostile_html.partition(f'<section id="{name}"')[2].partition("</section>")[0]
        assert SCRIPT in unescape(part), name
    opened, closed = (len(re.findall(tag, hostile_html)) for tag in ("<style>", "</style>"))
    assert opened == closed == 1
    kinds = [set(re.findall(r"<([a-z][a-z0-9]*)[ >]", page)) for page in (html, hostile_html)]
    assert kinds[1] <= kinds[0]


def test_only_web_links(tags: list[tuple[str, dict[str, str | None]]]) -> None:
    links = [attrs for tag, attrs in tags if tag == "a"]
    outside = [attrs for attrs in links if not str(attrs["href"]).startswith("#")]
    assert outside
    assert all(str(attrs["href"]).startswith("https://") for attrs in outside)
    assert all("noopener" in str(attrs["rel"]) for attrs in outside)


def test_nothing_is_loaded(
    html: str, hostile_html: str, tags: list[tuple[str, dict[str, str | None]]]
) -> None:
    loading = [attrs.get("src") for _, attrs in tags if attrs.get("src")]
    sheets = [a["href"] for tag, a in tags if tag == "link"]
    assert loading == []
    assert sheets == ["data:,"]
    assert not re.search(r"@import|url\((?!#)", html + hostile_html)
    policy = next(a for tag, a in tags if tag == "meta" and "http-equiv" in a)
    assert str(policy["content"]).startswith("default-src 'none';")


def test_a_dollar_in_a_name_is_a_dollar_in_a_chart(html: str) -> None:
    drawings = re.findall(r"<svg .*?</svg>", html, flags=re.DOTALL)
    labels = [text for svg in drawings for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
    assert any(text.startswith(MATHS) for text in labels)
    assert any(unescape(text).startswith(IMAGE[:20]) for text in labels)


def test_control_characters_are_not_passed_on(html: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ud800-\udfff]", html)
    assert "[31m" not in html


@pytest.mark.parametrize(
    ("url", "followed"),
    [
        ("https://example.org/a", True),
        ("http://example.org", True),
        ("HTTPS://example.org", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<b>", False),
        ("//example.org", False),
        ("https:", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_home(url: str, followed: bool) -> None:
    assert (view.home(url) is not None) is followed


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 2, "–"),
        (0.0, 2, "0"),
        (-0.0, 2, "0"),
        (0.123456, 2, "0.12"),
        (0.004, 2, "0.004"),
        (0.00000001, 2, "~0"),
        (12.345, 2, "12.3"),
        (123.45, 2, "123"),
        (123456.7, 1, "123,457"),
        (-4.689, 2, "−4.69"),
        (8.0, 2, "8"),
        (99.96, 2, "100.0"),
    ],
)
def test_number(value: float | None, digits: int, text: str) -> None:
    assert view.number(value, digits) == text
