"""What a function's front recorded, reduced."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import invoked
from harness.stored.functions import OUT_OF_MEMORY, Lost
from harness.windows.samples import MISSING
from tests import fakes
from tests import invoked as made
from tests.fakes import Fake
from tests.invoked import USUAL, Function

FAKE = Fake("lambda-handler", 6.0)


def test_a_server_is_no_function() -> None:
    assert invoked.of_run(fakes.run(FAKE)) is None


def test_warm_and_cold_requests_are_told_apart() -> None:
    found = invoked.of_run(made.run(FAKE, Function(billed_ms=7, start_ms=800, cold=3)))
    assert found is not None
    assert found.steady is not None
    assert found.steady.cold == 3
    assert found.steady.share_cold == 3 / found.steady.requests
    assert set(found.steady.billed_s) == {0.007}
    assert list(found.steady.start_billed_s) == [pytest.approx(0.807)] * 3
    assert found.steady.busy_s[0] == pytest.approx(0.0066)
    assert found.steady.peak_gib == pytest.approx(130 / 1024)
    assert list(found.windows) == ["steady", "saturated"]


def test_what_was_not_answered_bills_no_request() -> None:
    run = made.run(FAKE, Function())
    rows = run.windows[0].invocations
    rows = replace(
        rows,
        status=np.where(np.arange(len(rows)) == 0, 502, rows.status),
        answered_ns=np.where(np.arange(len(rows)) == 1, MISSING, rows.answered_ns),
        peak_bytes=np.full(len(rows), MISSING),
    )
    found = invoked.use(replace(run.windows[0], invocations=rows))
    assert found.requests == len(rows)
    assert len(found.billed_s) == len(rows) - 2
    assert found.peak_gib is None


def test_a_burst_knows_when_each_instance_had_its_first_request() -> None:
    found = invoked.of_run(made.run(FAKE, Function(instances=4, throttled=10, starts=USUAL)))
    assert found is not None
    assert found.burst is not None
    assert found.burst.most_instances == 8
    assert found.burst.use.cold == 4
    assert len(found.burst.instances.at_s) == 4
    assert list(found.burst.instances.at_s) == sorted(found.burst.instances.at_s)
    assert found.burst.instances.at_s[0] >= 0.8  # no sooner than it was started
    assert found.starts == USUAL


def test_without_invocations_nothing_is_made_of_none() -> None:
    run = made.function(fakes.run(FAKE), Function())
    bare = fakes.of_windows(
        run, *(replace(w, invocations=made.invocations(0)) for w in run.windows)
    )
    found = invoked.of_run(bare)
    assert found is not None
    assert (found.steady, found.burst, found.windows) == (None, None, {})
    empty = invoked.use(bare.windows[0])
    assert (empty.share_cold, empty.peak_gib) == (None, None)


def test_lost_instances_are_kept() -> None:
    lost = (Lost(fate=OUT_OF_MEMORY, count=2, said="an instance may use 128 MB"),)
    found = invoked.of_run(made.run(FAKE, Function(lost=lost)))
    assert found is not None
    assert found.lost == lost
