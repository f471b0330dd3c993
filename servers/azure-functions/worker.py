"""In place of Azure's host and its Python worker, neither of which is to be had: HTTP comes to the
function as the worker gives it, as an `HttpRequest`, in this process."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from azure.functions import HttpRequest, HttpResponse
from function_app import app as function_app

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# As the worker finds it.
(function,) = function_app.get_functions()
call = function.get_user_function()


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """An invocation for each request."""
    if scope["type"] != "http":
        return
    url = f"http://localhost{scope['path']}"
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    request = HttpRequest(scope["method"], url, headers=headers, body=await body_of(receive))
    await answer(await call(request, context()), send)


async def body_of(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def context() -> SimpleNamespace:
    """What the worker tells of an invocation."""
    return SimpleNamespace(
        function_name=function.get_function_name(),
        function_directory=str(Path(__file__).parent),
        invocation_id=str(uuid.uuid4()),
        trace_context=None,
        retry_context=None,
        thread_local_storage=None,
    )


async def answer(response: HttpResponse, send: Send) -> None:
    told = response.headers.items()
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.get_body()})
