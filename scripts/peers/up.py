"""Servers to load, each up for one window: the truth server, or a variant of this project."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.measure.campaign.bench import Bench
from harness.measure.campaign.reference import stages_of
from harness.measure.campaign.tools import Tools
from harness.measure.prepare import artefacts, environments
from harness.measure.talk import target
from harness.protocols import registered
from harness.setup import canaries, catalog
from harness.setup.catalog import Benchmark, Variant
from peers.truth import Log
from peers.truth_server import Order

_PROGRAM = Path(__file__).with_name("truth_server.py")
_SERVICE_NS = 1_000_000
_END_S = 20.0  # what it may take to say its log, a stall included
BODY = b'{"instances": [[5.1, 3.5, 1.4, 0.2]]}'


@dataclass(frozen=True, slots=True)
class Up:
    """A server that answers, and what to send to it."""

    url: str
    body: bytes


class TruthServer:
    """The process of a truth server. A context manager; it ends with it."""

    def __init__(
        self, condition: str, rate_per_s: float, seconds: float, cpus: Sequence[int]
    ) -> None:
        # A slow-down ends at half as much again as the schedule leaves room for: a queue builds up.
        peak_ns = max(_SERVICE_NS, int(1.5e9 / rate_per_s))
        order = Order(condition, _SERVICE_NS, peak_ns, int(seconds * 1e9), list(cpus))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_PROGRAM), json.dumps(asdict(order))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.up = Up(f"http://127.0.0.1:{int(self._process.stdout.readline())}/predict", BODY)

    def __enter__(self) -> TruthServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> Log:
        """End it; what it logged."""
        text, _ = self._process.communicate(timeout=_END_S)
        return Log.of(text)


@contextmanager
def variant_up(variant: Variant, benchmark: Benchmark, tools: Tools) -> Iterator[Up]:
    """A variant brought up as a campaign does it, on a benchmark's model."""
    if variant.table.reference:
        artefact = tools.scratch  # it needs none
    else:
        artefact = artefacts.ensure(
            benchmark, environments.for_variant(_in_process(), benchmark)
        ).folder
    bench = Bench(
        benchmark=benchmark,
        artefact=artefact,
        payloads=tuple(benchmark.payloads()),
        expected=(),
        warm_up_s=0,
        verify_share=1.0,
    )
    protocol = registered()[variant.table.protocol]
    body = protocol.encode([bench.payloads[0]]).body
    with tools.folder() as scratch:
        stages = stages_of(variant, bench, tools, 1, scratch)
        launched = stages.launch()
        try:
            stages.ready(launched)
            path = variant.table.path or protocol.path
            yield Up(target.url_of(launched) + path, body)
        finally:
            stages.stop(launched)


def _in_process() -> Variant:
    found = canaries.predictor(catalog.variants())
    assert found is not None  # servers/in-process
    return found
