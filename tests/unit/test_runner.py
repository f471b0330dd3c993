"""The order of a cell's stages, and what is left of a cell in which one of them fails.

Each test is a specification: what happens, then what must have been done, then what is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.base.errors import AnswerError, HarnessError, LaunchError, ProvisionError
from harness.base.trust import SYSTEM
from harness.measure.cell.capacity_search import Expected, SearchOrder
from harness.measure.cell.life import Life
from harness.measure.cell.runner import execute
from harness.measure.launch import calls
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.launchers import Launched
from harness.setup.endpoints import Headers
from harness.setup.slo import parse
from harness.stored.accuracy import Accuracy
from harness.stored.container import ContainerFacts, ImageFacts
from harness.stored.hosts import WorkerFacts
from harness.stored.lifecycle import Installed, Lifecycle, Overload
from harness.stored.records import Failure, Run, Search, Startup, Stop, Window
from harness.stored.starts import Starts
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS, Requests
from tests.cells import cell_of
from tests.unit.stored import SERVER, window

ONE = Profile("one", "poisson", 1.0, rate_per_s=10.0)
TWO = Profile("two", "closed", 1.0, concurrency=2)
STARTUP, STOP = Startup(1.0, 1.5), Stop(seconds=0.5, exit_code=0, orphans=0, killed=0)
LOG = "listening\nworking\n"
BORNE = Overload(slo="p99<50ms", capacity_per_s=100.0, recovery_s=1.25)
LONG_LOG = "".join(f"line {number}\n" for number in range(100))

BEFORE_LAUNCH = ["provision"]
BEFORE_LOAD = ["provision", "launch", "ready", "verify", "warm up one"]
ALL = [*BEFORE_LOAD, "load one", "load two", "stop"]


class FakeServer:
    """A launched server that may be dead."""

    scheme, host, port, base, started_ns = "http", "localhost", 1, "", 0

    def __init__(self, folder: Path, log: str) -> None:
        self.ports: dict[str, int] = {}
        self.headers: Headers = ()
        self.trust = SYSTEM
        self.log = folder / "server.log"
        self.log.write_text(log)
        self._folder = folder
        self.death: str | None = None
        self.container: ContainerFacts | None = None

    def exited(self) -> str | None:
        return self.death

    def calls(self) -> ServerRecords:
        return calls.of_folder(self._folder)

    def sample(self, *, pss: bool) -> dict[str, int]:
        return {"cpu_ns": int(pss), "pss_bytes": 3}

    def kill(self, pid: int) -> None:
        raise AssertionError(pid)

    def exposed(self) -> tuple[str, ...]:
        return ()

    def stop(self) -> Stop:
        return STOP


def _order(budget_s: float) -> SearchOrder:
    wanted = parse("p99<50ms")
    return SearchOrder(slo=wanted, budget_s=budget_s, longest_s=budget_s, ceiling_per_s=None)


class Scenario:
    """A cell whose stages only note that they were called, and fail where they are told to."""

    version = "1.2.3"
    image: ImageFacts | None = None
    installed = Installed(1000, 2.5)
    accuracy: Accuracy | None = None

    def __init__(self, folder: Path) -> None:
        self.done: list[str] = []
        self.shown: list[str] = []
        self.log = LOG
        self._folder = folder
        self._failing: dict[str, BaseException] = {}
        self._dying: str | None = None
        self._answers: dict[str, str] = {}
        self.order: SearchOrder | None = None
        self.strains: Callable[[Scenario, Launched, Life], None] | None = None
        self.starts: Callable[[Scenario, Launched, Life], None] | None = None
        self.audits = False
        self._server: FakeServer | None = None

    # what happens

    def fails(self, stage: str, error: BaseException) -> Scenario:
        self._failing[stage] = error
        return self

    def dies_in(self, stage: str) -> Scenario:
        self._dying = stage
        return self

    def answers(self, stage: str, *errors: str) -> Scenario:
        """The requests of a window end so; "" is a right answer."""
        self._answers[stage] = ",".join(errors)
        return self

    def run(self, *profiles: Profile) -> Run:
        cell = cell_of("some", "iris", 1)
        show, order = self.shown.append, self.order
        planned = {"starts": self.starts, "strain": self.strains}
        beside = {phase: undergo for phase, undergo in planned.items() if undergo is not None}
        return execute("c", cell, SERVER, profiles, self.provision, show, order, beside)

    # the stages

    def provision(self) -> Scenario:
        self._begin("provision")
        return self

    def launch(self) -> FakeServer:
        self._begin("launch")
        self._server = FakeServer(self._folder, self.log)
        return self._server

    def ready(self, launched: object) -> Startup:
        self._begin("ready", launched)
        return STARTUP

    def verify(self, launched: object) -> int:
        self._begin("verify", launched)
        return 150

    def warm_up(self, launched: object, profile: Profile) -> None:
        self._begin(f"warm up {profile.name}", launched)

    def load(self, launched: object, profile: Profile) -> Window:
        stage = f"load {profile.name}"
        self._begin(stage, launched)
        if self._server is not None and self._dying == stage:
            self._server.death = "it ended with exit code 7"
        return self.window_of(profile, self._answers.get(stage, ","))

    @staticmethod
    def window_of(profile: Profile, answers: str = ",") -> Window:
        codes = [ERRORS.index(name) for name in answers.split(",")]
        zeros, error = np.zeros(len(codes), np.int64), np.array(codes, np.int64)
        return window(
            profile,
            Requests(
                payload=zeros,
                due_ns=zeros,
                sent_ns=zeros,
                first_byte_ns=zeros,
                done_ns=zeros,
                status=zeros,
                error=error,
                queued=zeros,
                resent=zeros,
            ),
        )

    def audit(self, launched: object) -> Window:
        self._begin("audit", launched)
        if self._server is not None and self._dying == "audit":
            self._server.death = "it ended with exit code 7"
        return self.window_of(TWO)

    def search(
        self,
        launched: object,
        order: SearchOrder,
        rate_per_s: float | None,
        expected: Expected,
    ) -> tuple[Search, tuple[Window, ...]]:
        assert expected(()) is None  # its windows have no calls, which a law would need
        self._begin(f"search from {rate_per_s}", launched)
        if self._server is not None and self._dying == "search":
            self._server.death = "it ended with exit code 7"
        found = self.window_of(ONE)
        return Search(
            slo=str(order.slo), start_per_s=1.0, ceiling_per_s=2.0, budget_s=order.budget_s
        ), (found,)

    def stop(self, launched: object) -> Stop:
        self._begin("stop", launched)
        return STOP

    def _begin(self, stage: str, launched: object = None) -> None:
        assert launched is self._server
        self.done.append(stage)
        if stage in self._failing:
            raise self._failing[stage]


@pytest.fixture
def cell(tmp_path: Path) -> Scenario:
    return Scenario(tmp_path)


def windows(run: Run) -> list[str]:
    """Names of the windows that were kept; the facts must name the same."""
    assert tuple(w.facts for w in run.windows) == run.facts.windows
    return [w.facts.profile.name for w in run.profiles]


def kinds(run: Run) -> list[str]:
    """What its windows were fired for, in order."""
    return [window.facts.kind.value for window in run.windows]


# --- the search for its capacity ----------------------------------------------------------------


def test_the_capacity_is_searched_for_last(cell: Scenario) -> None:
    cell.order = _order(5.0)
    run = cell.run(ONE, TWO)
    # Two answers in the 1.625 s of its closed loop.
    assert cell.done == [*ALL[:-1], f"search from {2 / 1.625}", "stop"]
    assert run.facts.search is not None
    assert kinds(run) == ["profile", "profile", "probe"]
    assert cell.shown[-2:] == ["capacity", "stop"]


def test_without_a_closed_loop_nothing_is_known_beforehand(cell: Scenario) -> None:
    cell.order = _order(5.0)
    cell.run(ONE)
    assert "search from None" in cell.done


def test_a_server_that_dies_in_the_search_has_failed_and_keeps_its_probes(cell: Scenario) -> None:
    cell.order = _order(5.0)
    run = cell.dies_in("search").run(TWO)
    assert run.facts.failure is not None
    assert run.facts.failure.phase == "capacity"
    assert "died under load, in the search for its capacity" in run.facts.failure.message
    assert len(run.probes) == 1


# --- the strain at its end -----------------------------------------------------------------------


def test_the_strain_comes_last_and_knows_what_was_learnt(cell: Scenario) -> None:
    cell.order = _order(5.0)

    def strain(stages: Scenario, launched: Launched, life: Life) -> None:
        stages.done.append("strain")
        assert launched.exited() is None
        assert life.startup == STARTUP
        assert [w.facts.kind for w in life.windows] == ["profile", "profile", "probe"]
        assert life.search is not None
        life.windows.append(cell.window_of(ONE).of_kind(WindowKind.STRAIN))
        life.overload = BORNE

    cell.strains = strain
    run = cell.run(ONE, TWO)
    assert cell.done[-3:] == [f"search from {2 / 1.625}", "strain", "stop"]
    assert cell.shown[-2:] == ["strain", "stop"]
    assert run.facts.lifecycle == Lifecycle(
        installed=Installed(1000, 2.5), memory_idle_bytes=3, overload=BORNE
    )
    assert windows(run) == ["one", "two"]
    assert kinds(run) == ["profile", "profile", "probe", "strain"]
    assert run.facts.outcome == "ok"


def test_what_starts_instances_comes_before_the_strain_and_both_are_kept(cell: Scenario) -> None:
    found = Starts(impossible=(("image", "There is no engine."),))

    def start(stages: Scenario, _: Launched, life: Life) -> None:
        stages.done.append("starts")
        life.starts = found
        life.windows.append(cell.window_of(ONE).of_kind(WindowKind.BURST))

    def strain(stages: Scenario, _: Launched, life: Life) -> None:
        stages.done.append("strain")
        assert [w.facts.kind for w in life.windows] == ["profile", "burst"]
        life.overload = BORNE

    cell.starts, cell.strains = start, strain
    run = cell.run(ONE)
    assert cell.done[-3:] == ["starts", "strain", "stop"]
    assert run.facts.lifecycle is not None
    assert (run.facts.lifecycle.starts, run.facts.lifecycle.overload) == (found, BORNE)
    assert kinds(run) == ["profile", "burst"]
    assert {"starts", "strain"} <= run.facts.phases_s.keys()


def test_a_server_that_was_stopped_under_load_is_not_stopped_twice(cell: Scenario) -> None:
    def strain(_: Scenario, __: Launched, life: Life) -> None:
        life.stop, life.stopped = Stop(seconds=1.5, exit_code=3, orphans=0, killed=0), True

    cell.strains = strain
    run = cell.run(ONE)
    assert cell.done[-1] == "load one"
    assert run.facts.stop == Stop(seconds=1.5, exit_code=3, orphans=0, killed=0)


def test_what_the_strain_learnt_is_kept_where_it_fails(cell: Scenario) -> None:
    def strain(_: Scenario, __: Launched, life: Life) -> None:
        life.overload = BORNE
        raise HarnessError("A generator process is gone.")

    cell.strains = strain
    run = cell.run(ONE)
    assert windows(run) == ["one"]
    assert run.facts.lifecycle is not None
    assert run.facts.lifecycle.overload == BORNE
    assert run.facts.failure == Failure("strain", "A generator process is gone.", LOG.strip())
    assert cell.done[-1] == "stop"


def test_a_stop_that_failed_under_load_is_not_tried_again(cell: Scenario) -> None:
    def strain(_: Scenario, __: Launched, life: Life) -> None:
        life.stopped = True
        raise LaunchError("Some of its processes could not be ended.")

    cell.strains = strain
    run = cell.run(ONE)
    assert run.facts.stop is None
    assert run.facts.failure is not None
    assert "could not be ended" in run.facts.failure.message
    assert cell.done[-1] == "load one"


def test_an_interrupt_in_the_strain_stops_the_server(cell: Scenario) -> None:
    def strain(*_: object) -> None:
        raise KeyboardInterrupt

    cell.strains = strain
    with pytest.raises(KeyboardInterrupt):
        cell.run(ONE)
    assert cell.done[-1] == "stop"


def test_a_cell_that_failed_is_not_strained(cell: Scenario) -> None:
    cell.strains = lambda stages, *_: stages.done.append("strain")
    cell.fails("load one", LaunchError("Gone.")).run(ONE)
    assert "strain" not in cell.done


def test_a_window_whose_generator_was_lost_says_nothing_of_the_server(cell: Scenario) -> None:
    gone = (
        WorkerFacts(
            name="here/7",
            requests=2,
            offset_ns=0,
            uncertainty_ns=0,
            drift_ns=None,
            lost="somebody killed it",
        ),
    )
    cell.answers("load two", "lost", "lost")
    made = cell.load

    def lost(launched: object, profile: Profile) -> Window:
        window = made(launched, profile)
        return replace(window, facts=replace(window.facts, workers=gone))

    cell.load = lost  # type: ignore[method-assign]
    run = cell.run(ONE, TWO)
    assert (windows(run), run.facts.failure) == (["one", "two"], None)


# --- the audit ----------------------------------------------------------------------------------


def test_it_is_audited_between_its_windows_and_the_search(cell: Scenario) -> None:
    cell.order, cell.audits = _order(5.0), True
    run = cell.run(ONE, TWO)
    assert cell.done[-4:] == ["load two", "audit", f"search from {2 / 1.625}", "stop"]
    assert cell.shown[-3:] == ["audit", "capacity", "stop"]
    assert kinds(run) == ["profile", "profile", "audit", "probe"]
    assert windows(run) == ["one", "two"], "it is none of the run's own windows"


def test_a_server_that_dies_in_the_audit_has_failed(cell: Scenario) -> None:
    cell.audits = True
    run = cell.dies_in("audit").run(ONE)
    assert run.facts.failure is not None
    assert run.facts.failure.phase == "audit"
    assert "died under load, in the audit" in run.facts.failure.message
    assert run.audit is not None


# --- all goes well ------------------------------------------------------------------------------


def test_the_normal_order(cell: Scenario) -> None:
    run = cell.run(ONE, TWO)
    assert cell.done == ALL
    assert windows(run) == ["one", "two"]
    assert run.facts.outcome == "ok"
    assert run.facts.failure is None
    assert (run.facts.startup, run.facts.verified, run.facts.stop) == (STARTUP, 150, STOP)
    assert run.facts.server.version == "1.2.3"
    assert run.log == LOG


def test_only_the_first_profile_is_warmed_up_for(cell: Scenario) -> None:
    cell.run(TWO, ONE)
    assert cell.done[3:-1] == ["verify", "warm up two", "load two", "load one"]


def test_without_profiles_nothing_is_warmed_up(cell: Scenario) -> None:
    assert cell.run().facts.outcome == "ok"
    assert cell.done == ["provision", "launch", "ready", "verify", "stop"]


def test_phases_are_shown_and_timed(cell: Scenario) -> None:
    run = cell.run(ONE, TWO)
    phases = ["provision", "launch", "ready", "verify", "warm up"]
    assert cell.shown == [*phases, "one", "two", "stop"]
    assert list(run.facts.phases_s) == [*phases, "load", "stop"]
    assert min(run.facts.phases_s.values()) >= 0


# --- a stage fails ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "error", "done", "phase", "kept"),
    [
        ("provision", ProvisionError, BEFORE_LAUNCH, "provision", []),
        ("launch", LaunchError, ["provision", "launch"], "launch", []),
        ("ready", LaunchError, ["provision", "launch", "ready", "stop"], "ready", []),
        ("verify", AnswerError, ["provision", "launch", "ready", "verify", "stop"], "verify", []),
        ("warm up one", HarnessError, [*BEFORE_LOAD, "stop"], "warm up", []),
        ("load one", LaunchError, [*BEFORE_LOAD, "load one", "stop"], "load", []),
        ("load two", LaunchError, ALL, "load", ["one"]),
        ("stop", LaunchError, ALL, "stop", ["one", "two"]),
    ],
)
def test_a_failing_stage_ends_the_cell_and_stops_the_server(
    cell: Scenario,
    stage: str,
    error: type[HarnessError],
    done: list[str],
    phase: str,
    kept: list[str],
) -> None:
    run = cell.fails(stage, error("Broken on purpose.")).run(ONE, TWO)
    assert cell.done == done
    assert windows(run) == kept
    launched = "ready" in done
    assert run.facts.failure == Failure(phase, "Broken on purpose.", LOG.strip() * launched)
    assert run.facts.outcome == "failed"
    assert run.log == LOG * launched
    assert phase in run.facts.phases_s
    assert run.facts.stop == (STOP if launched and stage != "stop" else None)


def test_the_first_failure_is_the_one_that_is_told(cell: Scenario) -> None:
    cell.fails("verify", AnswerError("Wrong answers.")).fails("stop", LaunchError("Won't end."))
    run = cell.run(ONE)
    assert cell.done[-2:] == ["verify", "stop"]
    assert run.facts.failure == Failure("verify", "Wrong answers.", LOG.strip())
    assert run.facts.stop is None


def test_what_was_known_before_the_failure_is_kept(cell: Scenario) -> None:
    run = cell.fails("load one", LaunchError("Gone.")).run(ONE)
    assert (run.facts.startup, run.facts.verified) == (STARTUP, 150)
    assert run.facts.server.version == "1.2.3"


def test_a_server_may_tell_its_version_once_it_is_ready(tmp_path: Path) -> None:
    class Telling(Scenario):
        def ready(self, launched: object) -> Startup:
            self.version = "2.51.0"
            return super().ready(launched)

    assert Telling(tmp_path).run(ONE).facts.server.version == "2.51.0"


def test_only_the_end_of_the_log_goes_into_the_failure(cell: Scenario) -> None:
    cell.log = LONG_LOG
    run = cell.fails("verify", AnswerError("Wrong.")).run(ONE)
    assert run.facts.failure is not None
    assert run.facts.failure.log_tail == "\n".join(f"line {number}" for number in range(70, 100))
    assert run.log == LONG_LOG


def test_threads_that_a_killed_process_did_not_finish_writing_are_not_known(
    cell: Scenario, tmp_path: Path
) -> None:
    for pid, text in ((7, "2"), (8, ""), (9, "\x00\x00")):
        (tmp_path / f"threads-{pid}").write_text(text)
    run = cell.run(ONE)
    assert run.facts.failure is None
    assert run.facts.model_threads == (2,)


def test_a_huge_log_keeps_its_start_and_its_end(cell: Scenario) -> None:
    cell.log = "first\n" + "x" * 1_000_000 + "\nlast\n"
    run = cell.run()
    assert run.log.startswith("first\n")
    assert run.log.endswith("\nlast\n")
    assert "\n[...]\n" in run.log
    assert len(run.log) < 400_000


# --- the server fails under load ----------------------------------------------------------------


@pytest.mark.parametrize(("stage", "kept"), [("load one", ["one"]), ("load two", ["one", "two"])])
def test_a_server_that_dies_leaves_the_window_it_died_in(
    cell: Scenario, stage: str, kept: list[str]
) -> None:
    run = cell.dies_in(stage).run(ONE, TWO)
    assert cell.done == [*ALL[: ALL.index(stage) + 1], "stop"]
    assert windows(run) == kept
    assert run.facts.failure == Failure(
        "load",
        f"The server died under load, in the window {kept[-1]!r}: it ended with exit code 7.",
        LOG.strip(),
    )


def test_a_server_that_ends_mute_has_failed(cell: Scenario) -> None:
    cell.answers("load one", "timeout", "").answers("load two", "timeout", "connect", "timeout")
    run = cell.run(ONE, TWO)
    assert cell.done == ALL
    assert windows(run) == ["one", "two"]
    assert run.facts.failure is not None
    assert run.facts.failure.message == (
        "The server answered none of 3 requests in the window 'two': 1 connect, 2 timeout."
    )


def test_a_load_that_is_too_much_is_not_the_end(cell: Scenario) -> None:
    run = cell.answers("load one", "timeout", "timeout").answers("load two", "").run(ONE, TWO)
    assert cell.done == ALL
    assert run.facts.failure is None


def test_one_answer_is_enough_to_go_on(cell: Scenario) -> None:
    run = cell.answers("load one", "timeout", "", "status").run(ONE, TWO)
    assert cell.done == ALL
    assert run.facts.failure is None
    assert run.windows[0].requests.ok.tolist() == [False, True, False]


# --- somebody interrupts ------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ALL)
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_an_interrupt_stops_the_server_and_goes_on_up(
    cell: Scenario, stage: str, interrupt: BaseException
) -> None:
    with pytest.raises(type(interrupt)) as caught:
        cell.fails(stage, interrupt).run(ONE, TWO)
    assert caught.value is interrupt
    reached = ALL[: ALL.index(stage) + 1]
    assert cell.done == (
        reached if stage in ("provision", "launch", "stop") else [*reached, "stop"]
    )


def test_an_interrupt_goes_on_up_also_where_the_server_will_not_stop(cell: Scenario) -> None:
    cell.fails("load one", KeyboardInterrupt()).fails("stop", LaunchError("Won't end."))
    with pytest.raises(KeyboardInterrupt):
        cell.run(ONE)
    assert cell.done[-1] == "stop"
