"""Capacities of a campaign whose servers follow a law, whatever speed the model had in each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.field import comparison
from harness.analyse.field.comparison import Comparison
from harness.analyse.run import capacity, capacity_words, digest
from harness.analyse.run.capacity import Late
from harness.setup.slo import parse
from harness.stored import store
from harness.windows.kinds import WindowKind
from tests import fakes, in_turn
from tests.in_turn import InTurn

SLO = parse("p99<50ms")
SPEEDS = (1.0, 0.85, 1.2, 0.95)  # of the model, in one start after the other


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Four servers, two starts each, with a model whose speed is luck."""
    servers = {"light": 0.5, "again-light": 0.5, "middle": 1.5, "heavy": 3.0}
    folder = tmp_path_factory.mktemp("campaign")
    known = [fakes.Fake(name) for name in servers]
    campaign = fakes.campaign(known, 2, id="c")
    store.write_campaign(folder, campaign)
    for place, cell in enumerate(campaign.cells):
        around = servers[cell.variant_name]
        server = InTurn(around_ms=around, speed=SPEEDS[place % len(SPEEDS)])
        rate = 62 * server.speed * (9 / (8 + around)) ** 1.8  # about its capacity
        run = in_turn.run(server, 10 * cell.round + place, cell.variant_name, rate)
        facts = replace(run.facts, cell=cell, campaign="c")
        store.write_run(folder, replace(run, facts=facts))
    return comparison.compare(digest.of_campaign(folder))[0]


def test_servers_are_told_apart_by_what_they_add_and_not_by_luck(compared: Comparison) -> None:
    ranks = {row.variant: row.rank for row in compared.rows}
    assert compared.ranked_by == "capacity"
    assert ranks == {"light": 1, "again-light": 1, "middle": 3, "heavy": 4}


def test_two_starts_at_different_speeds_have_one_capacity(compared: Comparison) -> None:
    for row in compared.rows:
        values = [each.values["capacity"] for each in row.digests]
        assert values[0] == pytest.approx(values[1], rel=0.05)
        alone = [each.queue.unit_ns for each in row.digests if each.queue is not None]
        assert max(alone) > 1.05 * min(alone)


def test_the_capacity_is_the_laws_and_its_probes_confirm_it(compared: Comparison) -> None:
    row = next(row for row in compared.rows if row.variant == "middle")
    for each in row.digests:
        assert each.found is not None
        assert (each.found.basis, each.found.confirmed) == ("law", True)
        held = each.held[str(SLO)]
        assert held.by_law
        assert held.least == each.values["capacity"] == each.found.estimate.rate_per_s
        assert held.low is not None
        assert held.low < held.least


def test_probes_that_are_late_far_more_often_refute_the_law() -> None:
    run = in_turn.run(InTurn(), rate=62.0)
    found = capacity.at(run, SLO)
    assert found.basis == "law"
    tails = []
    for probe in run.probes:
        done = probe.requests.done_ns.copy()
        done[::8] += int(60e6)  # one in eight, which a trimmed mean hardly shows
        tails.append(replace(probe, requests=replace(probe.requests, done_ns=done)))
    refuted = capacity.at(fakes.having(run, WindowKind.PROBE, tails), SLO)
    assert refuted.basis == "probes"
    assert "law" not in capacity_words.sentence(refuted)


@pytest.mark.parametrize(
    ("late", "refuted"),
    [
        (Late(requests=0.0, late=0.0, at_most=0.0, at_least=0.0), False),
        (Late(requests=300.0, late=3.0, at_most=9.0, at_least=1.0), False),
        (
            Late(requests=300.0, late=25.0, at_most=9.0, at_least=1.0),
            True,
        ),  # far more than of a capacity that is a fifth lower
        (
            Late(requests=900.0, late=0.0, at_most=60.0, at_least=9.0),
            True,
        ),  # fewer than of one that is a fifth higher
    ],
)
def test_late_requests_refute_a_law_that_is_far_off(late: Late, refuted: bool) -> None:
    assert late.refutes is refuted


def test_rounds_that_refute_nothing_alone_refute_it_together() -> None:
    each = Late(requests=100.0, late=4.0, at_most=2.2, at_least=0.5)
    assert not each.refutes
    assert (each + each + each + each + each).refutes


def test_what_no_probe_was_near_is_not_confirmed() -> None:
    run = in_turn.run(InTurn(), rate=30.0)
    found = capacity.at(run, SLO)
    assert (found.basis, found.confirmed) == ("law", False)
    assert capacity_words.sentence(found).endswith("which no probe near that rate confirms)")
    assert capacity_words.as_json(found)["confirmed"] is False


def test_the_law_answers_at_every_slo() -> None:
    run = in_turn.run(InTurn(), rate=70.0)
    found = [capacity.at(run, parse(f"p99<{limit}ms")) for limit in (25, 50, 99)]
    rates = [each.estimate.rate_per_s for each in found]
    assert all(rate is not None for rate in rates)
    assert np.all(np.diff(np.array(rates, dtype=float)) > 0)


def test_a_law_that_no_probe_was_fired_for_stands_unconfirmed() -> None:
    run = in_turn.run(InTurn(), rate=62.0)
    run = fakes.having(run, WindowKind.PROBE, [])
    run = fakes.having(run, WindowKind.PROFILE, run.profiles[1:])
    found = capacity.of_run(run)
    assert found is not None
    assert (found.basis, found.confirmed) == ("law", False)


def test_a_server_slower_than_the_limit_holds_it_nowhere_and_breaks_nothing() -> None:
    run = in_turn.run(InTurn(model_ms=90.0), rate=5.0)
    run = fakes.having(run, WindowKind.PROBE, [])
    assert capacity.at(run, SLO).estimate.rate_per_s is None
