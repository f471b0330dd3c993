"""The port on loopback for clients, rounds, and their results."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from federating import Federating, NotNow
from heads import Heads, Unknown
from pydantic import BaseModel, Field


class Clients(BaseModel):
    folder: str  # with a folder for each client, 0, 1, and so on, which has its shard.json


class Rounds(BaseModel):
    rounds: int = Field(3, ge=1)
    deadline_s: float = Field(30.0, gt=0)  # of a round: who has not answered by then is left out
    steps: int = Field(20, ge=1)  # of a client in a round
    decay: float = Field(0.0, ge=0)  # see app/training.py


class Told(BaseModel):
    """A round is over, says the ServerApp."""

    asked: int
    answered: int
    examples: int
    seconds: float
    deadline_s: float
    refusals: list[str]
    weights: list[list[float]]
    bias: list[float]


def control(heads: Heads, federating: Federating) -> FastAPI:
    """Heads are taken in one event loop, and nowhere else: they come one after the other."""
    app = FastAPI()
    for kind, status in _STATUS.items():
        app.add_exception_handler(kind, _refusing(status))

    @app.post("/clients")
    async def clients(asked: Clients) -> dict[str, Any]:
        return await to_thread.run_sync(federating.begin, asked.folder)

    @app.delete("/clients")
    async def no_clients() -> dict[str, Any]:
        await to_thread.run_sync(federating.end)
        return federating.state()

    @app.post("/rounds", status_code=202)
    async def begin(asked: Rounds) -> dict[str, Any]:
        federating.run(**asked.model_dump())
        return federating.state()

    @app.get("/rounds")
    async def state() -> dict[str, Any]:
        return federating.state()

    @app.post("/heads")
    async def head(told: Told) -> dict[str, Any]:
        taken = heads.take(told.weights, told.bias) if told.answered else heads.served.version
        facts = told.model_dump(exclude={"weights", "bias"})
        return await to_thread.run_sync(federating.note, taken, facts)

    @app.get("/heads/{version}")
    async def stored(version: str) -> dict[str, Any]:
        return heads.stored(version)

    return app


_STATUS: dict[type[Exception], int] = {
    NotNow: 409,
    Unknown: 404,
    ValueError: 422,
    RuntimeError: 503,
}


def _refusing(status: int) -> Any:
    async def refuse(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status)

    return refuse
