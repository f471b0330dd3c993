"""One request at a time, over HTTP or gRPC: for control and for first answers, never for load."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

import httpx

from harness.measure.launchers import Launched
from harness.protocols import Message, Protocol

_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: an HTTP status, or 200 for gRPC's OK and its code's number for all else."""

    status: int
    body: bytes
    words: str  # the status as a person reads it, with the beginning of an error's text

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Unanswered(Exception):
    """No answer came, and why."""


class Asker(Interface):
    """Sends one message and waits."""

    def __call__(self, message: Message, timeout_s: float) -> Reply: ...


def url_of(launched: Launched, port: int | None = None) -> str:
    """Scheme, host and port of a server that was started, and the prefix of its paths."""
    host = f"[{launched.host}]" if ":" in launched.host else launched.host
    return f"{launched.scheme}://{host}:{port or launched.port}{launched.base}"


def client(launched: Launched, port: int | None = None) -> httpx.Client:
    """For control only: load goes through the drivers."""
    # Without certificates where there are none: reading them takes longer than some servers take
    # to come up.
    return httpx.Client(
        base_url=url_of(launched, port),
        timeout=_TIMEOUT_S,
        trust_env=False,
        verify=ssl.create_default_context() if launched.scheme == "https" else False,
        headers=dict(launched.headers),
    )


@contextmanager
def asker(launched: Launched, protocol: Protocol, path: str) -> Iterator[Asker]:
    """Ask a server in its protocol."""
    if protocol.rpc:
        with _channel(launched) as channel:
            yield _over_grpc(channel, protocol.method, launched.headers)
    else:
        with client(launched) as http:
            yield _over_http(http, path)


def _over_http(http: httpx.Client, path: str) -> Asker:
    def ask(message: Message, timeout_s: float) -> Reply:
        url = str(http.base_url).rstrip("/") + path + message.query
        try:
            response = http.post(
                url, content=message.body, headers=dict(message.headers), timeout=timeout_s
            )
        except httpx.HTTPError as error:
            raise Unanswered(str(error) or type(error).__name__) from error
        said = f"HTTP {response.status_code}"
        if not response.is_success:
            said += f": {response.content[:200].decode(errors='replace')}"
        return Reply(response.status_code, response.content, said)

    return ask


def _channel(launched: Launched) -> Any:
    import grpc

    address = f"{launched.host}:{launched.port}"
    if launched.scheme == "https":
        return grpc.secure_channel(address, credentials(), GRPC_OPTIONS)
    return grpc.insecure_channel(address, GRPC_OPTIONS)


def credentials() -> Any:
    """What gRPC checks certificates against: the same as OpenSSL does for HTTPS."""
    import grpc

    own = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    roots = Path(own).read_bytes() if own else None
    return grpc.ssl_channel_credentials(roots)


def _over_grpc(channel: Any, method: str, headers: Mapping[str, str]) -> Asker:
    import grpc

    call = channel.unary_unary(method)  # without serialisers: bytes go in and come out
    metadata = [(name.lower(), value) for name, value in headers.items()]

    def ask(message: Message, timeout_s: float) -> Reply:
        try:
            return Reply(200, call(message.body, timeout=timeout_s, metadata=metadata), "gRPC OK")
        except grpc.RpcError as error:
            code = error.code()
            if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise Unanswered(f"gRPC {code.name}: {error.details()}") from error
            said = f"gRPC {code.name}: {str(error.details())[:200]}"
            return Reply(code.value[0], b"", said)

    return ask


# Proxies are for the internet; a retry would hide a failure; messages may be as large as HTTP's.
GRPC_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)
