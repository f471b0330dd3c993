from pathlib import Path

import pytest

from harness.analyse.run import digest
from tests.report import hostile as enemy
from tests.report import pages
from tests.report.campaigns import store_all_sorts, store_searched


@pytest.fixture(scope="session")
def all_sorts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stored campaign with a bit of everything in it."""
    return store_all_sorts(tmp_path_factory.mktemp("results") / "all-sorts")


@pytest.fixture(scope="session")
def written(all_sorts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its report."""
    return pages.write(
        digest.of_campaign(all_sorts), tmp_path_factory.mktemp("reports") / "all-sorts"
    )


@pytest.fixture(scope="session")
def html(written: Path) -> str:
    """The text of its report."""
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a campaign that searched for capacities on two benchmarks."""
    folder = store_searched(tmp_path_factory.mktemp("results") / "searched")
    return pages.write(digest.of_campaign(folder), tmp_path_factory.mktemp("reports") / "searched")


@pytest.fixture(scope="session")
def hostile(all_sorts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a campaign whose every text was chosen by an enemy."""
    found = enemy.of(digest.of_campaign(all_sorts))
    return pages.write(found, tmp_path_factory.mktemp("reports") / "hostile")
