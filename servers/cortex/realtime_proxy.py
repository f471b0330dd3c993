"""Cortex's proxy in front of a realtime API, as each pod has one: `max_concurrency` requests at a
time are with the app, `max_queue_length` wait, and all others are refused at once with 503.

Semantics: https://github.com/cortexlabs/cortex/tree/master/pkg/proxy
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from realtime_breaker import Breaker
from realtime_upstream import Gone, Upstream

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
PROBE = "/health"  # is not counted
# Headers of one connection, not of the request; the length is that of the received body.
HOP = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade", b"expect")
) | {b"content-length", b"proxy-connection", b"trailer"}
TEXT = (b"content-type", b"text/plain; charset=utf-8")

breaker = Breaker(
    int(os.environ["CORTEX_MAX_CONCURRENCY"]), int(os.environ["CORTEX_MAX_QUEUE_LENGTH"])
)
upstream = Upstream(os.environ["CORTEX_APP"])


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["path"] == PROBE:
        await forward(scope, await whole(receive), send)
    elif breaker.take():
        try:
            await in_turn(scope, receive, send)
        finally:
            breaker.give()
    else:
        await say(send, 503, b"pending request queue full")


async def in_turn(scope: Message, receive: Receive, send: Send) -> None:
    body = await whole(receive)
    gone = asyncio.ensure_future(receive()) if breaker.busy else None
    try:
        async with breaker.turn():
            if gone is None or not gone.done():
                await forward(scope, body, send)
    finally:
        if gone is not None:
            gone.cancel()


async def whole(receive: Receive) -> bytes | None:
    """The body; None where the client has gone."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def forward(scope: Message, body: bytes | None, send: Send) -> None:
    if body is None:
        return
    try:
        reply = await upstream.ask(request(scope, body))
    except Gone:
        await say(send, 502, b"the app ended before it had answered")
        return
    headers = [pair for pair in reply.headers if pair[0] not in HOP]
    await answer(send, reply.status, headers, bytes(reply.body))


def request(scope: Message, body: bytes) -> bytes:
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    lines = [b"%s %s HTTP/1.1" % (scope["method"].encode(), target)]
    lines += [b"%s: %s" % pair for pair in scope["headers"] if pair[0] not in HOP]
    lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join((*lines, b"", body))


async def say(send: Send, status: int, text: bytes) -> None:
    await answer(send, status, [TEXT], text)


async def answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    sized = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})
