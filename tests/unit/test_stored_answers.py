"""Servers that declare stored answers: their table, what they are given, and what they tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.base import paths
from harness.base.errors import UsageError
from harness.measure.launch import calls
from harness.measure.launch.containers import context
from harness.protocols import spoken
from harness.protocols.exchange import Done, Response
from harness.setup import catalog
from harness.stored.clocks import SAME_CLOCK
from tests.unit.conftest import Project

JOB = {
    "version": 2,
    "began_ns": 1_000_000_000,
    "ended_ns": 3_500_000_000,
    "cpu_s": 2.25,
    "batch_size": 32,
    "inputs": 150,
    "store_bytes": 4096,
    "failure": "",
}


@pytest.mark.parametrize(
    ("headers", "marks"),
    [
        ((("answer-stored", "1"), ("model-version", "2")), (("stored", 1), ("version", 2))),
        ((("answer-stored", "0"),), (("stored", 0),)),
        ((("answer-stored", "yes"), ("model-version", "-1")), ()),
        ((), ()),
    ],
)
def test_headers_become_marks(
    headers: tuple[tuple[str, str], ...], marks: tuple[tuple[str, int], ...]
) -> None:
    exchanges = spoken("json-stored").exchanges("/predict")
    assert exchanges is not None
    for status in (200, 404):
        said = exchanges.begin(0).received(Response(status, headers, b"{}"), 0)
        assert said == Done(marks=marks)


def test_what_jobs_left_in_the_order_of_their_beginnings() -> None:
    earlier = {**JOB, "version": 1, "began_ns": 0}
    files = {
        "job-7.json": json.dumps(JOB).encode(),
        "job-9.json": json.dumps(earlier).encode(),
        "job-8.json": b"{",
        "job-6.json": b"{}",
        "threads-9": b"1",
    }
    found = calls.of_files(files, SAME_CLOCK)
    assert [job.version for job in found.jobs] == [1, 2]
    assert found.jobs[1].seconds == 2.5
    assert found.threads == (1,)


def test_misses_are_those_of_a_store(project: Project) -> None:
    table = Path(project.servers / "some" / "server.toml")
    table.parent.mkdir(parents=True, exist_ok=True)
    text = (
        'framework = "-"\nlicence = "-"\nmaintained = true\n[[variant]]\nname = "some"\n'
        'track = "pattern"\ndescription = "-"\nprotocol = "json"\ncommand = ["x"]\n'
    )
    table.write_text(text + 'misses = "refused"\n')
    broken = catalog.broken_servers()["some"]
    assert isinstance(broken, UsageError)
    assert "'misses' goes with 'answers = \"stored\"'" in str(broken)
    table.write_text(text + 'misses = "refused"\nanswers = "stored"\n')
    assert catalog.variants()["some"].table.misses == "refused"


def test_known_inputs_are_in_the_image_of_those_who_store_alone(project: Project) -> None:
    known = catalog.variants(paths.PROJECT / "servers")
    noop = project.bench()
    place = f"app/benchmarks/{noop.name}/payloads.jsonl"
    assert place not in context.of(known["fastapi"], noop, project.root).files
    content = context.of(known["precomputed-redis"], noop, project.root).files[place]
    assert isinstance(content, bytes)
    given = [json.loads(line)["instance"] for line in content.splitlines()]
    assert given == noop.payloads()
