"""Foreign text in Markdown, as GitHub renders it: it stays the text that it is."""

from __future__ import annotations

import re

from harness.report.page import view

_PLAIN = re.compile(r"[\w.@/+-]+(?: [\w.@/+-]+)*")
# Markup, and then what GitHub makes links, pictures or formulas of wherever it stands: mentions and
# addresses, issues, commits, emoji, URLs, mathematics.
_ACTIVE = re.compile(
    r"[\\`*_\[\]~<>&|]"
    r"|[@$]"
    r"|\#(?=\d)"
    r"|(?i:(?<=gh)-(?=\d))"
    r"|:(?=//|[\w+-]+:)"
    r"|(?i:(?<=www)\.)"
    r"|\b[0-9a-f]{7,}\b"
)
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}
_MARKUP = "\\`*_[]~"
_SHORT = 6  # fewer hexadecimal digits may not be a commit
_LINE_START = re.compile(r"[#+=-]|\d+(?=[.)])")


def text(value: str, longest: int = 300) -> str:
    """In one line, wherever text may stand; cut where it is longer."""
    line = _line(value, longest)
    made = _ACTIVE.sub(_still, line)
    start = _LINE_START.match(line)
    if start is None:
        return made
    # Else it would begin a heading or a list.
    if start[0].isdigit():
        return re.sub(r"[.)]", r"\\\g<0>", made, count=1)
    return made if made.startswith("<") else f"\\{made}"


def code(value: str, longest: int = 60) -> str:
    """A name in a code span; as text where a code span could not hold it in a table."""
    line = _line(value, longest)
    return f"`{line}`" if _PLAIN.fullmatch(line) else text(value, longest)


def _line(value: str, longest: int) -> str:
    line = " ".join(str(view.clean(value)).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _still(match: re.Match[str]) -> str:
    found = match[0]
    if found in _ENTITIES:
        return _ENTITIES[found]
    # In a tag of its own, a sign is not beside what makes it active: GitHub looks at stretches of
    # text, after entities and backslashes are gone.
    if found in _MARKUP:
        return f"\\{found}"
    parts = (found[at : at + _SHORT] for at in range(0, len(found), _SHORT))
    return "".join(f"<span>{part}</span>" for part in parts)
