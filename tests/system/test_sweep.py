"""`harness sweep` with a server whose timing is known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.system.conftest import Command
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow

QUICK = ("--benchmark", "noop", "--duration", "1.5")


def swept(sandbox: Sandbox, *arguments: str) -> dict[str, Any]:
    done = sandbox.harness("sweep", *arguments, *QUICK, "--campaign", "a", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["campaign"] == "a"
    return found


def test_along_concurrency_a_server_that_only_waits_scales(sandbox: Sandbox) -> None:
    found = swept(sandbox, "_fake-slow", "--over", "concurrency", "--values", "4,1,2")
    (row,) = found["variants"]
    assert (row["plain_benchmark"], row["varies"]) == ("noop", "benchmark")
    assert [point["value"] for point in row["points"]] == [1, 2, 4]
    for point in row["points"]:
        # Each caller is answered after 40 ms, and no sooner, however many there are.
        assert 0 < point["throughput_per_s"] <= point["value"] / 0.040
    callers = {run.profiles[0].facts.profile.concurrency: run for run in sandbox.runs("a").values()}
    assert set(callers) == {1, 2, 4}
    assert all(run.facts.startup for run in callers.values()), "a fresh start each"
    page = (sandbox.reports / "a" / "index.html").read_text()
    assert "noop-concurrency-4" in page
    assert "harness sweep _fake-slow --over concurrency" in page


def test_a_request_of_many_instances(sandbox: Sandbox) -> None:
    found = swept(sandbox, "_fake", "--over", "batch", "--values", "1,5")
    for run, point in zip(sandbox.runs("a").values(), found["variants"][0]["points"], strict=True):
        (window,) = run.profiles
        together = point["value"]
        assert set(window.calls.batch.tolist()) == {together}
        assert window.facts.checked > 0 == window.facts.wrong
        answered = int(window.requests.ok.sum()) * together
        assert point["throughput_per_s"] == pytest.approx(answered / window.facts.elapsed_s)


def test_workers_that_a_server_does_not_take_are_said(sandbox: Sandbox) -> None:
    (row,) = swept(sandbox, "_fake", "--over", "workers", "--values", "1,2,3")["variants"]
    assert [point["taken"] for point in row["points"]] == [1, 1, 1]
    assert row["note"].startswith("it does not take the axis workers: asked for 2 (it took 1)")
    assert set(row["growth"].values()) == {None}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["_fake", "--over", "sideways"], "There is no axis 'sideways'"),
        (["_fake", "--over", "thread"], "Did you mean 'threads'?"),
        (["_fake", "--over", "batch", "--values", "0,1"], "whole numbers above 0"),
        (["_fake", "--over", "batch", "--values", "1,,2"], "whole numbers above 0"),
        (["null", "--over", "batch"], "it is a reference point"),
        (["_fake", "--over", "batch", "--benchmark", "nop"], "Did you mean 'noop'?"),
        (["_fake"], "--over"),
        (["--over", "batch"], "VARIANTS"),
    ],
)
def test_what_cannot_be_asked_for(cli: Command, arguments: list[str], sentence: str) -> None:
    done = cli("sweep", "--benchmark", "noop", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not done.stdout
