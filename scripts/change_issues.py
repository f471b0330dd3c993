"""An issue for each variant that changed, closed when the change goes.

    python -m harness history --json > history.json
    python scripts/change_issues.py history.json [--dry-run]

There is one open issue at most for a variant on a benchmark. It is opened when a change point of
the last nights is not the host's doing, and closed when no change point is left that it names:
because later nights showed it to be chance, or because the number came back. An issue that a
person closed is not opened again for the same change. Uses the GitHub command line, `gh`.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

LABEL = "change-point"
_DAYS = 7  # within which a change point may move as more nights come
_BACK = 0.5  # of a change that a later one must take back for the number to have come back
_SERIES = ("variant", "benchmark", "metric", "machine", "preset")
_MARK = re.compile(r"<!-- change-point (\S+) -->")

Change = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issue:
    """One that this script opened."""

    number: int
    title: str
    open: bool
    days: tuple[datetime, ...]  # of the changes that it names


def title_of(variant: str, benchmark: str) -> str:
    """What tells the issue of a variant on a benchmark from others."""
    return f"{variant} on {benchmark} changed"


def standing(changes: list[Change]) -> dict[str, list[Change]]:
    """By the title of their issue: changes not caused by the host that still hold."""
    series: dict[tuple[str, ...], list[Change]] = {}
    for change in sorted(changes, key=lambda change: change["started_at"]):
        if change["cause"] == "host":
            continue
        held = series.setdefault(tuple(change[key] for key in _SERIES), [])
        if held and _takes_back(change, held[-1]):
            held.pop()
        else:
            held.append(change)
    found: dict[str, list[Change]] = {}
    for held in series.values():
        for change in held:
            title = title_of(change["variant"], change["benchmark"])
            found.setdefault(title, []).append(change)
    return found


def _takes_back(change: Change, before: Change) -> bool:
    """Whether a change undoes most of the one before it."""
    step = math.log(before["ratio"])
    return abs(step + math.log(change["ratio"])) < (1 - _BACK) * abs(step)


def body_of(changes: list[Change]) -> str:
    """The issue's text: a table, and marks by which the changes are known again."""
    lines = ["| since | number | change | cause | what else changed |", "|" + " --- |" * 5]
    for change in changes:
        percent = f"{100 * (change['ratio'] - 1):+.1f}% ({change['verdict']})"
        what = ", ".join(change["what"]) or "nothing known"
        cells = (change["started_at"][:10], change["metric"], percent, change["cause"], what)
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    marks = sorted({f"<!-- change-point {change['started_at']} -->" for change in changes})
    note = "Opened by the nightly run; it is closed when the change goes."
    return "\n".join([note, "", *lines, "", *marks, ""])


def _cell(text: str) -> str:
    plain = " ".join(text.split())
    return re.sub(r"[^\w\s.,:;()+%/→-]", lambda sign: f"&#{ord(sign[0])};", plain)


def known_by(issue: Issue, change: Change) -> bool:
    """Whether an issue names a change, which may have moved by some days since."""
    when = datetime.fromisoformat(change["started_at"])
    return any(abs((when - day).days) <= _DAYS for day in issue.days)


def issues() -> list[Issue]:
    """Every issue with the label."""
    asked = ("--label", LABEL, "--state", "all", "--limit", "1000")
    said = _gh("issue", "list", *asked, "--json", "number,title,state,body")
    return [
        Issue(
            each["number"],
            each["title"],
            each["state"].upper() == "OPEN",
            tuple(datetime.fromisoformat(text) for text in _MARK.findall(each["body"])),
        )
        for each in json.loads(said)
    ]


def settle(changes: list[Change], dry_run: bool) -> None:
    """Open what is new, close what is gone."""
    if not dry_run:
        _gh("label", "create", LABEL, "--force", "--description", "A number changed for good")
    known = issues()
    now = standing(changes)
    for issue in known:
        left = [change for change in now.get(issue.title, []) if known_by(issue, change)]
        if issue.open and not left:
            _act(dry_run, "issue", "close", str(issue.number), "--comment", "The change is gone.")
    for title, ours in now.items():
        named = [issue for issue in known if issue.title == title]
        new = [c for c in ours if c["recent"] and not any(known_by(i, c) for i in named)]
        if not new:
            continue
        alive = next((issue for issue in named if issue.open), None)
        if alive is None:
            _act(
                dry_run,
                *("issue", "create", "--title", title, "--label", LABEL, "--body-file", "-"),
                text=body_of(ours),
            )
        else:
            number = str(alive.number)
            _act(dry_run, "issue", "edit", number, "--body-file", "-", text=body_of(ours))


def _act(dry_run: bool, *arguments: str, text: str = "") -> None:
    print(" ".join(["gh", *arguments]), flush=True)
    if not dry_run:
        _gh(*arguments, text=text)


def _gh(*arguments: str, text: str = "") -> str:
    done = subprocess.run(
        ["gh", *arguments], input=text, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def main() -> None:
    """Read a history, settle its issues."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("history", type=Path, help="What `history --json` printed.")
    parser.add_argument("--dry-run", action="store_true", help="Show what would be done.")
    options = parser.parse_args()
    try:
        settle(json.loads(options.history.read_text())["changes"], options.dry_run)
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is not there.")
    except subprocess.CalledProcessError as error:
        sys.exit(f"gh {' '.join(error.cmd[1:3])} failed with code {error.returncode}; see above.")


if __name__ == "__main__":
    main()
