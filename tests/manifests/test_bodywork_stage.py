"""Bodywork's stages: what one trains, the other serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness.base import paths

STAGE = paths.PROJECT / "scripts" / "bodywork_stage.py"


def staged(store: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(STAGE), *arguments],
        env={
            "PATH": "/usr/bin:/bin",
            "ARTEFACT_STORE": str(store),
            "HARNESS_ARTEFACT_VERSION": "2",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_trained_model_is_served(tmp_path: Path) -> None:
    store = tmp_path / "artefact.tar.gz"
    staged(store, "train", "noop")
    assert store.exists()
    program = (
        "import os, pathlib, sys; "
        "print(os.getcwd()); print(os.environ['HARNESS_PREDICTOR']); print(sys.argv[1]); "
        "print(sorted(p.name for p in pathlib.Path(os.environ['HARNESS_ARTEFACT']).iterdir()))"
    )
    told = "HARNESS_PREDICTOR=/app/benchmarks/noop/predictor.py"
    said = staged(store, "serve", "flask", told, "--", sys.executable, "-c", program, "x=--")
    folder, predictor, argument, files = said.splitlines()
    assert folder == str(paths.PROJECT / "servers" / "flask")
    assert predictor == str(paths.PROJECT / "benchmarks" / "noop" / "predictor.py")
    assert Path(predictor).is_file()
    assert argument == "x=--"
    assert files == "['label']"
