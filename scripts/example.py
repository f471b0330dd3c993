"""The campaign that comes with the project, and what shows it.

    python scripts/example.py CAMPAIGN     make that stored campaign the example, and renew the rest
    python scripts/example.py              renew what shows it: README, docs/example.md, the picture

The copy is called `example`. It lacks the servers' logs, and names neither this machine nor its
folders; the store writes and seals it anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import socket
import sys
import tempfile
import textwrap
from enum import Enum
from pathlib import Path
from typing import Any

import picture
from harness.analyse.cost import prices
from harness.analyse.field import comparison
from harness.analyse.run import digest
from harness.base import paths
from harness.base.errors import HarnessError, ResultError, UsageError, unknown
from harness.report import formats
from harness.report.page.view import Report
from harness.report.text import github
from harness.stored import store

EXAMPLE = paths.PROJECT / "results" / store.EXAMPLE
README = paths.PROJECT / "README.md"
PAGE = paths.PROJECT / "docs" / "example.md"
PICTURE = paths.PROJECT / "docs" / "images" / "report.png"
LIMIT_BYTES = 10_000_000
BEGIN, END = "<!-- made by scripts/example.py -->\n", "<!-- end -->\n"
# Where people and systems keep what is their own; a server's URL has none of these paths.
PLACE = re.compile(r"(?<![\w/.~:])/(?:tmp|home|root|work|opt|srv|mnt|var|Users)(?:/[\w.@+-]+)+")
_WIDTH = 100
_ABOUT = """\
# An example

The report of the campaign in `results/example`, as `report example --format markdown` writes it.
`make example` writes the page with all charts, `reports/example/index.html`; neither needs a
server. `python scripts/example.py` makes this page, the README's picture and its caption.
"""


def copy(source: Path, goal: Path) -> None:
    """Make a stored campaign the example. Raises HarnessError where it is not whole, or too big."""
    plan = store.read_campaign(source)
    places = dict(store.stored(source, plan.cells))
    if missing := [str(cell) for cell in plan.cells if cell not in places]:
        raise ResultError(f"{source} is not finished: {missing[0]} is not stored.")
    part = Path(tempfile.mkdtemp(prefix=".example-", dir=goal.parent))
    try:
        command = re.sub(r" --campaign[ =]\S+", "", plan.command)
        named = dataclasses.replace(plan, id=store.EXAMPLE, command=command)
        store.write_campaign(part, without_places(named))
        for cell, place in places.items():
            run = digest.read_cell(place, plan, cell)
            facts = dataclasses.replace(run.facts, campaign=store.EXAMPLE)
            store.write_run(part, dataclasses.replace(run, facts=without_places(facts), log=""))
        size = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
        if size > LIMIT_BYTES:
            raise ResultError(f"{source} has {size} bytes without its logs, over {LIMIT_BYTES}.")
        part.chmod(0o755)
        shutil.rmtree(goal, ignore_errors=True)
        part.rename(goal)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def without_places(value: Any) -> Any:
    """A record whose texts don't tell where this project, its cache, its user and host are."""
    if isinstance(value, Enum):  # one of a few words of the harness's own
        return value
    if isinstance(value, str):
        for place, name in _private().items():
            value = re.sub(rf"(?<![\w/]){re.escape(place)}(?!\w)", name, value)
        return PLACE.sub("…", value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value)]
        changed = {name: without_places(getattr(value, name)) for name in fields}
        return dataclasses.replace(value, **changed)
    if isinstance(value, dict):
        return {key: without_places(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(without_places(inner) for inner in value)
    return value


def _private() -> dict[str, str]:
    """Each place that must not be told, with what stands for it, the longest first."""
    found = {
        str(paths.PROJECT): ".",
        str(paths.cache_dir()): "~/.cache/serving-harness",
        str(Path.home()): "~",
        socket.gethostname(): "host",
    }
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def content(folder: Path) -> str:
    """A digest that changes with any file of a campaign."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        found.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def report_of(folder: Path) -> Report:
    """The facts that are told of a campaign."""
    digested = digest.of_campaign(folder)
    if digested.damaged:
        raise ResultError(digested.damaged[0].message)
    return Report(digested, comparison.compare(digested), prices.load())


def answers(report: Report) -> list[str]:
    """The leading variant, a sentence for each ranking."""
    found: list[str] = json.loads(_made(report, "json"))["headlines"]
    return found


def made_from(report: Report) -> dict[str, str]:
    """The subject of the picture: the files, and the report's present text about them."""
    return {"content": content(report.digested.folder), "answers": "\n".join(answers(report))}


def page(report: Report) -> str:
    """docs/example.md."""
    _, *lines = _made(report, "markdown").splitlines()
    return _ABOUT + "\n".join(map(_wrapped, lines)) + "\n"


def caption(report: Report) -> str:
    """The text between the marks of the README."""
    campaign = report.campaign
    facts = campaign.environment
    where = f"{facts.get('machine', 'an unknown machine')}, {facts.get('cpus', '?')} CPUs"
    when = campaign.started_at[:10]
    about = f"Preset `{campaign.preset}` on {github.text(where)}, {when}:"
    lines = [f"- {github.text(answer)}" for answer in answers(report)]
    shown = "![The first screen of the report](docs/images/report.png)"
    return "\n".join([shown, "", _wrapped(about), "", *map(_wrapped, lines)]) + "\n"


def with_caption(readme: str, report: Report) -> str:
    """The README with the caption of today."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UsageError(f"README.md lacks the lines {BEGIN.strip()} and {END.strip()}.")
    return before + BEGIN + caption(report) + END + after


def _made(report: Report, form: str) -> str:
    text = formats.load()[form].make(report)
    assert isinstance(text, str)
    return text


def _wrapped(line: str) -> str:
    if line.startswith("|") or len(line) <= _WIDTH:
        return line
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(
        line,
        _WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def main(names: list[str]) -> None:
    """Copy the campaign that is named, if any, and renew what shows the example."""
    if names:
        known = store.names(paths.results_dir())
        if names[0] not in known:
            raise unknown("campaign", names[0], known)
        if names[0] != store.EXAMPLE:
            copy(paths.results_dir() / names[0], EXAMPLE)
    report = report_of(EXAMPLE)
    PAGE.write_text(page(report), encoding="utf-8")
    README.write_text(with_caption(README.read_text(encoding="utf-8"), report), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        opened = Path(folder) / "index.html"
        opened.write_text(_made(report, "html"), encoding="utf-8")
        picture.take(opened, PICTURE, made_from(report))
    for path in (EXAMPLE, PAGE, README, PICTURE):
        print(path.relative_to(paths.PROJECT))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (HarnessError, OSError) as error:
        sys.exit(f"error: {error}")
