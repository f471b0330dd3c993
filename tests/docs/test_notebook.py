"""docs/notebook.md, run block after block on the example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

from harness import frames
from harness.base import paths
from tests import fakes
from tests.docs.pages import coded, section, text

PAGE = text("docs/notebook.md")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.M | re.S)
CHECKS = """
assert len(slow) > 0 and slow.between(0, 1).all()
overhead = sound.loc[(sound["variant"] == "fastapi") & (sound["metric"] == "overhead"), "value"]
found = (pairs["response_ms"] - pairs["response_ms_in_process"]).median()
one = pairs["benchmark"].nunique() == pairs["round"].nunique() == pairs["profile"].nunique() == 1
print(len(medians), len(calls), not one or overhead.empty or abs(found - overhead.iloc[0]) < 1e-6)
"""


def test_its_blocks_run_one_after_another(tmp_path: Path) -> None:
    (tmp_path / "example").symlink_to(paths.PROJECT / "results" / "example")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join([*BLOCKS, CHECKS])],
        cwd=paths.PROJECT,
        env={**os.environ, "MPLBACKEND": "Agg", "HARNESS_RESULTS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    variants, calls, is_the_overhead = done.stdout.split()
    assert int(variants) > 1
    assert int(calls) > 0
    assert is_the_overhead == "True"


def test_every_column_is_described(tmp_path: Path) -> None:
    folder = fakes.stored_campaign(tmp_path / "mine", [fakes.Fake()], rounds=1)
    tables: dict[str, pd.DataFrame] = {
        "The campaigns": frames.campaigns(tmp_path),
        "The numbers": frames.metrics(folder),
        "The requests": frames.requests(folder, "fake"),
    }
    for heading, frame in tables.items():
        assert set(frame.columns) - coded(section(PAGE, heading)) == set()
    described = coded(section(PAGE, "The calls of the predictor"))
    own = set(frames.calls(folder, "fake").columns) - set(tables["The requests"].columns)
    assert own - described == set()
