"""The campaigns and their summaries, for the page that lists them."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.analyse.campaigns import brief_file, summary
from harness.analyse.campaigns.brief import Brief
from harness.analyse.campaigns.summary import Summary
from harness.base.errors import HarnessError
from harness.stored import store

NOT_YET = "Its runs have not been read for this page yet: run `python -m harness report`."
GONE = "Its results are no longer here."
Say = Callable[[str], None]
_WORTH_A_WORD = 20  # campaigns to read, before anything is said of it


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCampaign:
    """A campaign in the list."""

    name: str  # of its folders
    at: str  # when it began, ISO 8601; of what can't be read, when its file was written
    preset: str  # empty where it is not known
    machine: str  # likewise
    summary: Summary | None
    problem: str  # why the summary is missing, or a warning for its reader; or empty
    has_report: bool


def gather(results: Path, reports: Path, limit_s: float | None, say: Say) -> list[ListedCampaign]:
    """Every campaign that is stored or reported, newest first.

    Those without a summary are read, the newest first, until `limit_s` has passed (None: all).
    """
    stored = {folder.name for folder in store.campaigns(results)}
    reported = {
        p.parent.name for f in ("index.html", brief_file.NAME) for p in reports.glob(f"*/{f}")
    } - {store.EXAMPLE}
    known = {name: _kept(results / name, reports / name) for name in stored}
    unread = sorted((n for n in stored if known[n][1] is None), key=_written(results), reverse=True)
    if len(unread) >= _WORTH_A_WORD:
        say(f"reads {len(unread)} campaigns once, for the list of all campaigns")
    end = None if limit_s is None else time.monotonic() + limit_s
    entries = [_entry(name, reports, found) for name, (_, found) in known.items() if found]
    for name in unread:
        late = end is not None and time.monotonic() >= end
        entries.append(_read(results / name, reports, known[name][0], late))
    entries += [_only_reported(name, reports) for name in reported - stored]
    return sorted(entries, key=lambda entry: (entry.at, entry.name), reverse=True)


def remember(folder: Path, reports: Path, key: str, made: Brief) -> None:
    """Keep the brief of a campaign that has just been read; the key is from before that."""
    brief_file.keep(reports / folder.name / brief_file.NAME, key, made)


def _kept(folder: Path, report: Path) -> tuple[str, Summary | None]:
    """The key of what is stored now, and the summary under it."""
    key = brief_file.key_of(folder)
    return key, brief_file.summary_of(folder, report.parent, key)


def _entry(name: str, reports: Path, found: Summary, problem: str = "") -> ListedCampaign:
    has_report = (reports / name / "index.html").exists()
    return ListedCampaign(
        name=name,
        at=found.started_at,
        preset=found.preset,
        machine=found.machine,
        summary=found,
        problem=problem,
        has_report=has_report,
    )


def _read(folder: Path, reports: Path, key: str, late: bool) -> ListedCampaign:
    """A campaign without a summary: read now, or only its plan where it is late."""
    has_report = (reports / folder.name / "index.html").exists()
    try:
        if late:
            plan = store.read_campaign(folder)
            machine = summary.machine_of(plan)
            at, preset = plan.started_at, plan.preset
            return ListedCampaign(
                name=folder.name,
                at=at,
                preset=preset,
                machine=machine,
                summary=None,
                problem=NOT_YET,
                has_report=has_report,
            )
        made = brief_file.made(folder)
    except HarnessError as error:
        # The campaign's folder differs from machine to machine; the page must not.
        said = str(error).replace(f"{folder}/", "").replace(str(folder), folder.name)
        return ListedCampaign(
            name=folder.name,
            at=_mtime(folder),
            preset="",
            machine="",
            summary=None,
            problem=said,
            has_report=has_report,
        )
    remember(folder, reports, key, made)
    return _entry(folder.name, reports, made.summary)


def _only_reported(name: str, reports: Path) -> ListedCampaign:
    """A campaign whose results were removed; its summary may be there still."""
    found = brief_file.kept(reports / name / brief_file.NAME, None)
    if found is not None:
        return _entry(name, reports, found, GONE)
    return ListedCampaign(
        name=name,
        at="",
        preset="",
        machine="",
        summary=None,
        problem=GONE,
        has_report=(reports / name / "index.html").exists(),
    )


def _written(results: Path) -> Callable[[str], str]:
    return lambda name: _mtime(results / name)


def _mtime(folder: Path) -> str:
    with suppress(OSError):
        seconds = (folder / "campaign.json").stat().st_mtime
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        return moment.isoformat(timespec="seconds")
    return ""
