"""The marks that an instance of a function leaves; no other process leaves any."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import steps as found

from harness.measure.launch import calls
from harness.stored.clocks import SAME_CLOCK


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.setenv("HARNESS_TRACE", str(tmp_path))
    monkeypatch.delenv("HARNESS_INSTANCE", raising=False)
    return found


def test_marks_are_of_instances_alone(steps: ModuleType, tmp_path: Path) -> None:
    steps.mark("load")

    def handler(event: object, context: object) -> object:
        return event

    assert steps.handled(handler) is handler
    assert list(tmp_path.iterdir()) == []
    assert steps.process_number() == os.getpid()


def test_an_instance_marks_the_steps_of_its_start(
    steps: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_INSTANCE", "3")
    importlib.reload(steps)  # as its handler's module does by importing it
    steps.mark("load")
    steps.mark("loaded")
    lines = (tmp_path / "steps-3.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    assert [mark["step"] for mark in told] == ["runtime", "load", "loaded"]
    moments = [mark["at_ns"] for mark in told]
    assert moments == sorted(moments)
    assert all(mark["major_faults"] >= 0 for mark in told)
    assert told[0]["image_ns"] == Path(str(steps.__file__)).stat().st_ctime_ns


def test_an_invocation_leaves_when_its_handler_began_and_returned(
    steps: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_INSTANCE", "4")

    def value(event: dict[str, int], context: object) -> int:
        return event["value"]

    handler = steps.handled(value)
    assert handler({"value": 7}, None) == 7
    with pytest.raises(KeyError):  # what it raises is the runtime's to report
        handler({}, None)
    spans = np.fromfile(tmp_path / "handler-4.bin", "<i8").reshape(-1, 2)
    assert len(spans) == 2
    assert (np.diff(spans.ravel()) >= 0).all()


def test_records_of_instances_are_told_apart_by_their_numbers(
    steps: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids of processes are the same from container to container."""
    monkeypatch.setenv("HARNESS_INSTANCE", "12")
    number = steps.process_number()
    (process,) = calls.of_files({f"model-{number}.bin": b""}, SAME_CLOCK).processes
    assert process.pid - steps.INSTANCES == 12
