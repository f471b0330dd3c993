"""Plain connections whose answers are stamped by the kernel, when it has them.

A process that waits for its CPU sees an answer late, by milliseconds where the host is busy or its
CPU is taken by the hypervisor. The kernel stamps what comes over loopback while the sender's CPU
still works on it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress

from harness.measure.load.generator.timer import clock

_SO_TIMESTAMPNS = 35  # Linux; Python's socket module has no name for it
_TIMESPEC = struct.Struct("@qq")
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size)
_RECEIVED = 128  # where struct tcp_info has tcpi_bytes_received; see linux/tcp.h
_MOST = 1 << 16  # bytes read at once
_TRIES, _TRY_S = 100, 0.01


class Receiver(asyncio.Protocol, ABC):
    """Is told what comes on a connection, and when it came."""

    __slots__ = ()

    @abstractmethod
    def received(self, data: bytes, now: int) -> None:
        """Take in what came at that time."""

    def data_received(self, data: bytes) -> None:
        self.received(data, clock())


def ask_for_stamps(sock: socket.socket) -> None:
    """Have the kernel stamp what comes; one without stamps (WSL 1) leaves that to this process."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def received_bytes(transport: asyncio.BaseTransport) -> int:
    """The bytes that came on a connection, by TCP's own count, TLS included; 0 if unknown."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return 0
    try:
        with socket.socket(fileno=os.dup(sock.fileno())) as same:
            told = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
    except OSError:
        return 0
    return int.from_bytes(told[_RECEIVED : _RECEIVED + 8], sys.byteorder)


def by_kernel() -> bool:
    """Whether this kernel stamps what comes over loopback; else answers are timed by when this
    process sees them."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as one,
        server.accept()[0] as other,
    ):
        try:
            one.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        except OSError:
            return False
        one.settimeout(1.0)
        # The kernel begins to stamp some time after it was asked to: on a busy host, milliseconds.
        for _ in range(_TRIES):
            other.sendall(b"?")
            told = one.recvmsg(1, _ROOM)[1]
            if any(each[:2] == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) for each in told):
                return True
            time.sleep(_TRY_S)
        return False


class Stamped(asyncio.WriteTransport):
    """A transport, as far as connections need one, over a connected non-blocking socket."""

    __slots__ = ("_connection", "_loop", "_sock", "_unsent")

    def __init__(self, sock: socket.socket, connection: Receiver) -> None:
        super().__init__({"socket": sock})
        self._sock = sock
        self._connection = connection
        self._unsent: deque[memoryview] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send now what the kernel takes, and the rest when it takes more."""
        if self._unsent:
            self._unsent.append(memoryview(data))
            return
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._broken(error)
            return
        if sent < len(data):
            # A view: what is left of a large body would else be copied over and over.
            self._unsent.append(memoryview(data)[sent:])
            self._loop.add_writer(self._sock, self._writable)

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return sum(map(len, self._unsent))

    def abort(self) -> None:
        """Close at once; the connection is told afterwards."""
        self._end(None)

    def _readable(self) -> bool:
        """Take one piece in; whether there was one."""
        try:
            data, more, _, _ = self._sock.recvmsg(_MOST, _ROOM)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._end(error)
            return False
        if not data:
            self._connection.eof_received()
            self._end(None)
            return False
        age = 0
        for level, kind, value in more:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, rest = _TIMESPEC.unpack(value)
                # Never below 0: the clock that the kernel stamps by may be set back meanwhile.
                age = max(time.time_ns() - seconds * 1_000_000_000 - rest, 0)
        # Only now: if this process has to wait between the two clocks, an answer must seem later
        # than it was, never earlier.
        self._connection.received(data, clock() - age)
        return True

    def _writable(self) -> None:
        while self._unsent:
            try:
                sent = self._sock.send(self._unsent[0])
            except BlockingIOError:
                return
            except OSError as error:
                self._broken(error)
                return
            if sent < len(self._unsent[0]):
                self._unsent[0] = self._unsent[0][sent:]
                return
            self._unsent.popleft()
        self._loop.remove_writer(self._sock)

    def _broken(self, error: OSError) -> None:
        """No more can be sent; an answer may be there all the same: a server that refuses what it
        is sent says so and hangs up while more is coming."""
        self._unsent.clear()
        while self._readable():
            pass
        self._end(error)

    def _end(self, error: OSError | None) -> None:
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        self._loop.call_soon(self._connection.connection_lost, error)
