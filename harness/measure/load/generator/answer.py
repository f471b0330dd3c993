"""One answer over HTTP/1.1, taken in as its bytes come; what clients take, this takes.

`httptools` has the last word on a header block, but is stricter than clients are: what those take
is put in order for it first.
"""

from __future__ import annotations

import re

import httptools

_END = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.\d (\d{3})[ \r\n]")
_HEAD_MOST = 1 << 18  # bytes of a header block: curl takes as much
_START = 1024  # bytes of a body that are kept to show, if the whole body is not kept
_SWITCHING = 101
_FRAMING = (b"content-length", b"transfer-encoding")
_ODD = re.compile(rb"\ncontent-length:[^\n]*,|\n[!-9;-~]+[ \t]+:")
_NAME = re.compile(rb"\A([!-9;-~]+)[ \t]+:")
# As lenient as clients: a smuggled second answer cannot harm a load.
_LENIENT = {
    "lenient_headers": True,
    "lenient_optional_cr_before_lf": True,
    "lenient_spaces_after_chunk_size": True,
}


class Unfit(Exception):
    """The bytes are not an answer, and why. `hopeless`: nothing else will ever come from there."""

    def __init__(self, why: str, *, hopeless: bool = False) -> None:
        super().__init__(why)
        self.hopeless = hopeless


class Answer:
    """The final answer to one request; interim ones before it are dropped."""

    __slots__ = (
        "_bodiless",
        "_keep",
        "_kept",
        "_most",
        "_parser",
        "_pending",
        "_size",
        "_transfer",
        "alone",
        "body",
        "encoding",
        "head",
        "keep_alive",
        "length",
        "location",
        "status",
        "until_close",
        "whole",
    )

    def __init__(self, *, keep: bool, most: int, bodiless: bool = False) -> None:
        """`keep` the whole body, of `most` bytes; `bodiless`: there is none, as to HEAD."""
        self._keep, self._most, self._bodiless = keep, most, bodiless
        self._kept = self._size = 0
        self._pending = bytearray()
        self._parser: httptools.HttpResponseParser | None = None
        self.status = 0  # until the header block is whole
        self.head = b""  # of the final answer, as it came
        self.length: int | None = None
        self.encoding = self.location = self._transfer = b""
        self.body: list[bytes] = []
        self.keep_alive = False
        self.until_close = True  # it has no length: it ends where the connection does
        self.whole = False
        self.alone = True  # nothing came after it

    @property
    def begun(self) -> bool:
        """Whether anything of the final answer has come."""
        return bool(self._pending) or self._parser is not None

    def feed(self, data: bytes) -> bool:
        """Take in what came; whether the answer is whole. Raises Unfit."""
        self._size += len(data)
        if self._size > self._most:
            raise Unfit(f"the answer is longer than {self._most / (1 << 20):g} MiB, the most taken")
        if self._parser is None:
            rest = self._head_taken(data)
            if rest is None:
                return False
            data = rest
        if data and self.whole:
            self.alone = False
        elif data:
            self._parse(data)
        return self.whole

    def end(self) -> bool:
        """The connection has ended; whether the answer is whole by that."""
        self.whole = self.whole or (self.status != 0 and self.until_close)
        self.keep_alive = False
        return self.whole

    def _head_taken(self, data: bytes) -> bytes | None:
        """Drop interim answers and parse the final one's header block; what follows it."""
        pending = self._pending
        known = max(len(pending) - 3, 0)
        pending += data
        while True:
            if pending[:1] == b"\r" or pending[:1] == b"\n":
                pending[:] = pending.lstrip(b"\r\n")
            _require_http(pending)
            found = _END.search(pending, known)
            if found is None:
                if len(pending) > _HEAD_MOST:
                    raise Unfit(f"its header block is longer than {_HEAD_MOST >> 10} KiB")
                return None
            head, rest = bytes(pending[: found.end()]), bytes(pending[found.end() :])
            status = _STATUS.match(head)
            if status is None or not 100 <= int(status[1]) < 200 or int(status[1]) == _SWITCHING:
                break
            pending[:] = rest
            known = 0
        self._begin(head, int(status[1]) if status else 0)
        return rest

    def _begin(self, head: bytes, status: int) -> None:
        self.head = head
        if status == _SWITCHING:  # the harness speaks no other protocol
            self.status, self.whole, self.until_close = status, True, False
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(**_LENIENT)
        if not self.whole:
            self._parse(_in_order(head, bodiless=self._bodiless))

    def _parse(self, data: bytes) -> None:
        assert self._parser is not None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.whole:
                raise Unfit(str(error) or type(error).__name__) from error
            self.alone = False

    def on_message_begin(self) -> None:
        self.alone = not self.whole

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if self.whole:
            return
        if name == b"content-length":
            # A parser that finds no number there says so itself, and better.
            self.length = int(value) if value.strip().isdigit() else None
            self.until_close = False
        elif name == b"content-encoding":
            self.encoding += b"," + value
        elif name == b"location":
            self.location = value
        elif name == b"transfer-encoding":
            codings = value.strip().lower()
            self.until_close &= not codings.endswith(b"chunked")
            if codings != b"chunked":
                self._transfer += b"," + codings

    def on_headers_complete(self) -> None:
        if not self.whole:
            assert self._parser is not None
            self.status = self._parser.get_status_code()
            self.keep_alive = self._parser.should_keep_alive()
            self.encoding += self._transfer  # the last ones, as they are the connection's

    def on_body(self, body: bytes) -> None:
        if not self.whole and (self._keep or self._kept < _START):
            self._kept += len(body)
            self.body.append(body if self._keep else body[:_START])

    def on_message_complete(self) -> None:
        self.whole = True


def headers_of(head: bytes) -> tuple[tuple[str, str], ...]:
    """Name, in lower case, and value of each header of a block, in their order."""
    lines = head.decode("latin-1").split("\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return tuple((name.strip().lower(), value.strip()) for name, colon, value in pairs if colon)


def _require_http(start: bytearray) -> None:
    """Nothing that answers otherwise than by HTTP/1 needs to be waited for. Raises Unfit."""
    if b"HTTP/".startswith(start[:5]):
        return
    if len(start) >= 9 and start[3] == 4 and not any(start[5:9]):  # SETTINGS, of the connection
        raise Unfit(
            "it speaks only HTTP/2, which the harness supports only for gRPC", hopeless=True
        )
    if start[:2] == b"\x15\x03" or start[:2] == b"\x16\x03":
        raise Unfit("it speaks TLS: write https://", hopeless=True)
    raise Unfit(f"the answer is not HTTP/1: {bytes(start[:20])!r}")


def _in_order(head: bytes, *, bodiless: bool) -> bytes:
    """A header block as the parser takes it: with one length or chunks, and whole line ends."""
    lower = head.lower()
    ends = head.count(b"\n")
    framed = sum(lower.count(b"\n" + name) for name in _FRAMING)
    simple = framed < 2 and not bodiless and ends == head.count(b"\r\n")
    if simple and not _ODD.search(lower):
        return head
    first, *lines = [line.removesuffix(b"\r") for line in head.rstrip(b"\r\n").split(b"\n")]
    lines = [_NAME.sub(rb"\1:", line) for line in lines]
    pairs = [(line.partition(b":")[0].strip().lower(), line) for line in lines]
    chunked = any(
        name == b"transfer-encoding" and line.lower().rstrip().endswith(b"chunked")
        for name, line in pairs
    )
    kept = [line for name, line in pairs if name != b"content-length"]
    if bodiless:
        kept = [line for name, line in pairs if name not in _FRAMING]
        kept.append(b"Content-Length: 0")
    elif not chunked and (lengths := [line for name, line in pairs if name == b"content-length"]):
        # Clients go by the length then; how the transfer is compressed is still to be known.
        kept = [line for name, line in pairs if name not in _FRAMING]
        codings = [line.partition(b":")[2] for name, line in pairs if name == b"transfer-encoding"]
        kept += [b"Content-Encoding:" + coding for coding in codings] + _one_length(lengths)
    return b"\r\n".join([first, *kept, b"", b""])


def _one_length(lines: list[bytes]) -> list[bytes]:
    """The length on which several lines agree. Raises Unfit if they do not."""
    said = {part.strip() for line in lines for part in line.partition(b":")[2].split(b",")}
    if len(said) > 1:
        shown = " and ".join(sorted(length.decode("ascii", "replace") for length in said))
        raise Unfit(f"it gives its length more than once: {shown}")
    return [b"Content-Length: " + length for length in said]
