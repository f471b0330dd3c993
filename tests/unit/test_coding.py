"""Bodies without their compression, whoever sent them."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measure.load.generator.answer import Unfit
from harness.measure.load.generator.coding import asked_for, beginning, decoded

MOST = 1 << 20
RAW = zlib.compressobj(wbits=-15)
COMPRESSED = {
    b"gzip": gzip.compress(b"hello", mtime=0),
    b"x-gzip": gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0),
    b"deflate": zlib.compress(b"hello"),
    b"Deflate": RAW.compress(b"hello") + RAW.flush(),
    b"identity": b"hello",
    b"gzip, identity": gzip.compress(b"hello", mtime=0),
    b"deflate, gzip": gzip.compress(zlib.compress(b"hello")),
}


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_compression_is_taken_off(encoding: bytes) -> None:
    assert decoded(COMPRESSED[encoding], encoding, MOST) == b"hello"


@pytest.mark.parametrize(
    ("body", "encoding", "why"),
    [
        (b"hello", b"gzip", "not compressed as declared"),
        (gzip.compress(b"hello", mtime=0)[:-5], b"gzip", "cut short"),
        (
            gzip.compress(b"\0" * (MOST + 1), mtime=0),
            b"gzip",
            "longer than 1 MiB when decompressed",
        ),
        (
            b"hello",
            b"br",
            "with 'br', which the harness does not decode.*Accept-Encoding: ident",
        ),
        (b"hello", b"zstd, gzip", "compressed with 'zstd'"),
        (b"hello", b"x" * 1000 + b"\x1b[2J\xff", "compressed with 'x{39}…'"),
        (b"", b"gzip," * 6, "compressed 6 times over, 5 at most"),
        (gzip.compress(b"", mtime=0) * 100_001, b"gzip", "more than 100000 parts"),
    ],
    ids=range(8),
)
def test_what_cannot_be_decoded_says_why(body: bytes, encoding: bytes, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        decoded(body, encoding, MOST)


@pytest.mark.parametrize(
    ("header", "encoding", "is_asked_for"),
    [
        (b"accept-encoding: gzip, BR;q=0.1", b",br", True),
        (b"Accept-Encoding: br", b"br, gzip", False),
        (b"Accept-Encoding: identity", b"br", False),
        (b"X: accept-encoding: br", b"br", False),
        (b"X: y", b"identity", True),
    ],
)
def test_what_a_request_asks_for(header: bytes, encoding: bytes, is_asked_for: bool) -> None:
    message = b"POST / HTTP/1.1\r\n" + header + b"\r\n\r\nhello\naccept-encoding: br, gzip\r\n"
    assert asked_for(message, encoding) == is_asked_for


@pytest.mark.parametrize("rest", [b"\0" * 512, b"rubbish"])
def test_what_follows_a_compressed_body_is_nothing(rest: bytes) -> None:
    assert decoded(COMPRESSED[b"gzip"] + rest, b"gzip", MOST) == b"hello"
    assert decoded(COMPRESSED[b"deflate"] + rest, b"deflate", MOST) == b"hello"


@pytest.mark.parametrize(
    ("body", "encoding", "shown"),
    [
        (b"busy", b"", b"busy"),
        (gzip.compress(b"busy", mtime=0)[:-4], b"gzip", b"busy"),
        (b"busy", b"gzip", b"(compressed with 'gzip')"),
        (b"\x8b\x01\x80busy\x03", b",br", b"(compressed with 'br')"),
    ],
    ids=range(4),
)
def test_the_beginning_of_a_body(body: bytes, encoding: bytes, shown: bytes) -> None:
    found = beginning(body, encoding, 200)
    assert found.startswith(shown)
    assert len(found) <= 200


CODINGS = st.lists(st.sampled_from([b"gzip", b"deflate", b"br", b"identity", b"", b"\xff"]))


@given(body=st.binary(max_size=200), codings=CODINGS, cut=st.integers(0, 300))
@settings(max_examples=300)
def test_any_bytes_are_a_body_or_a_sentence(body: bytes, codings: list[bytes], cut: int) -> None:
    for coding in codings:
        if coding in (b"gzip", b"deflate"):
            body = gzip.compress(body) if coding == b"gzip" else zlib.compress(body)
    encoding = b", ".join(codings)
    beginning(body[:cut], encoding, 100)
    said = "its "
    try:
        assert len(decoded(body[:cut], encoding, MOST)) <= MOST
    except Unfit as error:
        said = str(error)
    assert said.startswith("its ")
    assert said.isprintable()


def test_a_bomb_takes_no_memory() -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * (200 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(Unfit, match="longer than 1 MiB"):
            decoded(bomb, b"gzip, gzip", MOST)
        assert tracemalloc.get_traced_memory()[1] < 8 * MOST
    finally:
        tracemalloc.stop()
