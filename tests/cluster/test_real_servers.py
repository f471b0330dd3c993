"""Real frameworks in pods: right answers, a capacity, and figures of the cluster's own."""

from __future__ import annotations

import pytest

from tests.cells import cell_of
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.cluster
NAMES = ("fastapi", "triton")
# The project's own servers and models, and what earlier tests have made of them.
REAL = {"HARNESS_SERVERS": "", "HARNESS_BENCHMARKS": "", "HARNESS_CACHE": ""}


def test_fastapi_and_triton_are_verified_and_measured(sandbox: Sandbox) -> None:
    asked = ("--launcher", "kubernetes", "--benchmark", "iris", "--rounds", "1")
    done = sandbox.harness("run", *NAMES, *asked, "--campaign", "c", **REAL)
    assert done.returncode == 0, done.stderr
    runs = sandbox.runs("c")
    for name in NAMES:
        facts = runs[cell_of(name, "iris", 1, launcher="kubernetes")].facts
        assert facts.failure is None
        assert facts.verified
        assert facts.search is not None
        assert facts.startup is not None
        assert facts.container is not None
        pod = facts.container.pod
        assert pod is not None
        assert pod.qos == "Guaranteed"
        assert pod.start is not None
        parts = (pod.start.scheduled_s, pod.start.started_s, pod.start.ready_s)
        known = [part for part in parts if part is not None]
        assert known == sorted(known)
        assert len(known) == len(parts)
