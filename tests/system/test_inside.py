"""Windows that a server fires at itself: the order that it is sent, and what it may answer."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from harness.base.errors import LaunchError
from harness.measure.cell import inside
from harness.measure.cell.inside import InsidePending
from harness.measure.load.generator.job import Job
from harness.measure.talk.target import target
from harness.protocols import Message
from harness.windows.samples import Chunks, Requests
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
