"""Foreign text in Markdown stays text, by GitHub's own parser and by what GitHub links after it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st

from harness.report.page import view
from harness.report.text import github

# What GitHub makes of a stretch of text, once Markdown is HTML: mentions, addresses, issues,
# commits, emoji, URLs, mathematics.
ACTIVE = re.compile(r"@\w|\w@|#\d|(?i:gh-\d)|://|(?i:www\.)|:[\w+-]+:|\$[^$]*\$|\b[0-9a-f]{7,40}\b")
NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- gone -->",
    "&lt;b&gt; &amp; &#64;",
    "a | b || c \\| d \\\\| e",
    "`code` ``more`` \\` ```",
    "@octocat @org/team user@example.org",
    "#12 owner/repo#12 GH-12 gh-12",
    "cc72e8a79933de688a9584c451c5ebb3487ba5a5 0cc72e8a79933de688a9584c451c5ebb3487ba5a5",
    "[text](https://example.org) ![x](https://example.org/x.png) [^1] [x]: y",
    "https://example.org www.example.org WWW.example.org ftp://x mailto:a@b.cc <http://x.yz>",
    ":smile: :+1: a:b:c:d",
    "$x_1$ $$y$$ $`z`$",
    "*a* _b_ **c** __d__ ~~e~~ ~f~",
    "# heading",
    "#heading",
    "- item",
    "+ item",
    "* item",
    "--- | ---",
    "===",
    "1. item",
    "12) item",
    "1234567. item",
    "> quote",
    "[ ] task",
    "    code",
    "two\nlines\r\n\n# three",
    "tabs\there",
    "ends with a backslash\\",
    "\x1b[31mred\x1b[0m \x00 \u202e turned",
    "/approve",
]


class Shown(HTMLParser):
    """The tags of a page, and its stretches of text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = [""]
        self.closed: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.texts.append("")
        assert not [name for name, _ in attrs if name != "align"], (tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.closed.append(tag)
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def rendered(markdown: str) -> Shown:
    html = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    return Shown(html)


def as_line(value: str) -> str:
    """What a reader must see of it."""
    return " ".join(str(view.clean(value)).split())


PLACES = {
    "a paragraph": ("{}", ["p"]),
    "within a line": ("said: {}.", ["p"]),
    "an item": ("- {}", ["ul", "li"]),
    "a heading": ("### x {}", ["h3"]),
    "bold": ("**x {} x**", ["p", "strong"]),
    "a cell": (
        "| a | b |\n| --- | --- |\n| {} | x |",
        ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"],
    ),
}


def assert_text(value: str, made: str, allowed: set[str]) -> None:
    """Wherever it stands, the same characters are shown, and nothing more is made of them."""
    for place, (around, tags) in PLACES.items():
        shown = rendered(around.format(made))
        assert [tag for tag in shown.tags if tag not in allowed] == tags, (place, made)
        text = "".join(shown.texts)
        assert as_line(value) in text, (place, made)
        inside = text.partition(as_line(value))
        assert not re.search(r"[<>`*|\\]", inside[0] + inside[2]), (place, made)
        if "code" not in shown.tags:
            assert [t for t in shown.texts if ACTIVE.search(t)] == [], (place, made)


@pytest.mark.parametrize("value", NASTY)
def test_nasty_text_stays_text(value: str) -> None:
    assert_text(value, github.text(value), {"span"})


@pytest.mark.parametrize("value", ["fastapi", "fast@docker", "a_b-c.d/e", "two words", *NASTY])
def test_names_stay_names(value: str) -> None:
    assert_text(value, github.code(value, 200), {"span", "code"})


@given(
    st.one_of(
        st.text(max_size=40),
        st.text("\\`*_[]()<>&|~!@#$:/.-+=0123abcdefwhtpsGH \n", max_size=40),
        st.lists(st.sampled_from(NASTY), max_size=3).map("".join),
    )
)
def test_any_text_stays_text(value: str) -> None:
    if as_line(value):
        assert_text(value, github.text(value), {"span"})
        assert_text(value, github.code(value, 300), {"span", "code"})


def test_a_usual_name_is_a_plain_code_span() -> None:
    assert github.code("fast@docker") == "`fast@docker`"


def test_long_text_is_cut() -> None:
    assert github.text("x" * 400) == "x" * 299 + "…"
    assert github.code("x" * 100) == f"{'x' * 59}…"
