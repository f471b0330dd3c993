"""Everything that can go wrong on purpose, as one small tree.

HarnessError
├── UsageError             a name, option or file that the user gave is wrong          exit 2
├── ProvisionError         an environment, weights or an artefact can't be had
├── LaunchError            a server does not come up, or dies
├── AnswerError            a server's answers are not the reference's
├── StoreError             a result can't be written
├── ResultError            a stored result can't be read                               exit 2
└── NothingRan             no cell of the campaign could run                           exit 4

Inside a cell, an error becomes a failed Run; outside, the command line prints its sentence and ends
with its exit code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from harness.base.secrecy import conceal

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REGRESSION = 3
EXIT_NOTHING_RAN = 4
EXIT_INTERRUPTED = 130
_NAMES_SHOWN = 100  # of known names: campaigns may be a thousand


class HarnessError(Exception):
    """A sentence that says what failed, where, and what to do; no secret's value is in it.

    Of several things that are wrong each is an argument, for a line of its own.
    """

    exit_code = EXIT_FAILED

    def __str__(self) -> str:
        return conceal("\n".join(map(str, self.args)))

    @property
    def sentence(self) -> str:
        """The same as a part of a line."""
        return " ".join(str(self).splitlines())


class UsageError(HarnessError):
    """The request of the user, or a file that the user wrote, can't be understood."""

    exit_code = EXIT_USAGE


class ProvisionError(HarnessError):
    """An environment, weights or an artefact can't be had."""


class LaunchError(HarnessError):
    """A server does not start, or ended by itself."""


class AnswerError(HarnessError):
    """A server answers, but not what the reference answers."""


class StoreError(HarnessError):
    """A result can't be written."""


class ResultError(HarnessError):
    """A stored result can't be read, or was changed after it was written."""

    exit_code = EXIT_USAGE


class NothingRan(HarnessError):
    """No cell of the campaign could run."""

    exit_code = EXIT_NOTHING_RAN


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for an unknown name, with the nearest known one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    shown = [*names[:_NAMES_SHOWN], *([f"{len(names)} in all"] if names[_NAMES_SHOWN:] else [])]
    hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(shown) or 'none'}."
    return UsageError(f"There is no {kind} {name!r}.{hint}")
