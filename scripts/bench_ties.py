"""Whether ties are ties: the same server under two names, and one that is slower, many times over.

    python scripts/bench_ties.py [--campaigns 40] [--rounds 8] [--slower 1.05]

Each campaign has three `_fake` servers: `a`, `a-again`, which is the same, and `slower`. They all
take 20 ms, on a machine that gets 30% slower and faster in a wave of four minutes, beside what
this machine does by itself. Asked of each campaign: is `a-again` separated from `a`, and `slower`?
By the median response time, paired by request, as the report does it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np

from harness.analyse.field import comparison
from harness.analyse.field.comparison import Comparison, Row
from harness.analyse.field.paired import Ratio
from harness.analyse.run import digest
from harness.base import paths

# Some milliseconds more are the way there and back, so the response is slower by a little less.
DELAY_MS = 20.0
VARIANT = """
[[variant]]
name = "{name}"
track = "matched"
description = "Answers after {delay_ms} ms, more or less."
protocol = "json"
command = ["{{bin}}/python", "app.py"]
environment = {{ FAKE_DELAY_MS = "{delay_ms}", FAKE_DRIFT = "0.3" }}
"""
SERVER = 'framework = "fake"\nlicence = "Apache-2.0"\nmaintained = true\n'
BENCHMARK = """
version = 1
description = "A constant answer without a model, for a moment."
tolerance = 1e-9

[[profile]]
name = "steady"
shape = "poisson"
rate_per_s = 100.0
duration_s = 1.0
"""
PRESETS = """
# Without a warm-up: the servers wait for a clock, so there is nothing in them that gets warm.
[preset.quick]
benchmarks = ["noop"]
profiles = []
rounds = 1
duration_scale = 1.0
warm_up_s = 0.0
proof_s = 0.3
verify_share = 0.1
"""


def prepare(root: Path, slower: float) -> dict[str, str]:
    """The servers and the benchmark in a folder; the environment that names them."""
    servers, benchmark = root / "servers", root / "benchmarks" / "noop"
    shutil.copytree(paths.PROJECT / "servers", servers)
    shutil.copytree(paths.PROJECT / "benchmarks" / "noop", benchmark)
    shutil.copytree(paths.PROJECT / "benchmarks" / "shared", root / "benchmarks" / "shared")
    delays = {"a": DELAY_MS, "a-again": DELAY_MS, "slower": DELAY_MS * slower}
    variants = [VARIANT.format(name=name, delay_ms=delay) for name, delay in delays.items()]
    (servers / "_fake" / "server.toml").write_text(SERVER + "".join(variants))
    (benchmark / "benchmark.toml").write_text(textwrap.dedent(BENCHMARK))
    (root / "benchmarks" / "presets.toml").write_text(PRESETS)
    folders = {"SERVERS": servers, "BENCHMARKS": root / "benchmarks", "RESULTS": root / "results"}
    folders["REPORTS"] = root / "reports"
    return {**os.environ, **{f"HARNESS_{name}": str(path) for name, path in folders.items()}}


def campaign(environment: dict[str, str], name: str, rounds: int) -> Comparison:
    """Measure one, and read it."""
    command = [sys.executable, "-m", "harness", "run", "a", "a-again", "slower"]
    command += ["--campaign", name, "--rounds", str(rounds)]
    done = subprocess.run(command, cwd=paths.PROJECT, env=environment, capture_output=True)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr.decode())
    digested = digest.of_campaign(Path(environment["HARNESS_RESULTS"]) / name)
    return comparison.compare(digested)[0]


def ratios(found: Comparison) -> tuple[Ratio | None, Ratio | None]:
    """(a-again to a, slower to a), of the median response time."""
    rows: dict[str, Row] = {row.variant: row for row in found.rows}
    again, slower = (
        comparison.ratio(rows[name], rows["a"], "latency_p50") for name in ("a-again", "slower")
    )
    return again, slower


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaigns", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--slower", type=float, default=1.05)
    parser.add_argument("--json", type=Path, help="Write every ratio there.")
    options = parser.parse_args()
    same: list[Ratio] = []
    other: list[Ratio] = []
    with tempfile.TemporaryDirectory(prefix="ties-") as folder:
        environment = prepare(Path(folder), options.slower)
        for number in range(1, options.campaigns + 1):
            again, slower = ratios(campaign(environment, f"c{number}", options.rounds))
            if again is not None and slower is not None:
                same.append(again)
                other.append(slower)
            print(f"{number}: a-again {again}, slower {slower}", flush=True)
    if not same:
        sys.exit("No campaign had a round in which all count.")
    different, found = (sum(ratio.apart for ratio in ratios) for ratios in (same, other))
    print(
        f"\nthe same called different: {different} of {len(same)}\n"
        f"{options.slower:g} times slower found: {found} of {len(other)}\n"
        f"median ratios {np.median([r.ratio for r in same]):.4f} and "
        f"{np.median([r.ratio for r in other]):.4f}"
    )
    if options.json:
        rows = [[(r.ratio, r.low, r.high) for r in ratios] for ratios in (same, other)]
        options.json.write_text(json.dumps({"same": rows[0], "slower": rows[1]}, indent=1))


if __name__ == "__main__":
    main()
