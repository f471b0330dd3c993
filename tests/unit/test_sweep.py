"""Which points a sweep has, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.base.errors import UsageError
from harness.measure.campaign import sweep
from harness.measure.campaign.sweep import SweepPoint
from harness.measure.talk.answers import Answers
from harness.protocols import registered
from harness.setup import judges
from harness.setup.functions import FunctionTable
from harness.windows.samples import ERRORS
from tests.unit.conftest import PROFILE, Project

TEXTS = '{"instance": "a b"}\n{"instance": ""}\n'
CLOSED = '[[profile]]\nname = "c"\nshape = "closed"\nconcurrency = 3\nduration_s = 1.0\n'


def points(project: Project, axis: str, *values: int, payloads: str = TEXTS) -> list[SweepPoint]:
    bench = project.bench(profiles=PROFILE + CLOSED, payloads=payloads)
    return sweep.points(axis, project.variant(), bench, values, 2.5)


PLAIN = [axis for axis in sweep.AXES if axis not in sweep.OF_FUNCTIONS]
FUNCTION = """
[variant.function]
handler = "app.handler"
memory_mib = 1769
"""


@pytest.mark.parametrize("axis", PLAIN)
def test_each_point_has_a_place_of_its_own_and_one_window(project: Project, axis: str) -> None:
    found = points(project, axis, 1, 2, 4)
    assert len({point.cell for point in found}) == 3
    for point in found:
        (window,) = point.benchmark.table.profile
        assert (window.shape, window.duration_s) == ("closed", 2.5)
        assert str(point.value) in f"{point.cell.variant_name} {point.cell.benchmark_name}"


def test_a_value_changes_its_axis_alone(project: Project) -> None:
    by_axis = {axis: points(project, axis, 2)[0] for axis in PLAIN}

    def seen(point: SweepPoint) -> dict[str, object]:
        table = point.benchmark.table
        return {
            "concurrency": table.profile[0].concurrency,
            "payload": point.benchmark.length,
            "batch": point.benchmark.together,
            "workers": point.variant.table.workers,
            "threads": table.threads,
            "misses": round(100 * table.profile[0].unseen_share),
        }

    usual = {"concurrency": 3, "payload": 1, "batch": 1, "workers": 1, "threads": 1, "misses": 0}
    for axis, point in by_axis.items():
        expected = {**usual, axis: 2}
        if axis == "workers":
            expected["concurrency"] = 4  # two callers for each
        assert seen(point) == expected, axis


def function(project: Project, axis: str, *values: int) -> list[SweepPoint]:
    bench = project.bench(profiles=PROFILE + CLOSED, payloads=TEXTS)
    return sweep.points(axis, project.variant(more=FUNCTION), bench, values, 2.5)


def told(point: SweepPoint) -> FunctionTable:
    assert point.variant.table.function is not None
    return point.variant.table.function


def test_memory_sizes_are_variants_that_are_asked_one_request_at_a_time(project: Project) -> None:
    found = function(project, "memory", 512, 3008)
    assert [told(point).memory_mib for point in found] == [512, 3008]
    assert len({point.variant.name for point in found}) == 2
    for point in found:
        (window,) = point.benchmark.table.profile
        assert (window.shape, window.concurrency) == ("closed", 1)


def test_a_gap_is_between_requests_at_even_times(project: Project) -> None:
    found = function(project, "gap", 100, 2500)
    assert len({point.benchmark.name for point in found}) == 2
    assert {told(point).idle_s for point in found} == {sweep.IDLE_S}
    short, long = (point.benchmark.table.profile[0] for point in found)
    assert (short.shape, short.rate_per_s, short.duration_s) == ("constant", 10.0, 2.5)
    assert (long.rate_per_s, long.duration_s) == (0.4, 30.0)


@pytest.mark.parametrize("axis", sweep.OF_FUNCTIONS)
def test_what_is_no_function_has_no_such_axis(project: Project, axis: str) -> None:
    with pytest.raises(UsageError, match=f"no axis '{axis}': it is no function"):
        points(project, axis, 512)


def test_a_memory_size_that_there_is_not(project: Project) -> None:
    with pytest.raises(UsageError, match="100 MiB is not between 128 and 10240"):
        function(project, "memory", 100)


def test_few_workers_have_the_load_of_many(project: Project) -> None:
    callers = [p.benchmark.table.profile[0].concurrency for p in points(project, "workers", 1, 8)]
    assert callers == [16, 16]


def test_a_longer_text_is_the_text_again(project: Project) -> None:
    (found,) = points(project, "payload", 3)
    assert found.benchmark.payloads() == ["a b a b a b", "  "]


def test_what_has_no_length(project: Project) -> None:
    with pytest.raises(UsageError, match=r"some on some has no axis 'payload': .* not texts"):
        points(project, "payload", 1, 2, payloads='{"instance": [1.0, 2.0]}\n')


def test_a_protocol_that_carries_one_instance(project: Project) -> None:
    variant = project.variant()
    one = replace(variant, table=variant.table.model_copy(update={"protocol": "text"}))
    with pytest.raises(UsageError, match="has no axis 'batch': This protocol carries one instance"):
        sweep.points("batch", one, project.bench(payloads=TEXTS), (1, 2), 1.0)


JSON = Answers(
    expected=[10.0, 20.0, 30.0],
    tolerance=1e-6,
    protocol=registered()["json"],
    rule=judges.named("equal"),
    together=2,
)


@pytest.mark.parametrize(
    ("payload", "said", "kind"),
    [
        (0, b"[10.0, 20.0]", ""),
        (2, b"[30.0, 10.0]", ""),  # round and round
        (0, b"[10.0, 30.0]", "wrong_answer"),
        (0, b"[20.0, 10.0]", "wrong_answer"),
        (0, b"[10.0]", "garbage"),
        (0, b"[10.0, 20.0, 30.0]", "garbage"),
    ],
)
def test_each_instance_of_a_request_is_checked(payload: int, said: bytes, kind: str) -> None:
    code, why = JSON.judge(payload, b'{"predictions": ' + said + b"}")
    assert ERRORS[code] == kind
    assert bool(why) == bool(kind)


def test_misses_are_a_share_of_what_is_computed(project: Project) -> None:
    with pytest.raises(UsageError, match="101 is more than 100 percent"):
        points(project, "misses", 50, 101)
    variant = project.variant()
    table = variant.table.model_copy(update={"answers": "stored", "misses": "refused"})
    bench = project.bench(profiles=PROFILE + CLOSED, payloads=TEXTS)
    with pytest.raises(UsageError, match="no axis 'misses': it refuses what is not stored"):
        sweep.points("misses", replace(variant, table=table), bench, (10,), 2.5)
