"""An endpoint beside a variant of the field: a ratio without a rank, and what is said of it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.analyse.run.held import Held
from harness.setup.endpoints import Endpoint
from harness.stored.records import Failure
from tests.fakes import Fake, stored_campaign
from tests.report import pages
from tests.report.campaigns import PROFILES

HERE = Endpoint(
    name="mine",
    url="http://127.0.0.1:1/p",
    protocol="json",
    headers={},
    judged_by="unchecked",
    is_here=True,
    beside="fastapi",
)


def digested(folder: Path, *fakes: Fake, endpoint: Endpoint = HERE, rounds: int = 3) -> Digested:
    """A campaign of those, of which `mine` is an endpoint."""
    small = [replace(fake, profiles=PROFILES) for fake in fakes]
    found = digest.of_campaign(stored_campaign(folder / "c", small, rounds))
    made = []
    for each in found.digests:
        if each.cell.variant_name == "mine":
            server = replace(
                each.facts.server,
                launcher="remote",
                track="remote",
                judged_by=endpoint.judged_by,
                is_here=endpoint.is_here,
            )
            each = replace(each, facts=replace(each.facts, server=server))
        made.append(each)
    plan = replace(found.campaign, endpoint=endpoint)
    return replace(found, campaign=plan, digests=tuple(made))


def html_of(found: Digested) -> str:
    return unescape(pages.render(found))


def test_the_ratio_stands_below_the_ranks(tmp_path: Path) -> None:
    slow, fast = Fake("mine", 20.0, drift=0.05), Fake("fastapi", 10.0)
    html = html_of(digested(tmp_path, slow, fast))
    said, *_ = re.findall(r'<p class="beside">mine beside fastapi: (.*)</p>', html)
    middle, low, high = map(float, re.findall(r"\d(?:\.\d+)?", said)[:3])
    assert low <= middle <= high
    assert 1.6 < middle < 2.4
    assert " times its p99. This is not a ranking: " in said


def test_capacities_are_put_beside_each_other(tmp_path: Path) -> None:
    slow, fast = Fake("mine", 20.0, capacity_per_s=100.0), Fake("fastapi", capacity_per_s=200.0)
    html = html_of(digested(tmp_path, slow, fast))
    said, *_ = re.findall(r'<p class="beside">mine beside fastapi: (.*) its capacity', html)
    assert 0.4 < float(re.findall(r"0\.\d+", said)[0]) < 0.6


def test_of_one_round_there_is_no_interval(tmp_path: Path) -> None:
    found = digested(tmp_path, Fake("mine", 20.0), Fake("fastapi", 10.0), rounds=1)
    html = html_of(found)
    assert re.search(r"mine beside fastapi: (about )?\d[\d.]* times its p99", html)
    assert "It has no interval: one round cannot show how much starts differ." in html


def test_at_every_slo_there_is_an_interval_or_a_reason(tmp_path: Path) -> None:
    slow, fast = Fake("mine", 20.0, capacity_per_s=100.0), Fake("fastapi", capacity_per_s=200.0)
    html = html_of(digested(tmp_path, slow, fast))
    said = re.findall(r'<p class="beside">mine beside fastapi: (.*?)</p>', html)
    assert len(said) > 1
    interval, reason = r"\d \(\S+–\S+\) times its", "It has no interval: "
    assert all(bool(re.search(interval, each)) != (reason in each) for each in said), said
    assert any(re.search(interval, each) for each in said)


def _known_by(found: Digested, variant: str, bounds: Held) -> Digested:
    """The same, where of that variant's last round only bounds are known."""
    *_, last = (each for each in found.digests if each.cell.variant_name == variant)
    changed = replace(last, held=dict.fromkeys(last.held, bounds))
    digests = tuple(changed if each is last else each for each in found.digests)
    return replace(found, digests=digests)


@pytest.mark.parametrize("bounds", [Held(least=90.0, most=math.inf), Held(least=90.0, most=300.0)])
def test_bounds_are_no_numbers_that_an_interval_could_be_of(tmp_path: Path, bounds: Held) -> None:
    slow, fast = Fake("mine", 20.0, capacity_per_s=100.0), Fake("fastapi", capacity_per_s=200.0)
    html = html_of(_known_by(digested(tmp_path, slow, fast), "mine", bounds))
    said, *_ = re.findall(r'<p class="beside">mine beside fastapi: (.*?)</p>', html)
    assert re.match(r"about 0\.\d+ times its capacity\. It has no interval: only bounds", said)


def test_no_round_has_both(tmp_path: Path) -> None:
    found = digested(tmp_path, Fake("mine", 20.0), Fake("fastapi", 10.0), rounds=2)
    kept = {("mine", 1), ("fastapi", 2)}
    digests = tuple(d for d in found.digests if (d.cell.variant_name, d.cell.round) in kept)
    assert "times its p99. It has no interval: no round has both." in html_of(
        replace(found, digests=digests)
    )


def test_what_failed_is_put_beside_nothing(tmp_path: Path) -> None:
    broken = Fake("fastapi", failure=Failure("ready", "No."))
    assert "mine can't be compared with fastapi: no p99 of fastapi counts." in html_of(
        digested(tmp_path, Fake("mine"), broken)
    )


def test_nobody_asked(tmp_path: Path) -> None:
    found = digested(tmp_path, Fake("mine"), Fake("fastapi"), endpoint=replace(HERE, beside=""))
    assert '<p class="beside">' not in pages.render(found)


def test_one_on_this_machine_shares_its_cpus(tmp_path: Path) -> None:
    html = html_of(digested(tmp_path / "here", Fake("mine"), Fake("fastapi")))
    assert "generator and endpoint shared the CPUs" in html
    assert "on unknown machines" not in html
    assert "Whether its answers are right" in html
    assert "on machines of their own" not in html
    away = replace(HERE, is_here=False, judged_by="reference")
    html = html_of(digested(tmp_path / "away", Fake("mine"), Fake("fastapi"), endpoint=away))
    assert "on unknown machines" in html
    assert "Whether its answers are right" not in html
