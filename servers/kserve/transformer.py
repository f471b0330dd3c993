"""The model server of app.py behind one that transforms nothing: what is measured is the hop."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from typing import Any

from httpx import HTTPStatusError
from kserve import InferRequest, Model
from kserve.errors import InvalidInput
from loopback import ModelServer

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Transformer(Model):
    async def predict(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        # KServe would answer 500 for what it can't hand on, and for what its predictor refuses.
        if not isinstance(payload, dict | InferRequest):
            raise InvalidInput("the body must be an object")
        try:
            return await super().predict(payload, headers)
        except HTTPStatusError as error:
            if error.response.is_client_error:
                raise InvalidInput(str(error)) from error
            raise


def end_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class WithPredictor(ModelServer):
    """Neither process outlives the other."""

    async def _serve(self) -> None:
        predictor = await asyncio.create_subprocess_exec(
            sys.executable,
            "app.py",
            *("--http_port", os.environ["HARNESS_PREDICTOR_PORT"]),
            *("--grpc_port", os.environ["HARNESS_PREDICTOR_GRPC_PORT"]),
            preexec_fn=end_with_parent,
        )
        ended = asyncio.ensure_future(predictor.wait())
        serving = asyncio.ensure_future(super()._serve())
        await asyncio.wait([serving, ended], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise RuntimeError(f"the predictor ended with exit code {ended.result()}")
        predictor.terminate()
        await ended


if __name__ == "__main__":
    transformer = Transformer("model")
    transformer.load()
    # In an InferenceService the predictor has pods of its own.
    alone = "HARNESS_PREDICTOR_PORT" not in os.environ
    (ModelServer if alone else WithPredictor)(enable_latency_logging=False).start([transformer])
