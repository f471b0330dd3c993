"""Matplotlib figures as small, deterministic SVG that can stand inside a page."""

from __future__ import annotations

import io
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report import view

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
INK, QUIET, GRID, PALE = "#1f2933", "#5b6773", "#e3e7eb", "#c3cad1"
# Okabe and Ito's palette, told apart by colour-blind readers; its yellow is darkened for white.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f6a00", "#6a3d9a")
STYLES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
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
Style = tuple[str, object]


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


def styles(names: Sequence[str]) -> dict[str, Style]:
    """A colour and a line style for each name."""
    count = len(PALETTE)
    return {
        name: (PALETTE[place % count], STYLES[place // count % len(STYLES)])
        for place, name in enumerate(names)
    }


def label(name: str, limit: int = 30) -> str:
    """A name that fits beside a line or a bar."""
    text = " ".join(str(view.clean(name)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def log_ticks(axis_low: float, axis_high: float) -> list[float]:
    """1-2-5 steps within a range; only powers of ten where it is wide."""
    low, high = np.floor(np.log10(axis_low)), np.ceil(np.log10(axis_high))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    found = [m * 10.0**e for e in np.arange(low, high + 1) for m in steps]
    return [tick for tick in found if axis_low * 0.999 <= tick <= axis_high * 1.001]


def log_scale(axes: Axes, low: float, high: float) -> None:
    """A log axis upwards with plain numbers."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    ticks = log_ticks(low, high)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)


def _tidied(svg: bytes, title: str) -> str:
    """Without prologue, metadata and unused identifiers; with a text alternative."""
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    root = ET.fromstring(svg)
    for child in list(root):
        style = child.find(f"{{{_SVG}}}style")
        if child.tag == f"{{{_SVG}}}metadata" or style is not None:
            root.remove(child)
    for element in root.iter():
        if element.tag == f"{{{_SVG}}}g":
            element.attrib.pop("id", None)
        style_text = element.get("style", "")
        if "font" in style_text:
            element.set("style", style_text.replace("'DejaVu Sans', sans-serif", "sans-serif"))
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.set("role", "img")
    root.set("aria-label", title)
    head = ET.Element(f"{{{_SVG}}}title")
    head.text = title
    root.insert(0, head)
    return ET.tostring(root, encoding="unicode")
