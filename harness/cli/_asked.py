"""Variants as a person names them: `NAME`, or `NAME@LAUNCHER`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.stored.identity import AT, Subject, subject_name


@dataclass(frozen=True, slots=True)
class Asked:
    """A variant that is asked for; its name may be a pattern."""

    name: str
    launcher: str | None = None  # None: none is said

    def __str__(self) -> str:
        return subject_name(Subject(self.name, self.launcher))


def parsed(given: str | Asked) -> Asked:
    """The meaning of an argument."""
    if isinstance(given, Asked):
        return given
    name, _, launcher = given.partition(AT)
    return Asked(name, launcher or None)
