"""Summaries as files, under a key that tells whether they still hold."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.analyse.campaigns.summary import Summary
from harness.base import reading, whole
from harness.base.errors import ResultError

NAME = "summary.json"
VERSION = 1  # raise it where a metric's formula changes: summaries of the old one are made anew
_SEAL_BYTES = 96  # at a result file's end: its own SHA-256, and what closes the JSON


@dataclass(frozen=True, slots=True)
class Kept:
    """What such a file holds."""

    version: int
    key: str
    summary: Summary


def key_of(folder: Path) -> str:
    """A text that changes with the stored campaign: made from the seals at the ends of its JSON
    files, which hold those of all others. Take it before you read what you summarise.

    A Parquet file that was damaged later does not change it: reading the campaign finds that.
    """
    made, root = hashlib.sha256(str(VERSION).encode()), os.fspath(folder)
    for path in _sealed_files(root):
        end = _end(path)
        if end is not None:
            made.update(os.fsencode(path[len(root) :]) + b"\0" + end)
    return made.hexdigest()


def keep(path: Path, key: str, made: Summary) -> None:
    """Keep a summary for the next time. What can't be kept is not worth failing for."""
    data = _adapter().dump_python(Kept(VERSION, key, made), mode="json")
    with suppress(OSError):
        whole.write(path, json.dumps(data, separators=(",", ":")).encode())


def kept(path: Path, key: str | None) -> Summary | None:
    """The summary that was kept under that key (None: under any); None where there is none."""
    try:
        found = _adapter().validate_python(reading.parsed(path))
    except (ResultError, ValidationError):
        return None
    return found.summary if found.version == VERSION and key in (None, found.key) else None


# Of a thousand campaigns these are some hundred thousand files: plain strings and descriptors take
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
def _adapter() -> TypeAdapter[Kept]:
    return TypeAdapter(Kept)
