"""One variant as a process, in a container and in a pod: three rows of one campaign, in turns."""

from __future__ import annotations

import json

import pytest

from tests.cells import cell_of
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.cluster
WAYS = ("process", "docker", "kubernetes")


def test_three_launchers_of_a_variant_are_three_rows(sandbox: Sandbox) -> None:
    asked = [word for way in WAYS for word in ("--launcher", way)]
    done = sandbox.harness("run", "_fake", *asked, "--campaign", "c", "--rounds", "2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    rows = {cell["variant"] for cell in told["cells"]}
    assert {"_fake", "_fake@docker", "_fake@kubernetes"} <= rows
    runs = sandbox.runs("c")
    for number in (1, 2):
        run = runs[cell_of("_fake", "noop", number, launcher="kubernetes")]
        assert run.facts.failure is None
        assert run.facts.server.launcher == "kubernetes"
        assert run.facts.image is not None
        container = runs[cell_of("_fake", "noop", number, launcher="docker")]
        assert container.facts.image is not None
        assert run.facts.image.id == container.facts.image.id, "the very same image"
        process = runs[cell_of("_fake", "noop", number)]
        for one, other in zip(process.profiles, run.profiles, strict=True):
            both = min(len(one.requests), len(other.requests))
            assert one.requests.payload[:both].tolist() == other.requests.payload[:both].tolist()
            assert (other.usage.memory_bytes > 0).all()
            assert len(other.calls.start_ns) >= int(other.requests.ok.sum())
        facts = run.facts.container
        assert facts is not None
        assert facts.pod is not None
        assert facts.pod.address
        assert facts.reached in ("service", "node port", "pod")
    page = (sandbox.reports / "c" / "index.html").read_text()
    assert "_fake@kubernetes" in page
    assert "class of service" in page
    assert "start of its pod" in page
