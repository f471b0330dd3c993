"""The server that the client asks: the same app as servers/fastapi has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from serving import load_predictor


class Instances(BaseModel):
    instances: list[Any]


class Predictions(BaseModel):
    predictions: list[Any]


# One call of the model at a time, as on the whole matched track; the pool that runs `def` handlers
# would run forty. The limiter is the model's own, and first come, first served: with one token in
# that pool each request would wait twice, since FastAPI validates the answer of a `def` handler
# there too (https://www.starlette.io/threadpool/), behind the predictions of later requests.
one_call_at_a_time = CapacityLimiter(1)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.predictor = load_predictor()
    yield


async def answer(predict: Callable[[list[Any]], list[Any]], body: Instances) -> Predictions:
    # In a thread, so that the event loop stays free.
    call = to_thread.run_sync(predict, body.instances, limiter=one_call_at_a_time)
    try:
        return Predictions(predictions=await call)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
async def predict(body: Instances) -> Predictions:
    return await answer(app.state.predictor.predict, body)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
