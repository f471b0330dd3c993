"""Lines with names, bars and numbers: everything has room, whatever it is called."""

from __future__ import annotations

import re
from html import unescape

import pytest

from harness.analyse.statistics.stats import Spread
from harness.report.draw import bar_plot, bars, dot_plot, letters, scales
from harness.report.draw.bar_plot import Bar
from harness.report.draw.bars import BarPart, NamedLine
from harness.report.draw.colours import Look
from harness.report.draw.dot_plot import Dot

LOOK = Look(slot=3, mark=1)
NAMES = ("a", "fastapi", "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "名前" * 30, "x" * 200)
SIZES = {"desk": 9.5, "phone": 11.0}


def pictures(html: str) -> dict[str, str]:
    """Both pictures by what they are for."""
    found = re.findall(r'<svg class="(\w+)".*?</svg>', html, flags=re.DOTALL)
    whole = re.findall(r"<svg .*?</svg>", html, flags=re.DOTALL)
    return dict(zip(found, whole, strict=True))


def texts(picture: str, kind: str) -> list[tuple[float, float, str]]:
    """(x, y, text) of the texts of a kind."""
    found = re.findall(rf'<text class="{kind}" x="([-\d.]+)" y="([-\d.]+)">(.*?)</text>', picture)
    return [(float(x), float(y), unescape(text)) for x, y, text in found]


def width_of(picture: str) -> float:
    (width,) = re.findall(r'viewBox="0 0 (\d+) ', picture)
    return float(width)


@pytest.mark.parametrize("number", ["1", "1,234 (1,190–1,290)", "below 150/s, at which none holds"])
def test_every_name_and_number_has_room(number: str) -> None:
    shown = [
        Bar(name=name, look=LOOK, lengths=(1.0 + place,), text=number)
        for place, name in enumerate(NAMES)
    ]
    for kind, picture in pictures(bar_plot.draw(shown, "MiB", "said")).items():
        size, width = SIZES[kind], width_of(picture)
        names, ends = texts(picture, "name"), texts(picture, "end")
        assert len(names) == len(ends) == len(NAMES)
        for (x, y, name), (end, at, said) in zip(names, ends, strict=True):
            assert y == at
            if kind == "desk":
                assert x - letters.width(name, size) >= 0
                assert x < end
                assert end + letters.width(said, size) <= width + 0.1
                assert said == number or len(number) > 20
            else:
                assert x + letters.width(name, size) <= end - letters.width(said, size)
                assert end <= width


def test_both_pictures_have_the_text_alternative() -> None:
    html = bar_plot.draw(
        [Bar(name="a", look=LOOK, lengths=(1.0, 0.5), text="1 / 1.5")], "s", 'Start-up: "a" 1 / 1.5'
    )
    found = pictures(html)
    assert list(found) == ["desk", "phone"]
    for picture in found.values():
        assert 'role="img" aria-label="Start-up: &#34;a&#34; 1 / 1.5"' in picture
        assert picture.count('class="pale"') == 1
        assert 'class="row f3 d0"' in picture


def test_names_are_escaped() -> None:
    html = bar_plot.draw([Bar(name="<b>&", look=LOOK, lengths=(1.0,), text="1")], "s", "<b>")
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;" in html


def test_nothing_can_be_drawn_of_no_length() -> None:
    html = bar_plot.draw([Bar(name="a", look=LOOK, lengths=(0.0,), text="0")], "MiB", "said")
    assert 'd="M' in html
    assert not re.search(r'<path d="M[^"]*h0', html)


def test_a_bar_beyond_the_axis_ends_there() -> None:
    parts = [BarPart(length=2.0, number="2"), BarPart(length=9.0, number="9")]
    line = NamedLine(name="a", number="11 →", end=11.0, drawn=bars.chain(parts))
    for picture in pictures(bars.draw([line], scales.linear([4.0]), "ms", "said")).values():
        ends = [float(end) for end in re.findall(r"h(-?[\d.]+)v", picture)]
        starts = [float(start) for start in re.findall(r'<path d="M([\d.]+) [\d.]+h', picture)]
        assert max(start + end for start, end in zip(starts, ends, strict=True)) < width_of(picture)


def test_a_number_stands_in_its_part_where_it_has_room() -> None:
    parts = [BarPart(length=9.0, number="9"), BarPart(length=0.01, number="0.01", dark=True)]
    line = NamedLine(name="a", number="9.01", end=9.01, drawn=bars.chain(parts))
    for picture in pictures(bars.draw([line], scales.linear([9.01]), "ms", "said")).values():
        assert [text for _, _, text in texts(picture, "inside")] == ["9"]
        assert "inside light" not in picture


@pytest.mark.parametrize("room", [5.0, 40.0, 200.0])
@pytest.mark.parametrize("name", NAMES)
def test_a_text_is_shortened_until_it_fits(name: str, room: float) -> None:
    found = letters.fitting(name, room, 10.0)
    assert letters.width(found, 10.0) <= room or len(found) == 1
    assert found == name or found.endswith("…")


def test_an_interval_that_is_far_longer_than_all_numbers_squeezes_nothing() -> None:
    spans = {"a": (90.0, 100.0, 110.0), "b": (5.0, 60.0, 900.0)}
    dots = [
        Dot(
            name=name,
            look=LOOK,
            spread=Spread(median=middle, low=low, high=high, rounds=2),
            text=f"{middle:g} ({low:g}–{high:g})",
        )
        for name, (low, middle, high) in spans.items()
    ]
    for picture in pictures(dot_plot.draw({"matched": dots}, "1/s", "said")).values():
        ticks = re.findall(r"<text [^>]*>(\d+)</text>", picture.partition('<g class="x">')[2])
        assert ticks == ["0", "50", "100", "150"]
        strokes = re.findall(r'<path d="M([\d.]+) [\d.]+h([\d.]+)v', picture)
        ends = [float(left) + float(length) for left, length in strokes]
        assert ends[0] < ends[1] <= max(x for x, _, _ in texts(picture, "end"))
        assert "60 (5–900)" in picture  # where it ends is said
