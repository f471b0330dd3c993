from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from serving import Predictor, load_predictor


class Instances(BaseModel):
    instances: list[Any]


class Predictions(BaseModel):
    predictions: list[Any]


def one_call_at_a_time() -> None:
    # As the other frameworks of the matched track have it; by default FastAPI's thread pool would
    # run forty at once.
    to_thread.current_default_thread_limiter().total_tokens = 1


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    one_call_at_a_time()
    app.state.predictor = load_predictor()
    yield


def predictions_of(predictor: Predictor, body: Instances) -> Predictions:
    try:
        return Predictions(predictions=predictor.predict(body.instances))
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
def predict(body: Instances) -> Predictions:
    # Not async: FastAPI then runs it in its thread pool, and the event loop stays free.
    return predictions_of(app.state.predictor, body)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
