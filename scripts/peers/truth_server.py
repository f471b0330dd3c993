"""A server that answers one request at a time and logs for itself when each came and went.

    python truth_server.py ORDER        ORDER: JSON of the fields of `Order`

Standard output: its port, and when standard input has ended, the log: JSON, a list for each of
`COLUMNS`, a row for each request, times in ns of CLOCK_MONOTONIC. Standard library only, plain
sockets instead of an event loop: an answer is written when it is stamped, and the kernel tells when
a request came, however late it was read. Linux only.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

COLUMNS = ("number", "arrived_ns", "read_ns", "written_ns", "dropped")
NEVER = -1
HEALTHY, STALL, SLOW_DOWN, DROPS = "healthy", "stall", "slow-down", "dropped connections"
CONDITIONS = (HEALTHY, STALL, SLOW_DOWN, DROPS)
STALL_S = 1.0
STALL_AT = 0.4  # of the window, so that its queue is worked off before the window ends
DROP_EVERY = 20
NUMBER = b"x-request:"  # the header that carries a request's number

_SO_TIMESTAMPNS = 35  # Python's socket module has no name for it
_BETWEEN_NS = 20_000
_STAMP = struct.Struct("qq")
_BODY = b'{"predictions": [null]}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)


@dataclass(frozen=True)
class Order:
    """How the server shall behave. Its window begins with the first request."""

    condition: str
    service_ns: int  # what each request takes, one after another
    peak_ns: int  # of a slow-down: what a request takes when the window ends
    window_ns: int
    cpus: list[int]


@dataclass
class Client:
    """One connection."""

    socket: socket.socket
    unread: bytes = b""


@dataclass
class Server:
    """The log, and what has been done so far."""

    order: Order
    rows: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    began_ns: int = NEVER
    stalled: bool = False

    def serve(self, client: Client) -> bool:
        """Take in what a connection has for us, and answer; whether the connection goes on."""
        try:
            data, marks, _, _ = client.socket.recvmsg(1 << 16, 64)
        except ConnectionError:
            return False
        if not data:
            return False
        read_ns = time.monotonic_ns()
        arrived_ns = _stamp_ns(marks) - _ahead_ns()
        client.unread += data
        while request := _request(client.unread):
            number, size = request
            client.unread = client.unread[size:]
            if not self._answer(client, number, arrived_ns, read_ns):
                return False
        return True

    def _answer(self, client: Client, number: int, arrived_ns: int, read_ns: int) -> bool:
        if self.began_ns == NEVER:
            self.began_ns = read_ns
        time.sleep(self._service_ns(read_ns - self.began_ns) / 1e9)
        dropped = self.order.condition == DROPS and len(self.rows) % DROP_EVERY == DROP_EVERY - 1
        written_ns = NEVER
        if not dropped:
            try:
                client.socket.sendall(_ANSWER)
                written_ns = time.monotonic_ns()
            except ConnectionError:  # the client has gone
                pass
        self.rows.append((number, arrived_ns, read_ns, written_ns, int(dropped)))
        return written_ns != NEVER

    def _service_ns(self, since_ns: int) -> float:
        order, share = self.order, since_ns / self.order.window_ns
        if order.condition == STALL and share >= STALL_AT and not self.stalled:
            self.stalled = True
            return STALL_S * 1e9
        if order.condition == SLOW_DOWN:
            return order.service_ns + (order.peak_ns - order.service_ns) * min(share, 1.0)
        return order.service_ns


def _stamp_ns(marks: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in marks:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, ns = _STAMP.unpack(data)
            return int(seconds) * 1_000_000_000 + int(ns)
    raise SystemExit("The kernel does not say when data came (SO_TIMESTAMPNS).")


def _ahead_ns() -> int:
    """How far CLOCK_REALTIME, which the kernel stamps by, is ahead of CLOCK_MONOTONIC."""
    while True:
        before, real, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if after - before < _BETWEEN_NS:  # else something else ran between the two
            return real - (before + after) // 2


def _request(data: bytes) -> tuple[int, int] | None:
    """(number, bytes) of the request that the data begins with, or None while it is not whole."""
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        return None
    number, length = NEVER, 0
    for line in data[:end].lower().split(b"\r\n"):
        if line.startswith(NUMBER):
            number = int(line[len(NUMBER) :])
        elif line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return (number, end + length) if len(data) >= end + length else None


def take_in(door: socket.socket, selector: selectors.BaseSelector) -> None:
    """Every connection that waits: one at a time, the last would wait for all the others' work."""
    while True:
        try:
            client = Client(door.accept()[0])
        except BlockingIOError:
            return
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(client.socket, selectors.EVENT_READ, client)


def main() -> None:
    """Serve until standard input ends, then tell the log."""
    order = Order(**json.loads(sys.argv[1]))
    os.sched_setaffinity(0, order.cpus)
    server, selector = Server(order), selectors.DefaultSelector()
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)  # its connections inherit it
    door.bind(("127.0.0.1", 0))
    door.listen(4096)
    door.setblocking(False)
    selector.register(door, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print(door.getsockname()[1], flush=True)
    gc.disable()
    going = True
    while going:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                going = False
            elif key.fileobj is door:
                take_in(door, selector)
            elif not server.serve(key.data):
                selector.unregister(key.data.socket)
                key.data.socket.close()
    columns = zip(*server.rows, strict=True) if server.rows else ([] for _ in COLUMNS)
    print(json.dumps(dict(zip(COLUMNS, map(list, columns), strict=True))))


if __name__ == "__main__":
    main()
