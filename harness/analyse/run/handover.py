"""The effect on clients of replacing a running service: the output of `harness pipeline`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analyse.run import findings
from harness.analyse.run.context import WindowContext
from harness.analyse.statistics import stats
from harness.stored.handovers import STAGES, TURN, Handovers, PipelineRun
from harness.stored.records import Window
from harness.windows.samples import MISSING

_PHASES = ("before", "training", "change")


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the load, by when requests were due."""

    start_ns: int
    end_ns: int

    def rows(self, window: Window) -> NDArray[np.bool_]:
        """The requests that were due in it."""
        due = window.requests.due_ns
        found: NDArray[np.bool_] = (due >= self.start_ns) & (due < self.end_ns)
        return found


def summary(found: Handovers) -> dict[str, Any]:
    """The content of `pipeline --json`."""
    window, cost = found.window, found.cost
    requests = None if window is None else window.requests
    profile = None if window is None else window.facts.profile
    lost = 0 if requests is None else int((~requests.ok).sum())
    return {
        "benchmark": found.benchmark,
        "server": found.variant,
        "route": found.route,
        "rate": None if profile is None else profile.rate_per_s,
        "seconds": None if profile is None else profile.duration_s,
        "every_s": found.every_s,
        "front": {
            "program": found.front,
            "direct_ms": None if cost is None else cost.direct_ms,
            "through_ms": None if cost is None else cost.through_ms,
            "added_ms": None if cost is None else cost.through_ms - cost.direct_ms,
        },
        "requests": 0 if requests is None else len(requests),
        "ok": 0 if requests is None else int(requests.ok.sum()),
        "lost": lost,
        "errors": {} if requests is None else requests.kinds(),
        "resent": 0 if requests is None else int(requests.resent.sum()),
        "replaced": sum(run.replaced is not None for run in found.runs),
        "failed": sum(not run.serves for run in found.runs),
        "runs": [
            _run(found, run, before)
            for run, before in zip(found.runs, (None, *found.runs), strict=False)
        ],
        "findings": [] if window is None else _findings(window),
        "problem": found.problem,
        "unanswered": found.unanswered or 0,
        "interrupted": window is None or (found.unanswered is not None and found.problem is None),
    }


def is_well(summed: dict[str, Any]) -> bool:
    """Whether no request was lost, and each version came to serve without a problem."""
    runs = all(run["problem"] is None for run in summed["runs"])
    return summed["problem"] is None and not summed["lost"] and runs


def phases_of(found: Handovers, run: PipelineRun, before: PipelineRun | None) -> dict[str, Phase]:
    """The phases of a run under load: since the run before, until the front turned, and until the
    old server was gone.

    A run that never turned the front has no `change`.
    """
    if before is None or not run.stages:
        return {}
    quiet_ns = max(before.ended_ns - found.start_ns, 0)
    began_ns, ended_ns = run.began_ns - found.start_ns, run.ended_ns - found.start_ns
    turn = run.stage(TURN) if run.serves else None
    if turn is None:
        return {"before": Phase(quiet_ns, began_ns), "training": Phase(began_ns, ended_ns)}
    turned_ns = turn.began_ns - found.start_ns
    return {
        "before": Phase(quiet_ns, began_ns),
        "training": Phase(began_ns, turned_ns),
        "change": Phase(turned_ns, ended_ns),
    }


def last_old_s(found: Handovers, run: PipelineRun) -> float | None:
    """From the turn until the last answer that the version before gives and no later one does; None
    where none can be told from those of the new one."""
    turn = run.stage(TURN)
    if turn is None or run.replaced is None or found.window is None:
        return None
    done = found.window.requests.done_ns
    turned_ns = turn.began_ns - found.start_ns
    later = found.versions[found.versions.index(run.replaced) + 1 :]
    old = found.of(run.replaced) & ~np.any([found.of(version) for version in later], axis=0)
    new = found.of(run.version) & ~found.of(run.replaced) & (done > turned_ns)
    if not old.any() or not new.any():
        return None
    return max(int(done[old].max()) - turned_ns, 0) / 1e9


def _run(found: Handovers, run: PipelineRun, before: PipelineRun | None) -> dict[str, Any]:
    window, phases = found.window, phases_of(found, run, before)
    if window is None or not found.start_ns:
        phases = {}
    measured = {name: _phase(window, phase) for name, phase in phases.items() if window is not None}
    in_run = [part for name, part in measured.items() if name != "before"]
    return {
        "version": run.version,
        "serves": run.serves,
        "replaced": run.replaced,
        "problem": run.problem,
        "accuracy": run.accuracy,
        "began_s": (run.began_ns - found.start_ns) / 1e9 if phases else None,
        "seconds": {stage.name: stage.seconds for stage in run.stages},
        "tries_failed": list(run.stages[0].problems) if run.stages else [],
        "lost": sum(part["lost"] for part in in_run),
        "load": {name: measured.get(name) for name in _PHASES},
        "last_old_s": last_old_s(found, run),
    }


def _phase(window: Window, phase: Phase) -> dict[str, Any]:
    requests, rows = window.requests, phase.rows(window)
    taken = np.where(requests.ok, requests.done_ns - requests.due_ns, np.inf)
    planned = rows & (requests.due_ns != MISSING)
    return {
        "seconds": (phase.end_ns - phase.start_ns) / 1e9,
        "requests": int(planned.sum()),
        "lost": int((planned & ~requests.ok).sum()),
        "resent": int(requests.resent[planned].sum()),
        "response_ms": stats.summary_ms(taken[planned]),
    }


def _findings(window: Window) -> list[dict[str, str]]:
    return [
        {"name": f.name, "verdict": f.verdict.value, "message": f.message}
        for f in findings.of_window(WindowContext(window=window))
    ]


def lines(summed: dict[str, Any]) -> Iterator[str]:
    """The same as text."""
    front, rate = summed["front"], summed["rate"]
    load = "no load yet" if rate is None else f"{rate:g}/s for {summed['seconds']:.1f} s"
    yield f"pipeline   {summed['benchmark']}, {summed['server']}: {load} at {summed['route']}"
    added = ""
    if front["added_ms"] is not None:
        added = (
            f" adds {front['added_ms']:.2f} ms for one caller (p50 {front['direct_ms']:.2f} ms "
            f"direct, {front['through_ms']:.2f} ms through it)"
        )
    yield f"front      {front['program']}{added}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in summed["errors"].items())
    yield (
        f"requests   {summed['requests']}, lost {summed['lost']}{f' ({kinds})' if kinds else ''}, "
        f"sent again {summed['resent']}"
    )
    yield f"replaced   {summed['replaced']} times; failed {summed['failed']} times"
    yield ""
    yield from _table(summed["runs"])
    for run in summed["runs"]:
        for problem in run["tries_failed"]:
            yield f"version {run['version']}: a try to train it failed: {problem}"
        if run["problem"] is not None:
            said = "serves, but" if run["serves"] else "does not serve, the one before goes on"
            yield f"version {run['version']} {said}: {run['problem']}"
    if summed["problem"] is not None:
        yield summed["problem"]
    for finding in summed["findings"]:
        yield f"{finding['verdict']}: {finding['message']}"


def _table(runs: list[dict[str, Any]]) -> Iterator[str]:
    """Seconds of each stage, then p50 and maximum in ms of each phase of the load."""
    heads = ["version", *(f"{name} s" for name in STAGES)]
    heads += [f"{name} p50/max ms" for name in _PHASES] + ["lost", "last old s"]
    rows = [heads, *(_cells(run) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        yield "  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def _cells(run: dict[str, Any]) -> list[str]:
    old = run["last_old_s"]
    return [
        str(run["version"]),
        *(f"{run['seconds'][n]:.2f}" if n in run["seconds"] else "-" for n in STAGES),
        *(_times(run["load"][name]) for name in _PHASES),
        str(run["lost"]),
        "-" if old is None else f"{old:.3f}",
    ]


def _times(phase: dict[str, Any] | None) -> str:
    if phase is None or not phase["requests"]:
        return "-"
    shown = phase["response_ms"]
    known = (shown[name] for name in ("p50", "max"))
    return "/".join("-" if value is None else f"{value:.1f}" for value in known)
