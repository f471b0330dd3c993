"""What `run --json` prints of a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.stored.identity import told

if TYPE_CHECKING:
    from harness.analyse.run.digested import Digested


def of(digested: Digested, folder: Path, report: Path) -> dict[str, Any]:
    """A campaign, whose raw results and report are there."""
    cells = []
    for d in digested.digests:
        failure = d.facts.failure
        cells.append(
            {
                **told(d.cell),
                "outcome": d.facts.outcome,
                "phase": failure.phase if failure else None,
                "message": failure.message if failure else None,
                "findings": [
                    {"name": f.name, "verdict": f.verdict.value, "message": f.message}
                    for f in d.findings
                ],
            }
        )
    return {
        "campaign": digested.campaign.id,
        "results": str(folder),
        "report": str(report),
        "cells": cells,
        "left_out": _left_out(digested.campaign.left_out),
    }


def _left_out(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"what": what, "why": why} for what, why in pairs]
