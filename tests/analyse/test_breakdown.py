"""Where the time of a request goes: by hand, and on queues whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.run import breakdown, digest
from harness.analyse.run.breakdown import Batches, Breakdown
from harness.stored.records import Run, Window
from harness.windows import matching
from harness.windows.profiles import Profile
from harness.windows.samples import Calls, Ints, Requests, calls_of
from tests import fakes

STEADY = Profile("steady", "poisson", 10.0, rate_per_s=50.0)
MS = 1_000_000


def calls(start_ms: list[float], took_ms: list[float], batch: list[int] | None = None) -> Calls:
    start, took = np.array(start_ms), np.array(took_ms)
    sizes = np.ones(len(start), np.int64) if batch is None else np.array(batch, np.int64)
    zeros = np.zeros(len(start), np.int64)
    return calls_of((start * MS).astype(np.int64), (took * MS).astype(np.int64), sizes, zeros)


def window(requests: Requests, seen: Calls) -> Window:
    made = fakes.exact_run((STEADY, requests)).windows[0]
    return replace(made, calls=seen)


def parts(found: Breakdown | None) -> list[float]:
    assert found is not None
    return [round(value, 6) for value in found.parts().values()]


def test_the_parts_by_hand() -> None:
    # Each takes 1 ms of the way in, 4 in the model, 2 of the way out; the second waits 3.
    requests = fakes.requests([0.0, 1.0], [0.5, 1.5], [7.5, 11.5])
    found = breakdown.of_window(window(requests, calls([1.5, 5.5], [4.0, 4.0])), 0.6 * MS)
    before = 0.9 * 1.0 + 0.1 * 4.0  # of the fastest tenth, between the two
    assert parts(found) == [0.5, 0.6, round(before - 0.3, 6), 2.5 - before, 4.0, 1.7]
    assert found is not None
    assert found.response_ms == pytest.approx(9.0)
    assert found.matched == 1


def test_a_wait_for_a_connection_is_the_servers() -> None:
    requests = replace(fakes.requests([0.0, 0.0], [0.1, 5.0], [4.0, 9.0]), queued=np.array([0, 1]))
    found = breakdown.of_window(window(requests, calls([1.1, 6.0], [2.0, 2.0])), 0.0)
    assert parts(found)[0] == 0.05
    assert parts(found)[3] == 2.5


def test_transport_is_never_more_than_there_was() -> None:
    requests = fakes.requests([0.0], [0.0], [3.0])
    found = breakdown.of_window(window(requests, calls([0.25], [2.5])), 5.0 * MS)
    assert parts(found) == [0.0, 0.5, 0.0, 0.0, 2.5, 0.0]


def test_failed_requests_and_their_calls_are_left_out() -> None:
    sent = [0.0, 10.0, 20.0]
    requests = fakes.requests(sent, sent, [5.0, 15.0, 90.0], ["", "", "timeout"])
    found = breakdown.of_window(window(requests, calls([1.0, 11.0, 60.0], [3.0, 3.0, 3.0])), 0.0)
    assert parts(found) == [0.0, 0.0, 1.0, 0.0, 3.0, 1.0]


@pytest.mark.parametrize(
    "seen",
    [
        calls([], []),
        calls([1.0], [3.0]),  # one of two
        calls([1.0, 11.0], [9.0, 9.0]),  # they end when the answers are long there
        calls([-1.0, 9.0], [3.0, 3.0]),  # they begin before the requests were sent
    ],
)
def test_calls_that_do_not_fit_explain_nothing(seen: Calls) -> None:
    requests = fakes.requests([0.0, 10.0], [0.0, 10.0], [5.0, 15.0])
    assert breakdown.of_window(window(requests, seen), 0.0) is None


def test_without_an_answer_there_is_nothing_to_split() -> None:
    requests = fakes.requests([0.0], [0.0], [5.0], ["timeout"])
    assert breakdown.of_window(window(requests, calls([1.0], [2.0])), 0.0) is None


@pytest.mark.parametrize("most", [1, 8], ids=["one by one", "in batches"])
@pytest.mark.parametrize("order", ["first come", "last come", "at random"])
def test_means_are_exact_whatever_the_order(most: int, order: str) -> None:
    """A simulated server: requests wait, are taken in some order, and take the model a while."""
    rng = np.random.default_rng(3)
    sent = np.cumsum(rng.exponential(3.0, 400))
    waiting = list(range(len(sent)))
    began, took, free = np.empty(len(sent)), np.empty(len(sent)), 0.0
    starts, lengths, sizes = [], [], []
    while waiting:
        free = max(free, sent[waiting[0]] + 0.4)
        here = [i for i in waiting if sent[i] + 0.4 <= free]
        chosen = {"first come": here, "last come": here[::-1]}.get(order, rng.permutation(here))
        batch = [int(i) for i in chosen[:most]]
        length = 1.0 + float(rng.exponential(1.5 if most == 1 else 6.0))
        began[batch], took[batch] = free, length
        starts.append(free)
        lengths.append(length)
        sizes.append(len(batch))
        free += length
        waiting = [i for i in waiting if i not in batch]
    done = began + took + 0.7
    requests = fakes.requests(list(sent - 0.02), list(sent), list(done))
    found = breakdown.of_window(window(requests, calls(starts, lengths, sizes)), 0.2 * MS)
    assert found is not None
    assert found.matched == 1
    assert found.response_ms == pytest.approx((done - sent).mean() + 0.02, abs=1e-4)
    assert found.model_ms == pytest.approx(took.mean(), abs=1e-4)
    assert found.generator_ms == pytest.approx(0.02, abs=1e-4)
    assert found.transport_ms == pytest.approx(0.2, abs=1e-4)
    assert found.after_ms == pytest.approx(0.6, abs=1e-4)
    ahead = (began - sent).mean() + 0.02  # and what is no transport of it
    assert found.before_ms + found.waiting_ms == pytest.approx(ahead - 0.02 - 0.1, abs=1e-4)
    if most == 1 and order == "first come":
        assert found.before_ms == pytest.approx(0.3, abs=1e-4)


@given(
    spans=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=7),
    seen=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=7),
)
def test_no_matching_has_more_pairs(
    spans: list[tuple[int, int]], seen: list[tuple[int, int]]
) -> None:
    sent = np.array([start for start, _ in spans], float)
    done = sent + [length for _, length in spans]
    requests = fakes.requests(list(sent), list(sent), list(done))
    made = calls([float(start) for start, _ in seen], [float(length) for _, length in seen])
    rows, served_by = matching.matched(requests, made)
    assert len(set(rows.tolist())) == len(rows)
    assert len(set(served_by.tolist())) == len(served_by)
    ends = made.start_ns + made.duration_ns
    assert (requests.sent_ns[rows] <= made.start_ns[served_by]).all()
    assert (ends[served_by] <= requests.done_ns[rows]).all()
    assert len(rows) == _most(requests.sent_ns, requests.done_ns, made.start_ns, ends)


def _most(sent: Ints, done: Ints, start: Ints, end: Ints) -> int:
    """The size of a maximum matching, by augmenting paths."""
    fits = (sent[:, None] <= start[None, :]) & (end[None, :] <= done[:, None])
    owner: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for slot in np.flatnonzero(fits[row]).tolist():
            if slot not in tried:
                tried.add(slot)
                if slot not in owner or place(owner[slot], tried):
                    owner[slot] = row
                    return True
        return False

    return sum(place(row, set()) for row in range(len(sent)))


def test_transport_is_what_the_null_server_takes() -> None:
    null = window(fakes.requests([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.2, 1.4, 9.0]), calls([], []))
    assert breakdown.transport_ns(null) == 0.4 * MS
    assert breakdown.transport_ns(None) == 0


def test_rounds_are_taken_together() -> None:
    one, two = (
        Breakdown(
            generator_ms=1,
            transport_ms=2,
            before_ms=3,
            waiting_ms=4,
            model_ms=5,
            after_ms=6,
            matched=1.0,
        ),
        Breakdown(
            generator_ms=3,
            transport_ms=2,
            before_ms=1,
            waiting_ms=0,
            model_ms=1,
            after_ms=2,
            matched=0.95,
        ),
    )
    both = breakdown.mean([one, two])
    assert both is not None
    assert both.response_ms == pytest.approx((one.response_ms + two.response_ms) / 2)
    assert breakdown.mean([]) is None
    pooled = breakdown.pooled([Batches("s", ((1, 3), (4, 1))), Batches("s", ((1, 1), (2, 5)))])
    assert pooled == Batches("s", ((1, 4), (2, 5), (4, 1)))
    assert pooled is not None
    assert pooled.mean == pytest.approx(1.8)
    assert breakdown.pooled([]) is None


def test_batches_are_counted_by_their_size() -> None:
    seen = calls([0.0, 1.0, 2.0], [1.0, 1.0, 1.0], [2, 1, 2])
    none = fakes.requests([], [], [])
    assert breakdown.batches(window(none, seen)) == Batches("steady", ((1, 1), (2, 2)))
    assert breakdown.batches(window(none, calls([], []))) is None


def test_a_run_is_split_with_the_null_server_of_its_round() -> None:
    def run(variant: str, done: float, seen: Calls) -> Run:
        made = fakes.exact_run(
            (STEADY, fakes.requests([0.0], [0.0], [done])), fake=fakes.Fake(variant)
        )
        return replace(made, windows=(replace(made.windows[0], calls=seen),))

    here, null = run("some", 9.0, calls([2.0], [4.0])), run("null", 0.5, calls([], []))
    plan = fakes.campaign([fakes.Fake("some")])
    split = digest.of_run(here, plan, None, null).breakdown
    assert split is not None
    assert parts(split) == [0.0, 0.5, 1.75, 0.0, 4.0, 2.75]
    inside = replace(here.windows[0], facts=replace(here.windows[0].facts, generator_cpus=0))
    alone = digest.of_run(replace(here, windows=(inside,)), plan, None, null).breakdown
    assert alone is not None
    assert alone.transport_ms == 0


def test_in_every_round_both_references_come_first(tmp_path: Path) -> None:
    """Every other round runs backwards: the null server before the floor that it is set against."""
    known = [fakes.Fake(name, profiles=(STEADY,)) for name in ("in-process", "null", "some")]
    found = digest.of_campaign(fakes.stored_campaign(tmp_path / "c", known, rounds=2))
    assert len(found.digests) == 6
    for each in found.digests:
        assert each.values["overhead"] is not None
        assert each.breakdown is not None
        assert (each.breakdown.transport_ms > 0) == (each.cell.variant_name != "in-process")
