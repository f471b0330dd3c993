"""A server whose timing and faults are known.

FAKE_DELAY_MS, FAKE_BYTE_US (more delay for each byte of the request), FAKE_FAULT, FAKE_AFTER,
FAKE_QUEUE, FAKE_CHEAT.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

from cheats import CHEATS
from queues import QUEUES
from serving import load_predictor

FAULT = os.environ.get("FAKE_FAULT", "")
AFTER = int(os.environ.get("FAKE_AFTER", "0"))
DELAY_S = float(os.environ.get("FAKE_DELAY_MS", "0")) / 1e3
BYTE_S = float(os.environ.get("FAKE_BYTE_US", "0")) / 1e6
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


class App:
    """Counts predictions and misbehaves when it is time."""

    def __init__(self) -> None:
        self.predict = load_predictor().predict
        self.count = 0
        name = os.environ.get("FAKE_QUEUE")
        self.queue = QUEUES[name]() if name else None
        cheat = os.environ.get("FAKE_CHEAT")
        self.cheat = CHEATS[cheat]() if cheat else None

    async def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/health":
            return (503 if FAULT == "never-ready" else 200), b"{}"
        self.count += 1
        late = self.count > AFTER
        if FAULT == "dies-under-load" and late:
            print("fake: dying on purpose", flush=True)
            os._exit(7)
        if FAULT == "hangs" and late:
            await asyncio.sleep(3600)
        if FAULT == "500":
            return 500, b'{"error": "broken on purpose"}'
        if FAULT == "garbage":
            return 200, b"<p>not a prediction</p>"
        if self.queue is not None:
            await self.queue.through()
        if FAULT == "wrong" or (FAULT == "wrong-later" and late):
            count = len(json.loads(body)["instances"])
            return 200, json.dumps({"predictions": [{"label": "something else"}] * count}).encode()
        if self.cheat is not None:
            return 200, await self.cheat.answer(body, self.compute)
        return 200, await self.compute(body)

    async def compute(self, body: bytes) -> bytes:
        await asyncio.sleep(DELAY_S + BYTE_S * len(body))
        return json.dumps({"predictions": self.predict(json.loads(body)["instances"])}).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                path = line.split()[1].decode()
                length = 0
                while (header := await reader.readline()).strip():
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                status, body = await self.answer(path, await reader.readexactly(length))
                head = f"HTTP/1.1 {status} Fake\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
        except ConnectionError:
            pass
        finally:
            writer.close()


async def main() -> None:
    if FAULT == "dies-at-start":
        print("fake: no model to be found, on purpose", flush=True)
        sys.exit(3)
    if FAULT == "daemon":
        subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=True)
    host, port = os.environ["HARNESS_HOST"], int(os.environ["HARNESS_PORT"])
    server = await asyncio.start_server(App().serve, host, port)
    print("fake: listening", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
