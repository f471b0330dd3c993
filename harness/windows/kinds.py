"""The purpose of a run's window."""

from __future__ import annotations

from enum import StrEnum


class WindowKind(StrEnum):
    """Why a window was fired; files store the value."""

    PROFILE = "profile"  # a profile of the preset: the run's own numbers come from these
    PROBE = "probe"  # a step of the search for the capacity
    STRAIN = "strain"  # the server is overloaded, or stopped under load
    REPLACEMENT = "replacement"  # another version of the model is put in place under load
    BURST = "burst"  # requests come at once to a function that has no instance
    CHANGE = "change"  # something is done to a Deployment; see harness.setup.changes
    AUDIT = "audit"  # whether it predicts each time that it is asked; see harness.windows.audit
