"""Matplotlib figures as small, deterministic SVG that can stand inside a page."""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from harness.report.draw.colours import GRID, INK, PALE, PALETTE, QUIET
from harness.report.page import view

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
# What the page's style sheet has variables for, so that a picture is right in the dark too.
_VARIABLES = {
    **{colour: f"var(--f{place})" for place, colour in enumerate(PALETTE)},
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    GRID: "var(--grid)",
    PALE: "var(--axis)",
}
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a '$' in a name is a '$'
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.edgecolor": PALE,
    "axes.labelcolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": False,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "text.color": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "path.simplify": True,
}
_COLOUR = re.compile("|".join(_VARIABLES))
_DECIMALS = re.compile(r"-?\d+\.\d+")
# As the style sheet has it, or of no effect.
_USUAL = ("font-family:", "font-size: 9px", "stroke-linejoin:", "stroke-linecap: butt")
_UNTURNED = re.compile(r"rotate\(-?0 ")
_PLACED = ("d", "x", "y", "width", "height", "transform")


def draw(
    name: str, size: tuple[float, float], title: str, plot: Callable[[Figure], None]
) -> Markup:
    """The SVG of what `plot` draws on a figure of that size; `title` is its text alternative."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        # Letters that this font lacks are measured with a box; the browser has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_RC, "svg.hashsalt": name})
        figure = Figure(figsize=size)
        plot(figure)
        buffer = io.BytesIO()
        # No transparency where the page is dark: the card below is light.
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return Markup(_tidied(buffer.getvalue(), view.clean(title)))


def _tidied(svg: bytes, title: str) -> str:
    """With a text alternative; without what says nothing: prologue, metadata, unused identifiers,
    groups of one, digits too small to be seen."""
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    root = ET.fromstring(svg)
    for child in list(root):
        style = child.find(f"{{{_SVG}}}style")
        if child.tag == f"{{{_SVG}}}metadata" or style is not None:
            root.remove(child)
    for element in root.iter():
        _shorten(element)
    _unwrap(root)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.set("role", "img")
    root.set("aria-label", title)
    # Names have been escaped; white space between elements only says how they are nested.
    return re.sub(r">\s+<", "><", ET.tostring(root, encoding="unicode"))


def _shorten(element: ET.Element) -> None:
    if element.tag == f"{{{_SVG}}}g":
        element.attrib.pop("id", None)
    if _UNTURNED.match(element.get("transform", "")):
        del element.attrib["transform"]
    for name in _PLACED:
        if name in element.attrib:
            found = _DECIMALS.sub(lambda match: _rounded(match[0]), element.attrib[name])
            element.set(name, " ".join(found.split()))
    parts = [part.strip() for part in element.get("style", "").split(";")]
    kept = [part for part in parts if part and not part.startswith(_USUAL)]
    element.attrib.pop("style", None)
    if kept:
        element.set("style", _COLOUR.sub(lambda match: _VARIABLES[match[0]], ";".join(kept)))


def _rounded(text: str) -> str:
    short = f"{float(text):.1f}".removesuffix(".0")
    return "0" if short == "-0" else short


def _unwrap(parent: ET.Element) -> None:
    """Put what is in groups without attributes in their place."""
    for child in list(parent):
        _unwrap(child)
    kept: list[ET.Element] = []
    for child in parent:
        bare = child.tag == f"{{{_SVG}}}g" and not child.attrib
        kept += list(child) if bare else [child]
    parent[:] = kept
