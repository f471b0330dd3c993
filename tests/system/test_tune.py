"""`harness tune` with servers whose best setting is known.

A busy machine has capacities of its own. So the search itself is for `tests/unit/test_halving.py`;
here servers are started with their settings, and what is told of the capacity comes from the law of
what they were told, or else from the search, wherever that let anything be known.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness.analyse.run import digest
from harness.analyse.tune import outcome as analysis
from harness.analyse.tune import tune_words
from harness.analyse.tune.outcome import TunedVariant
from harness.base import toml
from harness.search.candidates import Lowest, Outcome
from harness.setup.tables import ServerTable
from harness.stored.records import Campaign, Run
from tests.system.conftest import Command, kept
from tests.system.sandbox import LONG_S, SERVER, Sandbox, until_while, variant

pytestmark = pytest.mark.slow

SETUP = (
    "workers = 1",
    "batching = { max_size = 2 }",
    'environment = { FAKE_QUEUE = "tunable", FAKE_WORKER_MIB = "40", FAKE_MOST_WORKERS = "4" }',
    '[variant.knobs.batch]\nsets = "batching.max_size"\nvalues = [2, 8]',
)
QUICK = ("--benchmark", "noop", "--search", "1s")
QUICKER = ("--benchmark", "noop", "--search", "0.5s")  # where the search tells nothing
LONG = ("--slo", "p90<200ms", "--budget", "20m", "--campaign", "t")
MIB = 1 << 20
# By (workers, largest batch).
LAW = {(1, 2): 200.0, (1, 8): 400.0, (2, 2): 300.0, (2, 8): 800.0}
BEST = {"workers": 2, "batch": 8}


@dataclass(frozen=True)
class Tuned:
    """A tune that was interrupted and gone on with, and whose setting was kept."""

    sandbox: Sandbox
    said: str  # when it was interrupted
    before: dict[Path, int]  # when the runs were written that were stored by then
    row: dict[str, Any]  # the one variant of --json
    shown: str  # on the terminal

    def recount(self, **asked: Any) -> TunedVariant:
        """The same runs, had something else been asked for."""
        stored = digest.of_campaign(self.sandbox.results / "t")
        assert stored.campaign.tuning is not None
        tuning = replace(stored.campaign.tuning, **asked)
        campaign = replace(stored.campaign, tuning=tuning)
        (found,) = digest.tuned(replace(stored, campaign=campaign))
        return found


def tunable(sandbox: Sandbox, workers: str = "1, 2, 5") -> Sandbox:
    values = f'[variant.knobs.workers]\nsets = "workers"\nvalues = [{workers}]'
    sandbox.add_server("tunable", SERVER + variant("tunable", *SETUP, values))
    return sandbox


def stamps(sandbox: Sandbox) -> dict[Path, int]:
    runs = sandbox.results.glob("t/noop/*/round-*/run.json")
    return {path: path.stat().st_mtime_ns for path in runs}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuned]:
    places = kept(tmp_path_factory.mktemp("tune"))
    box = tunable(next(places))
    process = box.start("tune", "tunable", *QUICK, *LONG)
    until_while(process, lambda: len(stamps(box)) >= 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=LONG_S)
    assert process.returncode == 130
    assert not box.processes()
    before = stamps(box)
    ended = box.on_a_terminal("tune", "--resume", "t", "--budget", "4m", "--json")
    assert ended.returncode in (0, 1), ended.stderr
    (row,) = json.loads(ended.stdout)["variants"]
    yield Tuned(box, said, before, row, ended.stderr)
    next(places, None)


def test_an_interrupted_tune_goes_on_and_measures_nothing_twice(done: Tuned) -> None:
    assert "Continue with: python -m harness tune --resume t" in done.said
    assert "Traceback" not in done.said
    now = stamps(done.sandbox)
    assert {path: now[path] for path in done.before} == done.before
    assert 2 <= len(done.before) < len(now)
    campaign = done.sandbox.campaign("t")
    assert campaign.tuning is not None
    assert len(campaign.cells) == len(campaign.tuning.steps) == len(now)


def test_every_setting_is_tried_and_the_best_is_found_where_the_host_lets_it(done: Tuned) -> None:
    candidates = done.row["candidates"]
    assert len(candidates) == 6
    if all(c["capacity"] for c in candidates if c["setting"]["workers"] < 5):
        assert done.row["chosen"] == BEST
        assert done.row["today"]["starts"] == done.row["best"]["starts"] >= 2


def test_every_run_is_a_fresh_start_with_verified_answers(done: Tuned) -> None:
    good = [run for run in done.sandbox.runs("t").values() if run.facts.failure is None]
    asked = set()
    for run in good:
        assert run.facts.startup is not None
        assert run.facts.verified > 0
        assert run.facts.search is not None  # a busy machine may leave no time for a probe
        assert run.facts.server.asked is not None
        asked.add((run.facts.server.asked.workers, run.facts.server.asked.max_batch))
    assert asked == set(LAW)


def test_a_refused_setting_is_a_failed_candidate_with_its_reason(done: Tuned) -> None:
    refused = [c for c in done.row["candidates"] if c["setting"]["workers"] == 5]
    assert len(refused) == 2
    for candidate in refused:
        assert "it ended with exit code 4" in candidate["reason"]
        assert len(candidate["runs"]) == 1


def test_a_terminal_sees_what_is_done_and_what_came_of_it(done: Tuned) -> None:
    assert "failed in ready: The server ended before it was ready" in done.shown
    assert "tunable-candidate-2 on noop, round 1: " in done.shown


def test_a_memory_limit_below_what_any_needs(done: Tuned) -> None:
    found = done.recount(memory_bytes=MIB)
    assert found.chosen is None
    said = " ".join(tune_words.answer(found))
    assert "fits into 1 MiB: the least that any needs is " in said or "Nothing is known" in said


def test_run_does_not_go_on_with_a_tune(done: Tuned) -> None:
    ended = done.sandbox.harness("run", "--resume", "t")
    assert ended.returncode == 2
    assert "t is a tune: continue it with `tune --resume t`." in ended.stderr


@pytest.fixture
def lawful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The capacity of a run is that of the law of what its server was told."""
    judge = analysis.judge

    def known(run: Run, campaign: Campaign) -> Outcome:
        found, asked = judge(run, campaign), run.facts.server.asked
        if found.failed or asked is None:
            return found
        rate = LAW[asked.workers, asked.max_batch]
        return replace(found, capacity=rate, low=0.9 * rate, high=1.1 * rate, doubt="")

    monkeypatch.setattr(analysis, "judge", known)


@pytest.mark.usefixtures("lawful")
def test_the_best_setting_is_confirmed_reported_and_kept(cli: Command, sandbox: Sandbox) -> None:
    tunable(sandbox, "1, 2")
    ended = cli("tune", "tunable", *QUICKER, *LONG, "--write", "--json")
    assert ended.returncode == 0, ended.stderr
    (row,) = json.loads(ended.stdout)["variants"]
    assert row["chosen"] == BEST
    assert (row["is_today"], row["told_apart"], row["starts_needed"]) == (False, True, None)
    assert row["ratio"]["value"] == pytest.approx(4)
    assert row["today"]["setting"] == {"workers": 1, "batch": 2}
    assert row["today"]["starts"] == row["best"]["starts"] >= 2
    front = [c["setting"] for name in row["front"] for c in row["candidates"] if c["name"] == name]
    assert front == [{"workers": 1, "batch": 8}, BEST]
    path = sandbox.servers / "tunable" / "server.toml"
    assert row["written"] == str(path)
    assert path.read_text().endswith(row["server_toml"])
    tables = {table.name: table for table in toml.load(path, ServerTable).variant}
    assert (tables["tunable-tuned"].track, tables["tunable-tuned"].workers) == ("tuned", 2)
    assert tables["tunable-tuned"].batching is not None
    assert tables["tunable-tuned"].batching.max_size == 8
    page = (sandbox.reports / "t" / "index.html").read_text()
    assert "Keep batch 8, workers 2" in page
    assert "harness tune tunable" in page
    again = cli("tune", "--resume", "t", "--write")
    assert again.returncode == 2
    assert "it is not overwritten" in again.stderr


@pytest.mark.usefixtures("lawful")
def test_a_memory_limit_moves_it_to_the_second_best(cli: Command, sandbox: Sandbox) -> None:
    tunable(sandbox, "1, 2")
    # What a server of one worker holds, and 40 MiB less than what one of two holds.
    ended = cli("tune", "tunable", *QUICKER, *LONG, "--memory", "75m")
    assert ended.returncode == 0, ended.stderr
    assert "Keep batch 8, workers 1: 400/s" in ended.stdout
    assert ended.stdout.count("needs more than 75 MiB") == 2
    assert ", more than 75 MiB" in ended.stderr
    assert "To keep it, add to server.toml" in ended.stdout


def test_an_slo_that_no_setting_meets(
    cli: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunable(sandbox, "1, 2")
    judge, near = analysis.judge, Lowest(20.0, 0.9, 250.0)

    def unmet(run: Run, campaign: Campaign) -> Outcome:
        found = judge(run, campaign)
        return replace(found, capacity=None, low=None, high=20.0, doubt="", lowest=near)

    monkeypatch.setattr(analysis, "judge", unmet)
    ended = cli("tune", "tunable", *QUICKER, *LONG, "--write")
    assert ended.returncode == 1, ended.stderr
    assert "None of 4 settings meets p90<200ms, errors<0.1%. The nearest was " in ended.stdout
    assert ": its p90 was 250 ms at 20.0/s." in ended.stdout
    assert "Nothing was written" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name variants. Those with knobs: tunable."),
        (["_fake"], "declares no knobs of it. Those with knobs: tunable"),
        (["tunabel"], "Did you mean 'tunable'?"),
        (["tunable", "--slo", "fast"], "The SLO 'fast' can't be used"),
        (["tunable", "--memory", "much"], "'much' is not a size, such as 500m or 2g"),
        (["tunable", "--memory", "0g"], "'0g' is not a size"),
        (["tunable", "--budget", "soon"], "'soon' is not a duration"),
        (["tunable", "--budget", "20s"], "The budget of 20 s is too short to decide anything"),
        (["tunable", "--budget", "20s"], "Give --budget 60s or more, or a shorter --search."),
        (["tunable", "--as", "Some Name"], "'Some Name' is not a valid name"),
        (["tunable", "--write", "--as", "_fake"], "There is a variant '_fake' in "),
        (["tunable", "--benchmark", "nop"], "Did you mean 'noop'?"),
        (["--resume", "none"], "There is no campaign"),
        (["tunable", "--resume", "none"], "only --budget can be given with it"),
    ],
)
def test_what_cannot_be_asked_for(
    cli: Command, sandbox: Sandbox, arguments: list[str], sentence: str
) -> None:
    tunable(sandbox)
    ended = cli("tune", *QUICK, *arguments)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert not ended.stdout
    assert not list(sandbox.results.glob("*"))
