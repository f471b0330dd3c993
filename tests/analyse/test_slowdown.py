"""How much more than the model what surrounds it slows down where the host is slow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.field import pooling, slowdown
from harness.queues import law
from harness.queues.batch_law import BatchLaw
from harness.queues.law import Law
from harness.queues.queueing import Queue

MS = 1e6
UNIT = 5.0 * MS
SLOW = (0.9, 1.15, 1.0, 1.05)  # how long the model took in each start, beside its mean


def start(rest: float, slow: float = 1.0, power: float = 1.5, error: float = 0.01) -> Queue:
    """A start in a minute of the host that was so slow."""
    occupied = 1.0 + rest * slow**power
    base = law.of_sample(np.array([0.9, 1.1]) * occupied, 0.1)
    own = slow * UNIT
    return Queue(
        law=base,
        law_error=error,
        unit_ns=own,
        occupied=occupied,
        error=error,
        model=1.0,
        saturated_ns=own,
    )


def field(power: float, slow: Sequence[float] = SLOW) -> dict[str, list[Queue]]:
    rests = {f"v{place}": 0.05 + 0.05 * place for place in range(8)}
    return {name: [start(rest, each, power) for each in slow] for name, rest in rests.items()}


def units(queues: dict[str, list[Queue]]) -> dict[str, float]:
    return dict.fromkeys(queues, UNIT)


@pytest.mark.parametrize("power", [0.0, 0.7, 1.5, 2.5])
def test_the_exponent_is_learnt_from_the_starts_of_each_variant(power: float) -> None:
    queues = field(power)
    assert slowdown.exponent(queues, units(queues)) == pytest.approx(power, rel=0.05, abs=0.02)


def test_variants_that_differ_tell_nothing_of_it() -> None:
    once = {name: found[:1] for name, found in field(1.5).items()}
    assert slowdown.exponent(once, units(once)) == 0.0
    assert slowdown.exponent({}, {}) == 0.0


def test_an_unsure_start_tells_little() -> None:
    queues = field(1.5) | {"odd": [start(0.2), start(0.9, 1.1, error=0.3)]}
    assert slowdown.exponent(queues, units(queues)) == pytest.approx(1.5, abs=0.1)


def test_it_is_neither_below_none_nor_beyond_belief() -> None:
    for power, expected in ((-1.0, 0.0), (9.0, 3.0)):
        queues = field(power)
        assert slowdown.exponent(queues, units(queues)) == expected


def test_a_start_is_read_at_the_speed_of_the_campaign() -> None:
    found = slowdown.steadied(start(0.2, 1.15), UNIT, 1.5)
    assert isinstance(found.law, Law)
    assert found.law.occupied_ns == pytest.approx(1.2)
    assert found.occupied == pytest.approx(1.2)
    assert found.law.beside_ns == 0.1
    spread = np.ptp(found.law.shape.sample) * found.law.occupied_ns
    assert spread == pytest.approx(0.2 * (1 + 0.2 * 1.15**1.5))  # the model's times as they were


def test_what_tells_no_speed_is_left_as_it_is() -> None:
    merging = Queue(
        law=BatchLaw(alone_ns=1.2, each_ns=0.4, most=16, wait_ns=1e6, beside_ns=0.1),
        law_error=0.03,
        unit_ns=UNIT,
        occupied=1.2,
        error=0.03,
    )
    unknown = replace(start(0.2), saturated_ns=0.0)
    for queue in (merging, unknown):
        assert slowdown.steadied(queue, UNIT, 1.5) is queue
    assert slowdown.steadied(start(0.2, 1.1), UNIT, 0.0).occupied == start(0.2, 1.1).occupied


def test_a_variant_that_got_the_slow_minutes_is_read_as_its_twin() -> None:
    """Beside a field that got all kinds of minutes, as a campaign's rounds bring them."""
    twins = {
        "slow": [start(0.3, 1.15), start(0.3, 1.12)],
        "fast": [start(0.3, 0.9), start(0.3, 0.93)],
    }
    queues = field(1.5) | twins
    found = pooling.of(queues, dict.fromkeys(queues, "onnx"))
    read = {
        name: float(np.mean([math.log(found[name].law(q).occupied_ns) for q in queues[name]]))
        for name in twins
    }
    assert read["slow"] == pytest.approx(read["fast"], abs=0.004)
