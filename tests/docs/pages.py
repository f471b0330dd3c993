"""The project's pages, cut up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.base import paths

_GENERATED = {"results", "reports", "build", "node_modules"}


def text(name: str) -> str:
    """A page, by its path in the project."""
    return (paths.PROJECT / name).read_text(encoding="utf-8")


def markdown() -> Iterator[Path]:
    """Every page that the project ships."""
    for path in sorted(paths.PROJECT.rglob("*.md")):
        folders = path.relative_to(paths.PROJECT).parts[:-1]
        if not any(part.startswith(".") or part in _GENERATED for part in folders):
            yield path


def section(page: str, heading: str) -> str:
    """What stands below a heading, down to the next one of its level or a higher one."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n", page, flags=re.M)
    if found is None:
        return ""
    rest = page[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, flags=re.M)
    return rest[: end.start()] if end else rest


def rows(part: str) -> Iterator[list[str]]:
    """The cells of every table row, headings left out."""
    for line in re.sub(r"^\|.*\n\|[-| ]+\|$", "", part, flags=re.M).splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line.strip("|"))
            yield [cell.strip() for cell in cells]


def coded(part: str) -> set[str]:
    """Everything in backticks."""
    return set(re.findall(r"`([^`\n]+)`", part))


def without_code(page: str) -> str:
    """The page without its fenced blocks and its code in the line."""
    return re.sub(r"`[^`\n]+`", "", re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S))
