"""How commands talk: what comes from elsewhere can't act on a terminal, and no secret is told.

A server's answer, a file's text or a campaign's name may hold a line break, which would forge a
line of the harness's own, or what moves a terminal's cursor.
"""

from __future__ import annotations

import errno
import os
import sys
import unicodedata

import click

from harness.base.errors import StoreError
from harness.base.secrecy import conceal

_FAILED: list[OSError] = []  # of standard output


def begin() -> None:
    """Keep the numbers of standard streams that the caller closed: another file would otherwise get
    the output. Text for standard output then goes to standard error."""
    closed = [number for number in range(3) if not _is_open(number)]
    for _ in closed:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if 2 in closed:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    if 1 in closed:
        _FAILED.append(OSError(errno.EBADF, "it is closed"))
        sys.stdout = sys.stderr


def line(text: object = "", *, err: bool = False) -> None:
    """One line, whatever the text is."""
    _echo(one(str(text)), err=err, nl=True)


def lines(text: str, *, err: bool = False, nl: bool = True) -> None:
    """A text of the harness's own that has several lines; what it was given is in one each."""
    _echo("\n".join(one(part) for part in text.split("\n")), err=err, nl=nl)


def document(text: str) -> None:
    """Print text that another program or a file may receive, byte by byte; on a terminal as
    `lines`."""
    if sys.stdout.isatty():
        lines(text, nl=False)
    else:
        _echo(conceal(text), err=False, nl=False)


def one(text: str) -> str:
    """The text in one line, with unprintable characters written as Python escapes."""
    text = conceal(text)
    if text.isprintable():
        return text
    return "".join(c if _is_text(c) else ascii(c)[1:-1] for c in text)


def require_told() -> None:
    """Raises StoreError where standard output could not be written; what was to go there went to
    standard error instead: it may have taken hours to find out."""
    for error in _FAILED[:1]:
        raise StoreError(
            f"Standard output can't be written: {error.strerror or error}. It was written "
            "to standard error instead."
        ) from error


def lost() -> str:
    """Why standard output can't be written, where others were to find out, as click with its help;
    else empty. What they wrote is not told elsewhere: anybody can ask for it again."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError as error:
        _leave_standard_output()
        return f"Standard output can't be written: {error.strerror or error}."
    return ""


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _echo(text: str, *, err: bool, nl: bool) -> None:
    try:
        click.echo(text, err=err, nl=nl)
    except BrokenPipeError:
        raise
    except OSError as error:
        if err:
            return  # there is nowhere left to say so, and what is measured goes on
        _FAILED.append(error)
        _leave_standard_output()
        click.echo(text, err=True, nl=nl)


def _leave_standard_output() -> None:
    """Go on with standard error; what is left in the buffer would fail again at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    sys.stdout.flush()
    sys.stdout = sys.stderr


def _is_text(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"
