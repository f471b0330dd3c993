"""The way to a server: its addresses, raced as browsers do (RFC 8305), and what is known of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass

import aiohappyeyeballs

from harness.measure.load.generator import stamped
from harness.measure.load.generator.job import Target
from harness.measure.talk import tls

_NEXT_S = 0.25  # until the next address is tried beside the one that is silent

Address = aiohappyeyeballs.AddrInfoType


@dataclass(slots=True)
class Known:
    """Facts about a server from earlier windows of a generator process."""

    winner: Address | None = None  # the address that answered first
    answered_on: int = 0  # so many connections at a time, at most


class Way:
    """Opens connections."""

    def __init__(self, target: Target, source: str, known: Known, *, by_kernel: bool) -> None:
        self._target = target
        self._source = source
        self._known = known
        self.tls = tls.context(target.trust) if target.tls else None
        if self.tls is not None:
            # A server that speaks only HTTP/2 then says so, while the connection is opened.
            self.tls.set_alpn_protocols(["http/1.1"])
        self._by_kernel = by_kernel and self.tls is None
        self.mute = False  # a connection stood, but its TLS handshake has had no answer

    @property
    def address(self) -> str:
        """The one that connections go to; empty while none stands."""
        return "" if self._known.winner is None else str(self._known.winner[4][0])

    async def open(self, connection: stamped.Receiver) -> None:
        """Connect. Raises OSError and UnicodeError."""
        sock = await self._connected()
        if self._by_kernel:
            connection.connection_made(stamped.Stamped(sock, connection))
            return
        host = self._target.host if self.tls else None
        self.mute = self.tls is not None
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection, sock=sock, ssl=self.tls, server_hostname=host
            )
        except BaseException as error:
            # It stays mute where the time is over.
            self.mute = self.mute and not isinstance(error, OSError)
            sock.close()
            raise
        self.mute = False

    async def _connected(self) -> socket.socket:
        known, loop = self._known, asyncio.get_running_loop()
        local = await self._addresses(self._source, 0) if self._source else None
        addresses = [known.winner] if known.winner else None
        if addresses is None:
            addresses = await self._addresses(self._target.host, self._target.port)
        try:
            sock = await aiohappyeyeballs.start_connection(
                addresses,
                local_addr_infos=local,
                happy_eyeballs_delay=_NEXT_S,
                loop=loop,
                socket_factory=self._socket,
            )
        except RuntimeError as error:  # uvloop's, of a socket that was closed meanwhile
            raise OSError(str(error)) from error
        except BaseException:
            known.winner = None  # all are tried the next time
            raise
        if known.winner is None:
            peer = sock.getpeername()
            known.winner = next((found for found in addresses if found[4] == peer), addresses[0])
        return sock

    async def _addresses(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(socket.gaierror):  # a numeric address needs no name server
            kind, numeric = socket.SOCK_STREAM, socket.AI_NUMERICHOST
            return list(socket.getaddrinfo(host, port, 0, kind, 0, numeric))
        return list(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    def _socket(self, address: Address) -> socket.socket:
        family, kind, protocol, _, _ = address
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            sock.close()
            raise
        if self._by_kernel:
            stamped.ask_for_stamps(sock)
        return sock
