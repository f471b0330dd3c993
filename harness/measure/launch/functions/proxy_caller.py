"""The client of a service whose instances answer for themselves."""

from __future__ import annotations

from dataclasses import dataclass

from harness.measure.launch.functions import proxy
from harness.measure.launch.functions.http_server import Incoming
from harness.measure.launch.functions.invocation import InvocationFailure
from harness.measure.launch.functions.proxy import InstanceReply

TEXT = [("content-type", "text/plain; charset=UTF-8")]


@dataclass(slots=True)
class ProxyCaller:
    """The client that waits for an instance's answer."""

    exchange: Incoming
    reply: InstanceReply | None = None  # put here before it is told that there is one

    def answer(self, result: bytes | InvocationFailure) -> int:
        if isinstance(result, InvocationFailure):
            status = 504 if result.kind == proxy.TIMED_OUT else 503
            self.exchange.send(status, TEXT, result.message.encode())
            return status
        assert self.reply is not None
        headers = proxy.handed_on(self.reply.headers)
        self.exchange.send(self.reply.status, headers, result)
        return self.reply.status

    def throttle(self) -> int:
        self.exchange.send(429, TEXT, b"Rate exceeded.")
        return 429
