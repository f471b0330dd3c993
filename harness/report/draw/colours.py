"""One colour and one mark for each framework: the same in every picture and table of a report.

The page's style sheet holds the colours as the variables `--f0` to `--f15`, and others for the
dark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from markupsafe import Markup

from harness.analyse.field.comparison import Comparison

SLOTS = 16  # colours of the style sheet: eight hues in two tones
# About 9 units across, drawn from their middle.
MARKS = (
    "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "m-3.5-3.5h7v7h-7z",
    "m0-4.6l4.3 7.8h-8.6z",
    "m0-4.8l4.8 4.8-4.8 4.8-4.8-4.8z",
    "m0 4.6l4.3-7.8h-8.6z",
    "m-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
    "m-4-2.2l1.8-1.8 2.2 2.2 2.2-2.2 1.8 1.8-2.2 2.2 2.2 2.2-1.8 1.8-2.2-2.2-2.2 2.2-1.8-1.8 "
    "2.2-2.2z",
    "m0-5l1.3 3.3 3.5.2-2.7 2.2.9 3.4-3-1.9-3 1.9.9-3.4-2.7-2.2 3.5-.2z",
)
_DASHES = 5  # line styles in charts.css, for the variants of one framework


@dataclass(frozen=True, slots=True)
class Look:
    """How a variant is drawn: its framework's colour and mark, and a line style of its own."""

    slot: int | None  # of the colours; None: a reference point, which is grey
    mark: int  # of MARKS
    dash: int = 0

    @property
    def classes(self) -> str:
        """Classes of the style sheet: the colour becomes the element's `color`."""
        return f"{'ref' if self.slot is None else f'f{self.slot}'} d{self.dash}"

    @property
    def outline(self) -> str:
        """Its mark as a path, drawn from the middle."""
        return MARKS[self.mark]

    @property
    def swatch(self) -> Markup:
        """The mark in its colour, to stand before a name in the page; readers hear nothing."""
        opened = Markup('<svg class="swatch {}" viewBox="-6 -6 12 12" aria-hidden="true">')
        return opened.format(self.classes) + Markup('<path d="M0 0{}"/></svg>').format(self.outline)


def of_frameworks(names: Iterable[str]) -> dict[str, Look]:
    """The look of each framework.

    Its place comes from its name, so that it keeps it from report to report, but where an earlier
    name took it already; the mark tells those apart that have to share a colour.
    """
    taken = [0] * SLOTS
    found = {}
    for name in sorted(set(names)):
        wanted = crc32(name.encode("utf-8", "surrogatepass"))
        slots = ((wanted + step) % SLOTS for step in range(SLOTS))
        slot = next(slot for slot in slots if taken[slot] == min(taken))
        found[name] = Look(slot, (slot + taken[slot]) % len(MARKS))
        taken[slot] += 1
    return found


def of_variants(comparisons: Iterable[Comparison]) -> dict[str, Look]:
    """The look of each variant of a report."""
    servers = {row.variant: row.server for each in comparisons for row in each.rows}
    known = of_frameworks(s.framework for s in servers.values() if not s.reference)
    family: dict[str, int] = {}
    found: dict[str, Look] = {}
    for name in sorted(servers):
        server = servers[name]
        place = family.get(server.framework, 0)
        family[server.framework] = place + 1
        if server.reference:
            found[name] = Look(None, sum(look.slot is None for look in found.values()) % 2, 2)
        else:
            base = known[server.framework]
            found[name] = Look(base.slot, base.mark, place % _DASHES)
    return found
