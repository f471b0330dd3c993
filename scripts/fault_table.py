"""Renew the table of docs/faults.md: what each framework does with wrong payloads and a kill.

python -m harness verify --all --benchmark sentiment --faults --json > faults.jsonl
python scripts/fault_table.py faults.jsonl
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from harness.base import paths

PAGE = paths.PROJECT / "docs" / "faults.md"
COLUMNS = ("not JSON", "wrong type", "empty text", "10 MB of text", "unknown name", "worker killed")
RPC = {
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    8: "RESOURCE_EXHAUSTED",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
}
BEGIN, END = "<!-- made by scripts/fault_table.py -->\n", "<!-- end -->"


def cell(fault: dict[str, Any] | None) -> str:
    """One fault, in a word or a few."""
    if fault is None:
        return ""
    if fault["fault"] == "worker killed":
        parts = fault["said"].split("; ", 1)
        said = parts[-1]
        gone = fault["serves"] or "gone" in said
        return said if gone else f"{said}, nor in the 20 s after"
    status = fault["status"]
    shown = RPC.get(status, str(status)) if status else f"no answer: {fault['said'][:60]}"
    return shown if fault["serves"] else f"{shown}, then nothing"


def line(row: dict[str, Any]) -> str:
    """A variant's row."""
    faults = {fault["fault"]: fault for fault in row["faults"]}
    cells = [cell(faults.get(name)) for name in COLUMNS]
    named = f"`{row['variant']}` {row['version'] or ''}".strip()
    return "| " + " | ".join([named, *(text.replace("|", "\\|") for text in cells)]) + " |"


def main(path: str) -> None:
    """Put the table of a file of `verify --faults --json` into the page."""
    rows = [json.loads(text) for text in Path(path).read_text(encoding="utf-8").splitlines()]
    head = [f"| variant | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    table = "\n".join([*head, *(line(row) for row in rows if row["faults"])])
    page = PAGE.read_text(encoding="utf-8")
    made = re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}{table}\n{END}", page, flags=re.S)
    PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
