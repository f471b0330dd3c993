"""Jobs: taken at once, done after a while, and asked after until they are.

`POST /jobs` answers `{"id"}`, `GET /jobs/ID` how far it is: `in_progress`, `completed` with the
predictions, or `failed` with the reason. Another id is not found.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable


class Jobs:
    """Those that were submitted to this server."""

    def __init__(self, compute: Callable[[bytes], Awaitable[bytes]]) -> None:
        self._compute = compute
        self._told: dict[str, dict[str, object]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """(status, body) for a submission, or for a question after a job."""
        name = path.removeprefix("/jobs").strip("/")
        if not name:
            return 202, json.dumps({"id": self._submit(body)}).encode()
        if name not in self._told:
            return 404, b'{"error": "no such job"}'
        return 200, json.dumps(self._told[name]).encode()

    def _submit(self, body: bytes) -> str:
        name = secrets.token_hex(8)
        self._told[name] = {"status": "in_progress"}
        task = asyncio.get_running_loop().create_task(self._do(name, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return name

    async def _do(self, name: str, body: bytes) -> None:
        try:
            done = json.loads(await self._compute(body))
            self._told[name] = {"status": "completed", **done}
        except Exception as error:
            self._told[name] = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
