"""The reason why a connection could not be opened, or ended."""

from __future__ import annotations

import errno
import re
import resource
import socket
import ssl
from array import array
from collections.abc import Mapping

import numpy as np

from harness.measure.load.generator.coding import beginning
from harness.protocols.exchange import Fail
from harness.windows.causes import SAID_CHARACTERS, Cause, printable
from harness.windows.samples import ERRORS

Why = tuple[str, str]  # kind, and its description
Said = tuple[bytes, bytes, bytes]  # of an answer: the beginning of its body, Location, encoding
_SAID = 4 * SAID_CHARACTERS  # bytes

NOBODY_KNOWS: Why = ("", "")
NONE_IN_TIME: Why = ("no connection was opened in time", "")
NO_HANDSHAKE: Why = ("no answer to the TLS handshake", "")
HTTP2_ALONE = "speaks only HTTP/2"
_STATUS, _DISCONNECTED = ERRORS.index("status"), ERRORS.index("disconnected")
_BY_NUMBER = {
    errno.ECONNREFUSED: "refused",
    errno.EMFILE: "no descriptors",
    errno.ENFILE: "no descriptors",
    errno.EADDRNOTAVAIL: "no ports left",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.EACCES: "forbidden by this machine",
    errno.EPERM: "forbidden by this machine",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ECONNABORTED: "reset",
    errno.ETIMEDOUT: "no answer to the connection",
}
_BY_WORDS = {  # of gRPC, whose errors have no numbers
    "connection refused": "refused",
    "dns resolution failed": "name not found",
    "name resolution failure": "name not found",
    "domain name not found": "name not found",
    "certificate_verify_failed": "certificate",
    "certificate_required": "client certificate",
    "wrong_version_number": "no TLS",
    "too many open files": "no descriptors",
    "cannot assign requested address": "no ports left",
    "network is unreachable": "unreachable",
    "no route to host": "unreachable",
    "connection reset": "reset",
}
_NUMBER = re.compile(r"\[Errno (\d+)\]")
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")


def of_connecting(error: BaseException) -> Why:
    """Why there is no connection."""
    if isinstance(error, TimeoutError) and error.errno is None:
        return "no answer to the connection", ""
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return _of_name(error)
    return _of(error) or ("failed", printable(str(error) or type(error).__name__))


def of_ending(error: BaseException | None, *, tls: bool, silent: bool) -> Why:
    """Why a connection ended before the answer did; `silent`: nothing was answered by then."""
    if error is None and silent:
        return ("closed after the handshake" if tls else "closed without an answer"), ""
    if error is None:
        return "closed by the server", ""
    return _of(error) or ("ended", printable(str(error) or type(error).__name__))


def of_words(words: str) -> Why:
    """The same of an error that is a text alone, as gRPC's are."""
    lower = words.lower()
    kind = next((kind for part, kind in _BY_WORDS.items() if part in lower), "failed")
    return kind, printable(words)


def of_exchange(fail: Fail) -> Why:
    """Why a request has failed that was answered; an error that says enough has no words."""
    kind = {"garbage": "malformed"}.get(fail.error, fail.error)
    return (kind, printable(fail.why)) if fail.why else NOBODY_KNOWS


def causes(counts: Mapping[tuple[int, Why], int]) -> list[Cause]:
    """The causes that were counted; an error that explains itself, such as `timeout`, has none."""
    found = []
    for (error, (kind, said)), count in counts.items():
        # One that was found closed when its request was due ended without a word.
        told = kind or ("closed by the server" if error == _DISCONNECTED else "")
        if told:
            found.append(Cause(error=ERRORS[error], kind=told, count=count, said=said))
    return found


def of_statuses(status: array[int], error: array[int], first: Mapping[int, Said]) -> list[Cause]:
    """The causes behind error statuses, with the first body of each status."""
    codes = np.frombuffer(status, np.int16)[np.frombuffer(error, np.int8) == _STATUS]
    found = []
    for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
        body, location, encoding = first.get(int(code), (b"", b"", b""))
        said, where = printable(beginning(body, encoding, _SAID)), printable(location)
        found.append(
            Cause(error="status", kind=str(code), count=int(count), said=said, location=where)
        )
    return found


def _of(error: BaseException) -> Why | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate", printable(error.verify_message or str(error))
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    number = getattr(error, "errno", None) or _only_number(str(error))
    kind = _BY_NUMBER.get(number or 0)
    if kind is None and isinstance(error, ConnectionResetError):
        kind = "reset"
    if kind == "no descriptors":
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return kind, f"this machine lets the generator open {limit} files at once"
    return None if kind is None else (kind, "")


def _of_tls(error: ssl.SSLError) -> Why:
    reason = error.reason or str(error)
    words = printable(reason.replace("_", " ").lower())
    if "NO_APPLICATION_PROTOCOL" in reason:
        return HTTP2_ALONE, words
    if "CERTIFICATE_REQUIRED" in reason:
        return "client certificate", words
    if "CERTIFICATE" in reason:
        return "certificate", words
    return ("no TLS" if any(part in reason for part in _NO_TLS) else "TLS failed"), words


def _of_name(error: BaseException) -> Why:
    number = getattr(error, "errno", None)
    if number == socket.EAI_AGAIN:
        return "name not found", "the name server does not answer"
    return "name not found", printable(getattr(error, "strerror", None) or str(error))


def _only_number(words: str) -> int | None:
    """The number that several addresses failed with, where all failed with the same."""
    numbers = {int(found) for found in _NUMBER.findall(words)}
    return numbers.pop() if len(numbers) == 1 else None
