"""Where a cluster ran a server: its pods in *Containers*, its start in parts in *Lifecycle*."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from tests import fakes
from tests.analyse.test_pods import WELL
from tests.fakes import Fake
from tests.report import pages
from tests.report.campaigns import CONTAINER, FAKES, SCRIPT

IMAGE = next(fake.image for fake in FAKES if fake.image is not None)


def page_of(*known: Fake) -> str:
    plan = fakes.campaign(known, 1)
    by_name = {fake.name: fake for fake in known}
    made = [
        digest.of_run(fakes.run(by_name[c.variant_name], c.round, c.benchmark, plan.id), plan, None)
        for c in plan.cells
    ]
    return pages.render(
        Digested(folder=Path(plan.id), campaign=plan, digests=tuple(made), damaged=())
    )


def fake(**changes: object) -> Fake:
    pod = replace(WELL, **changes)  # type: ignore[arg-type]
    container = replace(CONTAINER, reached="service", throttled_s=0.25, pod=pod)
    return Fake("fast", 6.0, launcher="kubernetes", image=IMAGE, container=container)


def table(page: str, label: str) -> list[str]:
    """The texts of the cells in the last row of a table."""
    found = re.search(rf'aria-label="{label}.*?</table>', page, re.DOTALL)
    assert found is not None, label
    row = re.findall(r"<tr.*?</tr>", found[0], re.DOTALL)[-1]
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]


def test_a_pod_is_shown_with_where_load_went_and_what_its_figures_come_from() -> None:
    cells = table(page_of(fake()), "Pods")
    assert cells == [
        *("fast@kubernetes on sentiment", "v1.20.2", "node-1", "Guaranteed", "1", "0"),
        *("those kept for servers", "control group"),
        *("the address of its Service 10.96.3.7:8080", "0.25"),
    ]


def test_a_quota_and_unknown_figures_are_said() -> None:
    cells = table(page_of(fake(own_cpus=False, usage_from=None, node=f"n {SCRIPT}")), "Pods")
    assert cells[2].startswith("n &lt;")
    assert cells[6:8] == ["a quota", "–"]


def test_the_start_of_its_pod_is_told_in_parts() -> None:
    page = page_of(fake())
    assert "start of its pod" in page
    cells = table(page, "Lifecycle on")
    at = cells.index("0.12")  # what was not seen of any has no column
    assert cells[at : at + 3] == ["0.12", "0.50", "1.50"]


def test_without_a_cluster_there_is_no_word_of_pods() -> None:
    page = page_of(Fake("fast", 6.0, launcher="docker", image=IMAGE, container=CONTAINER))
    assert 'aria-label="Pods' not in page
    assert "start of its pod" not in page
