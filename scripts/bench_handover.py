"""Whether a running service is replaced without a lost request: ten times, under 100/s.

    python scripts/bench_handover.py [--server NAME] [--times 10] [--every 20] [--rate 100]

Runs `harness pipeline` for as long as so many replacements take, and prints its table and what it
comes to. Ends with exit code 1 if a request was lost, or if fewer replacements were made.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.analyse.run import handover
from harness.base import paths
from harness.base.errors import EXIT_FAILED, EXIT_OK


def options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmark", default="iris")
    parser.add_argument("--server", default="flask-gunicorn", help="the variant that serves")
    parser.add_argument("--times", type=int, default=10, help="replacements")
    parser.add_argument("--every", type=float, default=20.0, help="seconds from one to the next")
    parser.add_argument("--rate", type=float, default=100.0, help="requests per second")
    parser.add_argument("--json", type=Path, help="write every figure here too")
    return parser.parse_args()


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    """The command's JSON output; its messages go where those of this script go."""
    seconds = asked.every * (asked.times + 2)  # the last one needs time to end
    command = [
        *(sys.executable, "-m", "harness", "pipeline", asked.benchmark, "--server", asked.server),
        *("--every", f"{asked.every:f}s", "--for", f"{seconds:f}s", "--rate", str(asked.rate)),
        "--json",
    ]
    done = subprocess.run(command, cwd=paths.PROJECT, stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        sys.exit(done.returncode)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def spread(values: list[float]) -> str:
    """Median and range."""
    ordered = sorted(values)
    if not ordered:
        return "unknown"
    return f"{ordered[len(ordered) // 2]:.3g} ({ordered[0]:.3g} to {ordered[-1]:.3g})"


def main() -> int:
    """Measure, print, judge."""
    asked = options()
    found = measured(asked)
    print("\n".join(handover.lines(found)))
    turned = [run for run in found["runs"] if run["replaced"] is not None]
    whole = [sum(run["seconds"].values()) for run in turned]
    last = [run["last_old_s"] for run in turned if run["last_old_s"] is not None]
    print(f"\n{len(turned)} replacements under {asked.rate:g}/s, {found['lost']} requests lost")
    print(f"a replacement, all stages: {spread(whole)} s")
    print(f"last old answer after the turn: {spread(last)} s")
    for phase in ("before", "training", "change"):
        medians = [run["load"][phase]["response_ms"]["p50"] for run in turned]
        print(f"p50 {phase}: {spread([m for m in medians if m is not None])} ms")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return EXIT_OK if len(turned) >= asked.times and not found["lost"] else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
