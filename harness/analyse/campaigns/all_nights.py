"""Every campaign of some folders as a night, the oldest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.analyse.campaigns import brief_file, nights
from harness.analyse.campaigns.nights import SUFFIX, Night
from harness.base import paths
from harness.base.errors import HarnessError, ResultError
from harness.stored import store

Tell = Callable[[str], None]


def read(folders: Sequence[Path], tell: Tell, renamed: dict[str, str] | None = None) -> list[Night]:
    """Every campaign and every summary in some folders, the oldest first, each campaign once;
    `renamed` has new names of variants by old ones.

    What can't be read is told in a sentence that names it, and left out.
    """
    found: dict[str, Night] = {}
    for folder in folders:
        for path in store.campaigns(folder) + sorted(folder.glob(f"*{SUFFIX}")):
            try:
                night = nights.load(path) if path.name.endswith(SUFFIX) else _of_stored(path)
            except HarnessError as error:
                tell(f"left out: {error}")
                continue
            if found.setdefault(night.campaign, night) is night:
                for problem in night.problems:
                    tell(f"{night.campaign}: {problem}")
    ordered = sorted(found.values(), key=lambda night: (night.started_at, night.campaign))
    return [nights.with_names(night, renamed) for night in ordered] if renamed else ordered


def _of_stored(folder: Path) -> Night:
    brief = brief_file.of_stored(folder, paths.reports_dir())
    if brief.night is None:
        raise ResultError(brief.no_night)
    return brief.night
