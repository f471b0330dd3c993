"""The mistake of several tutorials: each request loads the model. All else is as in app.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app import Instances, Predictions, health, one_call_at_a_time, predictions_of
from fastapi import FastAPI
from serving import load_predictor


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    one_call_at_a_time()
    yield


app = FastAPI(lifespan=lifespan)
app.get("/health")(health)


@app.post("/predict")
def predict(body: Instances) -> Predictions:
    return predictions_of(load_predictor(), body)
