from pathlib import Path

import pytest

from harness.analyse import digest
from harness.report import page
from tests.report.campaigns import store_all_sorts


@pytest.fixture(scope="session")
def all_sorts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stored campaign with a bit of everything in it."""
    return store_all_sorts(tmp_path_factory.mktemp("results") / "all-sorts")


@pytest.fixture(scope="session")
def written(all_sorts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its report."""
    return page.write(
        digest.of_campaign(all_sorts), tmp_path_factory.mktemp("reports") / "all-sorts"
    )


@pytest.fixture(scope="session")
def html(written: Path) -> str:
    """The text of its report."""
    return written.read_text(encoding="utf-8")
