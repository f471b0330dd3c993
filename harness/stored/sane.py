"""The values that the plan of a campaign and a run may hold, beyond having the right types.

A reader makes tables as long as a plan says, and paths of its names: untrusted plans are checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from harness.base.errors import UsageError
from harness.setup import slo
from harness.stored.identity import Cell, Key, Subject
from harness.stored.pods import ClusterChange, PodFacts
from harness.stored.records import BenchmarkFacts, Campaign, RunFacts, WindowFacts
from harness.stored.starts import Starts
from harness.stored.tunings import Tuning
from harness.windows.profiles import Profile, shape_names

_BYTES = 1 << 60
_LONGEST_S = 1e7
_FASTEST_PER_S = 1e8
_CALLERS = 10**6
_STEEPEST = 100.0  # exponent of popularity
_PAYLOADS = 10**7
_ROUNDS = 10**6


def of_campaign(campaign: Campaign) -> str | None:
    """An impossible value in a plan, in words that follow its file's name; None if all is well."""
    subjects = {cell.subject for cell in campaign.cells}
    subjects |= {each for each in (campaign.canaries.predictor, campaign.canaries.null) if each}
    axes = {cell.point.axis for cell in campaign.cells if cell.point}
    names = (*(s.variant for s in subjects), *(c.benchmark for c in campaign.cells), *axes)
    wrong = [w] if (w := moment(campaign.started_at)) else []
    wrong += [w for each in (campaign.id, *names, *campaign.benchmarks) if (w := name(each))]
    wrong += [f"{cell} is none" for cell in campaign.cells if not 1 <= cell.round <= _ROUNDS]
    wrong += [w for each in subjects for w in _parts(each)] + list(_doubles(campaign.cells))
    wrong += [w for key, facts in campaign.benchmarks.items() for w in _benchmark(key, facts)]
    wrong += list(_tuning(campaign.tuning)) if campaign.tuning else []
    return wrong[0] if wrong else None


def of_run(run: RunFacts) -> str | None:
    """An impossible value in a run, likewise."""
    wrong = [w] if (w := moment(run.started_at)) else []
    wrong += [w for window in run.windows for w in _window(window)]
    if run.lifecycle is not None and run.lifecycle.starts is not None:
        wrong += list(_starts(run.lifecycle.starts))
    for change in run.lifecycle.changes if run.lifecycle is not None else ():
        wrong += list(_change(change))
    if run.container is not None and run.container.pod is not None:
        wrong += list(_pod(run.container.pod))
    return wrong[0] if wrong else None


def moment(text: str) -> str | None:
    """Why a text is not a moment, likewise."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return f"{text!r} is not a moment"
    return None


def name(text: str) -> str | None:
    """Why a text can't name a file or a folder of the harness's, likewise."""
    if text.splitlines() == [text] and not text.startswith(".") and not {"/", "\0"} & {*text}:
        return None
    return f"{text!r} can't be the name of anything in a campaign"


def _parts(subject: Subject) -> Iterator[str]:
    """A launcher and a revision may be called anything that stands in one line."""
    for text in (subject.launcher, subject.revision):
        if text is not None and (text.splitlines() != [text] or "\0" in text):
            yield f"{text!r} can't be the name of a launcher or a revision"


def _doubles(cells: Sequence[Cell]) -> Iterator[str]:
    """A report, and the folder of a run, have names alone."""
    known: dict[tuple[str, str], Key] = {}
    for cell in cells:
        if known.setdefault((cell.variant_name, cell.benchmark_name), cell.key) != cell.key:
            yield f"two cells would both be called {cell}"


def _tuning(tuning: Tuning) -> Iterator[str]:
    seconds = (tuning.budget_s, tuning.search_s, *(step.search_s for step in tuning.steps))
    if not all(0 <= value <= _LONGEST_S for value in seconds):
        yield "a tune can't take so long"
    for step in tuning.steps:
        if (wrong := name(step.variant)) is not None:
            yield wrong
        if not (1 <= step.candidate <= _ROUNDS and 1 <= step.round <= _ROUNDS):
            yield f"{step.variant} has no run {step.round} of a setting {step.candidate}"


def _benchmark(own: str, facts: BenchmarkFacts) -> Iterator[str]:
    if not 0 <= facts.payloads <= _PAYLOADS:
        yield f"{own} can't have {facts.payloads} payloads"
    if not 0 <= facts.verify_share <= 1:
        yield f"{own} can't verify {facts.verify_share} of its payloads"
    if not 0 <= facts.capacity_s <= _LONGEST_S:
        yield f"{own} can't search for {facts.capacity_s} s"
    if not (0 <= facts.cold_starts <= _ROUNDS and 0 <= facts.burst_s <= _LONGEST_S):
        yield f"{own} can't have {facts.cold_starts} cold starts and {facts.burst_s} s of a burst"
    try:
        slo.parse(facts.slo)
    except UsageError as error:
        yield f"{own}: {str(error).rstrip('.')}"
    for profile in facts.profiles:
        yield from _profile(profile)


def _window(window: WindowFacts) -> Iterator[str]:
    yield from _profile(window.profile)
    own = window.profile.name
    if not 0 <= window.elapsed_s <= _LONGEST_S or window.generator_cpu_s < 0:
        yield f"the window {own!r} can't have taken {window.elapsed_s} s"
    if window.generator_cpus < 0 or not 0 <= window.wrong <= window.checked:
        yield f"the window {own!r} can't have {window.wrong} wrong answers of {window.checked}"
    if window.wire is not None and not 0 <= min(window.wire.sent, window.wire.received) < _BYTES:
        yield f"the window {own!r} can't have {window.wire.received} bytes of answers"


def _starts(starts: Starts) -> Iterator[str]:
    for start in starts.samples:
        times = (start.create_s, start.runtime_s, start.import_s, start.load_s, start.answer_s)
        if not all(0 <= value <= _LONGEST_S for value in (*times, start.whole_s)):
            yield f"a start ({start.temperature}) can't have taken {start.whole_s} s"


def _change(change: ClusterChange) -> Iterator[str]:
    ends = (end for phase in change.phases for end in (phase.from_ns, phase.to_ns))
    seen = (each.at_ns for each in change.moments)
    happened = (each.at_ns for each in change.happenings)
    trained = (
        at for t in change.trained for at in (t.asked_ns, t.began_ns, t.ended_ns, t.served_ns)
    )
    moments = (*ends, *seen, *happened, *(at for at in trained if at is not None))
    if not all(abs(at_ns) <= _LONGEST_S * 1e9 for at_ns in moments):
        yield f"the change {change.name!r} can't have taken so long"
    rates = (change.rate_per_s, *(phase.rate_per_s for phase in change.phases))
    if not all(0 <= rate <= _FASTEST_PER_S for rate in rates):
        yield f"the change {change.name!r} can't have such a rate"
    if any(phase.from_ns > phase.to_ns for phase in change.phases):
        yield f"the change {change.name!r} can't have a phase that ends before it begins"
    if any(min(each.ready, each.present) < 0 for each in change.moments):
        yield f"the change {change.name!r} can't have fewer pods than none"
    try:
        slo.parse(change.slo)
    except UsageError as error:
        yield f"the change {change.name!r}: {str(error).rstrip('.')}"


def _pod(pod: PodFacts) -> Iterator[str]:
    start = pod.start
    if start is None:
        return
    for seconds in (start.scheduled_s, start.image_s, start.started_s, start.ready_s):
        if seconds is not None and not 0 <= seconds <= _LONGEST_S:
            yield f"the start of a pod can't have taken {seconds} s"


def _profile(profile: Profile) -> Iterator[str]:
    if profile.shape not in shape_names():
        yield f"the profile {profile.name!r} has the unknown shape {profile.shape!r}"
        return
    bounds = {
        "duration_s": _LONGEST_S,
        "rate_per_s": _FASTEST_PER_S,
        "rate_to_per_s": _FASTEST_PER_S,
        "concurrency": _CALLERS,
        "think_s": _LONGEST_S,
        "exponent": _STEEPEST,
        "unseen_share": 1.0,
    }
    for field, most in bounds.items():
        value = getattr(profile, field)
        if value is not None and not 0 <= value <= most:
            yield f"the profile {profile.name!r} can't have {value} as its {field}"
