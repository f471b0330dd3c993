"""One window on one endpoint, summed up: what `harness load` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from harness.analyse.run import beyond, findings
from harness.analyse.run.context import WindowContext
from harness.analyse.statistics import stats
from harness.stored.hosts import WorkerFacts
from harness.stored.records import Window
from harness.windows.causes import Cause
from harness.windows.profiles import expected_count


def summary(window: Window) -> dict[str, Any]:
    """The content of `load --json`. Times of answered requests; rates per second."""
    requests, facts = window.requests, window.facts
    profile = facts.profile
    lag_us = requests.lag_ns() / 1e3
    span_s = max(profile.duration_s, 1e-9) if profile.is_open else facts.elapsed_s
    planned = expected_count(profile) / profile.duration_s if profile.is_open else None
    return {
        "profile": profile.shape,
        "planned_rate": planned,
        "achieved_rate": len(requests) / span_s,
        "requests": len(requests),
        "ok": int(requests.ok.sum()),
        "resent": int(requests.resent.sum()),
        "addresses": list(facts.addresses),
        "errors": requests.kinds(),
        "causes": [_cause(cause) for cause in facts.causes],
        "response_ms": stats.summary_ms(requests.waits_ns()) if profile.is_open else None,
        "service_ms": stats.summary_ms(requests.services_ns()),
        "failed_share": beyond.failed_share(requests),
        "beyond": beyond.of_window(window),
        "lag_us": _lag(lag_us) if len(lag_us) else None,
        "generator_cpu": facts.generator_cpu_s / facts.elapsed_s if facts.elapsed_s else None,
        "workers": [_worker(worker) for worker in facts.workers],
        "findings": [
            {"name": f.name, "verdict": f.verdict.value, "message": f.message}
            for f in findings.of_window(WindowContext(window=window))
        ],
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The same as text."""
    planned = "" if found["planned_rate"] is None else f" (planned {found['planned_rate']:.1f}/s)"
    yield f"requests   {found['requests']} at {found['achieved_rate']:.1f}/s{planned}"
    if found["addresses"]:
        yield f"address    {', '.join(found['addresses'])}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in found["errors"].items())
    yield f"answered   {found['ok']}{'; failed: ' + kinds if kinds else ''}"
    for name in ("response_ms", "service_ms"):
        times = found[name]
        if times is not None and times["mean"] is not None:
            known = {key: f"{value:.3f}" for key, value in times.items() if value is not None}
            told = known | found["beyond"]
            shown = (f"{key} {told[key]}" for key in times if key in told)
            yield f"{name.replace('_', ' '):<10} {'  '.join(shown)}"
    if found["lag_us"] is not None:
        shown = (f"{key} {value:.0f}" for key, value in found["lag_us"].items())
        yield f"lag us     {'  '.join(shown)}"
    yield f"generator  {found['generator_cpu']:.2f} of a CPU"
    for worker in found["workers"]:
        said = worker["lost"] or f"{worker['requests']} requests"
        yield (
            f"worker     {worker['name']}: {said}; clock {worker['offset_us']:+.0f} us "
            f"± {worker['uncertainty_us']:.0f}"
        )
    for finding in found["findings"]:
        yield f"{finding['verdict']}: {finding['message']}"


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "error": cause.error,
        "kind": cause.kind,
        "count": cause.count,
        "said": cause.said or None,
        "location": cause.location or None,
    }


def _worker(worker: WorkerFacts) -> dict[str, Any]:
    drift = worker.drift_ns
    return {
        "name": worker.name,
        "requests": worker.requests,
        "offset_us": worker.offset_ns / 1e3,
        "uncertainty_us": worker.uncertainty_ns / 1e3,
        "drift_us": None if drift is None else drift / 1e3,
        "lost": worker.lost or None,
    }


def _lag(lag_us: Any) -> dict[str, float]:
    p50, p99 = np.percentile(lag_us, [50, 99])
    return {"p50": float(p50), "p99": float(p99), "max": float(lag_us.max())}
