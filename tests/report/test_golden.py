"""The same files give the same report. Renew the golden one with RENEW_GOLDEN=1 pytest ..."""

import os
import re
import shutil
from pathlib import Path

import pytest

from harness.analyse.run import digest
from harness.base.errors import StoreError
from tests.report import pages

GOLDEN = Path(__file__).parent / "golden.html"


def without_drawings(html: str) -> str:
    """Their coordinates would fill the golden file; the text alternative stays."""
    return re.sub(r'<svg [^>]*(aria-label="[^"]*").*?</svg>', r"<svg \1/>", html, flags=re.DOTALL)


def test_report_is_the_golden_one(html: str) -> None:
    found = without_drawings(html)
    if os.environ.get("RENEW_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    # Split, so that a difference is shown as lines.
    assert found.split("\n") == GOLDEN.read_text(encoding="utf-8").split("\n")


def test_every_drawing_has_a_text_alternative(html: str) -> None:
    drawings = [tag for tag in re.findall(r"<svg [^>]*>", html) if "aria-hidden" not in tag]
    # A distribution and cost against latency; for a screen and for a phone start-up, memory, where
    # the time goes, what servers say, batches; and a panel for each variant.
    assert len(drawings) == 2 + 2 * 5 + html.count('<div class="panel"')
    assert all('role="img"' in tag and 'aria-label="' in tag for tag in drawings)


@pytest.mark.slow
def test_same_bytes_from_a_copy_elsewhere(written: Path, all_sorts: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(all_sorts, tmp_path / "elsewhere" / "renamed")
    assert (
        pages.write(digest.of_campaign(copy), tmp_path / "out").read_bytes() == written.read_bytes()
    )


def test_the_old_report_stays_where_the_new_one_fails(
    all_sorts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = pages.write(digest.of_campaign(all_sorts), tmp_path)
    before = old.read_bytes()

    def fail(self: Path, *_: object, **__: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match="No space"):
        pages.write(digest.of_campaign(all_sorts), tmp_path)
    assert old.read_bytes() == before
