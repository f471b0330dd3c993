"""Rows of a window's invocations."""

from __future__ import annotations

from typing import Any

from harness.stored.records import Window
from harness.windows.samples import MISSING

TOO_MANY = 429  # the status of a request beyond the limit of instances


def throttled(window: Window) -> Any:
    """The mask of the invocations that were refused for want of an instance."""
    rows = window.invocations
    return (rows.status == TOO_MANY) & (rows.dispatched_ns == MISSING)


def answered(window: Window) -> Any:
    """The mask of the invocations that an instance answered with success."""
    rows = window.invocations
    return (rows.status >= 200) & (rows.status < 300) & (rows.answered_ns != MISSING)


def billed_ms(window: Window) -> Any:
    """The billed duration of each answered one."""
    return window.invocations.billed_ms[answered(window)]
