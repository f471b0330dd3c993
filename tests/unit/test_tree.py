"""Memory that may not be read is unknown, never 0."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.measure.watch import tree
from harness.windows.samples import MISSING

HERE = os.getpid()


def _refusing(monkeypatch: pytest.MonkeyPatch, error: type[OSError]) -> None:
    read = Path.read_text

    def refusing(self: Path, *args: str, **more: str) -> str:
        if self.name == "smaps_rollup":
            raise error
        return read(self, *args, **more)

    monkeypatch.setattr(Path, "read_text", refusing)


def test_what_may_be_read_is_there() -> None:
    found = tree.of_processes([HERE], pss=True)
    assert found["pss_bytes"] > 0
    assert found["rss_bytes"] > 0


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError])
def test_what_may_not_be_read_is_unknown(
    monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    _refusing(monkeypatch, error)
    assert tree.of_processes([HERE], pss=True)["pss_bytes"] == MISSING


def test_a_process_that_has_just_ended_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    _refusing(monkeypatch, ProcessLookupError)
    assert tree.of_processes([HERE], pss=True)["pss_bytes"] == 0


def test_processes_of_another_machine_are_unknown() -> None:
    assert set(tree.of_processes([2**30], pss=True).values()) == {MISSING}
