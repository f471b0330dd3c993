"""Cold starts: which samples count, and what their parts are, at a function that nobody runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from harness.base.errors import LaunchError
from harness.base.trust import SYSTEM
from harness.measure.cell import bursting, cold, confirming, functions
from harness.measure.cell.function_stages import AskedOnce, FunctionStages
from harness.measure.cell.life import Life
from harness.measure.launch.functions import Instance, LaunchedFunction, Steps
from harness.setup.functions import THROTTLE, FunctionTable, Scaling
from harness.stored.records import Window
from harness.stored.starts import FILES, IDLE, IMAGE, PROCESS, Starts, Temperature
from harness.windows.invocations import Invocations
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile
from tests.unit.stored import window

TOLD = FunctionTable(memory_mib=512, idle_s=60.0)
MS = 1_000_000
FAULTS: dict[Temperature, int] = {IMAGE: 900, FILES: 900, PROCESS: 3, IDLE: 0}


@dataclass
class FakeFunction:
    """A front and its instances: time passes as they say."""

    folder: Path
    now_ns: int = 10**12
    up: int = 0  # the instance that is up; 0: none
    last: int = 0
    cold_as: Temperature = PROCESS  # the next start
    warm_ms: int = 2
    faults: Callable[[Temperature, int], int] = lambda t, _: FAULTS[t]
    handled: int = 0
    scaled: list[Scaling] = field(default_factory=list)
    marks: list[Steps] = field(default_factory=list)
    begun: dict[int, int] = field(default_factory=dict)
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)
    retires: int = 0
    impossible: dict[Temperature, str] = field(default_factory=dict)
    stays: bool = False  # however it is told to end

    # of LaunchedFunction

    scheme, host, base, headers, port, started_ns = "http", "h", "", (), 1, 0
    trust = SYSTEM
    container = None

    def __post_init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.log = self.folder / "log"
        self.control = self

    def exited(self) -> str | None:
        return None

    def calls(self) -> Any: ...
    def sample(self, **_: bool) -> Any: ...
    def exposed(self) -> None: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...

    # of FunctionControl

    def scale(self, scaling: Scaling) -> None:
        self.scaled.append(scaling)

    def instances(self) -> tuple[Instance, ...]:
        if not self.up:
            return ()
        return (
            Instance(
                number=self.up,
                pid=1,
                state="idle",
                handled=self.handled,
                asked_ns=self.begun[self.up] - MS,
                begun_ns=self.begun[self.up],
                ready_ns=None,
            ),
        )

    def retire(self) -> None:
        self.retires += 1
        if not self.stays:
            self.up = self.handled = 0

    def why_not(self, temperature: Temperature) -> str | None:
        return self.impossible.get(temperature)

    def cool(self, temperature: Temperature) -> None:
        self.cold_as = temperature
        if temperature != IDLE:
            self.retire()

    def steps(self) -> tuple[Steps, ...]:
        return tuple(self.marks)

    def invocations(self, start_ns: int, end_ns: int) -> Invocations:
        rows = [row for row in self.rows if start_ns <= row[0] <= end_ns]
        arrived, sent, number, is_cold = (
            np.array([row[place] for row in rows], np.int64) for place in range(4)
        )
        zeros = np.zeros(len(rows), np.int64)
        return Invocations(
            arrived_ns=arrived - start_ns,
            dispatched_ns=arrived - start_ns,
            handled_ns=zeros,
            returned_ns=zeros,
            answered_ns=sent - start_ns,
            sent_ns=sent - start_ns,
            instance=number,
            cold=is_cold,
            status=zeros + 200,
            billed_ms=zeros,
            init_ns=zeros,
            peak_bytes=zeros,
        )

    def ask(self) -> AskedOnce:
        """A request, and its answer."""
        self.now_ns += 50 * MS
        sent = self.now_ns
        arrived = sent + MS // 10
        is_cold = not self.up
        took = self.warm_ms * MS
        if is_cold:
            self.last += 1
            self.up = self.last
            begun = self.begun[self.up] = arrived + 20 * MS
            self.marks.append(
                Steps(
                    number=self.up,
                    runtime_ns=begun + 100 * MS,
                    load_ns=begun + 500 * MS,
                    loaded_ns=begun + 900 * MS,
                    major_faults=self.faults(self.cold_as, self.up),
                    image_ns=time.time_ns() if self.cold_as == IMAGE else 1,
                )
            )
            took += 930 * MS
        self.now_ns = arrived + took
        self.rows.append((arrived, self.now_ns, self.up, int(is_cold)))
        self.handled += 1
        self.cold_as = PROCESS
        return AskedOnce(sent_ns=sent, done_ns=self.now_ns + MS // 10)


class FakeStages:
    """Asks the function that it is given."""

    def __init__(self) -> None:
        self.loads: list[tuple[Profile, int]] = []

    def once(self, launched: FakeFunction, patience_s: float) -> AskedOnce:
        assert patience_s > 0
        return launched.ask()

    def load(self, launched: FakeFunction, profile: Profile, *, resends: bool) -> Window:
        assert not resends
        self.loads.append((profile, launched.up))
        return window(profile)


@pytest.fixture
def function(tmp_path: Path) -> FakeFunction:
    return FakeFunction(tmp_path)


def sampled(function: FakeFunction, wanted: int = 4) -> Starts:
    stages = cast(FunctionStages, FakeStages())
    return cold.sample(stages, cast(LaunchedFunction, function), TOLD, wanted)


def test_a_fake_is_a_launched_function(function: FakeFunction) -> None:
    assert isinstance(function, LaunchedFunction)


def test_each_temperature_has_the_samples_that_were_asked_for(function: FakeFunction) -> None:
    found = sampled(function)
    assert {t: len(found.of(t)) for t in FAULTS} == dict.fromkeys(FAULTS, 4)
    assert (found.thrown_away, found.impossible) == ((), ())
    (scaling,) = function.scaled
    assert scaling.most_instances == 1
    assert scaling.idle_s >= 600.0


def test_the_parts_add_up_to_the_whole(function: FakeFunction) -> None:
    for start in sampled(function).samples:
        parts = (start.create_s, start.runtime_s, start.import_s, start.load_s, start.answer_s)
        assert sum(parts) == pytest.approx(start.whole_s, abs=1e-9)
    process = sampled(function).of(PROCESS)[0]
    assert (process.runtime_s, process.import_s, process.load_s) == (0.1, 0.4, 0.4)
    assert process.create_s == pytest.approx(0.0201)
    idle = sampled(function).of(IDLE)[0]
    assert idle.answer_s == idle.whole_s == pytest.approx(0.0022)


def test_an_instance_that_did_not_end_is_no_new_process(function: FakeFunction) -> None:
    function.stays = True
    found = sampled(function, wanted=2)
    assert len(found.of(IDLE)) == 2
    assert not found.of(PROCESS)
    wrong = {each.temperature: each for each in found.thrown_away}
    assert wrong[PROCESS].reason == "an instance that was there already answered"
    assert wrong[PROCESS].count == 2 * 2 + 5


def test_files_that_were_not_dropped_make_no_cold_start(function: FakeFunction) -> None:
    function.faults = lambda *_: 3
    found = sampled(function, wanted=2)
    assert not found.of(FILES)
    (wrong,) = [each for each in found.thrown_away if each.temperature == FILES]
    assert "no more than a process whose files are cached" in wrong.reason


def test_a_new_process_that_reads_its_files_is_thrown_away(function: FakeFunction) -> None:
    # Its first one is the fourth instance: one before the idle ones, one before the processes.
    function.faults = lambda t, number: 500 if t == PROCESS and number == 4 else FAULTS[t]
    found = sampled(function)
    assert len(found.of(PROCESS)) == 4
    (wrong,) = found.thrown_away
    assert (wrong.temperature, wrong.count) == (PROCESS, 1)
    assert "were not in the page cache" in wrong.reason


def test_an_image_that_was_there_is_not_absent(function: FakeFunction) -> None:
    ask = function.ask

    def asked() -> AskedOnce:
        found = ask()
        function.marks[-1] = replace(function.marks[-1], image_ns=1)
        return found

    function.ask = asked  # type: ignore[method-assign]
    found = sampled(function, wanted=1)
    assert not found.of(IMAGE)
    (wrong,) = found.thrown_away
    assert wrong.reason == "its image had been unpacked before"


def test_what_is_impossible_here_has_its_reason(function: FakeFunction) -> None:
    function.impossible = {IMAGE: "There is no engine.", FILES: "It is not allowed."}
    found = sampled(function)
    assert dict(found.impossible) == function.impossible
    assert {start.temperature for start in found.samples} == {PROCESS, IDLE}


def test_a_start_that_fails_is_thrown_away(function: FakeFunction) -> None:
    def cool(temperature: Temperature) -> None:
        raise LaunchError("Instance 1 does not end.")

    function.cool = cool  # type: ignore[method-assign]
    found = sampled(function, wanted=1)
    assert not found.samples
    assert {each.reason for each in found.thrown_away} == {"Instance 1 does not end."}


def test_a_front_that_disagrees_with_the_client_is_not_believed(function: FakeFunction) -> None:
    ask = function.ask
    function.ask = lambda: replace(  # type: ignore[method-assign]
        asked := ask(), done_ns=asked.done_ns + 100 * MS
    )
    found = sampled(function, wanted=1)
    assert {start.temperature for start in found.samples} == {IDLE}
    assert all(each.reason.startswith("the client waited for") for each in found.thrown_away)


def test_a_burst_meets_no_instance_and_its_limit_goes_away_afterwards(
    function: FakeFunction,
) -> None:
    stages, life = FakeStages(), Life()
    profile = bursting.profile_of(40.0, 3.0)
    order = functions.order(TOLD, 2, 0, profile, 8)
    functions.undergo(order, cast(FunctionStages, stages), cast(LaunchedFunction, function), life)
    assert stages.loads == [(profile, 0)]
    limited, usual = function.scaled
    assert (limited.most_instances, limited.beyond) == (8, THROTTLE)
    assert (usual.most_instances, usual.beyond, usual.idle_s) == (2, "queue", 60.0)
    assert life.burst is not None
    assert life.burst.most_instances == 8
    assert [w.facts.kind for w in life.windows] == [WindowKind.BURST]
    assert function.up, "what comes next meets a function that is up"


def test_what_was_learnt_is_kept_where_the_burst_fails(function: FakeFunction) -> None:
    stages, life = FakeStages(), Life()

    def load(*_: object, **__: object) -> Window:
        raise LaunchError("The generator is gone.")

    stages.load = load  # type: ignore[method-assign]
    order = functions.order(TOLD, 2, 1, bursting.profile_of(40.0, 3.0), 8)
    with pytest.raises(LaunchError):
        functions.undergo(
            order, cast(FunctionStages, stages), cast(LaunchedFunction, function), life
        )
    assert life.starts is not None
    assert life.starts.samples
    assert function.scaled[-1].beyond == "queue"


def test_what_can_not_be_told_to_start_instances_has_no_cold_starts() -> None:
    life = Life()
    order = functions.order(TOLD, 2, 1, None, 8)
    functions.undergo(order, cast(FunctionStages, None), cast(LaunchedFunction, object()), life)
    assert life.starts is not None
    assert not life.starts.samples
    assert {each for each, _ in life.starts.impossible} == set(FAULTS)


def test_only_one_request_may_have_come_meanwhile(function: FakeFunction) -> None:
    function.rows.append((0, 0, 1, 0))
    rows = function.invocations(0, 10)
    assert confirming.only(rows) == 1
    doubled = Invocations(**{f: np.repeat(getattr(rows, f), 2) for f in rows.__slots__})
    with pytest.raises(confirming.Wrong, match="2 requests"):
        confirming.only(doubled)
