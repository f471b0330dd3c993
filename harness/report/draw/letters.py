"""How much room a text takes in a picture, before any browser has set it."""

from __future__ import annotations

import unicodedata

from harness.report.draw import drawing

# Shares of the size of the letters, in DejaVu Sans: no usual font of a browser is wider.
_NARROW, _USUAL, _CAPITAL, _BROAD, _FULL = 0.4, 0.64, 0.75, 0.98, 1.05
_THIN, _WIDE = set("fijlrtI.,:;|!'()[]{}/\\- "), set("mwMW@%")


def width(text: str, size: float) -> float:
    """The width of a text, in units of the size of its letters; rather too much."""
    return size * sum(map(_share, text))


def fitting(text: str, room: float, size: float, most: int = drawing.LONG) -> str:
    """A text of so many letters at most, as many as have room; the last says that some lack."""
    found = drawing.short(text, most)
    while len(found) > 1 and width(found, size) > room:
        most = min(most, len(found)) - 1
        found = drawing.short(text, most)
    return found


def _share(letter: str) -> float:
    if letter in _THIN:
        return _NARROW
    if letter in _WIDE:
        return _BROAD
    if unicodedata.east_asian_width(letter) in "WF":
        return _FULL
    return _CAPITAL if letter.isupper() else _USUAL
