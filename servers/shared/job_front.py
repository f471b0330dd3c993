"""On the PYTHONPATH of every server process: the web process of servers that take jobs.

`POST /` with `{"instances"}` answers `{"id"}` once the job is durable, `GET /ID` how far it is; 404
for an id that is not known (any more), 503 with the reason while no job can be taken.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response

SWEEP_S = 1.0
UNSURE_NS = 1_000_000_000  # a job that is younger may be on its way into the queue
FINISHED = ("completed", "failed")


class Unavailable(Exception):
    """Why no job can be taken, or none be found out about, for now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How far one is. Moments are of CLOCK_MONOTONIC."""

    status: str  # in_queue, in_progress, completed or failed
    result: str = ""  # JSON, of a completed one
    error: str = ""  # of a failed one
    timestamp: str = ""  # of its end
    runs: int = 0
    submitted_ns: int | None = None
    started_ns: int | None = None
    finished_ns: int | None = None

    @property
    def marks(self) -> str:
        """The marks of a job, as the protocol reads them."""
        names = ("runs", "submitted_ns", "started_ns", "finished_ns")
        told = ((name, getattr(self, name)) for name in names)
        return ",".join(f"{name}={value}" for name, value in told if value is not None)


class Queue(ABC):
    """The queue of jobs, and the record of each job."""

    keeps_s: float  # a job after its end

    @abstractmethod
    async def submit(self, name: str, payload: bytes) -> None:
        """Take a job; it is durable when this returns. Raises Unavailable."""

    @abstractmethod
    async def look(self, name: str) -> Job | None:
        """How far it is; None where no such job is known. Raises Unavailable."""

    @abstractmethod
    async def sweep(self) -> None:
        """Report as failed what is unfinished and in nobody's queue. Raises Unavailable."""


class Contract:
    """The web app: requests and answers over HTTP."""

    def wrong_with(self, content_type: str, body: bytes) -> str | None:  # noqa: ARG002
        """Why a body is no job, or None. Whether the model takes its instances is for a worker to
        say: the web process has no model."""
        try:
            told = json.loads(body)
        except (ValueError, RecursionError) as error:
            return f"The body is not JSON: {error}."
        if not isinstance(told, dict) or not isinstance(told.get("instances"), list):
            return 'The body must be {"instances": [...]}.'
        return None

    def told(self, name: str, job: Job) -> dict[str, str]:
        """How far a job is, but for a result."""
        told = {"id": name, "status": job.status}
        return told | {"error": job.error} if job.status == "failed" else told

    def unknown(self, name: str, keeps_s: float) -> str:
        """That there is no such job."""
        return (
            f"There is no job {name}: this server has not taken it, or its result has expired, "
            f"{keeps_s:g} s after its end."
        )

    def refusal(self, status: int, why: str) -> Response:
        """An answer of another status than 200."""
        return Response(json.dumps({"error": why}), status, media_type="application/json")


def front(made: Callable[[], Queue], contract: Contract) -> FastAPI:
    """The app."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.queue = made()
        sweeping = asyncio.create_task(_sweep(app.state.queue))
        yield
        sweeping.cancel()

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.get("/health")
    async def health() -> Response:
        return Response()

    @app.post("/")
    async def submit(request: Request) -> Response:
        body, kind = await request.body(), request.headers.get("content-type", "")
        if (wrong := contract.wrong_with(kind, body)) is not None:
            return contract.refusal(400, wrong)
        # Random, so that nobody can count up to another's job.
        name = secrets.token_hex(16)
        try:
            await app.state.queue.submit(name, body)
        except Unavailable as error:
            return contract.refusal(503, str(error))
        return _json(json.dumps({"id": name}))

    @app.get("/{name}")
    async def look(name: str) -> Response:
        try:
            job = await app.state.queue.look(name)
        except Unavailable as error:
            return contract.refusal(503, str(error))
        if job is None:
            return contract.refusal(404, contract.unknown(name, app.state.queue.keeps_s))
        told = json.dumps(contract.told(name, job))
        if job.status == "completed":
            # The result is JSON already: to parse it for each question would cost more than all.
            told = f'{told[:-1]}, "timestamp": "{job.timestamp}", "result": {job.result}}}'
        return _json(told, {"x-job-marks": job.marks} if job.status in FINISHED else {})

    return app


def _json(text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(text, media_type="application/json", headers=headers)


async def _sweep(queue: Queue) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            await queue.sweep()
        except Unavailable:
            continue  # until it can be seen again, nothing is known to be lost
