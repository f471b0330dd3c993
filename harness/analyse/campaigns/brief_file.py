"""Briefs as files, under a key that tells whether they still hold."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.analyse.campaigns import brief, nights
from harness.analyse.campaigns.brief import Brief
from harness.analyse.campaigns.summary import Summary
from harness.analyse.run import digest
from harness.base import caches, paths, reading, whole
from harness.base.errors import ResultError, StoreError

NAME = "summary.json"
VERSION = 2  # of the file; 1 had no night
_NO_NUMBERS = ("measure", "report", "cli", "frames")  # parts that make no numbers of stored runs
_KIND = "campaigns"  # of the cache
_SEAL_BYTES = 96  # at a result file's end: its own SHA-256, and what closes the JSON


def key_of(folder: Path) -> str:
    """A text that changes with the stored campaign, and with the code that makes numbers of it:
    made from the seals at the ends of its JSON files, which hold those of all others, and from the
    sizes of those others. Take it before you read what you keep. A copy has the same.
    """
    known, root = hashlib.sha256(f"{VERSION} {_code()}".encode()), os.fspath(folder)
    for path in _sealed_files(root):
        end = _end(path)
        if end is not None:
            known.update(os.fsencode(path[len(root) :]) + b"\0" + end)
            known.update(_sizes(path.removesuffix("run.json")))
    return known.hexdigest()


@cache
def _code() -> str:
    """A digest of the code that computes numbers from runs."""
    own = sorted(
        path
        for path in (paths.PROJECT / "harness").rglob("*.py")
        if path.relative_to(paths.PROJECT).parts[1] not in _NO_NUMBERS
    )
    return hashlib.sha256(b"".join(path.read_bytes() for path in own)).hexdigest()


def of_stored(folder: Path, reports: Path) -> Brief:
    """The brief of a stored campaign: the one kept under its key, or a new one from all its files.

    Raises what reading does.
    """
    key = key_of(folder)
    for path in (reports / folder.name / NAME, _cached(key)):
        found = _kept_brief(path, key)
        if found is not None:
            return found
    new = made(folder)
    with suppress(StoreError):
        caches.folder(_KIND)
        keep(_cached(key), key, new)
    return new


def made(folder: Path) -> Brief:
    """The brief of a stored campaign, from all its files. Raises the errors of reading."""
    with reading.made_sense_of(folder):
        return brief.of(digest.of_campaign(folder))


def summary_of(folder: Path, reports: Path, key: str) -> Summary | None:
    """The summary of a stored campaign, where something was kept under that key."""
    found = (kept(path, key) for path in (reports / folder.name / NAME, _cached(key)))
    return next((summary for summary in found if summary is not None), None)


def _cached(key: str) -> Path:
    return paths.cache_dir() / _KIND / f"{key[:32]}.json"


def keep(path: Path, key: str, made: Brief) -> None:
    """Keep a brief for the next time. What can't be kept is not worth failing for."""
    data = {"version": VERSION, "key": key, **_adapter(Brief).dump_python(made, mode="json")}
    with suppress(OSError):
        whole.write(path, json.dumps(data, separators=(",", ":")).encode())


def kept(path: Path, key: str | None) -> Summary | None:
    """The summary that was kept under that key (None: under any); None where there is none.

    What else is in the file is not looked at: of a list of thousands it would take half the time.
    """
    found = _data(path, key)
    return None if found is None else _summary(found)


def _kept_brief(path: Path, key: str) -> Brief | None:
    """All of it; None too where nothing is said of a night."""
    found = _data(path, key)
    summary = None if found is None else _summary(found)
    if found is None or summary is None:
        return None
    no_night = str(found.get("no_night") or "")
    if found.get("night") is None:
        return Brief(summary, None, no_night) if no_night else None
    with suppress(ResultError):
        return Brief(summary, nights.of_data(found["night"], path))
    return None


def _data(path: Path, key: str | None) -> dict[str, Any] | None:
    with suppress(ResultError, LookupError, TypeError):
        found: dict[str, Any] = reading.parsed(path)
        same = found["version"] == VERSION and found["key"] == key
        if key is None:  # whatever is known of what is gone
            same = found["version"] <= VERSION
        return found if same else None
    return None


def _summary(found: dict[str, Any]) -> Summary | None:
    with suppress(ValidationError, LookupError):
        summary: Summary = _adapter(Summary).validate_python(found["summary"])
        return summary
    return None


# A thousand campaigns have some hundred thousand such files: plain strings and descriptors take
# half the time of Path.
def _sealed_files(folder: str) -> Iterator[str]:
    """The plan and the runs of a campaign, in an order of their own."""
    yield f"{folder}/campaign.json"
    for benchmark in _folders(folder):
        for variant in _folders(benchmark):
            for place in _folders(variant):
                yield f"{place}/run.json"


def _folders(folder: str) -> list[str]:
    with suppress(OSError), os.scandir(folder) as found:
        names = sorted(e.name for e in found if not e.name.startswith(".") and e.is_dir())
        return [f"{folder}/{name}" for name in names]
    return []


def _sizes(folder: str) -> bytes:
    """The names and sizes of the files in a run's folder; nothing if it is not one."""
    with suppress(OSError), os.scandir(folder) as found:
        sizes = sorted(f"{e.name}:{e.stat().st_size}" for e in found if e.is_file())
        return os.fsencode(" ".join(sizes))
    return b""


def _end(path: str) -> bytes | None:
    """The end of a file; None where it can't be read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        size = os.fstat(file).st_size
        return os.pread(file, _SEAL_BYTES, max(0, size - _SEAL_BYTES))
    except OSError:
        return None
    finally:
        os.close(file)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
