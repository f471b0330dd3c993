"""Windows that a server fires at itself: the order that it is sent, and what it may answer."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import fields
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from harness.base import paths
from harness.base.errors import LaunchError
from harness.measure.cell import inside
from harness.measure.cell.inside import InsidePending
from harness.measure.load.generator.job import Job
from harness.measure.talk.target import target
from harness.protocols import Message
from harness.windows.samples import MISSING, Chunks, Requests
from tests.system.endpoints import Endpoint, Writer, message
from tests.system.sandbox import until


def test_the_order_comes_before_the_window_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the first requests would be late, and the floor of every comparison too high."""
    assert inside._LEAD_NS >= 100_000_000
    monkeypatch.setattr(inside, "_LEAD_NS", 10**12)  # however long this machine takes to send it
    came: list[int] = []

    async def take(_: Endpoint, body: bytes, writer: Writer) -> bool:
        came.append(time.monotonic_ns())
        writer.write(message(b"no", 500))
        return True

    with Endpoint(take) as endpoint:
        url = endpoint.url.removesuffix("/predict")
        goal = target(endpoint.url, [Message(b'{"instances": ["a"]}')], ())
        none = np.zeros(1, np.int64)
        job = Job(
            target=goal,
            start_ns=0,
            duration_ns=10**9,
            payload=none,
            due_ns=none,
            concurrency=1,
            limit=None,
            timeout_ns=10**9,
            keep_every=1,
        )
        pending = InsidePending(url, job, tmp_path)
        until(lambda: pending.wait(0.1))
    order = json.loads(endpoint.bodies[0])
    assert order["start_ns"] == pending.start_ns
    assert order["bodies"] == ['{"instances": ["a"]}']
    assert came[0] < pending.start_ns
    with pytest.raises(LaunchError, match=r"did not finish its window: .*500"):
        pending.result()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The in-process reference's own code, without a model."""
    serving: Any = ModuleType("serving")
    serving.load_predictor = None
    monkeypatch.setitem(sys.modules, "serving", serving)
    path = paths.PROJECT / "servers" / "in-process" / "app.py"
    spec = spec_from_file_location("in_process_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("count", [1, 3])
def test_users_think_before_each_request(app: Any, tmp_path: Path, count: int) -> None:
    np.savez(tmp_path / "schedule.npz", payload=np.arange(2), due_ns=np.empty(0, np.int64))
    order: dict[str, Any] = {
        **{"schedule": str(tmp_path / "schedule.npz"), "out": str(tmp_path / "out.npz")},
        **{"duration_ns": 300_000_000, "concurrency": count, "think_ns": 10_000_000},
        **{"limit": None, "keep_every": 1, "bodies": ['{"instances": [1]}'] * 2},
        "start_ns": time.monotonic_ns(),
    }
    app.fire(lambda instances: instances, order)
    with np.load(tmp_path / "out.npz") as found:
        sent, done, due = found["sent_ns"], found["done_ns"], found["due_ns"]
        facts = json.loads(bytes(found["facts"]))
    assert facts["elapsed_s"] >= 0.3
    assert (due == MISSING).all()
    assert (np.diff(done) > 0).all()
    assert (done >= sent).all()
    assert (sent < 300_000_000).all()
    assert (sent[count:] > done[:-count]).all(), "one request of each user at a time"
    if count == 1:
        draw = Random("think/0")
        least = [int(draw.expovariate(1.0) * order["think_ns"]) for _ in sent]
        assert (sent - np.concatenate(([0], done[:-1])) >= least).all()


def test_pieces_of_content_come_with_the_columns(tmp_path: Path) -> None:
    """Of a server that has them; else the table is empty."""
    names = [field.name for field in fields(Requests)]
    columns = {name: np.arange(3) for name in names}
    chunks = {f"chunks.{field.name}": np.arange(2) for field in fields(Chunks)}
    facts = {"bodies": {}, "cpu_s": 0.5, "elapsed_s": 1.0}
    written = [columns, {**columns, **chunks}]

    async def fires(_: Endpoint, body: bytes, writer: Writer) -> bool:
        said = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        np.savez(json.loads(body)["out"], facts=said, **written.pop(0))  # type: ignore[arg-type]
        writer.write(message(b"{}"))
        return True

    with Endpoint(fires) as endpoint:
        url = endpoint.url.removesuffix("/predict")
        goal = target(endpoint.url, [Message(b'{"instances": ["a"]}')], ())
        none = np.zeros(1, np.int64)
        job = Job(
            target=goal,
            start_ns=0,
            duration_ns=1,
            payload=none,
            due_ns=none,
            concurrency=1,
            limit=None,
            timeout_ns=10**9,
            keep_every=1,
        )
        found = []
        for _ in range(2):
            pending = InsidePending(url, job, tmp_path)
            until(partial(pending.wait, 0.1))
            found.append(pending.result().chunks.at_ns.tolist())
    assert found == [[], [0, 1]]
