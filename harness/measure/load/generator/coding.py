"""Decompression of bodies, bounded: a body may be a decompression bomb."""

from __future__ import annotations

import re
import zlib

from harness.measure.load.generator.answer import Unfit
from harness.windows.causes import printable

_CODINGS = re.compile(r"[\s,]+")
_ACCEPTS = re.compile(rb"\naccept-encoding:([^\r\n]*)", re.IGNORECASE)
_PLAIN = ("", "identity", "chunked")
_GZIP, _DEFLATE = ("gzip", "x-gzip"), "deflate"
_MOST_CODINGS = 5  # on top of each other: curl takes as many
_MOST_PARTS = 100_000
_BEGINNING = 1024  # bytes that are enough to show why a body was refused
_SHOWN = 40  # characters of an unknown one's name
_PIECE = 256  # bytes, the first of a part
_GZIP_WINDOW = 31  # of zlib: with gzip's head and tail
_RAW_WINDOW = -15


def decoded(body: bytes, encoding: bytes, most: int) -> bytes:
    """A body without its compression. Raises Unfit where it can't be had, or is too long."""
    for coding in _codings(encoding):
        body = _inflated(body, _window(coding, body), most)
    return body


def beginning(body: bytes, encoding: bytes, most: int = _BEGINNING) -> bytes:
    """The beginning of a body, decompressed, to be shown; if that fails, what compressed it."""
    try:
        for coding in _codings(encoding):
            body = zlib.decompressobj(_window(coding, body)).decompress(body, most)
    except (Unfit, zlib.error):
        name = encoding.decode("ascii", "replace").strip(", ")
        return f"(compressed with {printable(name, _SHOWN)!r})".encode()
    return body


def require_known(encoding: bytes) -> None:
    """Raises Unfit where a body with these codings can't be decompressed here."""
    _codings(encoding)


def is_known(encoding: bytes) -> bool:
    """Whether such a body can be decompressed here."""
    try:
        require_known(encoding)
    except Unfit:
        return False
    return True


def asked_for(message: bytes, encoding: bytes) -> bool:
    """Whether a request names the codings of an answer among those that it accepts."""
    found = _ACCEPTS.search(message, 0, message.find(b"\r\n\r\n"))
    return accepted(found[1].decode("latin-1") if found else "", encoding)


def accepted(told: str, encoding: bytes) -> bool:
    """Whether the value of `Accept-Encoding` names the codings of an answer."""
    known = re.split(r"[\s,;]+", told.lower())
    names = _CODINGS.split(encoding.decode("ascii", "replace").lower())
    return all(name in known for name in names if name not in _PLAIN)


def _codings(encoding: bytes) -> list[str]:
    """The last one first. Raises Unfit for a coding that is not supported."""
    names = _CODINGS.split(encoding.decode("ascii", "replace").lower())
    found = [name for name in reversed(names) if name not in _PLAIN]
    for name in found:
        if name not in (*_GZIP, _DEFLATE):
            raise Unfit(
                f"its body is compressed with {printable(name, _SHOWN)!r}, which the harness does "
                "not decode: the header 'Accept-Encoding: identity' asks for an uncompressed one"
            )
    if len(found) > _MOST_CODINGS:
        raise Unfit(f"its body is compressed {len(found)} times over, {_MOST_CODINGS} at most")
    return found


def _window(coding: str, body: bytes) -> int:
    """The form of a body, as zlib names it."""
    if coding in _GZIP:
        return _GZIP_WINDOW
    # Both forms are about: with zlib's wrapper, as it should be, and without.
    wrapped = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return -_RAW_WINDOW if wrapped else _RAW_WINDOW


def _inflated(body: bytes, window: int, most: int) -> bytes:
    found, left, parts = bytearray(), memoryview(body), 0
    while left and (not parts or window == _GZIP_WINDOW):  # gzip alone may have several parts
        if parts == _MOST_PARTS:
            raise Unfit(f"its compressed body has more than {_MOST_PARTS} parts")
        try:
            left = _one_part(left, window, most, found)
        except zlib.error as error:
            if parts:  # what follows the last part is nothing, as clients see it
                break
            raise Unfit(f"its body is not compressed as declared: {error}") from error
        parts += 1
    return bytes(found)


def _one_part(body: memoryview, window: int, most: int, found: bytearray) -> memoryview:
    """Add what is in it; what follows it. In pieces that grow: what follows is copied once a part,
    and there may be many."""
    stream, place, size = zlib.decompressobj(window), 0, _PIECE
    while not stream.eof and place < len(body):
        taken = body[place : place + size]
        place, size = place + len(taken), 2 * size
        found += stream.decompress(taken, most + 1 - len(found))
        if len(found) > most:
            raise Unfit(f"its body is longer than {most / (1 << 20):g} MiB when decompressed")
    if not stream.eof:
        raise Unfit("its compressed body is cut short")
    return body[place - len(stream.unused_data) :]
