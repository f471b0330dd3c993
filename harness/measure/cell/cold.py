"""Cold starts of a function, at each temperature: every sample is confirmed from inside."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from harness.base.errors import LaunchError
from harness.measure.cell import confirming
from harness.measure.cell.confirming import Sighting, Wrong
from harness.measure.cell.function_stages import AskedOnce, FunctionStages
from harness.measure.launch.functions import LaunchedFunction
from harness.setup.functions import QUEUE, FunctionTable, Scaling
from harness.stored.starts import (
    FILES,
    IDLE,
    IMAGE,
    PROCESS,
    Start,
    Starts,
    Temperature,
    ThrownAway,
)
from harness.windows.invocations import Invocations

PATIENCE_S = 120.0  # for the answer of one: an image may have to be unpacked first
_KEEP_S = 600.0  # an instance must not end by itself between two samples
_MOST_S = 300.0  # for all samples of a temperature
_RECORDED_S = 2.0  # at most, until an answer is recorded
_SPARE = 5  # samples beyond the wanted ones that may be thrown away, and as many as are wanted
# The warmest first: what a new process reads from disk is known when its files are dropped.
_ORDER: tuple[Temperature, ...] = (IDLE, PROCESS, FILES, IMAGE)


@dataclass(kw_only=True)
class _Samples:
    """Filled bit by bit."""

    kept: list[Start] = field(default_factory=list)
    wrong: Counter[Temperature] = field(default_factory=Counter)
    reasons: dict[Temperature, str] = field(default_factory=dict)
    impossible: list[tuple[Temperature, str]] = field(default_factory=list)

    def throw_away(self, temperature: Temperature, reason: str) -> None:
        self.wrong[temperature] += 1
        self.reasons[temperature] = reason

    def starts(self) -> Starts:
        return Starts(
            samples=tuple(self.kept),
            thrown_away=tuple(
                ThrownAway(temperature=each, count=count, reason=self.reasons[each])
                for each, count in self.wrong.items()
            ),
            impossible=tuple(self.impossible),
        )


def sample(
    stages: FunctionStages, launched: LaunchedFunction, told: FunctionTable, wanted: int
) -> Starts:
    """So many starts at each temperature that there can be here; one instance at a time."""
    control, found = launched.control, _Samples()
    control.scale(Scaling(most_instances=1, beyond=QUEUE, idle_s=max(told.idle_s, _KEEP_S)))
    for temperature in _ORDER:
        reason = control.why_not(temperature)
        if reason is None:
            reason = _prepared(stages, launched, temperature)
        if reason is not None:
            found.impossible.append((temperature, reason))
            continue
        _at(temperature, stages, launched, wanted, found)
    return found.starts()


def warm_files(stages: FunctionStages, launched: LaunchedFunction) -> None:
    """Start one instance, so that the files of the next ones are in the page cache."""
    launched.control.retire()
    stages.once(launched, PATIENCE_S)


def _prepared(
    stages: FunctionStages, launched: LaunchedFunction, temperature: Temperature
) -> str | None:
    """Have one instance up whose files are in the page cache; why that can't be."""
    if temperature == IDLE:
        launched.control.retire()  # several may have been left by the windows
    trouble = stages.once(launched, PATIENCE_S).trouble
    return f"it does not answer: {trouble}" if trouble else None


def _at(
    temperature: Temperature,
    stages: FunctionStages,
    launched: LaunchedFunction,
    wanted: int,
    found: _Samples,
) -> None:
    end, tries = time.monotonic() + _MOST_S, 2 * wanted + _SPARE
    kept = 0
    while kept < wanted and tries and time.monotonic() < end and launched.exited() is None:
        tries -= 1
        try:
            start = _one(temperature, stages, launched, found.kept)
        except (LaunchError, Wrong) as error:
            found.throw_away(temperature, str(error))
        else:
            found.kept.append(start)
            kept += 1


def _rows(launched: LaunchedFunction, asked: AskedOnce) -> Invocations:
    """The invocations meanwhile: the front writes one down when it is answered."""
    end = time.monotonic() + _RECORDED_S
    while True:
        rows = launched.control.invocations(asked.sent_ns, asked.done_ns)
        if len(rows) or time.monotonic() > end:
            return rows
        time.sleep(0.005)


def _one(
    temperature: Temperature,
    stages: FunctionStages,
    launched: LaunchedFunction,
    earlier: list[Start],
) -> Start:
    """Raises Wrong where it was not as cold as it should be, LaunchError where it can't be made."""
    control = launched.control
    realtime_ns = time.time_ns()
    control.cool(temperature)
    before = {each.number: each for each in control.instances()}
    asked = stages.once(launched, PATIENCE_S)
    if asked.trouble:
        raise Wrong(asked.trouble)
    rows = _rows(launched, asked)
    number = confirming.only(rows)
    after = {each.number: each for each in control.instances()}
    steps = next((each for each in control.steps() if each.number == number), None)
    seen = Sighting(
        asked=asked,
        row=rows,
        instance=after.get(number),
        before=before.get(number),
        steps=steps,
        realtime_ns=realtime_ns,
    )
    return confirming.start(temperature, seen, earlier)
