"""How untrusted stored files are read: no traceback, no wait, and bounded memory."""

from __future__ import annotations

import json
import os
import select
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.base.errors import HarnessError, ResultError, UsageError

_PIECE_BYTES = 1 << 20  # of a pipe or a file, read at once
MOST_BYTES = 16 << 20  # of a file of JSON: those of campaigns with thousands of runs have some MB
_MOST = 1e18  # of a number: nanoseconds, bytes and rates are all below
_ODD = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RecursionError),
    *(RuntimeWarning, TypeError, ValueError),
)


def content(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most that size. Raises ResultError for any other."""
    try:
        # Not blocking: a FIFO may never get a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ResultError(f"{path} can't be read: it is not a regular file.")
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise ResultError(f"{path} can't be read: {error.strerror or error}.") from error
    if len(data) > most_bytes:
        raise ResultError(
            f"{path} has more than {most_bytes >> 20} MiB, which is too large for such a file."
        )
    return data


def given(path: Path, most_bytes: int) -> bytes:
    """The same of a file that a user named, or wrote. Raises UsageError."""
    try:
        return content(path, most_bytes)
    except ResultError as error:
        raise UsageError(str(error)) from error


def arriving(path: Path, most_bytes: int, within_s: float) -> bytes:
    """What a user's file or pipe has, or the first bytes of more than that size.

    Raises UsageError, also where nothing comes from a pipe for so long.
    """
    found = bytearray()
    try:
        # Not blocking: to open a FIFO would wait for a writer, who may never come.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", 0) as file:
            while len(found) <= most_bytes:
                if not select.select([file], [], [], within_s)[0]:
                    raise UsageError(
                        f"Nothing came from {path} for {within_s:g} s: nobody writes to this pipe, "
                        "or its writer does not close it."
                    )
                if not (piece := file.read(_PIECE_BYTES)):
                    break
                found += piece
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}.") from error
    return bytes(found)


def parsed(path: Path) -> Any:
    """The JSON in a file. Raises ResultError where it is none, or its numbers are none."""
    data = content(path)
    try:
        return json.loads(
            data, parse_int=_whole, parse_float=_finite, parse_constant=lambda _: _finite("nan")
        )
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path} can't be read: it is truncated or not a result file.") from error


@contextmanager
def made_sense_of(what: Path) -> Iterator[None]:
    """Numbers of the right type that were not measured may break formulas made for those that were.
    Raises ResultError, which names the file, where they do."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            yield
    except HarnessError:
        raise
    except _ODD as error:
        said = " ".join(str(error).split())[:200]
        raise ResultError(
            f"{what} can't be understood: it holds values that no measurement gives "
            f"({type(error).__name__}{': ' if said else ''}{said})."
        ) from error


def _whole(text: str) -> int:
    value = int(text)
    if abs(value) > _MOST:
        raise ValueError(f"{text} is out of range")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not abs(value) <= _MOST:
        raise ValueError(f"{text} is out of range")
    return value
