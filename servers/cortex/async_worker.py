"""A worker of an Async API: takes an id from the queue, and its payload from the store."""

from __future__ import annotations

import os

import async_store
from serving import load_predictor
from stream_work import StreamWorker


class Worker(StreamWorker):
    def payload(self, name: str, fields: dict[bytes, bytes]) -> bytes:  # noqa: ARG002
        return async_store.read(name)

    def ended(self, name: str) -> None:
        async_store.drop(name)


Worker(os.environ["QUEUE_URL"], load_predictor().predict).run()
