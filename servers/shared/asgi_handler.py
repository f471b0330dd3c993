"""On the PYTHONPATH of every server process: an ASGI app as the handler of a Lambda function.

Mangum would run the app's lifespan around each request, so that a model that is loaded in it would
be loaded for each. Here it begins when the instance does, and lasts as long.
"""

from __future__ import annotations

import asyncio
from typing import Any

from mangum import Mangum

_lives: list[asyncio.Task[None]] = []  # an event loop holds its tasks weakly


def handler_of(app: Any) -> Mangum:
    """The handler of an app that has started. Raises RuntimeError where it does not start."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # Mangum's requests run in it too
    _lives.append(loop.run_until_complete(_begun(app)))
    return Mangum(app, lifespan="off")


async def _begun(app: Any) -> asyncio.Task[None]:
    """The task of the app's lifespan, once it has started."""
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    asked = iter([{"type": "lifespan.startup"}])

    async def receive() -> dict[str, Any]:
        if (message := next(asked, None)) is not None:
            return message
        await asyncio.Event().wait()  # no instance is told of its end
        raise AssertionError

    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    task = asyncio.ensure_future(app(scope, receive, told.put))
    answer = asyncio.ensure_future(told.get())
    await asyncio.wait((task, answer), return_when=asyncio.FIRST_COMPLETED)
    if not answer.done() or answer.result()["type"] != "lifespan.startup.complete":
        raise RuntimeError("The app did not start.")
    return task
