"""One request at a time, over HTTP or gRPC: for control and for first answers, never for load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from typing import Protocol as Interface

from harness.base.secrecy import beginning, conceal
from harness.measure.launch.launchers import Launched
from harness.measure.load.generator import once
from harness.measure.load.generator.job import Target
from harness.measure.talk import tls
from harness.measure.talk.target import target, target_of, url_of
from harness.protocols import Message, Protocol
from harness.setup.endpoints import Headers

TIMEOUT_S = 2.0
_SAID = 200  # characters of an error's text


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: an HTTP status, or for gRPC 200 for OK and the code's number for anything else."""

    status: int
    body: bytes
    words: str  # the status as a person reads it, with the beginning of an error's text

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Unanswered(Exception):
    """No answer came, and why; no secret's value is in it."""

    def __str__(self) -> str:
        return conceal(super().__str__())


class SaidToFail(Unanswered):
    """The request was taken, and then said to have failed."""


class Getter(Interface):
    """Asks for a path, or posts to it, and waits. Raises Unanswered."""

    def __call__(self, path: str, posted: Message | None = None) -> Reply: ...


class Asker(Interface):
    """Sends one message and waits."""

    def __call__(self, message: Message, timeout_s: float) -> Reply: ...


def getter(launched: Launched, port: int | None = None, timeout_s: float = TIMEOUT_S) -> Getter:
    """Asks for paths of a server that was started, at another of its ports where one is given."""

    def get(path: str, posted: Message | None = None) -> Reply:
        url, method = url_of(launched, port) + path, "GET" if posted is None else "POST"
        asked = [posted or Message(b"")]
        return over_http(target(url, asked, launched.headers, method, launched.trust), timeout_s)

    return get


def getter_of(launched: Launched, port: str) -> Getter:
    """The same at the port of that name, which some servers have only when they are ready; empty:
    the one that the load goes to."""

    def get(path: str, posted: Message | None = None) -> Reply:
        return getter(launched, launched.ports.get(port))(path, posted)

    return get


@contextmanager
def asker(launched: Launched, protocol: Protocol, path: str) -> Iterator[Asker]:
    """Ask a server in its protocol."""
    if protocol.rpc:
        with caller(launched, protocol.method) as call:
            yield call
    else:
        yield _over_http(launched, protocol, path)


@contextmanager
def caller(launched: Launched, method: str) -> Iterator[Asker]:
    """Call a method of a server over gRPC."""
    with _channel(launched) as channel:
        yield _over_grpc(channel, method, launched.headers)


def _over_http(launched: Launched, protocol: Protocol, path: str) -> Asker:
    def ask(message: Message, timeout_s: float) -> Reply:
        return over_http(target_of(launched, protocol, path, [message]), timeout_s)

    return ask


def over_http(goal: Target, timeout_s: float) -> Reply:
    """Ask as the driver does, and wait. Raises Unanswered."""
    try:
        status, body, location = once.asked(goal, timeout_s)
    except once.SaidToHaveFailed as error:
        raise SaidToFail(str(error)) from error
    except once.NoAnswer as error:
        raise Unanswered(str(error)) from error
    said = f"HTTP {status}"
    if location:
        said += f" to {beginning(location.decode(errors='replace'), _SAID)}"
    if not 200 <= status < 300:
        said += f": {beginning(body.decode(errors='replace'), _SAID)}"
    return Reply(status, body, said)


def _channel(launched: Launched) -> Any:
    import grpc

    address = f"{launched.host}:{launched.port}"
    if launched.scheme == "https":
        return grpc.secure_channel(address, tls.credentials(launched.trust), GRPC_OPTIONS)
    return grpc.insecure_channel(address, GRPC_OPTIONS)


def _over_grpc(channel: Any, method: str, headers: Headers) -> Asker:
    import grpc

    call = channel.unary_unary(method)  # without serialisers: bytes go in and come out
    metadata = [(name.lower(), value) for name, value in headers]

    def ask(message: Message, timeout_s: float) -> Reply:
        try:
            return Reply(200, call(message.body, timeout=timeout_s, metadata=metadata), "gRPC OK")
        except grpc.RpcError as error:
            code = error.code()
            if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise Unanswered(f"gRPC {code.name}: {error.details()}") from error
            said = f"gRPC {code.name}: {beginning(str(error.details()), _SAID)}"
            return Reply(code.value[0], b"", said)

    return ask


# Proxies are for the internet; a retry would hide a failure; messages may be as large as HTTP's.
GRPC_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)
