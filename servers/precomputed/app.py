from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import settings
from anyio import CapacityLimiter, to_thread
from batch import BEGAN
from fastapi import FastAPI, HTTPException, Response
from keys import About, StoreError, digest_of, key_of, parsed, require
from pydantic import BaseModel
from serving import Predictor, load_predictor

STORED, VERSION = "Answer-Stored", "Model-Version"
LOOK_S = 0.05  # between two looks at which store is served
NICE = 10  # of a batch job beside serving, which can wait
COMPLAIN_S = 5.0  # between two lines on a store that fails

# One call of the model at a time, first come, first served, as on the matched track.
one_call_at_a_time = CapacityLimiter(1)


class Instances(BaseModel):
    instances: list[Any]


class Replacement(BaseModel):
    artefact: str  # a folder in that of the harness's records
    version: int


@dataclass
class Served:
    """A store, and the model that computes what it lacks. A request reads one of these, once, so
    that no answer is of two models."""

    current: str
    answers: Any
    predictor: Predictor | None  # None: what is not stored is refused
    asked: int = 0  # requests that read it now

    @property
    def about(self) -> About:
        return self.answers.about


class Complaints:
    """A store that fails is told of, but not for each request."""

    def __init__(self) -> None:
        self._last = -COMPLAIN_S

    def tell(self, error: Exception) -> None:
        if time.monotonic() - self._last >= COMPLAIN_S:
            self._last = time.monotonic()
            print(error, flush=True)


complaints = Complaints()


async def opened(store: Any, current: str) -> Served:
    """Raises StoreError where the store is not that of the model that it names."""
    _, about = parsed(current, "The store")
    answers = await store.open(current)
    artefact = Path(about.artefact)
    own = About(await to_thread.run_sync(digest_of, artefact), about.version, about.artefact)
    require(about, own)
    predictor = None if settings.STRICT else await to_thread.run_sync(load_predictor, artefact)
    return Served(current, answers, predictor)


async def follow(app: FastAPI) -> None:
    """Serve another store from the moment on when all of it is there."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            current = await app.state.store.current()
            if current != app.state.served.current:
                await swap(app, await opened(app.state.store, current))
        except Exception as error:  # the old store stays, whatever is wrong with the new one
            complaints.tell(error)
            await asyncio.sleep(COMPLAIN_S)


async def swap(app: FastAPI, new: Served) -> None:
    old, app.state.served = app.state.served, new
    print(f"version {new.about.version} of the model is served", flush=True)
    while old.asked:
        await asyncio.sleep(LOOK_S)
    await old.answers.discard()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.store = settings.store()
    current = await app.state.store.current()
    app.state.served = await opened(app.state.store, current)
    app.state.jobs = set()
    following = asyncio.create_task(follow(app))
    yield
    following.cancel()


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
async def predict(body: Instances) -> Response:
    served: Served = app.state.served
    served.asked += 1
    try:
        return await answered(served, body)
    finally:
        served.asked -= 1


async def answered(served: Served, body: Instances) -> Response:
    found = await looked_up(served, [key_of(each) for each in body.instances])
    missing = [place for place, answer in enumerate(found) if answer is None]
    if missing:
        asked = [body.instances[place] for place in missing]
        for place, answer in zip(missing, await computed(served, asked), strict=True):
            found[place] = answer
    told = {STORED: "0" if missing else "1", VERSION: str(served.about.version)}
    # Stored answers are JSON already.
    content = b'{"predictions":[' + b",".join(answer for answer in found if answer) + b"]}"
    return Response(content, media_type="application/json", headers=told)


async def looked_up(served: Served, keys: list[bytes]) -> list[bytes | None]:
    """Nothing is known where the store fails, if a model is there to compute it."""
    try:
        return await served.answers.get(keys) if keys else []
    except StoreError as error:
        complaints.tell(error)
        if served.predictor is None:
            raise HTTPException(503, str(error)) from error
        return [None] * len(keys)


async def computed(served: Served, instances: list[Any]) -> list[bytes]:
    """Answers to what is not stored, which are kept."""
    if served.predictor is None:
        told = {STORED: "0", VERSION: str(served.about.version)}
        raise HTTPException(404, "There is no stored answer to this instance.", headers=told)
    call = to_thread.run_sync(served.predictor.predict, instances, limiter=one_call_at_a_time)
    try:
        answers = [json.dumps(each).encode() for each in await call]
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    try:
        if served is app.state.served:
            await served.answers.keep(list(zip(map(key_of, instances), answers, strict=True)))
    except StoreError as error:  # it is answered all the same
        complaints.tell(error)
    return answers


@app.post("/replace", status_code=202)
async def replace(body: Replacement) -> dict[str, str]:
    """Run the batch job again, with another model, beside serving."""
    artefact = Path(os.environ["HARNESS_TRACE"], Path(body.artefact).name)
    if not artefact.is_dir():
        raise HTTPException(422, f"There is no folder {body.artefact!r} with a model.")
    told = {"HARNESS_ARTEFACT": str(artefact), settings.VERSION: str(body.version)}
    job = await asyncio.create_subprocess_exec(
        *("nice", "-n", str(NICE), sys.executable, "batch.py"),
        env={**os.environ, **told, BEGAN: str(time.monotonic_ns())},
    )
    waiting = asyncio.create_task(job.wait())
    app.state.jobs.add(waiting)
    waiting.add_done_callback(app.state.jobs.discard)
    return {"status": "the batch job runs"}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
