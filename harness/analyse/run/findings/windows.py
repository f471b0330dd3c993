"""Doubts about one window."""

from __future__ import annotations

import numpy as np

from harness.analyse.run import refusals
from harness.analyse.run.context import WindowContext
from harness.analyse.run.findings import PLANNED, PROFILE, Said, Verdict, window_rule
from harness.analyse.statistics import stats
from harness.search.tallying import more_than
from harness.setup.answering import REFUSED
from harness.stored.hosts import CEILING_SHARE
from harness.windows import causes, misses
from harness.windows.samples import ERRORS, MISSING

# Lag is part of the response time, so it hurts where it is not small beside it.
LAG_SHARE = 0.10
LAG_P50_MS = 0.5
LAG_P99_MS = 5.0
GENERATOR_CPU = 0.9  # a process this busy delays itself; Locust warns at the same share
RATE_SHORT = 0.05
BEGAN_LATE = 0.05  # of a closed window: its rate is that of the rest, over the whole
BEGAN_LATE_S = 0.1  # the same of the shortest window that a preset has
ERRORS_WARNING = 0.01
ERRORS_INVALID = 0.05  # the latency of the answered rest is not the server's latency
# A connection is opened for a request that finds none free, so that each is waited for once: the
# first of them do not make a window doubtful.
OPENED = 16
QUEUED_NOTE = 0.01
QUEUED_WARNING = 0.05
_UNSENT = ERRORS.index("unsent")
_WITHOUT_CONNECTION = (ERRORS.index("connect"), _UNSENT)


@window_rule(PLANNED)
def generator_lagged(context: WindowContext) -> Said:
    lag = context.requests.lag_ns() / 1e6
    response = context.requests.response_ns() / 1e6
    if not len(lag):
        return
    p50, p99 = (float(each) for each in np.percentile(lag, [50, 99]))
    typical = np.percentile(response, [50, 99]) if len(response) else (0.0, 0.0)
    limits = max(LAG_P50_MS, LAG_SHARE * typical[0]), max(LAG_P99_MS, LAG_SHARE * typical[1])
    late = int((lag > limits[0]).sum()), int((lag > limits[1]).sum())
    if more_than(late[0], len(lag), 0.5) or more_than(late[1], len(lag), 0.01):
        yield (
            Verdict.INVALID,
            f"the generator sent late (median {p50:.2f} ms, p99 {p99:.2f} ms; limits "
            f"{limits[0]:.2f} and {limits[1]:.2f} ms), so the latency is partly the generator's",
        )
    elif p50 > limits[0] or p99 > limits[1]:
        yield (
            Verdict.NOTE,
            f"{max(late)} of {len(lag)} requests {_were(max(late))} sent late, the latest by "
            f"{lag.max():.2f} ms: so few may be one disturbance; the delay is in the response time",
        )


@window_rule(PLANNED)
def generator_busy(context: WindowContext) -> Said:
    facts = context.facts
    if not facts.generator_cpus or facts.elapsed_s <= 0:
        return
    share = facts.generator_cpu_s / facts.elapsed_s / facts.generator_cpus
    if share > GENERATOR_CPU:
        verdict = Verdict.INVALID if facts.profile.is_open else Verdict.WARNING
        yield verdict, f"the generator used {share:.0%} of its CPU: it may limit the rate"


@window_rule(PLANNED)
def rate_missed(context: WindowContext) -> Said:
    facts = context.facts
    if not facts.profile.is_open or not len(context.requests):
        return
    due = context.requests.due_ns
    end_ns = facts.profile.duration_s * 1e9
    sent, queued = context.requests.sent_ns, context.requests.queued == 1
    # Where no answer will ever come, the generator sends no more: it could, but does not wait.
    queued |= context.requests.error == _UNSENT
    # A request that is due at the very end is not late for being sent a moment after it.
    in_time = int((queued | ((sent != MISSING) & (sent <= end_ns + 1e6 * LAG_P99_MS))).sum())
    if in_time < (1 - RATE_SHORT) * len(due):
        yield (
            Verdict.INVALID,
            f"only {in_time} of {len(due)} requests were sent within the window: this generator "
            f"reached {in_time / facts.profile.duration_s:.0f}/s of the "
            f"{len(due) / facts.profile.duration_s:.0f}/s requested",
        )


@window_rule(PROFILE)
def began_late(context: WindowContext) -> Said:
    profile = context.facts.profile
    if not profile.saturates or not context.facts.generator_cpus:
        return
    sent = context.requests.sent_ns[context.requests.sent_ns != MISSING]
    if not len(sent):
        yield Verdict.INVALID, "the generator sent nothing: it was late for the whole window"
        return
    late_s = float(sent.min()) / 1e9
    if late_s > max(BEGAN_LATE * profile.duration_s, BEGAN_LATE_S):
        yield (
            Verdict.INVALID,
            f"the generator began {late_s:.2f} s after the window's {profile.duration_s:g} s had "
            "begun, so the rate is too low",
        )


@window_rule(PROFILE)
def waited_for_connections(context: WindowContext) -> Said:
    facts = context.facts
    # Without a generator there is no connection: the predictor in process is what was waited for.
    if not facts.profile.is_open or not facts.generator_cpus or not len(context.requests):
        return
    # One that never got a connection waited for the server, or for nothing.
    got = ~np.isin(context.requests.error, _WITHOUT_CONNECTION)
    queued = int(context.requests.queued[got].sum())
    share = max(queued - OPENED, 0) / max(int(got.sum()), 1)
    if share > QUEUED_NOTE:
        # Never INVALID: the server held the others, so the wait is part of its response time.
        yield (
            Verdict.WARNING if share > QUEUED_WARNING else Verdict.NOTE,
            f"{queued} of {int(got.sum())} requests had to wait until a connection was opened, of "
            f"which {OPENED} are usual; the wait is part of their response time",
        )


@window_rule(PROFILE)
def sent_once_more(context: WindowContext) -> Said:
    count = int(context.requests.resent.sum())
    if count:
        yield (
            Verdict.NOTE,
            f"{count} of {len(context.requests)} requests {_were(count)} sent once more, on a new "
            "connection: the server had closed the first one without saying so; both tries are in "
            "the response time",
        )


@window_rule(PROFILE)
def near_ceiling(context: WindowContext) -> Said:
    proof = context.proof
    if proof is None or not context.facts.generator_cpus or context.facts.elapsed_s <= 0:
        return
    profile = context.facts.profile
    if profile.is_open:
        rate = max(profile.rate_per_s or 0, profile.rate_to_per_s or 0)
        verdict = Verdict.INVALID
    else:
        rate = context.requests.throughput(context.facts.elapsed_s)
        verdict = Verdict.NOTE
    if rate > CEILING_SHARE * proof.ceiling_per_s:
        yield (
            verdict,
            f"{rate:.0f}/s is more than {CEILING_SHARE:.0%} of the {proof.ceiling_per_s:.0f}/s "
            "that the generator reached against the null server",
        )


@window_rule(PLANNED)
def wrong_answers(context: WindowContext) -> Said:
    if context.facts.wrong:
        yield (
            Verdict.INVALID,
            f"{context.facts.wrong} of {context.facts.checked} checked answers are not the "
            "reference's",
        )


@window_rule(PROFILE)
def errors(context: WindowContext) -> Said:
    missed = int(misses.refused(context.requests).sum()) if context.misses == REFUSED else 0
    if missed:
        yield (
            Verdict.NOTE,
            f"{missed} of {len(context.requests)} requests were for what is not stored, and "
            "refused with 404 as declared; they have no latency, and count as errors",
        )
    kinds = context.requests.kinds()
    kinds["status"] = kinds.get("status", 0) - _refused(context) - missed
    kinds = {kind: count for kind, count in kinds.items() if count}
    if not kinds:
        return
    failed = sum(kinds.values())
    share = failed / len(context.requests)
    verdict = Verdict.WARNING if share > ERRORS_WARNING else Verdict.NOTE
    if share > ERRORS_INVALID:
        verdict = Verdict.INVALID
    why = causes.told(kinds, context.facts.causes)
    yield verdict, f"{failed} of {len(context.requests)} requests failed: {why}"


@window_rule(PROFILE)
def refused(context: WindowContext) -> Said:
    count = _refused(context)
    if count:
        share = count / len(context.requests)
        yield (
            Verdict.WARNING if share > ERRORS_WARNING else Verdict.NOTE,
            f"{count} of {len(context.requests)} requests were refused, as it declares: "
            f"{context.refuses_beyond} others were with it; the latency is that of the accepted "
            "ones",
        )


def _refused(context: WindowContext) -> int:
    return int(refusals.by_contract(context.requests, context.refuses_beyond).sum())


@window_rule(PROFILE)
def few_samples(context: WindowContext) -> Said:
    count = len(context.requests)
    if context.facts.profile.is_open and count < stats.needed(0.99):
        said = "1 request is" if count == 1 else f"{count} requests are"
        yield Verdict.NOTE, f"{said} too few for a p99 (400 are needed)"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
