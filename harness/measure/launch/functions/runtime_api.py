"""Lambda's Runtime API, for one instance at a port of its own.

Format: docs.aws.amazon.com/lambda, "Using the Lambda runtime API for custom runtimes".
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Protocol

from harness.measure.launch.functions import events
from harness.measure.launch.functions.http_server import ClientConnection, Incoming
from harness.measure.launch.functions.invocation import Invocation, InvocationFailure
from harness.measure.launch.functions.limits import MOST_RESPONSE_BYTES

_PREFIX = "/2018-06-01/runtime/"
_JSON = [("content-type", "application/json")]
_ERROR_TYPE = "lambda-runtime-function-error-type"


class Runtime(Protocol):
    """An instance, as its runtime drives it."""

    def asks(self, exchange: Incoming) -> None:
        """It wants the next event, as the answer to that."""

    def responds(self, request_id: str, result: bytes | InvocationFailure) -> bool:
        """It has the result of an event; whether it was given that event."""

    def fails(self, failure: InvocationFailure) -> None:
        """It can't initialise."""


class RuntimeApi:
    """Listens for one instance."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._open: set[ClientConnection] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str) -> str:
        """Begin; `address:port` to reach it by."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: ClientConnection(self._handle, MOST_RESPONSE_BYTES, self._open), host, 0
        )
        port = self._server.sockets[0].getsockname()[1]
        return f"{host}:{port}"

    def close(self) -> None:
        """End, whoever is connected."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._open):
            connection.close()

    def _handle(self, exchange: Incoming) -> None:
        path = exchange.target.decode("latin-1").partition("?")[0]
        route = path.removeprefix(_PREFIX).split("/") if path.startswith(_PREFIX) else []
        match (exchange.method, *route):
            case ("GET", "invocation", "next"):
                self._runtime.asks(exchange)
            case ("POST", "invocation", request_id, "response"):
                self._respond(exchange, request_id, _result(exchange))
            case ("POST", "invocation", request_id, "error"):
                self._respond(exchange, request_id, _failure(exchange))
            case ("POST", "init", "error"):
                self._runtime.fails(_failure(exchange))
                exchange.send(202, _JSON, b'{"status":"OK"}')
            case _:
                _refuse(exchange, 404, "InvalidRoute", f"there is no {exchange.method} {path}")

    def _respond(
        self, exchange: Incoming, request_id: str, result: bytes | InvocationFailure
    ) -> None:
        # The client first: the runtime only wants to know that it was heard.
        if not self._runtime.responds(request_id, result):
            _refuse(exchange, 400, "InvalidRequestID", "Invalid request ID")
        elif exchange.size > MOST_RESPONSE_BYTES:
            said = f"Exceeded maximum allowed payload size ({MOST_RESPONSE_BYTES} bytes)."
            _refuse(exchange, 413, "RequestEntityTooLarge", said)
        else:
            exchange.send(202, _JSON, b'{"status":"OK"}')


def give(exchange: Incoming, invocation: Invocation, name: str, timeout_s: float) -> None:
    """Answer a runtime that asks with an event."""
    deadline_ms = int((time.time() + timeout_s) * 1000)
    headers = [
        ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
        ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", events.arn(name)),
        *_JSON,
    ]
    exchange.send(200, headers, invocation.event)


def _result(exchange: Incoming) -> bytes | InvocationFailure:
    if exchange.size <= MOST_RESPONSE_BYTES:
        return exchange.body
    return InvocationFailure(
        kind="Function.ResponseSizeTooLarge",
        message=f"Response payload size ({exchange.size} bytes) exceeded maximum allowed payload "
        f"size ({MOST_RESPONSE_BYTES} bytes).",
    )


def _failure(exchange: Incoming) -> InvocationFailure:
    """What a runtime tells of an error, which is JSON if it keeps to the rules."""
    kind = dict(exchange.headers).get(_ERROR_TYPE, "")
    try:
        found = json.loads(exchange.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return InvocationFailure(
            kind=kind or "Runtime.Unknown", message="the runtime did not say why"
        )
    return InvocationFailure(
        kind=kind or str(found.get("errorType", "Runtime.Unknown")),
        message=str(found.get("errorMessage", "")),
        payload=exchange.body,
    )


def _refuse(exchange: Incoming, status: int, kind: str, message: str) -> None:
    body = json.dumps({"errorMessage": message, "errorType": kind}).encode()
    exchange.send(status, _JSON, body)
