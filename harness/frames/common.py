"""The needs of all frames: pandas, the campaign, and a warning about omitted data."""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path

from harness.base import paths
from harness.base.errors import UsageError, unknown
from harness.stored import store

if importlib.util.find_spec("pandas") is None:
    raise UsageError(
        "harness.frames needs pandas, which is not installed: python -m pip install "
        "'serving-harness[frames]', or -r requirements-frames.txt in the project's folder."
    )

Name = str | os.PathLike[str]


class DamagedWarning(UserWarning):
    """A stored result that can't be read is left out."""


def folder_of(campaign: Name) -> Path:
    """The folder of a campaign, from its name or path. Raises UsageError."""
    given = Path(campaign)
    named = paths.results_dir() / given.name
    if str(campaign) == given.name and (named / "campaign.json").exists():
        return named
    if (given / "campaign.json").exists():
        return given
    if str(campaign) != given.name:
        raise UsageError(f"There is no campaign in {given}: it has no campaign.json.")
    raise unknown("campaign", given.name, store.names(paths.results_dir()))


def warn(message: str) -> None:
    warnings.warn(f"left out: {message}", DamagedWarning, stacklevel=2)
