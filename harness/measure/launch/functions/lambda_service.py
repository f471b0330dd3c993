"""Lambda's own two ways in: a function URL, and the Invoke API."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from harness.measure.launch.functions import events, limits
from harness.measure.launch.functions.fleet import Fleet
from harness.measure.launch.functions.http_server import Incoming
from harness.measure.launch.functions.instance_places import InstancePlace
from harness.measure.launch.functions.invocation import Caller, Invocation, InvocationFailure
from harness.measure.launch.functions.lambda_instances import LambdaInstance
from harness.measure.launch.functions.limits import MOST_REQUEST_BYTES, error_type
from harness.measure.launch.functions.orders import FunctionOrder

INVOKE_PATH = "/2015-03-31/functions/{name}/invocations"
_JSON = ("content-type", "application/json")
_TEXT = ("content-type", "text/plain")


class LambdaService:
    """Takes requests to one function."""

    most_bytes = MOST_REQUEST_BYTES
    binds = True

    def __init__(self, order: FunctionOrder, place: InstancePlace, fleet: Fleet) -> None:
        self._order = order
        self._place = place
        self._fleet = fleet
        self._numbers = itertools.count(1)
        self._invoke_path = INVOKE_PATH.format(name=order.name)

    def worker(self, number: int) -> LambdaInstance:
        """An instance that is yet to be started."""
        return LambdaInstance(number, self._order, self._place, self._fleet)

    def handle(self, exchange: Incoming) -> None:
        """Take a request."""
        now = time.monotonic_ns()
        path = exchange.target.decode("latin-1").partition("?")[0]
        if exchange.size > MOST_REQUEST_BYTES:
            _too_large(exchange)
        elif path == self._invoke_path and exchange.method == "POST":
            self._invoke(exchange, now)
        elif self._order.event == "http":
            self._over_http(exchange, now)
        elif exchange.method == "GET" and path == self._order.ready_path:
            exchange.send(200, [_TEXT], b"")  # no event: nothing but the front can be asked
        else:
            self._take(exchange, now, exchange.body, _Plain)

    def _invoke(self, exchange: Incoming, now: int) -> None:
        event = exchange.body or b"{}"
        try:
            json.loads(event)
        except ValueError as error:
            said = f"Could not parse request body into json: {error}"
            name = error_type("InvalidRequestContentException")
            exchange.send(400, [_JSON, name], limits.of_user(said))
        else:
            self._take(exchange, now, event, _Invoked)

    def _over_http(self, exchange: Incoming, now: int) -> None:
        request_id = str(uuid.uuid4())
        event = json.dumps(events.of_request(exchange, request_id)).encode()
        if len(event) > MOST_REQUEST_BYTES:
            _too_large(exchange)
        else:
            self._take(exchange, now, event, _OverHttp, request_id)

    def _take(
        self,
        exchange: Incoming,
        now: int,
        event: bytes,
        kind: Callable[[Incoming, str], Caller],
        request_id: str = "",
    ) -> None:
        request_id = request_id or str(uuid.uuid4())
        made = Invocation(
            number=next(self._numbers),
            request_id=request_id,
            event=event,
            caller=kind(exchange, request_id),
            arrived_ns=now,
        )
        exchange.on_gone = partial(self._fleet.withdraw, made)
        self._fleet.arrive(made)


@dataclass(frozen=True, slots=True)
class _Plain:
    """The body is the event, and the result the body of the answer."""

    exchange: Incoming
    request_id: str

    def answer(self, result: bytes | InvocationFailure) -> int:
        if isinstance(result, InvocationFailure):
            return self._send(502, limits.payload(result, self.request_id))
        return self._send(200, result)

    def throttle(self) -> int:
        return self._send(429, limits.throttled(), error_type("TooManyRequestsException"))

    def _send(self, status: int, body: bytes, *more: tuple[str, str]) -> int:
        self.exchange.send(status, [_JSON, _known(self.request_id), *more], body)
        return status


class _Invoked(_Plain):
    """As the Invoke API answers: an invocation that failed was one that was made."""

    __slots__ = ()

    def answer(self, result: bytes | InvocationFailure) -> int:
        executed = ("x-amz-executed-version", "$LATEST")
        if isinstance(result, InvocationFailure):
            body = limits.payload(result, self.request_id)
            return self._send(200, body, executed, ("x-amz-function-error", "Unhandled"))
        return self._send(200, result, executed)


class _OverHttp(_Plain):
    """As a function URL answers."""

    __slots__ = ()

    def answer(self, result: bytes | InvocationFailure) -> int:
        try:
            if isinstance(result, InvocationFailure):
                raise ValueError(result.message)
            status, headers, body = events.answer(result)
        except (ValueError, TypeError, AttributeError):
            self.exchange.send(502, [_TEXT, _known(self.request_id)], b"Internal Server Error")
            return 502
        self.exchange.send(status, [*headers, _known(self.request_id)], body)
        return status


def _known(request_id: str) -> tuple[str, str]:
    return ("x-amzn-requestid", request_id)


def _too_large(exchange: Incoming) -> None:
    name = error_type("RequestEntityTooLargeException")
    exchange.send(413, [_JSON, name], limits.of_user(limits.TOO_LARGE))
