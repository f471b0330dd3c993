"""What a server is put through at its end: twice its capacity, a stop under load, a new start."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.analyse.run import digest, strain_outcomes
from harness.analyse.run.digested import Digest
from harness.stored.lifecycle import Lifecycle
from harness.stored.records import Run
from tests.system.conftest import kept
from tests.system.sandbox import LONG_S, Sandbox, until_while

pytestmark = pytest.mark.slow
SLOW = (
    "_fake-slow",
    "_fake-drains",
    "_fake-dies-of-overload",
    "_fake-hangs-of-overload",
    "_fake-refuses",
)
VARIANTS = (*SLOW, "no-second")
STRAINS = "overload_s = 1.0\nshutdown = true\nrestart = true\n"
# What other work on this machine adds to a request must be little beside it: it decides how many
# are in flight at twice the capacity, and whether some still are when the stop signal comes.
DELAY_MS = 200
CALLERS, STEADY_PER_S = 16, 15.0
FEWEST_PER_S = 0.75 * CALLERS * 1000 / DELAY_MS  # answered to that many callers at once
STOPPED_NS = 800_000_000  # the signal is planned 100 ms before; the burst is answered 97 ms later
TRIES = 4
# It starts once: what it writes then keeps it from starting again.
ONCE = """\
import os, pathlib, runpy, sys
mark = pathlib.Path(__file__).with_name("started")
if mark.exists():
    sys.exit("started once already, on purpose")
mark.touch()
runpy.run_path(str(pathlib.Path(__file__).with_name("app.py")), run_name="__main__")
"""


@dataclass(frozen=True)
class Outcome:
    """What a campaign said and kept."""

    code: int
    cells: dict[str, Any]  # of --json, by variant
    runs: dict[str, Run]
    digests: dict[str, Digest]
    left: list[str]  # processes
    html: str

    def life(self, variant: str) -> Lifecycle:
        found = self.runs[variant].facts.lifecycle
        assert found is not None
        return found

    def findings(self, variant: str) -> dict[str, str]:
        return {f["name"]: f["message"] for f in self.cells[variant]["findings"]}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    places = kept(tmp_path_factory.mktemp("strain"))
    sandbox = next(places)
    _prepare(sandbox)
    for number in range(TRIES):
        found = _measured(sandbox, f"c{number}")
        disturbed = {name: why for name, run in found.runs.items() if (why := _disturbed(run))}
        if not disturbed:
            break
    assert not disturbed, f"other work kept {TRIES} campaigns from measuring this"
    yield found
    assert not list(sandbox.scratch.glob("harness-*"))
    next(places, None)


def _measured(sandbox: Sandbox, name: str) -> Outcome:
    (sandbox.servers / "no-second" / "started").unlink(missing_ok=True)
    done = sandbox.harness("run", *VARIANTS, "--campaign", name, "--json")
    assert "Traceback" not in done.stderr, done.stderr
    left = sandbox.processes()
    digests = digest.of_campaign(sandbox.results / name).digests
    return Outcome(
        done.returncode,
        {cell["variant"]: cell for cell in json.loads(done.stdout)["cells"]},
        {run.cell.variant_name: run for run in sandbox.runs(name).values()},
        {found.cell.variant_name: found for found in digests},
        left,
        (sandbox.reports / name / "index.html").read_text(),
    )


def _disturbed(run: Run) -> str:
    """How other work kept the strain from being what it is meant to be; empty where it did not."""
    life = run.facts.lifecycle
    if run.cell.variant_name not in SLOW or run.facts.failure is not None or life is None:
        return ""
    closed = next(w for w in run.profiles if not w.facts.profile.is_open)
    reached = closed.requests.throughput(closed.facts.elapsed_s)
    if reached < FEWEST_PER_S:
        return f"{CALLERS} callers had {reached:.0f} answers per second, not {FEWEST_PER_S:.0f}"
    if life.overload is None:
        return life.not_overloaded
    if life.shutdown is not None and life.shutdown.stop_ns > STOPPED_NS:
        return f"the stop signal came after {life.shutdown.stop_ns / 1e9:.3f} s"
    return ""


def _prepare(sandbox: Sandbox) -> None:
    """Three requests in flight on average in the steady window, 16 in the saturated one, and so 32
    at twice the throughput: 24 break what breaks of too much."""
    presets = sandbox.benchmarks / "presets.toml"
    presets.write_text(
        presets.read_text().replace("[preset.standard]", STRAINS + "\n[preset.standard]")
    )
    file = sandbox.benchmarks / "noop" / "benchmark.toml"
    text = file.read_text().replace("rate_per_s = 200.0", f"rate_per_s = {STEADY_PER_S}")
    text = text.replace("duration_s = 0.5", "duration_s = 1.0")
    text = text.replace("duration_s = 0.3", "duration_s = 1.0")
    text = text.replace("timeout_s = 30.0", 'timeout_s = 5.0\nslo = "p99<2s"')  # one hangs
    file.write_text(text.replace("concurrency = 4", f"concurrency = {CALLERS}"))
    (fake,) = (sandbox.servers / "_fake").glob("server.toml")
    slower = fake.read_text().replace('FAKE_DELAY_MS = "40"', f'FAKE_DELAY_MS = "{DELAY_MS}"')
    fake.write_text(slower)
    variants = fake.read_text().partition("[[variant]]")[0]
    table = (
        '[[variant]]\nname = "no-second"\ntrack = "matched"\ndescription = "-"\n'
        'protocol = "json"\ncommand = ["{bin}/python", "once.py"]\n'
    )
    sandbox.add_server("no-second", variants + table, once_py=ONCE)


def test_every_cell_is_well_whatever_the_strain_did(outcome: Outcome) -> None:
    assert outcome.code == 0
    assert {cell["outcome"] for cell in outcome.cells.values()} == {"ok"}
    for name in VARIANTS:
        assert [w.requests.ok.all() for w in outcome.runs[name].profiles] == [True, True], name


def test_nothing_keeps_running(outcome: Outcome) -> None:
    assert outcome.left == []


def test_what_is_in_flight_is_lost_where_nothing_is_drained(outcome: Outcome) -> None:
    found = strain_outcomes.ended(outcome.runs["_fake-slow"])
    assert found is not None
    assert found.in_flight > 0  # of the burst of 16
    assert 0 < found.lost <= found.in_flight  # a busy machine is slow to tell it to stop
    assert "never got a right answer" in outcome.findings("_fake-slow")["lost-at-shutdown"]


def test_nothing_is_lost_where_it_is(outcome: Outcome) -> None:
    found = strain_outcomes.ended(outcome.runs["_fake-drains"])
    assert found is not None
    assert found.in_flight > 0
    assert found.lost == 0
    assert outcome.digests["_fake-drains"].values["lost_at_stop"] == 0
    assert "lost-at-shutdown" not in outcome.findings("_fake-drains")


def test_what_comes_after_the_signal_is_refused_until_it_is_up_again(outcome: Outcome) -> None:
    for name in ("_fake-slow", "_fake-drains"):
        found = strain_outcomes.ended(outcome.runs[name])
        assert found is not None
        assert found.refused > 0
        life = outcome.life(name)
        assert life.shutdown is not None
        assert life.restart is not None
        gap_s = strain_outcomes.gap_s(outcome.runs[name])
        assert gap_s is not None
        assert gap_s >= (life.restart.launched_ns - life.shutdown.gone_ns) / 1e9
        window = outcome.runs[name].strain("shutdown")
        assert window is not None
        late = window.requests.sent_ns > window.requests.sent_ns.max() - 10**9
        assert window.requests.ok[late].all(), "in the last second it answers again"


def test_the_stop_under_load_is_the_runs_stop(outcome: Outcome) -> None:
    stop = outcome.runs["_fake-drains"].facts.stop
    assert stop is not None
    assert (stop.exit_code, stop.killed) == (0, 0)
    assert "stop" not in outcome.runs["_fake-drains"].facts.phases_s


def test_one_that_does_not_come_up_again_is_said(outcome: Outcome) -> None:
    life = outcome.life("no-second")
    assert life.restart is not None
    assert "it ended with exit code 1" in life.restart.failure
    assert strain_outcomes.gap_s(outcome.runs["no-second"]) is None
    assert "exit code 1" in outcome.findings("no-second")["no-restart"]


def test_twice_the_capacity_is_fired_and_survived(outcome: Outcome) -> None:
    run = outcome.runs["_fake-slow"]
    overload, window = outcome.life("_fake-slow").overload, run.strain("overload")
    assert overload is not None
    assert window is not None
    assert window.facts.profile.rate_per_s == 2 * overload.capacity_per_s
    assert overload.recovery_s is not None
    assert overload.died == ""
    found = strain_outcomes.borne(run)
    assert found is not None
    assert found.errors == {}
    assert outcome.digests["_fake-slow"].values["overload_errors"] == 0


def test_a_server_that_dies_of_it_keeps_what_was_measured(outcome: Outcome) -> None:
    name = "_fake-dies-of-overload"
    life = outcome.life(name)
    assert life.overload is not None
    assert life.overload.died == "it ended with exit code 8"
    assert (life.shutdown, life.restart) == (None, None)
    found = strain_outcomes.borne(outcome.runs[name])
    assert found is not None
    assert set(found.errors) <= {"disconnected", "connect"}
    assert found.errors
    assert "it ended: it ended with exit code 8" in outcome.findings(name)["died-of-overload"]
    assert outcome.digests[name].values["throughput"] is not None
    assert "died" not in outcome.findings(name)


def test_one_that_never_recovers_is_said(outcome: Outcome) -> None:
    name = "_fake-hangs-of-overload"
    life = outcome.life(name)
    assert life.overload is not None
    assert (life.overload.recovery_s, life.overload.died) == (None, "")
    assert "never again answered a request in time" in outcome.findings(name)["no-recovery"]


def test_one_that_refuses_what_it_declares_is_well(outcome: Outcome) -> None:
    name = "_fake-refuses"
    values = outcome.digests[name].values
    refused, p99_ms = values["overload_refused"], values["overload_p99"]
    assert refused is not None
    assert p99_ms is not None
    assert refused > 0
    assert refused == values["overload_errors"]
    window = outcome.runs[name].strain("overload")
    assert window is not None
    assert set(window.requests.status.tolist()) == {200, 503}
    doubts = {"errors", "died-of-overload", "no-recovery", "no-restart"}
    assert doubts.isdisjoint(outcome.findings(name))
    assert outcome.digests["_fake-slow"].values["overload_refused"] == 0


def test_memory_is_looked_at_before_and_after(outcome: Outcome) -> None:
    for name in VARIANTS:
        life = outcome.life(name)
        assert (life.memory_idle_bytes or 0) > 1e6
        assert (life.memory_after_bytes or 0) > 1e6
    reference = outcome.life("in-process")
    assert (reference.memory_idle_bytes or 0) > 1e6
    assert reference.overload is None, "a reference is not strained"


def test_the_report_shows_it(outcome: Outcome) -> None:
    part = outcome.html.partition('<section id="lifecycle"')[2].partition("</section>")[0]
    for name in VARIANTS:
        assert f'<th scope="row" data-value="{name}">' in part
    assert "disconnected" in part


def test_an_interrupt_ends_the_server_that_was_started_again(sandbox: Sandbox) -> None:
    _prepare(sandbox)
    process = sandbox.start("run", "_fake-slow", "--campaign", "c")
    until_while(process, lambda: list(sandbox.scratch.glob("harness-*/next/server.log")))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONG_S)
    assert process.returncode == 130
    assert sandbox.processes() == []
    assert not list(sandbox.scratch.glob("harness-*"))
