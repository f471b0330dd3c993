"""scripts/functions_page.py: the section of docs/functions.md that shows what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

import functions_page
from harness.stored import store
from harness.windows.profiles import Profile
from tests import fakes, invoked
from tests.fakes import Fake
from tests.invoked import USUAL, Function

PROFILES = (Profile("steady", "poisson", 4.0, rate_per_s=60.0),)
HANDLER = Fake("lambda-handler", 6.0, track="functions", profiles=PROFILES)
SERVER = Fake("fastapi", 6.0, capacity_per_s=300.0, profiles=PROFILES)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of its own, beside two stored campaigns: one with a function, one without."""
    for name, known in (("functions", (HANDLER, SERVER)), ("servers", (SERVER,))):
        plan = fakes.campaign(known, 1, ("iris",), name)
        folder = tmp_path / "results" / name
        store.write_campaign(folder, plan)
        for cell in plan.cells:
            fake = HANDLER if cell.variant_name == HANDLER.name else SERVER
            made = fakes.run(fake, cell.round, "iris", name)
            if fake is HANDLER:
                made = invoked.function(made, Function(starts=USUAL))
            store.write_run(folder, made)
    monkeypatch.setenv("HARNESS_RESULTS", str(tmp_path / "results"))
    path = tmp_path / "functions.md"
    path.write_text("# Functions\n\nSome text.\n", encoding="utf-8")
    monkeypatch.setattr(functions_page, "PAGE", path)
    return path


def test_the_section_is_put_at_the_end_and_then_replaced(page: Path) -> None:
    assert functions_page.main(["functions"]) == 0
    once = page.read_text(encoding="utf-8")
    assert once.startswith("# Functions\n\nSome text.\n\n" + functions_page.BEGIN)
    assert once.endswith(functions_page.END)
    assert "| lambda-handler | new process | 10 | 0 |" in once
    assert "is cheaper than lambda-handler on AWS Lambda (x86)" in " ".join(once.split())
    assert not [s for s in once.splitlines() if len(s) > 100 and not s.startswith("|")]
    assert "| lambda-handler | 0 to 40/s | 8 |" in once
    page.write_text(once + "\nAfter it.\n", encoding="utf-8")
    assert functions_page.main(["functions"]) == 0
    assert page.read_text(encoding="utf-8") == once + "\nAfter it.\n"


def test_a_campaign_without_functions_changes_nothing(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = page.read_text(encoding="utf-8")
    assert functions_page.main(["servers"]) == 2
    assert functions_page.main([]) == 2
    assert functions_page.main(["no-such"]) == 2
    assert "servers has measured no function." in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == before
