"""Whether an instance was as cold as it should be, by the marks that it left, and what took how
long: the parts of a start follow one another on one clock."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from harness.measure.cell.function_stages import AskedOnce
from harness.measure.launch.functions import Instance, Steps
from harness.stored.starts import FILES, IDLE, IMAGE, PROCESS, Start, Temperature
from harness.windows.invocations import Invocations
from harness.windows.samples import MISSING

# A new process whose files are cached may still read some pages: as many as the least of them,
# and these.
_SOME_FAULTS = 16
_CLOSE, _CLOSE_NS = 0.02, 2_000_000  # as far as the front's time and the client's may be apart


class Wrong(Exception):
    """A sample that is not what it should be, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One request, and what all sides saw of it."""

    asked: AskedOnce
    row: Invocations  # of one row; moments since `asked.sent_ns`
    instance: Instance | None  # that answered, afterwards
    before: Instance | None  # the same, before it was asked
    steps: Steps | None
    realtime_ns: int  # CLOCK_REALTIME before it was made cold


def only(rows: Invocations) -> int:
    """The instance of the only invocation. Raises Wrong where there is none, or more."""
    if len(rows) != 1:
        raise Wrong(f"the front had {len(rows)} requests meanwhile")
    return int(rows.instance[0])


def start(temperature: Temperature, seen: Sighting, earlier: Sequence[Start]) -> Start:
    """The sample. Raises Wrong where it was colder or warmer than it should be."""
    whole_ns = seen.asked.done_ns - seen.asked.sent_ns
    _require_close(seen.row, whole_ns, cold=temperature != IDLE)
    if temperature == IDLE:
        return _idle(seen, whole_ns)
    if seen.before is not None or not seen.row.cold[0]:
        raise Wrong("an instance that was there already answered")
    if seen.instance is None or seen.instance.begun_ns is None or seen.steps is None:
        raise Wrong("the instance left no marks of its start")
    steps, sent_ns, begun_ns = seen.steps, seen.asked.sent_ns, seen.instance.begun_ns
    moments = (
        *(sent_ns, begun_ns, steps.runtime_ns, steps.load_ns, steps.loaded_ns),
        seen.asked.done_ns,
    )
    parts = [(later - sooner) / 1e9 for sooner, later in itertools.pairwise(moments)]
    if min(parts) < 0:
        raise Wrong("the marks of its start are not in order")
    _require_as_cold(temperature, seen, steps, earlier)
    return Start(
        temperature=temperature,
        create_s=parts[0],
        runtime_s=parts[1],
        import_s=parts[2],
        load_s=parts[3],
        answer_s=parts[4],
        whole_s=whole_ns / 1e9,
        major_faults=steps.major_faults,
    )


def _idle(seen: Sighting, whole_ns: int) -> Start:
    before = seen.before
    if before is None or not before.handled or before.state != "idle" or seen.row.cold[0]:
        raise Wrong("the instance had not waited for it")
    return Start(
        temperature=IDLE,
        create_s=0.0,
        runtime_s=0.0,
        import_s=0.0,
        load_s=0.0,
        answer_s=whole_ns / 1e9,
        whole_s=whole_ns / 1e9,
        major_faults=0,
    )


def _require_close(row: Invocations, whole_ns: int, *, cold: bool) -> None:
    """The front's own time of a start must be that of the client, but for the way between them."""
    if row.sent_ns[0] == MISSING:
        raise Wrong("the front did not answer it")
    own_ns = int(row.sent_ns[0] - row.arrived_ns[0])
    if cold and abs(whole_ns - own_ns) > max(_CLOSE * whole_ns, _CLOSE_NS):
        raise Wrong(
            f"the client waited for {whole_ns / 1e6:.1f} ms, the front for {own_ns / 1e6:.1f} ms"
        )


def _require_as_cold(
    temperature: Temperature, seen: Sighting, steps: Steps, earlier: Sequence[Start]
) -> None:
    if temperature == IMAGE:
        if steps.image_ns is None or steps.image_ns < seen.realtime_ns:
            raise Wrong("its image had been unpacked before")
        return
    warm = [each.major_faults for each in earlier if each.temperature == PROCESS]
    faults = steps.major_faults
    if temperature == FILES and faults <= max(warm, default=0):
        raise Wrong(
            f"it read {faults} pages from disk, no more than a process whose files are cached"
        )
    if temperature == PROCESS and warm and faults > 2 * min(warm) + _SOME_FAULTS:
        raise Wrong(f"it read {faults} pages from disk: its files were not in the page cache")
