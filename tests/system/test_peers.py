"""The truth server of the script that sets this driver beside its peers, and this driver at it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from harness.measure.load.generator.pool import Generator
from harness.windows.samples import ERRORS
from peers import truth
from peers.tools import Load, fire_ours
from peers.truth_server import CONDITIONS, DROP_EVERY, DROPS, NEVER, STALL, STALL_S
from peers.up import TruthServer

pytestmark = pytest.mark.slow

CPUS = sorted(os.sched_getaffinity(0))
LOAD = Load(150.0, 300, 5)


@pytest.fixture(scope="module")
def generator() -> Iterator[Generator]:
    with Generator(CPUS[-1:]) as made:
        yield made


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_request_reaches_the_server_once_and_ends_as_it_says(
    generator: Generator, condition: str
) -> None:
    with TruthServer(condition, LOAD.rate_per_s, LOAD.seconds, CPUS[:1]) as server:
        requests, plan = fire_ours(generator, LOAD, server.up)
        log = server.end()
    assert Counter(log.number.tolist()) == Counter(range(LOAD.count))
    dropped = set(log.number[log.dropped == 1].tolist())
    assert len(dropped) == (LOAD.count // DROP_EVERY if condition == DROPS else 0)
    assert set(log.number[log.written_ns == NEVER].tolist()) == dropped
    failed = requests.error == ERRORS.index("disconnected")
    assert set(requests.payload[failed].tolist()) == dropped
    assert set(requests.payload[requests.ok].tolist()) == set(range(LOAD.count)) - dropped
    known = truth.of_window(log, plan)
    assert (known.requests, known.dropped) == (LOAD.count, len(dropped))
    assert (known.missing, known.double) == (0, 0)
    assert_stamps_in_order(log, plan)
    # Never shorter than the stall; how much longer is the machine's.
    longest = int((log.written_ns - log.read_ns).max())
    assert (longest >= STALL_S * 1e9) or condition != STALL


def assert_stamps_in_order(log: truth.Log, plan: truth.Plan) -> None:
    """Due, arrived, read, written: the kernel's stamp is of another clock, up to its resolution."""
    due_ns = plan.start_ns + plan.due_ns[log.number]
    answered = log.written_ns != NEVER
    assert (log.arrived_ns > due_ns - 1_000_000).all()
    assert (log.read_ns > log.arrived_ns - 1_000_000).all()
    assert (log.written_ns[answered] > log.read_ns[answered]).all()
    assert (np.diff(log.read_ns) >= 0).all()
