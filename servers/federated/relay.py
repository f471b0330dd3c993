"""Between clients and the SuperLink: every byte is counted, and what a client sends is kept, so
that anybody can look at what leaves it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"


class Relay:
    """In a thread of its own, from when it is made until the process ends."""

    def __init__(
        self,
        link: int,
        ways: list[tuple[int, Path]],
        figures: int,
        more: Callable[[], dict[str, Any]],
    ) -> None:
        self._link = link
        self._ways = ways  # of each client: the port that it connects to, and the file of its bytes
        self._figures = figures  # a port: whoever connects is told the figures, as JSON
        self._more = more
        self._sent = self._received = 0
        self._stands = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        if not self._stands.wait(10.0):
            raise RuntimeError("The relay between clients and the SuperLink did not begin.")

    async def _serve(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for port, path in self._ways:
                server = await asyncio.start_server(self._client(path), LOOPBACK, port)
                await stack.enter_async_context(server)
            server = await asyncio.start_server(self._tell, LOOPBACK, self._figures)
            await stack.enter_async_context(server)
            self._stands.set()
            await asyncio.Event().wait()

    def _client(self, path: Path) -> Any:
        def sent(piece: bytes) -> None:
            self._sent += len(piece)
            with path.open("ab") as kept:
                kept.write(piece)

        def received(piece: bytes) -> None:
            self._received += len(piece)

        async def connected(up: asyncio.StreamReader, down: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                reader, writer = await asyncio.open_connection(LOOPBACK, self._link)
                await asyncio.gather(_pass_on(up, writer, sent), _pass_on(reader, down, received))
                writer.close()
            down.close()

        return connected

    async def _tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = {"sent_bytes": self._sent, "received_bytes": self._received, **self._more()}
        writer.write(json.dumps(told).encode())
        await writer.drain()
        writer.close()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[bytes], None]
) -> None:
    """Everything that comes, and that nothing more does."""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            seen(piece)
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(ConnectionError, OSError):
        writer.write_eof()
