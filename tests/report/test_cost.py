"""The section about costs: figures by hand, what they stand on, and what is left out."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from harness.analyse.cost import prices
from harness.analyse.cost.prices import PriceTable
from harness.analyse.run import digest
from harness.analyse.run.context import RunContext
from harness.analyse.run.digested import Digested
from harness.analyse.run.metrics import METRICS, Metric
from tests.fakes import Fake, stored_campaign
from tests.report import pages
from tests.report.campaigns import IMAGE, PROFILES, SCRIPT

CAPACITIES = {"slow": (50.0, 40.0, 60.0), "quick": (100.0, 100.0, 100.0)}
TABLE = """
[[instance]]
provider = "Some"
type = "small"
vcpus = 4
memory_gib = 4
gpu = "none"
usd_per_hour = 0.36
region = "here"
date = 2026-01-02
source = "https://example.org/machines"

[[instance]]
provider = "Some"
type = "dear"
vcpus = 4
memory_gib = 4
gpu = "none"
usd_per_hour = 9.0
region = "here"
date = 2026-01-03
source = "https://example.org/machines"

[[instance]]
provider = "Other"
type = "with-gpu"
vcpus = 4
memory_gib = 16
gpu = "L4"
usd_per_hour = 0.72
region = "there"
date = 2026-01-04
source = "https://example.org/gpus"

[[serverless]]
provider = "Some"
service = "Functions"
memory_gib = 2
memory_gib_max = 10
memory_buys_cpu = true
usd_per_gib_second = 0.00001
usd_per_million_requests = 0.2
rounded_up_to_ms = 1
shared = false
region = "here"
date = 2026-01-05
source = "https://example.org/functions"
"""


@pytest.fixture
def table(tmp_path: Path) -> PriceTable:
    return load(tmp_path, TABLE)


def load(folder: Path, text: str) -> PriceTable:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return prices.load(path)


def known_capacity(context: RunContext) -> float | None:
    cell = context.run.cell
    values = CAPACITIES.get(cell.variant_name)
    return values[cell.round - 1] if values else None


@pytest.fixture
def capacities(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each run of `slow` and `quick` had found its capacity."""
    made = Metric(
        name="capacity",
        title="capacity",
        unit="1/s",
        better="higher",
        definition="Made up.",
        formula=known_capacity,
        digits=1,
    )
    monkeypatch.setitem(METRICS, "capacity", made)


def digested(folder: Path, *fakes: Fake) -> Digested:
    """Three rounds on two of four CPUs."""
    small = [replace(fake, profiles=PROFILES) for fake in fakes]
    return digest.of_campaign(stored_campaign(folder / "campaign", small, 3))


def cost_of(html: str) -> str:
    return unescape(html.partition('<section id="cost"')[2].partition("</section>")[0])


def cells(html: str, variant: str) -> list[str]:
    """The cells of a variant's line, their parts set apart by spaces."""
    line = next(row for row in cost_of(html).split("<tr") if f">{variant}</a>" in row)
    found = re.findall(r"<td[^>]*>(.*?)</td>", line)
    return [re.sub(r"<[^>]+>", " ", cell).strip() for cell in found]


@pytest.mark.usefixtures("capacities")
def test_a_cost_stands_beside_what_was_scaled(tmp_path: Path, table: PriceTable) -> None:
    fakes = (Fake("slow", memory_mib=512.0), Fake("quick", 5.0))
    html = pages.render(digested(tmp_path, *fakes), table)
    # 0.0001 dollars a second for twice the CPUs that 50 predictions a second took here.
    machine, functions = cells(html, "slow")
    assert " ".join(machine.split()) == "$1.00 $0.83–1.25 100/s, ×2"
    assert functions.startswith("$0.30")  # 5 ms of 2 GiB, and the request
    assert "5 ms × 2 GiB" in functions
    assert cells(html, "quick")[0].startswith("$0.50")
    said = " ".join(cost_of(html).split())
    assert "matched: 50/s on 2 CPUs, 0.24 busy; 4.80 ms of CPU each; 0.50 GiB" in said
    assert "at the SLO p99<50ms" in said
    assert "times the machine's vCPUs over the 2 CPUs that the server had here: linear" in said
    assert "Imaginary CPU @ 2.00GHz" in said


@pytest.mark.usefixtures("capacities")
def test_the_cheapest_of_each_provider_with_the_date_of_its_price(
    tmp_path: Path, table: PriceTable
) -> None:
    said = cost_of(pages.render(digested(tmp_path, Fake("slow")), table))
    assert "Some small" in said
    assert "price as of 2026-01-02" in said
    assert "price as of 2026-01-05" in said
    assert "Some dear" not in said
    assert "with-gpu" not in said
    assert "$0.36 an hour, 2026-01-02" in said
    assert 'href="https://example.org/machines"' in said
    assert "$0.00001 a GiB-second and $0.2 a million requests" in said
    assert "each rounded up to 1 ms" in said


@pytest.mark.usefixtures("capacities")
def test_what_does_not_fit_has_no_cost(tmp_path: Path, table: PriceTable) -> None:
    fakes = (Fake("slow", memory_mib=2000.0), Fake("quick", memory_mib=11_000.0), Fake("third"))
    html = pages.render(digested(tmp_path, *fakes), table)
    assert cells(html, "slow")[0].startswith("$0.30")  # two copies need more than the 4 GiB
    assert "No machine has a cost here" in cost_of(html)
    assert "<b>quick</b> left out: its capacity, its CPU time or its memory is not" in cost_of(html)
    assert cells(html, "third")[0].startswith("$0.30")


def test_without_a_capacity_only_what_is_billed_by_the_second_has_a_cost(
    tmp_path: Path, table: PriceTable
) -> None:
    html = pages.render(digested(tmp_path, Fake("other"), Fake("null", reference=True)), table)
    assert len(cells(html, "other")) == 1
    assert "the capacity at the SLO was not measured" in cost_of(html)
    assert "null" not in cost_of(html)


def test_nothing_is_said_where_nothing_is_known(tmp_path: Path, table: PriceTable) -> None:
    found = digested(tmp_path, Fake("a"))
    remote = [
        replace(d, facts=replace(d.facts, server=replace(d.facts.server, launcher="remote")))
        for d in found.digests
    ]
    html = pages.render(replace(found, digests=tuple(remote)), table)
    assert 'id="cost"' not in html


@pytest.mark.usefixtures("capacities")
def test_an_endpoint_and_an_invalid_run_are_left_out_with_the_reason(
    tmp_path: Path, table: PriceTable
) -> None:
    found = digested(tmp_path, Fake("slow"), Fake("lagged", 9.0, lag_ms=4.0), Fake("quick"))
    changed = [
        replace(d, facts=replace(d.facts, server=replace(d.facts.server, launcher="remote")))
        if d.cell.variant_name == "quick"
        else d
        for d in found.digests
    ]
    said = cost_of(pages.render(replace(found, digests=tuple(changed)), table))
    assert "<b>quick</b> left out: the machine that it runs on is not known" in said
    assert "<b>lagged</b> left out: steady: the generator sent late" in said


@pytest.mark.usefixtures("capacities")
def test_a_gpu_run_is_priced_on_its_model(tmp_path: Path, table: PriceTable) -> None:
    found = digested(tmp_path, Fake("slow"), Fake("quick"))
    plan = replace(found.campaign, environment={"machine": "m", "gpu": "NVIDIA L4"})
    changed = tuple(
        replace(d, facts=replace(d.facts, server=replace(d.facts.server, device="gpu")))
        if d.cell.variant_name == "quick"
        else d
        for d in found.digests
    )
    html = pages.render(replace(found, campaign=plan, digests=changed), table)
    (cell,) = cells(html, "quick")
    assert " ".join(cell.split()) == "$2.00 100/s, ×1"
    assert "Other with-gpu" in cost_of(html)
    assert "one GPU of the same model" in cost_of(html)
    assert len(cells(html, "slow")) == 2


@pytest.mark.usefixtures("capacities")
def test_a_table_of_ones_own_is_text_and_nothing_else(tmp_path: Path) -> None:
    enemy = TABLE.replace('"small"', f"'{SCRIPT}'").replace('"Functions"', f"'{IMAGE}'")
    enemy = enemy.replace("https://example.org/functions", 'https://example.org/\\"><b>')
    html = pages.render(digested(tmp_path, Fake("slow")), load(tmp_path, enemy))
    assert SCRIPT not in html
    assert IMAGE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert 'href="https://example.org/&#34;&gt;&lt;b&gt;"' in html


@pytest.mark.usefixtures("capacities")
def test_one_cpu_for_both_is_said(tmp_path: Path, table: PriceTable) -> None:
    found = digested(tmp_path, Fake("slow"))
    assert "one CPU for server and generator" not in cost_of(pages.render(found, table))
    plan = replace(found.campaign, server_cpus=(0,), generator_cpus=(0,))
    said = cost_of(pages.render(replace(found, campaign=plan), table))
    assert "one CPU for server and generator" in said


def test_what_holds_it_at_no_rate_serves_no_0_a_second(tmp_path: Path) -> None:
    fakes = Fake("some", capacity_per_s=300.0), Fake("none", capacity_per_s=100.0, parts=(2.0, 1.5))
    html = pages.render(digested(tmp_path, *fakes))
    assert re.search(r"matched: below 1\d\d/s on \d CPUs?; ", cost_of(html))
    assert not re.search(r"\D0/s on", cost_of(html))
    own = html.partition('<article id="variant-none"')[2].partition("</article>")[0]
    assert re.search(r"capacity below 1\d\d/s", own)
    assert re.search(r"capacity <small>1/s</small><td>below 1\d\d/s<td>below", own)
