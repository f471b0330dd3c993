"""Windows that a server fires at itself: the predictor called directly, without transport.

The server reads the job from a file, calls its predictor by the job's schedule, and writes the
columns to another file; see `servers/in-process/app.py` for the other side.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from harness.base.errors import LaunchError
from harness.measure.load.generator.job import Fired, Job, without_late
from harness.windows.marks import MARKS, Marks
from harness.windows.samples import ERRORS, Chunks, Ints, Requests, empty

_LEAD_NS = 200_000_000  # from sending the order to the window's start, for the server to read it


class InsidePending:
    """A window that the server is firing."""

    def __init__(self, url: str, job: Job, scratch: Path) -> None:
        folder = Path(tempfile.mkdtemp(prefix="window-", dir=scratch))
        self._out = folder / "out.npz"
        np.savez(folder / "schedule.npz", payload=job.payload, due_ns=_or_empty(job.due_ns))
        order = {
            "schedule": str(folder / "schedule.npz"),
            "out": str(self._out),
            "duration_ns": job.duration_ns,
            "concurrency": job.concurrency,
            "think_ns": job.think_ns,
            "timeout_ns": job.timeout_ns,
            "errors": ERRORS,
            "marks": MARKS,
            "limit": job.limit,
            "keep_every": job.keep_every,
            "bodies": [_body(message) for message in job.target.messages],
        }
        self._error: str | None = None
        self._timeout_ns = job.timeout_ns
        limit_s = job.duration_ns / 1e9 + job.timeout_ns / 1e9 + 60
        # Without certificates: plain HTTP needs none, and to read them takes longer than the lead.
        client = httpx.Client(base_url=url, timeout=limit_s, trust_env=False, verify=False)
        self.start_ns = time.monotonic_ns() + _LEAD_NS
        order["start_ns"] = self.start_ns
        self._thread = threading.Thread(target=self._post, args=(client, order), daemon=True)
        self._thread.start()

    def _post(self, client: httpx.Client, order: dict[str, Any]) -> None:
        try:
            with client:
                client.post("/load", json=order).raise_for_status()
        except httpx.HTTPError as error:
            self._error = str(error) or type(error).__name__

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether the window is over."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> Fired:
        """Everything that was fired. Raises LaunchError where the server could not."""
        if self._error is not None:
            raise LaunchError(
                f"What fires its own schedule did not finish its window: {self._error}."
            )
        with np.load(self._out) as found:
            columns = {field.name: found[field.name] for field in fields(Requests)}
            chunks, marks = _told(found, Chunks), _told(found, Marks)
            facts = json.loads(bytes(found["facts"]))
        bodies = {int(row): body.encode() for row, body in facts["bodies"].items()}
        exact = without_late(columns, self._timeout_ns)
        return Fired(
            columns=exact,
            bodies=bodies,
            cpu_s=facts.get("client_cpu_s", 0.0),  # of a reference it is the server's
            elapsed_s=facts["elapsed_s"],
            chunks=chunks,
            marks=marks,
        )


def _told(found: Any, table: type[Any]) -> Any:
    """The chunks or marks that the server wrote; none where it wrote no such columns."""
    columns = {f.name: f"{table.__name__.lower()}.{f.name}" for f in fields(table)}
    if columns["request"] not in found:
        return empty(table)
    return table(**{name: found[column] for name, column in columns.items()})


def _or_empty(due_ns: Ints | None) -> Ints:
    return np.empty(0, np.int64) if due_ns is None else due_ns


def _body(message: bytes) -> str:
    return message.partition(b"\r\n\r\n")[2].decode()
