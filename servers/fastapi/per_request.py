"""The mistake of several tutorials: each request loads the model. All else is as in app.py."""

from __future__ import annotations

from typing import Any

from app import Instances, Predictions, answer, health
from fastapi import FastAPI
from serving import load_predictor

app = FastAPI()
app.get("/health")(health)


def load_and_predict(instances: list[Any]) -> list[Any]:
    return load_predictor().predict(instances)


@app.post("/predict")
async def predict(body: Instances) -> Predictions:
    return await answer(load_and_predict, body)
