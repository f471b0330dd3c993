"""The native driver beside wrk, hey, Locust and MLPerf LoadGen, and beside the truth, in one run.

    python scripts/bench_peers.py [--rate 200] [--seconds 5] [--alone] [--json FILE]

Every tool loads the null server, a real server, and a server that logs for itself when requests
came and when it answered: healthy, with a stall of 1 s, slowing down, and dropping connections.
Ends with exit code 1 where what this driver reports is not what that server logged.

wrk and hey are Debian packages (apt-get install wrk hey). Locust and LoadGen are installed into an
environment of their own from scripts/peers/requirements.txt. What can't be had is named.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.base.errors import EXIT_FAILED, EXIT_OK, HarnessError, UsageError
from harness.measure.campaign import session
from harness.measure.campaign.tools import Tools
from harness.measure.watch import host
from harness.measure.watch.moment import Moment
from harness.setup import canaries, catalog
from harness.setup.catalog import Benchmark, Variant
from peers import truth
from peers.shown import Row, content, lines, verdicts
from peers.tools import OURS, TOOLS, Kit, Load, Told, Tool, environment, fire_ours
from peers.truth import Log
from peers.truth_server import CONDITIONS
from peers.up import TruthServer, Up, variant_up

_WARM_UP_S = 1.0
_LOOK_S = 1.0
_LEAST = 100  # requests of a window: with fewer, no tool has a p99


@dataclass(frozen=True, slots=True)
class Setup:
    """What all windows share."""

    kit: Kit
    load: Load
    tools: Tools
    peers: Sequence[Tool]


def options() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each window")
    parser.add_argument("--seed", type=int, default=1, help="of the schedule")
    parser.add_argument("--variant", default="fastapi", help="the real server")
    parser.add_argument("--benchmark", default="iris", help="what it serves")
    parser.add_argument("--alone", action="store_true", help="this driver without its peers")
    parser.add_argument("--json", type=Path, help="write every figure here too")
    return parser.parse_args()


def against_truth(setup: Setup) -> Iterator[Row]:
    """Every tool under every condition, with a truth server of its own."""
    load, cpus = setup.load, setup.tools.server_cpus
    for condition in CONDITIONS:
        for tool in setup.peers:
            with TruthServer(condition, load.rate_per_s, load.seconds, cpus) as server:
                yield window("truth server", condition, tool, setup, server.up, server)


def against_variant(variant: Variant, benchmark: Benchmark, setup: Setup) -> Iterator[Row]:
    """Every tool against one variant of this project, which stays up for all."""
    shown = "null server" if variant.table.reference else f"{variant.name} on {benchmark.name}"
    load = setup.load
    with variant_up(variant, benchmark, setup.tools) as up:
        warm_up = Load(load.rate_per_s, int(load.rate_per_s * _WARM_UP_S), load.seed + 1)
        fire_ours(setup.kit.generator, warm_up, up)
        for tool in setup.peers:
            yield window(shown, "", tool, setup, up)


def window(
    server: str,
    condition: str,
    tool: Tool,
    setup: Setup,
    up: Up,
    truthful: TruthServer | None = None,
) -> Row:
    """One tool's window. What goes wrong with the tool becomes the reason of a row without one."""
    print(" / ".join(filter(None, (server, condition, tool.name))), file=sys.stderr)
    why = tool.missing(setup.kit) or ""
    told: Told | None = None
    before = Moment.now()
    if not why:
        try:
            told = tool.fire(setup.kit, setup.load, up)
        except HarnessError as error:
            why = str(error)
    steal = before.stolen_until(Moment.now())
    log: Log | None = truthful.end() if truthful is not None else None
    known = truth.of_window(log, told.plan) if log is not None and told is not None else None
    report = told.report if told is not None else None
    return Row(server, condition, tool.name, setup.load.count, report, why, known, steal)


def main() -> int:
    """Measure, print, judge."""
    asked = options()
    load = Load(asked.rate, int(asked.rate * asked.seconds), asked.seed)
    if load.count < _LEAST:
        raise UsageError(
            f"{load.count} requests a window are too few for a p99: let --rate times --seconds be "
            f"at least {_LEAST}."
        )
    variants = catalog.variants()
    null = canaries.null(variants)
    assert null is not None  # servers/null
    variant = catalog.pick("variant", asked.variant, variants)
    benchmark = catalog.pick("benchmark", asked.benchmark, catalog.benchmarks())
    peers = [TOOLS[OURS]] if asked.alone else list(TOOLS.values())
    python, why = (None, "") if asked.alone else environment()
    before = Moment.now()
    time.sleep(_LOOK_S)
    busy = before.busy_until(Moment.now()) or 0.0
    with session.begin({}, "cpu") as tools:
        folder = tools.scratch / "peers"
        folder.mkdir()
        setup = Setup(Kit(tools.generator, folder, python, why), load, tools, peers)
        rows = [
            *against_variant(null, benchmark, setup),
            *against_variant(variant, benchmark, setup),
            *against_truth(setup),
        ]
    print(f"Asked of every tool: {load.rate_per_s:g}/s for {load.seconds:g} s.")
    print(f"Others used {busy:.0%} of this host's CPUs before it began.\n")
    print("\n".join(lines(rows)))
    if asked.json:
        facts = {**asdict(load), "seconds": load.seconds, "busy_before": busy}
        facts |= {"environment": host.environment()}
        asked.json.write_text(json.dumps(content(rows, facts), indent=1) + "\n", encoding="utf-8")
    found = verdicts(rows)
    return EXIT_OK if found and all(one.passed for one in found) else EXIT_FAILED


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HarnessError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
