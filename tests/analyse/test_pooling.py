"""What all servers say together of each one's queue."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.analyse.field import pooling
from harness.analyse.field.pooling import Pooled
from harness.queues import law
from harness.queues.batch_law import BatchLaw
from harness.queues.queueing import Queue

MS = 1e6


def queue(
    excess: float | None = 1.0, unit_ms: float = 8.0, error: float = 0.02, occupied: float = 1.2
) -> Queue:
    base = law.of_sample(np.full(10, occupied), 0.0)
    seen = None if excess is None else occupied * excess
    return Queue(
        law=base,
        law_error=0.01,
        unit_ns=unit_ms * MS,
        occupied=seen,
        error=None if excess is None else error,
    )


def pooled(queues: dict[str, list[Queue]], **backends: str) -> dict[str, Pooled]:
    return pooling.of(queues, {name: backends.get(name, "onnx") for name in queues})


def field(**more: list[Queue]) -> dict[str, list[Queue]]:
    """Six servers that follow the law, as far as can be seen."""
    off = (0.99, 1.01, 0.98, 1.02, 1.0, 1.01)
    plain = {f"v{place}": [queue(each), queue(1 / each)] for place, each in enumerate(off)}
    return {**plain, **more}


def test_the_model_has_one_speed_for_all_that_share_it() -> None:
    found = pooled({"a": [queue(unit_ms=8.0)], "b": [queue(unit_ms=9.0)], "c": [queue(unit_ms=10)]})
    assert [each.unit_ns for each in found.values()] == pytest.approx(3 * [720 ** (1 / 3) * MS])


def test_another_backend_is_another_model() -> None:
    found = pooled(field(torch=[queue(unit_ms=20.0)]), torch="torch")
    assert found["torch"].unit_ns == pytest.approx(20 * MS)
    assert found["v0"].unit_ns == pytest.approx(8 * MS)


def test_where_the_model_is_the_least_of_it_each_keeps_its_own_speed() -> None:
    queues = {
        name: [queue(unit_ms=unit, occupied=9.0)]
        for name, unit in zip("abc", (8, 9, 10), strict=True)
    }
    found = pooled(queues)
    assert [round(each.unit_ns / MS) for each in found.values()] == [8, 9, 10]
    # Each start by itself: its times are in units of that very speed.
    starts = [queue(unit_ms=unit, occupied=72.0 / unit) for unit in (8.0, 9.0)]
    read = pooled({"a": starts, "b": [], "c": []})["a"]
    assert not read.common
    taken = [read.law(start).occupied_ns / (read.excess * MS) for start in starts]
    assert taken == pytest.approx([72.0, 72.0])


def test_a_deviation_that_chance_explains_is_not_believed() -> None:
    found = pooled(field(late=[queue(1.04, error=0.05)]))["late"]
    assert 1.0 < found.excess < 1.03
    assert found.deviation < 0.05


def test_one_that_is_sure_is_left_as_it_was_seen() -> None:
    found = pooled(field(late=[queue(1.3), queue(1.28), queue(1.29)]))["late"]
    assert found.excess == pytest.approx(1.29, rel=0.02)
    assert found.deviation < 0.03


def test_more_doubt_leaves_more_doubt() -> None:
    sure = pooled(field(a=[queue(1.1, error=0.01)] * 3))["a"]
    unsure = pooled(field(a=[queue(1.1, error=0.2)]))["a"]
    assert abs(math.log(unsure.excess)) < abs(math.log(sure.excess))
    assert unsure.deviation > 0.015


def test_a_start_counts_by_what_its_own_windows_say() -> None:
    starts = [queue(1.0, error=0.01), queue(1.3, error=0.2)]
    found = pooled(field(stalled=starts))["stalled"]
    assert found.excess == pytest.approx(1.0, abs=0.01)
    assert found.deviation < 0.02


def test_starts_that_are_sure_and_differ_count_alike() -> None:
    sure = {f"w{place}": [queue(1.1, error=0.005), queue(0.9, error=0.02)] for place in range(9)}
    found = pooled(sure)["w0"]
    assert found.excess == pytest.approx(1.0, abs=0.01)


def test_what_was_not_seen_under_load_follows_the_law_as_the_others_do() -> None:
    found = pooled(field(unseen=[queue(None)]))["unseen"]
    assert found.excess == pytest.approx(1.0, abs=0.01)
    assert found.deviation == pytest.approx(0.01)


def test_nothing_is_said_of_nothing() -> None:
    assert pooled({}) == {}
    assert pooled({"a": []}) == {}


def test_what_was_seen_under_load_itself_has_no_excess_and_makes_none() -> None:
    merging = BatchLaw(alone_ns=1.2, each_ns=0.4, most=16, wait_ns=1e6, beside_ns=0.1)
    batched = [Queue(law=merging, law_error=0.03, unit_ns=8.0 * MS, occupied=1.2, error=0.03)] * 2
    late = {f"v{place}": [queue(1.06), queue(1.06)] for place in range(5)}
    found = pooled({**late, "batched": batched})
    assert found["batched"].excess == 1.0
    assert found["batched"].deviation == 0.0  # each start tells its own
    assert found["v0"].excess == pytest.approx(1.06, rel=0.01)


def drawn(sample: list[float], rest: float, model: float = 1.0) -> Queue:
    """A server with its own model times, in units of their mean, and what else occupies it."""
    base = law.of_sample(np.array(sample) * model + rest, 0.0)
    return Queue(law=base, law_error=0.01, unit_ns=8.0 * MS, occupied=None, error=None, model=model)


def test_how_the_model_s_times_differ_all_say_together_and_each_its_own_mean() -> None:
    short, long = [0.8, 0.9, 1.0, 1.3], [0.5, 0.7, 0.8, 2.0]
    queues = {
        "a": [drawn(short, 0.1)],
        "b": [drawn(long, 0.5), drawn(short, 0.5)],
        "c": [drawn(long, 0.2, model=1.05)],
        "slowed": [drawn([0.99, 1.01], 0.2, model=1.5)],  # it works beside its own model
    }
    found = pooled(queues)
    read = found["b"].law(queues["b"][0])
    assert isinstance(read, law.Law)
    assert read.occupied_ns == pytest.approx(1.5 * 8 * MS)
    assert read.shape.sample * 1.5 - 0.5 == pytest.approx(sorted([*short, *long, *short, *long]))
    slowed = found["slowed"].law(queues["slowed"][0])
    assert isinstance(slowed, law.Law)
    assert slowed.occupied_ns == pytest.approx(1.7 * 8 * MS)
    assert slowed.shape.sample * 1.7 - 0.7 == pytest.approx(sorted([*short, *long, *short, *long]))


def test_of_few_variants_each_keeps_its_own_times() -> None:
    queues = {"a": [drawn([0.8, 1.2], 0.1)], "b": [drawn([0.5, 1.5], 0.1)]}
    read = pooled(queues)["b"].law(queues["b"][0])
    assert isinstance(read, law.Law)
    assert read.shape.sample * 1.1 - 0.1 == pytest.approx([0.5, 1.5])


def test_a_batching_server_keeps_its_own_speed_which_is_fitted_with_its_law() -> None:
    merging = BatchLaw(alone_ns=1.2, each_ns=0.4, most=16, wait_ns=1e6, beside_ns=0.1)
    starts = [
        Queue(law=merging, law_error=0.03, unit_ns=unit * MS, occupied=1.2, error=0.03)
        for unit in (7.0, 9.0)
    ]
    found = pooled(field(batched=starts))["batched"]
    read = [found.law(each).occupied_ns for each in starts]
    assert read == pytest.approx([1.2 * 7.0 * MS, 1.2 * 9.0 * MS])
