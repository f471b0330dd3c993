"""Plain connections whose answers are stamped by the kernel, when it has them.

A process that waits for its CPU sees an answer late, by milliseconds where the host is busy or its
CPU is taken by the hypervisor. The kernel stamps what comes over loopback while the sender's CPU
still works on it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Any

from harness.measure.driver.connection import Connection, clock

Address = tuple[Any, ...]  # as of getaddrinfo

_SO_TIMESTAMPNS = 35  # Linux; Python's socket module has no name for it
_TIMESPEC = struct.Struct("@qq")
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size)
_MOST = 1 << 16  # bytes read at once


async def connect(addresses: list[Address], source: str | None, connection: Connection) -> None:
    """Connect to the first address that answers. Raises OSError where none does."""
    error = OSError("There is no address to connect to.")
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            if source:
                sock.bind((source, 0))
            await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError as found:
            sock.close()
            error = found
        except BaseException:
            sock.close()
            raise
        else:
            connection.connection_made(Stamped(sock, connection))
            return
    raise error


class Stamped(asyncio.WriteTransport):
    """What a connection needs of a transport, over a connected socket that does not block."""

    __slots__ = ("_connection", "_loop", "_sock", "_unsent")

    def __init__(self, sock: socket.socket, connection: Connection) -> None:
        super().__init__()
        self._sock = sock
        self._connection = connection
        self._unsent = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send now what the kernel takes, and the rest when it takes more."""
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._end(error)
            return
        if sent < len(data):
            self._unsent = bytes(data[sent:])
            self._loop.add_writer(self._sock, self._writable)

    def abort(self) -> None:
        """Close at once; the connection is told afterwards."""
        self._end(None)

    def _readable(self) -> None:
        try:
            data, more, _, _ = self._sock.recvmsg(_MOST, _ROOM)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if not data:
            self._connection.eof_received()
            self._end(None)
            return
        age = 0
        for level, kind, value in more:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, rest = _TIMESPEC.unpack(value)
                # Never below 0: the clock that the kernel stamps by may be set back meanwhile.
                age = max(time.time_ns() - seconds * 1_000_000_000 - rest, 0)
        # Only now: if this process has to wait between the two clocks, an answer must seem later
        # than it was, never earlier.
        self._connection.received(data, clock() - age)

    def _writable(self) -> None:
        rest, self._unsent = self._unsent, b""
        self._loop.remove_writer(self._sock)
        self.write(rest)

    def _end(self, error: OSError | None) -> None:
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        self._loop.call_soon(self._connection.connection_lost, error)
