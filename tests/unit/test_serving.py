"""What a server's process loads its model with, and what it records of that."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from harness.base import paths

PREDICTOR = """
import threading


def load(artefact, device, threads):
    for _ in range(threads - 1):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    return lambda instances: [(str(artefact.name), device, threads) for _ in instances]
"""


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(paths.PROJECT / "servers" / "shared"))
    monkeypatch.delitem(sys.modules, "serving", raising=False)
    import serving as module  # type: ignore[import-not-found, unused-ignore]

    found: ModuleType = module
    return found


@pytest.mark.parametrize(("device", "told"), [("cpu", "3"), ("cuda", None)])
def test_threads_are_counted_on_the_cpu_alone(
    serving: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    device: str,
    told: str | None,
) -> None:
    """A GPU's driver starts threads of its own, which compute nothing."""
    (tmp_path / "predictor.py").write_text(PREDICTOR)
    for name, value in {
        "PREDICTOR": tmp_path / "predictor.py",
        "ARTEFACT": tmp_path / "model",
        "DEVICE": device,
        "THREADS": 3,
        "TRACE": tmp_path,
    }.items():
        monkeypatch.setenv(f"HARNESS_{name}", str(value))
    monkeypatch.setattr(sys, "path", [*sys.path])
    predictor = serving.load_predictor()
    assert predictor is not None
    counted = tmp_path / f"threads-{os.getpid()}"
    assert (counted.read_text() if counted.exists() else None) == told
