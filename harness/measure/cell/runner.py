"""One cell, from start to stop: the order of its stages, and what a failure in one leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from harness.base.errors import HarnessError, LaunchError
from harness.measure.cell import instance_fates
from harness.measure.cell.capacity_search import Expected, SearchOrder
from harness.measure.cell.life import Life, memory_bytes
from harness.measure.launch.launchers import Launched
from harness.queues import queueing
from harness.search.search import Estimate
from harness.stored.accuracy import Accuracy
from harness.stored.container import ImageFacts
from harness.stored.identity import Cell
from harness.stored.lifecycle import Installed, Lifecycle, WarmUp
from harness.stored.records import (
    Failure,
    Run,
    RunFacts,
    Search,
    ServerFacts,
    Startup,
    Stop,
    Window,
    of_kind,
)
from harness.windows import causes
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile

_TAIL_LINES = 30
_TAIL_BYTES = 64_000
_LOG_BYTES = 256_000


class CellStages(Protocol):
    """The actions on a cell's server."""

    @property
    def version(self) -> str | None: ...
    @property
    def accuracy(self) -> Accuracy | None: ...
    @property
    def image(self) -> ImageFacts | None: ...
    @property
    def installed(self) -> Installed | None: ...
    def launch(self) -> Launched: ...
    def ready(self, launched: Launched) -> Startup | None: ...
    def verify(self, launched: Launched) -> int: ...
    def warm_up(self, launched: Launched, profile: Profile) -> WarmUp | None: ...
    def load(self, launched: Launched, profile: Profile) -> Window: ...
    @property
    def audits(self) -> bool: ...
    def audit(self, launched: Launched) -> Window: ...
    def search(
        self, launched: Launched, order: SearchOrder, rate_per_s: float | None, expected: Expected
    ) -> tuple[Search, tuple[Window, ...]]: ...
    def stop(self, launched: Launched) -> Stop | None: ...


Staged = TypeVar("Staged", bound=CellStages)


@dataclass(kw_only=True)
class _Progress:
    """The results so far of a run that is under way."""

    on_phase: Callable[[str], None]
    stores: bool = False  # its server's answers
    phase: str = ""
    phases_s: dict[str, float] = field(default_factory=dict)
    launched: Launched | None = None
    startup: Startup | None = None
    memory_idle_bytes: int | None = None
    verified: int = 0
    warm_up: WarmUp | None = None
    windows: list[Window] = field(default_factory=list)  # of all kinds, in order
    search: Search | None = None
    life: Life = field(default_factory=Life)
    stop: Stop | None = None

    @contextmanager
    def during(self, phase: str, shown: str | None = None) -> Iterator[None]:
        self.phase = phase
        self.on_phase(shown or phase)
        began = time.monotonic()
        try:
            yield
        finally:
            spent = self.phases_s.get(phase, 0.0) + time.monotonic() - began
            self.phases_s[phase] = round(spent, 6)


def execute(
    campaign: str,
    cell: Cell,
    server: ServerFacts,
    profiles: Sequence[Profile],
    provision: Callable[[], Staged],
    on_phase: Callable[[str], None] = lambda _: None,
    order: SearchOrder | None = None,
    beside: Mapping[str, Callable[[Staged, Launched, Life], None]] | None = None,
) -> Run:
    """Run a cell: its windows, its audit, where there is an order the search for its capacity, and
    what it undergoes beside that, by the name of its phase.

    What goes wrong in it becomes part of the Run that is returned.
    """
    started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    progress, failure = _Progress(on_phase=on_phase, stores=server.stores), None
    stages: Staged | None = None
    try:
        with progress.during("provision"):
            stages = provision()
        _measure(stages, profiles, progress)
        if stages.audits:
            _audit(stages, progress)
        if order is not None:
            _search(stages, order, progress)
        for phase, undergo in (beside or {}).items():
            _beside(phase, stages, undergo, progress)
    except HarnessError as error:
        failure = Failure(progress.phase, str(error))
    finally:
        # Also when interrupted: nothing that was started may go on.
        not_stopped = _stop(stages, progress)
    failure = failure or not_stopped
    if stages is not None:
        server = replace(server, version=stages.version)
    return _record(campaign, cell, server, started_at, progress, stages, failure)


def _record(
    campaign: str,
    cell: Cell,
    server: ServerFacts,
    started_at: str,
    progress: _Progress,
    stages: CellStages | None,
    failure: Failure | None,
) -> Run:
    launched, log = progress.launched, _log(progress.launched)
    recorded = launched.calls() if launched else None
    installed = stages.installed if stages else None
    facts = RunFacts(
        campaign=campaign,
        cell=cell,
        server=server,
        started_at=started_at,
        phases_s=progress.phases_s,
        startup=progress.startup,
        verified=progress.verified,
        windows=tuple(window.facts for window in progress.windows),
        stop=progress.stop,
        failure=_with_tail(failure, log),
        model_threads=recorded.threads if recorded else (),
        image=stages.image if stages else None,
        container=launched.container if launched else None,
        search=progress.search,
        warm_up=progress.warm_up,
        accuracy=stages.accuracy if stages else None,
        lifecycle=progress.life.added_to(
            Lifecycle(
                installed=installed,
                memory_idle_bytes=progress.memory_idle_bytes,
                jobs=recorded.jobs if recorded else (),
                lost=instance_fates.of_log(launched.log) if launched and server.function else (),
            )
        ),
    )
    return Run(facts, tuple(progress.windows), log)


def _stop(stages: CellStages | None, progress: _Progress) -> Failure | None:
    if stages is None or progress.launched is None:
        return None
    if progress.life.stopped:
        progress.stop = progress.life.stop
        return None
    try:
        with progress.during("stop"):
            progress.stop = stages.stop(progress.launched)
    except HarnessError as error:
        return Failure("stop", str(error))
    return None


def _measure(stages: CellStages, profiles: Sequence[Profile], progress: _Progress) -> None:
    with progress.during("launch"):
        launched = progress.launched = stages.launch()
    with progress.during("ready"):
        progress.startup = stages.ready(launched)
        progress.memory_idle_bytes = memory_bytes(launched)
    with progress.during("verify"):
        progress.verified = stages.verify(launched)
    for place, profile in enumerate(profiles):
        if place == 0:
            with progress.during("warm up"):
                progress.warm_up = stages.warm_up(launched, profile)
        with progress.during("load", profile.name):
            # Kept before anything is said of it: a server that died has a window too.
            progress.windows.append(stages.load(launched, profile))
            _require_alive(launched, f"the window {profile.name!r}")
    _require_served(progress.windows)


def _audit(stages: CellStages, progress: _Progress) -> None:
    assert progress.launched is not None  # it has just been measured
    with progress.during("audit"):
        progress.windows.append(stages.audit(progress.launched).of_kind(WindowKind.AUDIT))
        _require_alive(progress.launched, "the audit")


def _search(stages: CellStages, order: SearchOrder, progress: _Progress) -> None:
    assert progress.launched is not None  # it has just been measured
    profiles = of_kind(progress.windows, WindowKind.PROFILE)
    audit = next(iter(of_kind(progress.windows, WindowKind.AUDIT)), None)
    closed = [w for w in profiles if not w.facts.profile.is_open and w.requests.ok.any()]
    throughput = None
    if closed:
        throughput = closed[-1].requests.throughput(closed[-1].facts.elapsed_s)

    def expected(probes: Sequence[Window]) -> Estimate | None:
        if progress.stores:  # its requests are of two kinds, which no law of a queue knows
            return None
        # Windows that can't be understood must not end the measurement.
        with suppress(ArithmeticError, ValueError):
            return queueing.capacity([*profiles, *probes], audit, order.slo)
        return None

    with progress.during("capacity"):
        found = stages.search(progress.launched, order, throughput, expected)
        progress.search, probes = found
        progress.windows += [probe.of_kind(WindowKind.PROBE) for probe in probes]
        _require_alive(progress.launched, "the search for its capacity")


def _beside(
    phase: str,
    stages: Staged,
    undergo: Callable[[Staged, Launched, Life], None],
    progress: _Progress,
) -> None:
    """What fills in more of its life than its windows."""
    assert progress.launched is not None  # it has just been measured
    life = progress.life
    life.startup, life.windows, life.search = progress.startup, progress.windows, progress.search
    life.show = progress.on_phase
    with progress.during(phase):
        undergo(stages, progress.launched, life)


def _require_alive(launched: Launched, place: str) -> None:
    reason = launched.exited()
    if reason is not None:
        raise LaunchError(f"The server died under load, in {place}: {reason}.")


def _require_served(windows: Sequence[Window]) -> None:
    """A server that is too slow for one load may bear the next; one that ends mute has failed."""
    whole = (window for window in reversed(windows) if window.facts.is_whole)
    last = next((window for window in whole if len(window.requests)), None)
    if last is not None and not last.requests.ok.any():
        raise LaunchError(
            f"The server answered none of {len(last.requests)} requests in the window "
            f"{last.facts.profile.name!r}: {causes.told(last.requests.kinds(), last.facts.causes)}."
        )


def _log(launched: Launched | None) -> str:
    if launched is None or not launched.log.exists():
        return ""
    with launched.log.open("rb") as file:
        data = file.read(_LOG_BYTES)
        size = launched.log.stat().st_size
        if size > len(data):
            file.seek(max(len(data), size - _TAIL_BYTES))
            data += b"\n[...]\n" + file.read()
    return data.decode(errors="replace")


def _with_tail(failure: Failure | None, log: str) -> Failure | None:
    if failure is None:
        return None
    return replace(failure, log_tail="\n".join(log.splitlines()[-_TAIL_LINES:]))
