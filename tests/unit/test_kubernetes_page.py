"""scripts/kubernetes_page.py: the section of docs/kubernetes.md that shows what was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import kubernetes_page
from harness.stored import store
from harness.windows.profiles import Profile
from tests import clustered, fakes
from tests.fakes import Fake

PROFILES = (Profile("steady", "poisson", 4.0, rate_per_s=60.0),)
ON_CLUSTER = Fake("fastapi", 8.0, capacity_per_s=100.0, profiles=PROFILES, launcher="kubernetes")
PLAIN = replace(ON_CLUSTER, launcher="process")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of its own, beside stored campaigns: of `scale`, of two launchers, and of one."""
    results = tmp_path / "results"
    plan = clustered.campaign([ON_CLUSTER], rounds=1, id="scaled")
    store.write_campaign(results / "scaled", plan)
    for made in clustered.runs(plan, [ON_CLUSTER], clustered.every()):
        store.write_run(results / "scaled", made)
    for name, known in (("beside", (ON_CLUSTER, PLAIN)), ("plain", (PLAIN,))):
        plan = fakes.campaign(known, 1, ("iris",), name)
        store.write_campaign(results / name, plan)
        for fake in known:
            made = fakes.run(fake, 1, "iris", name)
            store.write_run(results / name, clustered.having(made) if fake is ON_CLUSTER else made)
    monkeypatch.setenv("HARNESS_RESULTS", str(results))
    path = tmp_path / "kubernetes.md"
    path.write_text("# Kubernetes\n\nSome text.\n", encoding="utf-8")
    monkeypatch.setattr(kubernetes_page, "PAGE", path)
    return path


def test_the_section_is_put_at_the_end_and_then_replaced(page: Path) -> None:
    assert kubernetes_page.main(["scaled"]) == 0
    once = page.read_text(encoding="utf-8")
    assert once.startswith("# Kubernetes\n\nSome text.\n\n" + kubernetes_page.BEGIN)
    assert once.endswith(kubernetes_page.END)
    assert "| fastapi@kubernetes | 3 | " in once
    assert "#### Rolling update\n" in once
    assert "13 of 1,800 requests were lost" in " ".join(once.split())
    assert clustered.SHIM in " ".join(once.split())
    assert "| 2x | 40–60 | 200 | 4,000 |" in once
    assert not [s for s in once.splitlines() if len(s) > 100 and not s.startswith("|")]
    page.write_text(once + "\nAfter it.\n", encoding="utf-8")
    assert kubernetes_page.main(["scaled"]) == 0
    assert page.read_text(encoding="utf-8") == once + "\nAfter it.\n"


def test_launchers_stand_beside_each_other(page: Path) -> None:
    assert kubernetes_page.main(["beside"]) == 0
    once = page.read_text(encoding="utf-8")
    assert "### iris: launchers beside each other" in once
    assert "| fastapi@kubernetes | " in once
    assert "| fastapi | " in once


def test_a_campaign_without_a_cluster_changes_nothing(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = page.read_text(encoding="utf-8")
    assert kubernetes_page.main(["plain"]) == 2
    assert kubernetes_page.main([]) == 2
    assert kubernetes_page.main(["no-such"]) == 2
    assert "plain has measured nothing on a cluster." in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == before
