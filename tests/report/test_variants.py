"""A page for each variant, and the plain words at the end."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from harness.analyse.field.comparison import COLUMNS
from harness.analyse.run import digest
from harness.cli import _reports
from harness.report import formats
from harness.report.page import view
from harness.stored.records import Campaign, Failure, Setup
from tests.fakes import Fake, stored_campaign
from tests.report import pages
from tests.report.campaigns import FAKES, PROFILES


def part_of(html: str, variant: str) -> str:
    """A variant's own page, as text."""
    found = html.partition(f'<article id="{view.anchor(variant)}">')[2].partition("</article>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", found)).split())


def test_every_variant_has_a_page_that_links_lead_to(html: str) -> None:
    anchors = {view.anchor(fake.name) for fake in FAKES}
    pages = re.findall(r'<article id="(variant-[^"]*)">', html)
    assert len(pages) == len(anchors)
    assert set(pages) == anchors
    linked = set(re.findall(r'<a [^>]*href="#(variant-[^":]*)"', html))
    assert linked == anchors


def test_every_link_within_the_page_leads_somewhere(html: str) -> None:
    known = set(re.findall(r' id="([^"]*)"', html))
    linked = set(re.findall(r'href="#([^"]*)"', html))
    assert {"variant-fast:sentiment", "run-variant-fast:sentiment"} <= linked
    assert linked <= known


def test_the_address_of_an_endpoint_is_on_its_page_and_in_json(tmp_path: Path) -> None:
    found = digest.of_campaign(stored_campaign(tmp_path / "c", [Fake("a", profiles=PROFILES)], 2))
    places = ("192.0.2.7:80", "[2001:db8::7]:80")
    digests = []
    for each, place in zip(found.digests, places, strict=True):
        assert each.seen is not None
        digests.append(replace(each, seen=replace(each.seen, addresses=(place,))))
    at_two = replace(found, digests=tuple(digests))
    assert "address 192.0.2.7:80 or [2001:db8::7]:80" in part_of(pages.render(at_two), "a")
    told = json.loads(formats.load()["json"].make(_reports.of(at_two)))
    (variant,) = told["benchmarks"][0]["variants"]
    assert variant["addresses"] == list(places)
    assert "address" not in part_of(pages.render(found), "a")


def test_no_two_names_share_an_anchor() -> None:
    names = ["a b", "a_b", "a_20_b", "a-b", "a<b", "a@b", "a.b", "ä", "a", "A"]
    anchors = [view.anchor(name) for name in names]
    assert len(set(anchors)) == len(names)
    assert all(re.fullmatch(r"variant-[\w@.-]*", anchor, flags=re.ASCII) for anchor in anchors)


def test_a_page_has_all_there_is_to_know(tmp_path: Path) -> None:
    fakes = [Fake("a", profiles=PROFILES, batch=4, errors=0.02, capacity_per_s=200.0)]
    found = digest.of_campaign(stored_campaign(tmp_path / "c", fakes, 2))
    digests = []
    for each in found.digests:
        server = replace(each.facts.server, asked=Setup(2, 1, 16))
        facts = replace(each.facts, server=server, model_threads=(1, 1))
        digests.append(replace(each, facts=facts))
    said = part_of(pages.render(replace(found, digests=tuple(digests))), "a")
    assert "framework Fake 1.2.3" in said
    assert "workers asked for 2" in said
    assert "batching asked for up to 16 instances" in said
    assert "threads a prediction 1" in said
    assert "largest batch 4" in said
    assert re.search(r"warning errors rounds 1 and 2|warning errors round 1", said)
    assert re.search(r"p50 ms \d\.\d+ \d\.\d+ p95", said)
    assert re.search(r"steady 1 5\S* \d{3} \d+ timeout", said)
    assert "Round 2: 20" in said
    assert "End of its log round 2 listening" in said
    assert "python -m harness run a --benchmark sentiment --preset standard --rounds 2" in said


def test_of_a_failed_run_its_log_is_shown(html: str) -> None:
    said = part_of(html, "broken")
    assert "not ranked: failed (ready): It never said" in said
    assert "End of its log round 3 Traceback" in said
    assert "{{ 7 * 7 }}" in said


def test_each_benchmark_has_its_part(tmp_path: Path) -> None:
    fakes = [Fake("a", profiles=PROFILES)]
    folder = stored_campaign(tmp_path / "c", fakes, 1, ("sentiment", "iris"))
    html = pages.render(digest.of_campaign(folder))
    assert html.count('<article id="variant-a">') == 1
    assert "--benchmark iris" in part_of(html, "a")


def test_every_metric_is_defined(html: str) -> None:
    part = unescape(html.partition('<section id="definitions"')[2].partition("</section>")[0])
    for name, metric in COLUMNS.items():
        assert f'id="metric-{name}"' in part
        assert f"<dd>{metric.definition}</dd>" in part
    assert "1/s, higher is better; not known of any run here</small>" in part  # the capacity


def limits_of(folder: Path, rounds: int = 3, launcher: str = "process", **changed: Any) -> str:
    fake = Fake("a", profiles=PROFILES, launcher=launcher)
    folder = stored_campaign(folder, [fake], rounds)
    found = digest.of_campaign(folder)
    plan: Campaign = replace(found.campaign, **changed)
    html = pages.render(replace(found, campaign=plan))
    return html.partition('<section id="limits"')[2].partition("</section>")[0]


def test_what_a_campaign_does_not_tell_depends_on_it(tmp_path: Path) -> None:
    big: dict[str, Any] = {"server_cpus": (0, 1, 2, 3), "generator_cpus": (4, 5)}
    far = limits_of(tmp_path / "far", launcher="remote", **big)
    assert "Requests came from the same machine" not in far
    assert "Endpoints were already running, on unknown machines" in far
    assert "Requests came from the same machine" in limits_of(tmp_path / "big", **big)
    assert "Each variant was started 1 time." in limits_of(tmp_path / "one", 1, **big)
    assert "The server had 2 CPUs here" in limits_of(tmp_path / "two")
    shared = limits_of(tmp_path / "shared", server_cpus=(0,), generator_cpus=(0,))
    assert "Server and generator shared a CPU here" in shared
    assert "The generator was not proven on this host" in limits_of(
        tmp_path / "unproven", proof=None
    )


@pytest.mark.parametrize("searched", [True, False])
def test_a_search_is_told_of_where_there_was_one(tmp_path: Path, searched: bool) -> None:
    fake = Fake("a", profiles=PROFILES, capacity_per_s=100.0 if searched else None)
    html = pages.render(digest.of_campaign(stored_campaign(tmp_path / "c", [fake], 1)))
    assert ("<b>The capacity.</b>" in html) is searched


def test_what_was_planned_and_not_run_is_told(html: str) -> None:
    assert "1 planned run did not take place" in html


def test_a_failure_before_anything_ran_still_has_a_page(tmp_path: Path) -> None:
    fake = Fake("a", failure=Failure("provision", "No such package."))
    html = pages.render(digest.of_campaign(stored_campaign(tmp_path / "c", [fake], 1)))
    assert "not ranked: failed (provision): No such package." in part_of(html, "a")
