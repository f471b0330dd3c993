"""Measurements as numbers: a row for each campaign, and for each run and metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.analyse.campaigns import brief_file
from harness.analyse.campaigns.summary import Summary
from harness.analyse.field.comparison import COLUMNS
from harness.analyse.run import digest
from harness.analyse.run.digested import Digest
from harness.analyse.statistics import resampling
from harness.base import paths
from harness.base.errors import HarnessError
from harness.frames.common import Name, folder_of, warn
from harness.stored import store
from harness.stored.identity import Cell


def campaigns(results: Name | None = None) -> pd.DataFrame:
    """Every stored campaign, the oldest first; the example is none of them.

    `results` is the folder that holds them (default: that of the harness). Of a campaign whose
    report was written its summary is read, of another every run.

    campaign    str                  its name, and that of its folder
    started_at  datetime64[us, UTC]
    preset      str
    device      str                  cpu or gpu
    machine     str                  CPU, number of CPUs, memory
    planned     int64                runs
    ok          int64                of them; the other counts too
    invalid     int64                whose numbers must not be quoted
    failed      int64
    damaged     int64
    missing     int64                not run yet
    """
    folder = paths.results_dir() if results is None else Path(results)
    rows = []
    for place in store.campaigns(folder):
        try:
            found = _summary(place)
        except HarnessError as error:
            warn(f"{place.name}: {error}")
            continue
        counts = asdict(found.counts)
        facts = (place.name, found.started_at, found.preset, found.device, found.machine)
        rows.append((*facts, *(counts[name] for name in _COUNTS)))
    frame = pd.DataFrame(rows, columns=[*_FACTS, *_COUNTS])
    frame = frame.astype({**dict.fromkeys(_FACTS, "str"), **dict.fromkeys(_COUNTS, "int64")})
    moments = pd.to_datetime(frame["started_at"], utc=True, format="ISO8601", errors="coerce")
    frame["started_at"] = moments.astype("datetime64[us, UTC]")
    return frame.sort_values(["started_at", "campaign"], ignore_index=True)


def _summary(folder: Path) -> Summary:
    return brief_file.of_stored(folder, paths.reports_dir()).summary


_FACTS = ("campaign", "started_at", "preset", "device", "machine")
_COUNTS = ("planned", "ok", "invalid", "failed", "damaged", "missing")


def metrics(campaign: Name) -> pd.DataFrame:
    """Every metric of every run.

    variant    category
    benchmark  category
    round      int64     from 1
    track      category
    outcome    category  ok, failed, or INVALID: then its numbers must not be quoted
    metric     category  as in docs/method.md
    unit       category
    value      float64   in that unit
    low, high  float64   95 % interval that this run alone gives the value; NaN where the run has
                         just the value
    subject    category  what is measured, by its own name: `fastapi` of the variant
                         `fastapi@docker`
    launcher   category  that it was asked for with; NaN: the usual one
    revision   category  NaN: this one
    plain_benchmark  category  the benchmark without the point of a sweep
    axis       category  of a sweep; NaN for what is none
    at         Int64     the value of that axis
    """
    digested = digest.of_campaign(folder_of(campaign))
    for damaged in digested.damaged:
        warn(f"{damaged.cell}: {damaged.message}")
    rows = [row for each in digested.digests for row in _metrics(each)]
    texts = ("variant", "benchmark", "track", "outcome", "metric", "unit")
    names = ("variant", "benchmark", "round", *texts[2:], "value", "low", "high")
    kinds = {**dict.fromkeys(names, "float64"), **dict.fromkeys(texts, "str"), "round": "int64"}
    frame = pd.DataFrame(rows, columns=[*names]).astype(kinds)
    frame = frame.astype(dict.fromkeys(texts, "category"))
    cells = [each.cell for each in digested.digests for _ in COLUMNS]
    return frame.assign(**_identities(cells))


def _identities(cells: Sequence[Cell]) -> dict[str, Any]:
    """The parts of the names of each row."""
    points = [cell.point for cell in cells]
    return {
        "subject": pd.Categorical([cell.subject.variant for cell in cells]),
        "launcher": pd.Categorical([cell.subject.launcher for cell in cells]),
        "revision": pd.Categorical([cell.subject.revision for cell in cells]),
        "plain_benchmark": pd.Categorical([cell.benchmark for cell in cells]),
        "axis": pd.Categorical([point.axis if point else None for point in points]),
        "at": pd.array([point.value if point else None for point in points], dtype="Int64"),
    }


def _metrics(found: Digest) -> Iterator[tuple[Any, ...]]:
    failed = found.facts.failure is not None
    outcome = "failed" if failed else "INVALID" if found.invalid else "ok"
    cell, track = found.cell, found.facts.server.track
    for name, metric in COLUMNS.items():
        value, drawn = found.values.get(name), found.replicates.get(name)
        bounds = (np.nan,) * 2 if value is None or drawn is None else resampling.interval([drawn])
        known = np.nan if value is None else value
        common = (cell.variant_name, cell.benchmark_name, cell.round, track, outcome)
        yield (*common, name, metric.unit, known, *bounds)
