"""Summaries as files, under a key that tells whether they still hold."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from harness.analyse import summary
from harness.analyse.summary import Summary

NAME = "summary.json"
VERSION = 1  # raise it where a metric's formula changes: summaries of the old one are made anew
_SEAL_BYTES = 96  # at a result file's end: its own SHA-256, and what closes the JSON


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
    data = {"version": VERSION, "key": key, "summary": summary.as_json(made)}
    part = None
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=".", suffix=".part", delete=False, encoding="utf-8"
        ) as file:
            part = Path(file.name)
            json.dump(data, file, separators=(",", ":"))
        part.chmod(0o644)
        part.replace(path)
        return
    if part is not None:
        part.unlink(missing_ok=True)


def kept(path: Path, key: str | None) -> Summary | None:
    """The summary that was kept under that key (None: under any); None where there is none."""
    try:
        data = json.loads(path.read_bytes())
        if data["version"] != VERSION or key not in (None, data["key"]):
            return None
        return summary.from_json(data["summary"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


# Of a thousand campaigns these are some hundred thousand files: plain strings and descriptors take
# a fifth of the time of Path.
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
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        size = os.fstat(file).st_size
        return os.pread(file, _SEAL_BYTES, max(0, size - _SEAL_BYTES))
    except OSError:
        return None
    finally:
        os.close(file)
