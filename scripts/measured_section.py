"""The section of a page of docs/ that a script makes of stored campaigns."""

from __future__ import annotations


def renewed(page: str, body: str, begin: str, end: str) -> str:
    """The page with that section between the two marks, or at its end if it has none yet."""
    made = f"{begin}## Measured\n\n{body}\n{end}"
    before, found, rest = page.partition(begin)
    if not found:
        return f"{page.rstrip()}\n\n{made}"
    return before + made + rest.partition(end)[2]
