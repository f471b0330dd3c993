"""Files of instances and answers that are none: a sentence, no wait, no memory without end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.base import paths
from harness.base.errors import UsageError
from harness.setup import catalog, recorded

ODD: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "without end": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_answers(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "recorded.jsonl"
    make(path)
    with pytest.raises(UsageError, match="jsonl can't be read"):
        recorded.read(path)


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_payloads(
    tmp_path: Path, make: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_BENCHMARKS", str(tmp_path))
    folder = tmp_path / "noop"
    shutil.copytree(paths.PROJECT / "benchmarks" / "noop", folder)
    (folder / "payloads.jsonl").unlink()
    make(folder / "payloads.jsonl")
    with pytest.raises(UsageError, match="jsonl can't be read"):
        catalog.benchmark("noop").payloads()
