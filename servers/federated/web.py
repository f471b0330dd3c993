"""The web process: it predicts with the head that came last. A second port, on loopback alone, is
where clients and rounds are asked for: see control.py."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import uvicorn
from anyio import CapacityLimiter, to_thread
from control import control
from fastapi import FastAPI, HTTPException, Response
from federating import Federating
from heads import Heads
from pydantic import BaseModel
from serving import load_split

LOOPBACK = "127.0.0.1"


class Instances(BaseModel):
    instances: list[Any]


class Predictions(BaseModel):
    predictions: list[Any]


def serving(heads: Heads) -> FastAPI:
    """One call of the model at a time, first come, first served, in a thread; see the folder
    `fastapi`. A head that comes meanwhile predicts from the next request on."""
    app = FastAPI()
    one_call_at_a_time = CapacityLimiter(1)

    @app.post("/predict")
    async def predict(body: Instances, response: Response) -> Predictions:
        served = heads.served  # once: what predicts is what the answer names
        call = to_thread.run_sync(
            served.predictor.predict, body.instances, limiter=one_call_at_a_time
        )
        try:
            predictions = await call
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        response.headers["Model-Version"] = str(served.version)
        return Predictions(predictions=predictions)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main() -> None:
    folder = Path(os.environ["TMPDIR"])
    heads = Heads(load_split(), folder / "heads")
    federating = Federating(folder / "federation")
    port = int(os.environ["HARNESS_CONTROL_PORT"])
    config = uvicorn.Config(control(heads, federating), host=LOOPBACK, port=port, access_log=False)
    # No signal reaches a thread: it ends with the process.
    threading.Thread(target=uvicorn.Server(config).run, daemon=True).start()
    host, port = os.environ["HARNESS_HOST"], int(os.environ["HARNESS_PORT"])
    try:
        uvicorn.run(serving(heads), host=host, port=port, access_log=False)
    finally:
        federating.end()


if __name__ == "__main__":
    main()
