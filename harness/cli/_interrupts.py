"""The signals that end a command: whenever one comes, the command is interrupted, once.

CPython prints and drops what is raised while an object is let go, in `__del__` or the callback of a
weak reference. A signal that came just then would be lost, and those after it are ignored, so that
nothing but SIGKILL, which stops no servers, would end the command.
"""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN_S = 0.05  # longer than objects take to go, and too short to wait for


class Interrupt(KeyboardInterrupt):
    """Its own class: CPython ends a process by SIGINT, whatever code it exits with, once an exact
    KeyboardInterrupt has left an `exec` of text, as in the making of a dataclass."""


def watch() -> None:
    """From now on either signal raises Interrupt in the main thread."""
    for number in (*_SIGNALS, signal.SIGALRM):
        signal.signal(number, _interrupt)
    sys.unraisablehook = partial(_dropped, sys.unraisablehook)


def _interrupt(*_: object) -> None:
    # A second signal must not cut the stopping of servers short.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise Interrupt


def _dropped(otherwise: Any, unraisable: sys.UnraisableHookArgs) -> None:
    """Raise a dropped Interrupt again, a moment later: raised here, it would be dropped as well."""
    if isinstance(unraisable.exc_value, Interrupt):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
    else:
        otherwise(unraisable)
