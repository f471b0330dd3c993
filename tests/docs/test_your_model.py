"""docs/your-model.md, followed to the letter."""

from __future__ import annotations

import re
import shlex
import shutil
import struct
from collections import Counter
from pathlib import Path

import pytest

from harness.base import paths
from tests.docs.following import follow

PAGE = (paths.PROJECT / "docs" / "your-model.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`(benchmarks/[^`]+)`\n\n```\w+\n(.*?)^```$", PAGE, flags=re.M | re.S)
COMMANDS = re.findall(r"^python (-m harness .*)$", PAGE, flags=re.M)
NAMES = sorted({Path(path).parts[1] for path, _ in FILES})
LINES = 40


def test_the_page_has_both_examples_with_their_commands() -> None:
    assert NAMES == ["mine", "wine"]
    wanted = ("verify fastapi --benchmark {}", "run fastapi --benchmark {} --rounds 1")
    expected = {f"-m harness {command.format(name)}" for name in NAMES for command in wanted}
    assert set(COMMANDS) == expected


def test_no_example_is_longer_than_the_page_says() -> None:
    counts = Counter[str]()
    for path, text in FILES:
        counts[Path(path).parts[1]] += len(text.splitlines())
    assert {name: count for name, count in counts.items() if count > LINES} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_its_commands_end_well(name: str, tmp_path: Path) -> None:
    shutil.copytree(paths.benchmarks_dir(), tmp_path / "benchmarks")
    for path, text in FILES:
        place = tmp_path / path
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
    (tmp_path / "benchmarks" / "mine" / "model.onnx").write_bytes(linear_model(4, 3))
    for command in COMMANDS:
        if name in shlex.split(command):
            follow(command, tmp_path, HARNESS_BENCHMARKS=tmp_path / "benchmarks")
    assert len(list((tmp_path / "reports").glob("*/index.html"))) == 1


def linear_model(columns: int, labels: int) -> bytes:
    """An ONNX file by hand, for no environment of a server has the package `onnx`: x @ w."""
    weights = struct.pack(f"<{columns * labels}f", *range(columns * labels))
    dimensions = b"".join(_number(1, size) for size in (columns, labels))
    tensor = dimensions + _number(2, 1) + _bytes(8, b"w") + _bytes(9, weights)
    node = _bytes(1, b"x") + _bytes(1, b"w") + _bytes(2, b"y") + _bytes(4, b"MatMul")
    graph = b"".join(
        (
            _bytes(1, node),
            _bytes(2, b"linear"),
            _bytes(5, tensor),
            _bytes(11, _value(b"x", columns)),
            _bytes(12, _value(b"y", labels)),
        )
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 17))  # IR 8, opset 17


def _value(name: bytes, columns: int) -> bytes:
    """A ValueInfoProto: floats, (any number of rows, columns)."""
    shape = _bytes(1, _bytes(2, b"n")) + _bytes(1, _number(1, columns))
    kind = _bytes(1, _number(1, 1) + _bytes(2, shape))
    return _bytes(1, name) + _bytes(2, kind)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
