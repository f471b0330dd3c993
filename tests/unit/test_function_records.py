"""What a front and its instances write, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np

from harness.measure.launch.functions import Steps, reading, records
from harness.measure.launch.functions.invocation import Invocation
from harness.windows.samples import MISSING


def _done(arrived_ns: int, **facts: Any) -> Invocation:
    return Invocation(
        number=1,
        request_id="x",
        event=b"",
        caller=cast(Any, None),
        arrived_ns=arrived_ns,
        **facts,
    )


def test_invocations_of_a_time_by_their_arrival_with_the_handler_s_own_moments(
    tmp_path: Path,
) -> None:
    kept = records.Records(tmp_path)
    took = {"instance": 1, "status": 200}
    kept.invocation(_done(300, dispatched_ns=301, answered_ns=360, sent_ns=361, **took))
    kept.invocation(_done(100, dispatched_ns=110, answered_ns=150, sent_ns=160, cold=True, **took))
    kept.invocation(_done(200, status=429, sent_ns=201))
    kept.invocation(_done(400, dispatched_ns=410, instance=1, status=502, answered_ns=420))
    kept.invocation(_done(900, dispatched_ns=901, **took))
    stamps = np.array([[120, 140], [310, 350], [905, 910]], "<i8")
    (tmp_path / "handler-1.bin").write_bytes(stamps.tobytes() + b"half")
    found = reading.invocations(tmp_path, 100, 500)
    assert found.arrived_ns.tolist() == [0, 100, 200, 300]
    assert found.handled_ns.tolist() == [20, MISSING, 210, MISSING]
    assert found.returned_ns.tolist() == [40, MISSING, 250, MISSING]
    assert found.status.tolist() == [200, 429, 200, 502]
    assert found.cold.tolist() == [1, 0, 0, 0]
    assert found.dispatched_ns.tolist() == [10, MISSING, 201, 310]


def test_without_records_there_are_none(tmp_path: Path) -> None:
    assert len(reading.invocations(tmp_path, 0, 10)) == 0
    assert reading.steps(tmp_path) == ()
    assert records.hopeless(tmp_path) is None


def test_the_steps_of_an_instance_are_those_of_its_last_start(tmp_path: Path) -> None:
    def line(step: str, at_ns: int) -> str:
        return json.dumps({"step": step, "at_ns": at_ns, "major_faults": at_ns}) + "\n"

    whole = "".join(line(step, at) for step, at in (("runtime", 1), ("load", 2), ("loaded", 3)))
    again = "".join(line(step, at) for step, at in (("runtime", 11), ("load", 12), ("loaded", 13)))
    (tmp_path / "steps-2.jsonl").write_text(whole + again + '{"half')
    (tmp_path / "steps-3.jsonl").write_text(line("runtime", 1))
    assert reading.steps(tmp_path) == (
        Steps(number=2, runtime_ns=11, load_ns=12, loaded_ns=13, major_faults=13),
    )


def test_a_function_has_hope_once_an_instance_came_up(tmp_path: Path) -> None:
    kept = records.Records(tmp_path)
    kept.did_not("no model")
    assert records.hopeless(tmp_path) == "no model"
    kept.came_up()
    kept.did_not("no model")
    assert records.hopeless(tmp_path) is None
