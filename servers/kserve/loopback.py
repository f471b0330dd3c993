"""KServe's model server, on the host that the harness names and without a log of every request."""

from __future__ import annotations

import logging
import os
from typing import Any

import kserve
from grpc import aio
from kserve.protocol.grpc import server as grpc_server

HOST = os.environ["HARNESS_HOST"]


class _LoopbackAio:
    """Stands for grpc.aio in KServe's gRPC server, whose address is fixed: all interfaces."""

    @staticmethod
    def server(*args: Any, **options: Any) -> aio.Server:
        made = aio.server(*args, **options)
        bind = made.add_insecure_port
        made.add_insecure_port = lambda address: bind(address.replace("[::]", HOST))
        return made


class ModelServer(kserve.ModelServer):
    """Its arguments come from the command line, by KServe's own names."""

    async def _serve(self) -> None:
        # KServe has no setting for the host: it makes its servers for all interfaces just before
        # this. They are not listening yet.
        self._rest_server.config.host = HOST
        grpc_server.aio = _LoopbackAio
        logging.getLogger("uvicorn.access").handlers.clear()
        await super()._serve()
