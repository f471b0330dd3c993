"""servers/cascade and benchmarks/shared/small_model.py: who answers, and that nobody waits."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.base import paths
from harness.windows.marks import MARKS
from harness.windows.samples import ERRORS
from tests.system.endpoints import Endpoint, Writer, message

MODULES = ("small_model", "deciding", "asking", "firing")
SMALL = {"columns": [0], "numbers": 2, "labels": ["low", "high"]}
HEAD = {"weights": [[0.0], [1.0]], "bias": [0.0, 0.0]}
SURE, UNSURE = [5.0, 0.0], [0.1, 0.0]


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The modules, which other servers have under the same names."""
    for folder in (paths.PROJECT / "servers" / "cascade", paths.PROJECT / "benchmarks" / "shared"):
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


def decider(ours: dict[str, Any], threshold: float) -> Any:
    small = ours["small_model"]
    model = small.SmallModel({**SMALL, "heads": [HEAD] * small.FOLDS})
    return ours["deciding"].Decider(model, threshold)


# --- who answers ----------------------------------------------------------------------------------


def test_the_small_model_answers_where_it_is_sure(ours: dict[str, Any]) -> None:
    asked = decider(ours, 0.8)
    assert asked.predict([SURE]) == [{"label": "high", "score": pytest.approx(0.9933, abs=1e-4)}]
    assert asked.predict([UNSURE]) is None
    assert asked.predict([SURE, UNSURE]) is None, "a request is answered in one place"


def test_at_the_ends_one_of_the_two_answers_all(ours: dict[str, Any]) -> None:
    certain = [1e8, 0.0]  # with a probability of 1
    assert decider(ours, 0).predict([UNSURE])
    assert decider(ours, 1).predict([certain]) is None
    assert decider(ours, 0.999).predict([certain])


@pytest.mark.parametrize(
    "instances",
    [None, "text", {}, [], [None], ["text"], [[1.0]], [[1.0, float("nan")]], [[1.0, True]]],
)
def test_what_it_does_not_take_is_for_the_server_to_refuse(
    ours: dict[str, Any], instances: object
) -> None:
    assert decider(ours, 0).predict(instances) is None


@pytest.mark.parametrize("text", ["-0.01", "1.01", "nan", "inf", "", "half", "0,5"])
def test_a_threshold_outside_0_to_1_is_refused(ours: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"from 0 .* to 1") as caught:
        ours["deciding"].threshold(text)
    assert str(caught.value) == (
        f"CASCADE_THRESHOLD is {text!r}, but a threshold is a number from 0 (the small model "
        "answers all) to 1 (the server answers all)."
    )


def test_a_benchmark_without_a_small_model_is_named(
    ours: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASCADE_THRESHOLD", "0.5")
    monkeypatch.setenv("HARNESS_ARTEFACT", str(tmp_path))
    monkeypatch.setenv("HARNESS_PREDICTOR", str(paths.PROJECT / "benchmarks/noop/predictor.py"))
    with pytest.raises(ValueError, match=r"wrote no small\.json, so that there is no small model"):
        ours["deciding"].from_environment()
    monkeypatch.setenv("HARNESS_PREDICTOR", str(tmp_path / "some" / "predictor.py"))
    with pytest.raises(ValueError, match=r"There is no .*small_model\.py"):
        ours["deciding"].from_environment()


# --- the small model ------------------------------------------------------------------------------


def test_texts_are_bags_of_words(ours: dict[str, Any]) -> None:
    small = ours["small_model"]
    bag = small.words("Good, GOOD film", 64)
    assert bag == small.words("film good", 64)
    assert sum(value**2 for value in bag.values()) == pytest.approx(1.0)
    assert small.words("?!", 64) == {}


def test_each_part_has_its_own_head_whoever_asks(ours: dict[str, Any]) -> None:
    small = ours["small_model"]
    heads = [{"weights": [[0.0], [0.0]], "bias": [0.0, float(part)]} for part in range(small.FOLDS)]
    model = small.SmallModel({**SMALL, "heads": heads})
    seen = set()
    for number in range(40):
        instance = [float(number), 0.0]
        part = small.fold(instance)
        assert part == small.fold(json.loads(json.dumps(instance)))
        _, score = model.predict(instance)
        assert score == pytest.approx(1 / (1 + np.exp(-part)))
        seen.add(part)
    assert seen == set(range(small.FOLDS))


# --- a window -------------------------------------------------------------------------------------


def fired(
    ours: dict[str, Any], folder: Path, port: int, due_ms: list[int], **more: Any
) -> dict[str, Any]:
    """The columns of a window whose requests are sure and unsure in turns."""
    rows = len(due_ms) or more["limit"]
    payload = np.arange(rows) % 2
    np.savez(
        folder / "schedule.npz", payload=payload, due_ns=np.array(due_ms, np.int64) * 1_000_000
    )
    order = {
        "schedule": str(folder / "schedule.npz"),
        "out": str(folder / "out.npz"),
        "start_ns": time.monotonic_ns(),
        "duration_ns": 10**9 * 60,
        "timeout_ns": 10**9 * 60,
        "concurrency": 4,
        "think_ns": None,
        "limit": None,
        "keep_every": 1,
        "bodies": [json.dumps({"instances": [instance]}) for instance in (SURE, UNSURE)],
        "errors": list(ERRORS),
        "marks": list(MARKS),
        **more,
    }
    if due_ms:
        order["duration_ns"] = 10**6 * max(due_ms)
    ours["firing"].fire(order, decider(ours, 0.8), port)
    with np.load(folder / "out.npz") as found:
        return {name: found[name] for name in found.files}


class Slow(Endpoint):
    """Answers when it is allowed to: when so many have asked."""

    def __init__(self, wanted: int) -> None:
        self.asked = 0
        self.all_asked = asyncio.Event()

        async def reply(_: Endpoint, __: bytes, writer: Writer) -> bool:
            self.asked += 1
            if self.asked >= wanted:
                self.all_asked.set()
            await self.all_asked.wait()
            writer.write(message(b'{"predictions": ["theirs"]}'))
            return True

        super().__init__(reply)


def port_of(endpoint: Endpoint) -> int:
    return int(endpoint.url.rpartition(":")[2].partition("/")[0])


def test_an_open_loop_does_not_wait_for_the_server(ours: dict[str, Any], tmp_path: Path) -> None:
    """It answers none of ten until all are there: who waited for the first would wait for ever."""
    with Slow(10) as endpoint:
        found = fired(ours, tmp_path, port_of(endpoint), list(range(0, 100, 5)))
    assert found["error"].tolist() == [0] * 20
    assert found["marks.value"].tolist() == [1, 0] * 10
    assert set(found["marks.mark"].tolist()) == {MARKS.index("local")}
    local = found["marks.value"] == 1
    last_local = found["done_ns"][local].max()
    assert last_local < found["done_ns"][~local].min(), "they were answered before any of theirs"
    assert (found["sent_ns"] >= found["due_ns"]).all()
    bodies = json.loads(bytes(found["facts"]))["bodies"]
    assert json.loads(bodies["0"])["local"] is True
    assert json.loads(bodies["1"]) == {"predictions": ["theirs"]}


def test_a_closed_loop_ends_at_its_limit(ours: dict[str, Any], tmp_path: Path) -> None:
    with Slow(1) as endpoint:
        found = fired(ours, tmp_path, port_of(endpoint), [], limit=12)
    assert found["marks.value"].tolist() == [1, 0] * 6
    assert found["payload"].tolist() == [0, 1] * 6
    assert set(found["due_ns"].tolist()) == {-1}


def test_without_a_server_only_what_it_was_to_answer_fails(
    ours: dict[str, Any], tmp_path: Path
) -> None:
    with Slow(1) as endpoint:
        port = port_of(endpoint)
    found = fired(ours, tmp_path, port, list(range(6)))
    assert [ERRORS[code] for code in found["error"]] == ["", "connect"] * 3


def test_what_the_server_refuses_has_its_status(ours: dict[str, Any], tmp_path: Path) -> None:
    async def refuse(_: Endpoint, __: bytes, writer: Writer) -> bool:
        writer.write(message(b"no", 422))
        return True

    with Endpoint(refuse) as endpoint:
        found = fired(ours, tmp_path, port_of(endpoint), list(range(4)))
    assert found["status"].tolist() == [200, 422] * 2
    assert [ERRORS[code] for code in found["error"]] == ["", "status"] * 2
