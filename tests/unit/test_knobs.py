"""What a server.toml may say of knobs, and what a setting makes of a variant."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from harness.base import toml
from harness.base.errors import UsageError
from harness.measure.cell.facts import server_facts
from harness.measure.launch.launchers.place import ServerPlace
from harness.setup import keeping, knobs
from harness.setup.catalog import Variant, broken_servers, variants
from harness.setup.knobs import Setting, Value
from harness.setup.tables import ServerTable
from tests.unit.conftest import Project

VARIANT = """
# A comment that stays.
[[variant]]
name = "some"
track = "matched"
description = "One."
protocol = "json"
command = ["{bin}/python", "app.py", "--workers={workers}", "--at-once", "{calls}"]
workers = 2
batching = { max_size = 16, wait_ms = 5 }
environment = { QUEUE = "8" }
"""
KNOBS = """
[variant.knobs.workers]
sets = "workers"
values = [1, 4]

[variant.knobs.batch]
sets = "batching.max_size"
range = { lowest = 1, highest = 32, times = 2 }

[variant.knobs.wait]
sets = "batching.wait_ms"
range = { lowest = 0, highest = 6, plus = 3 }

[variant.knobs.threads]
sets = "threads"
values = [2]

[variant.knobs.queue]
sets = "environment.QUEUE"
values = [4, 8]

[variant.knobs.calls]
sets = "command"
values = [1, 40]
default = 40

[variant.knobs.mode]
sets = "environment.MODE"
values = ["slow", "fast"]
default = "fast"
"""
TODAY: dict[str, Value] = {
    "workers": 2,
    "batch": 16,
    "wait": 5,
    "threads": 1,
    "queue": 8,
    "calls": 40,
    "mode": "fast",
}


@pytest.fixture
def variant(project: Project) -> Variant:
    project.server("some", variants=VARIANT + KNOBS)
    return variants()["some"]


def test_todays_setting_is_what_the_other_keys_say(variant: Variant) -> None:
    assert knobs.defaults(variant.table, threads=1) == TODAY


def test_the_values_of_a_knob_have_todays_among_them_in_order(variant: Variant) -> None:
    assert knobs.space(variant.table, threads=1) == {
        "workers": (1, 2, 4),
        "batch": (1, 2, 4, 8, 16, 32),
        "wait": (0, 3, 5, 6),
        "threads": (1, 2),
        "queue": (4, 8),
        "calls": (1, 40),
        "mode": ("slow", "fast"),
    }


def test_a_setting_makes_a_variant(variant: Variant) -> None:
    setting: Setting = TODAY | {
        "workers": 4,
        "batch": 8,
        "wait": 3,
        "threads": 2,
        "queue": 4,
        "calls": 1,
    }
    table = knobs.turned(variant.table, setting, name="other")
    assert (table.name, table.workers, table.threads, table.knobs) == ("other", 4, 2, {})
    assert table.batching is not None
    assert (table.batching.max_size, table.batching.wait_ms) == (8, 3)
    assert table.environment == {"QUEUE": "4", "MODE": "fast"}
    assert table.command[2:] == ("--workers={workers}", "--at-once", "1")
    assert variant.table.workers == 2, "the variant itself stays as it is"


def test_a_variant_that_nobody_tunes_runs_as_its_defaults_say(variant: Variant) -> None:
    folder = Path("x")
    place = ServerPlace(
        bin=folder,
        host="h",
        port=1,
        ports={},
        shared=folder,
        predictor=folder,
        artefact=folder,
        home=folder,
        temporary=folder,
        trace=folder,
    )
    assert place.command(variant.table)[2:] == ["--workers=2", "--at-once", "40"]


def test_threads_of_a_variant_are_what_it_is_asked_for(project: Project) -> None:
    own, benchmark = project.variant("some", "threads = 3\n"), project.bench()
    asked = server_facts(own, benchmark, "cpu").asked
    assert asked is not None
    assert asked.threads == 3


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ('sets = "worker"\nvalues = [1]', "'sets' must be one of workers, threads"),
        ('sets = "environment."\nvalues = [1]', "or environment.VARIABLE"),
        ('sets = "workers"', "give either 'values' or 'range'"),
        ('sets = "workers"\nvalues = [0]', "workers takes whole numbers above 0, not 0"),
        ('sets = "workers"\nvalues = [1.5]', "whole numbers above 0, not 1.5"),
        ('sets = "workers"\nvalues = [true]', "values"),
        ('sets = "workers"\nvalues = [3]\ndefault = 2', "the variant already sets workers"),
        ('sets = "batching.wait_ms"\nvalues = [-1]', "numbers from 0 on, not -1"),
        ('sets = "command"\nvalues = [1]\ndefault = 1', "sets the command, which has no {odd}"),
        ('sets = "environment.OTHER"\nvalues = [1]', "does not set environment.OTHER"),
        ('sets = "workers"\nrange = { lowest = 1, highest = 2 }', "give either 'times' or 'plus'"),
        ('sets = "workers"\nrange = { lowest = 3, highest = 2, plus = 1 }', "must not exceed"),
        ('sets = "workers"\nrange = { lowest = 1, highest = 999, plus = 1 }', "more than 100"),
        ('sets = "workers"\nvalues = [1]\nunit = "ms"', "unknown key"),
    ],
)
def test_what_a_knob_may_not_say(project: Project, keys: str, sentence: str) -> None:
    project.server(
        "some", variants=f"{VARIANT.replace('{calls}', '9')}\n[variant.knobs.odd]\n{keys}"
    )
    said = str(broken_servers()["some"])
    assert sentence in said
    assert "server.toml" in said


def test_two_knobs_that_set_the_same(project: Project) -> None:
    twice = '\n[variant.knobs.more]\nsets = "workers"\nvalues = [3]\n'
    project.server("some", variants=VARIANT + KNOBS + twice)
    assert "both set workers" in str(broken_servers()["some"])


def test_a_setting_that_is_kept_is_a_variant_of_its_own(variant: Variant) -> None:
    path = variant.server.folder / "server.toml"
    before = path.read_text()
    setting: Setting = TODAY | {"workers": 1, "calls": 1, "threads": 2}
    text = keeping.text(variant, setting, "some-tuned", 'Said "so".')
    assert keeping.write(variant, text) == path
    assert path.read_text().startswith(before.rstrip()), "what was there stays as it was"
    assert tomllib.loads(text)["variant"][0]["description"] == 'Said "so".'
    kept = variants()["some-tuned"].table
    assert (kept.track, kept.workers, kept.threads, kept.knobs) == ("tuned", 1, 2, {})
    assert kept.command == (*variant.table.command[:3], "--at-once", "1")
    assert kept.batching == variant.table.batching
    assert variants()["some"].table == variant.table
    assert [each.name for each in path.parent.iterdir()] == ["server.toml"], "and nothing else"


def test_what_would_spoil_the_file_is_not_written(variant: Variant) -> None:
    path = variant.server.folder / "server.toml"
    before = path.read_text()
    with pytest.raises(UsageError):
        keeping.write(variant, "[[variant]]\nname = 1\n")
    assert path.read_text() == before
    assert [each.name for each in path.parent.iterdir()] == ["server.toml"]


def test_a_name_that_is_taken_is_not_overwritten(variant: Variant) -> None:
    with pytest.raises(UsageError, match="it is not overwritten"):
        keeping.require_new("some", variants())
    keeping.require_new("other", variants())


def test_every_declared_knob_of_the_servers_here_can_be_turned() -> None:
    for path in Path(__file__).parents[2].glob("servers/*/server.toml"):
        for table in toml.load(path, ServerTable).variant:
            space, today = knobs.space(table, 1), knobs.defaults(table, 1)
            for name, values in space.items():
                assert today[name] in values
                for value in values:
                    assert knobs.turned(table, today | {name: value})
