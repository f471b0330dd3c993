"""Federated training of the head: its accuracy, and its cost to the requests that are served.

    python scripts/bench_federated.py [--benchmark sentiment] [--rounds 5] [--repeats 2]

The server `federated` is loaded at a constant mean rate: before there are clients, while clients
are connected and idle, and while rounds go on. Response times are from when a request was due.
Every tenth answer is judged by the head of the version that it names, computed anew in another
process.
Clients share the server's CPU here; they stand back (nice 10), as other machines would do wholly.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from federated.bring_up import Federation, federation
from harness.measure.campaign import session
from harness.setup import judges
from harness.stored.records import Window
from harness.windows.profiles import Profile

Kept = list[tuple[int, int, bytes]]  # version, payload, answer


def window(up: Federation, what: str, options: argparse.Namespace) -> tuple[dict[str, Any], Kept]:
    """One window, and the answers that were kept."""
    profile = Profile(what, "poisson", options.window, rate_per_s=options.rate)
    loaded = up.stages.load(up.launched, profile)
    requests, fired = loaded.requests, up.stages.fired
    assert fired is not None
    versions = loaded.marks.each("version", len(requests))
    kept = [
        (int(versions[row]), int(requests.payload[row]), body)
        for row, body in fired.bodies.items()
        if requests.ok[row]
    ]
    return {"window": what, **figures(loaded), "versions": sorted(set(versions.tolist()))}, kept


def figures(loaded: Window) -> dict[str, Any]:
    """Response times in milliseconds, and what failed."""
    requests = loaded.requests
    took = (requests.done_ns - requests.due_ns)[requests.ok] / 1e6
    shown = {f"p{share}_ms": round(float(np.percentile(took, share)), 2) for share in (50, 95, 99)}
    failed = requests.kinds()
    return {"requests": len(requests), "failed": failed, **shown, "max_ms": round(took.max(), 1)}


def windows(up: Federation, options: argparse.Namespace) -> Iterator[tuple[dict[str, Any], Kept]]:
    """Before there are clients, then by turns without and with rounds."""
    yield window(up, "alone", options)
    up.deal(options.clients, options.alpha, options.seed)
    print(f"clients are up after {up.bring_up()['seconds']:.1f} s; {up.dealt}", flush=True)
    if options.silent is not None:
        up.silence(options.silent)
    for _ in range(options.repeats):
        yield window(up, "idle", options)
        up.begin(options.rounds, options.deadline)
        found = window(up, "rounds", options)
        found[0]["rounds_until_its_end"] = up.ask("GET", "/rounds")["under_way"]
        up.rounds()
        yield found


def wrong(up: Federation, kept: Kept, judged: dict[str, Any]) -> list[str]:
    """The answers that the head of their version would not give."""
    table = up.bench.benchmark.table
    rule, protocol = judges.named(table.judge), up.stages.variant.spoken()
    complaints = []
    for version, payload, body in kept:
        wanted = judged[str(version)]["answers"][payload]
        if not rule.right(wanted, protocol.decode(body)[0], table.tolerance):
            complaints.append(f"payload {payload}, version {version}: {body!r}, not {wanted}")
    return complaints


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Everything."""
    with (
        session.begin({}, "cpu", on_wait=print) as tools,
        tempfile.TemporaryDirectory(prefix="h-") as scratch,
        federation(tools, options.benchmark, Path(scratch)) as up,
    ):
        shown, kept = [], []
        for facts, answers in windows(up, options):
            shown.append(facts)
            kept += answers
            print(json.dumps(facts), flush=True)
        judged = up.judged()
        complaints = wrong(up, kept, judged)
        rounds = up.rounds()
        for each in rounds:
            each["accuracy"] = judged[str(each["version"])]["accuracy"]
        return {
            "benchmark": options.benchmark,
            "dealt": up.dealt,
            "central_accuracy": judged["1"]["accuracy"],
            "rounds": rounds,
            "windows": shown,
            "judged": len(kept),
            "wrong": complaints,
        }


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmark", default="sentiment")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--rate", type=float, default=20.0, help="Requests per second.")
    parser.add_argument("--window", type=float, default=30.0, help="Seconds.")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--alpha", type=float, default=0.3, help="Of the Dirichlet distribution.")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--deadline", type=float, default=30.0, help="Of a round, in seconds.")
    parser.add_argument("--silent", type=int, help="A client that never answers.")
    parser.add_argument("--json", type=Path, help="A file for everything that was measured.")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    found = measured(options)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    print(f"central training: accuracy {found['central_accuracy']:.3f}")
    for each in found["rounds"]:
        print(
            f"round {each['round']:2}: accuracy {each['accuracy']:.3f}, {each['seconds']:.1f} s, "
            f"{each['sent_bytes']} B up, {each['received_bytes']} B down, CPU "
            f"{each['client_cpu_s']:.1f} s clients, {each['server_cpu_s']:.1f} s server"
            f"{'; ' + each['said'] if each['said'] else ''}"
        )
    print(f"{found['judged']} answers judged, {len(found['wrong'])} wrong")
    for complaint in found["wrong"][:3]:
        print(complaint)


if __name__ == "__main__":
    main()
