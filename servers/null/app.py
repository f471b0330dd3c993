"""Answers every request at once with the same bytes: what it costs to be a server at all."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import cast

import httptools
import uvloop

BODY = b'{"predictions": [null]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
RESPONSE = HEAD % len(BODY) + BODY


class NullProtocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_complete(self) -> None:
        self.transport.write(RESPONSE)
        if not self.parser.should_keep_alive():
            self.transport.close()


async def serve(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(NullProtocol, host, port)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(os.environ["HARNESS_HOST"], int(os.environ["HARNESS_PORT"])))
