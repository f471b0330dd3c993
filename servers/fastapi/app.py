from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from serving import load_predictor


class Instances(BaseModel):
    instances: list[Any]


class Predictions(BaseModel):
    predictions: list[Any]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.predictor = load_predictor()
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
def predict(body: Instances) -> Predictions:
    # Not async: FastAPI then runs it in its thread pool, and the event loop stays free.
    try:
        return Predictions(predictions=app.state.predictor.predict(body.instances))
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}
