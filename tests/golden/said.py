"""What the harness says of the stored campaigns beside this file: all that a reader may see.

`campaigns/` holds them as they were written, by servers that do not exist or in a second, in each
schema by the code of its time. `said/` holds what the harness said of them when they came here, and
must go on saying: they are the only place where old names (`fast@docker@main`,
`fast-workers-2@docker`), old fields and old kinds of campaigns are all together. After a change of
the numbers that is meant, and stands under Method in the changelog, renew it:

    RENEW_GOLDEN=1 python -m pytest tests/golden
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.analyse.campaigns import summary
from harness.analyse.cost import prices
from harness.analyse.field import growth
from harness.analyse.field.comparison import compare
from harness.analyse.run import digest
from harness.analyse.run.digested import Digest, Digested
from harness.base import paths
from harness.cli import _tuned
from harness.report import formats
from harness.report.page.view import Report
from harness.stored.identity import Cell, subject_name
from tests.golden.plain import plain
from tests.system.sandbox import Sandbox
from tests.unit.stored import DATA

HERE = Path(__file__).parent
CAMPAIGNS = HERE / "campaigns"
SAID = HERE / "said"
# Base and new; of one, that was run --against a revision, the base alone.
COMPARED: dict[str, tuple[str, ...]] = {
    "against": ("against",),
    "against-schema-4": ("against-schema-4",),
    "against-schema-6": ("against-schema-6",),
    "nothing-changed": ("nothing-changed",),
    "names": ("names-schema-4", "names-schema-6"),
    "names-of-old": ("names-schema-2", "names-schema-3"),
    "nights": ("night-1-schema-6", "night-3-schema-6", "--rename", "slow=slow-renamed"),
    "nights-of-old": ("night-1-schema-4", "night-3-schema-6"),
    "searched": ("searched-schema-4", "searched-schema-6"),
}
HISTORIES: dict[str, tuple[str, ...]] = {
    "history": ("campaigns",),
    "history-renamed": ("campaigns", "--rename", "slow=slow-renamed"),
    "history-of-kept": ("kept-nights",),
    "history-of-kept-renamed": ("kept-nights", "--rename", "v2=was-v2"),
}
# Of several schemas, and those that a history leaves out.
_NIGHTS = ("night-*", "names-*", "schema-*", "against-*", "remote", "capacity")
_CURVE = ("profile", "is_open", "answers", "quantiles_ms", "median_ms", "p95_ms")


def names() -> list[str]:
    """Every stored campaign there is."""
    packed = (path.name.removesuffix(".tar.xz") for path in CAMPAIGNS.glob("*.tar.xz"))
    return sorted((*packed, *(path.name for path in DATA.glob("schema-*")), "example"))


def unpack(results: Path) -> None:
    """All of them, where a sandbox looks for campaigns."""
    results.mkdir()
    for path in sorted(CAMPAIGNS.glob("*.tar.xz")):
        _extract(path, results)
    for path in DATA.glob("schema-*"):
        (results / path.name).symlink_to(path)
    (results / "example").symlink_to(paths.PROJECT / "results" / "example")


def _extract(path: Path, folder: Path) -> None:
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")


@dataclass(frozen=True)
class Said:
    """What is said of all of them, in a sandbox of their own."""

    box: Sandbox

    @classmethod
    def of_all(cls, box: Sandbox) -> Said:
        unpack(box.results)
        _extract(HERE / "nights.tar.xz", box.root)
        (box.root / "campaigns").mkdir()
        for path in (path for pattern in _NIGHTS for path in box.results.glob(pattern)):
            (box.root / "campaigns" / path.name).symlink_to(path)
        return cls(box)

    def of_campaign(self, name: str) -> Any:
        """Its report, its summary in the list of all, and each run."""
        digested = digest.of_campaign(self.box.results / name)
        report = Report(digested, compare(digested), prices.load(None))
        return {
            "report": plain(json.loads(str(formats.load()["json"].make(report)))),
            "summary": plain(summary.of(digested, report.comparisons)),
            "runs": [_run(found) for found in digested.digests],
            "sweep": plain(dict(_sweep(digested))),
            "tune": [plain(_tuned.as_json(f, None, None)) for f in digest.tuned(digested)],
        }

    def of_compared(self, name: str) -> Any:
        return plain(json.loads(self._asked("compare", *COMPARED[name], "--json")))

    def of_history(self, name: str) -> Any:
        """What changed, and the summary of each night that is kept for later."""
        kept = self.box.root / f"kept-{name}"
        folder, *options = HISTORIES[name]
        asked = ("history", str(self.box.root / folder), "--keep", str(kept), "--json", *options)
        found = plain(json.loads(self._asked(*asked)))
        summaries = sorted(kept.glob("*.night.json"))
        return {"history": found, "nights": [plain(json.loads(p.read_text())) for p in summaries]}

    def _asked(self, *arguments: str) -> str:
        done = self.box.harness(*arguments)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout


def _run(found: Digest) -> dict[str, Any]:
    parts = ("values", "found", "breakdown", "batches", "overload_errors", "held", "queue", "seen")
    return {
        **_cell(found.cell),
        "findings": [[doubt.name, doubt.verdict.value] for doubt in found.findings],
        "beyond": sorted(found.beyond),
        "curves": [{name: plain(getattr(each, name)) for name in _CURVE} for each in found.curves],
        **{name: plain(getattr(found, name)) for name in parts},
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {"variant": cell.variant_name, "benchmark": cell.benchmark_name, "round": cell.round}


def _sweep(digested: Digested) -> Iterator[tuple[str, Any]]:
    """How the cost of each variant grows, as `sweep` says it."""
    points: dict[tuple[str, str, str], list[growth.PointCost]] = {}
    for found in digested.digests:
        cell = found.cell
        if found.swept is not None and cell.point is not None:
            row = (subject_name(cell.subject), cell.benchmark, cell.point.axis)
            points.setdefault(row, []).append(found.swept)
    for row, measured in points.items():
        yield " ".join(row), growth.summary(measured, row[-1])
