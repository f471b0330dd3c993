"""Each rule on both sides of its limit."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import findings, metrics
from harness.analyse.run.context import RunContext, WindowContext
from harness.analyse.run.findings import Finding, Verdict, trials
from harness.stored.clocks import ServerClock
from harness.stored.hosts import HostProof, HostWatch, WorkerFacts
from harness.stored.lifecycle import Trial, WarmUp
from harness.stored.records import Failure, Run, Setup, Stop, Window
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS, MISSING, Requests, calls_of
from tests import fakes

STEADY = Profile("steady", "constant", 10.0, rate_per_s=100.0)
CLOSED = Profile("saturated", "closed", 10.0, concurrency=8)
MATCHED = Setup(workers=1, threads=1, max_batch=1)
PROOF = HostProof(ceiling_per_s=1000.0, lag_p50_us=10.0, lag_p99_us=50.0, rate_per_s=100.0)


def window(
    *,
    count: int = 1000,
    lag_ms: float = 0.0,
    response_ms: float = 10.0,
    profile: Profile = STEADY,
    errors: int = 0,
    **facts: object,
) -> Window:
    """A window of evenly spaced requests."""
    due = np.arange(count) * 10.0
    error = ["timeout"] * errors + [""] * (count - errors)
    planned = list(due) if profile.is_open else None
    columns = fakes.requests(planned, list(due + lag_ms), list(due + response_ms), error)
    run = fakes.exact_run((profile, columns))
    made = run.windows[0]
    return replace(made, facts=replace(made.facts, **facts))  # type: ignore[arg-type]


def verdicts(window: Window, proof: HostProof | None = None) -> dict[str, Verdict]:
    return {finding.name: finding.verdict for finding in doubts(window, proof)}


def doubts(window: Window, proof: HostProof | None = None) -> list[Finding]:
    return findings.of_window(WindowContext(window=window, proof=proof))


def changed(window: Window, **columns: object) -> Window:
    requests: Requests = replace(window.requests, **columns)  # type: ignore[arg-type]
    return replace(window, requests=requests)


def test_no_doubt_about_a_clean_window() -> None:
    assert verdicts(window(), PROOF) == {}


@pytest.mark.parametrize(
    ("lag_ms", "response_ms", "doubted"),
    [
        (0.49, 2.0, False),  # below half a millisecond whatever the response time
        (0.51, 2.0, True),
        (0.99, 10.0, False),  # below a tenth of the response time
        (1.01, 10.0, True),
    ],
)
def test_generator_lagged(lag_ms: float, response_ms: float, doubted: bool) -> None:
    found = verdicts(window(lag_ms=lag_ms, response_ms=response_ms))
    assert found == ({"generator-lagged": Verdict.INVALID} if doubted else {})


@pytest.mark.parametrize(
    ("lags_ms", "verdict"),
    [
        ([0.1, 0.1, 0.1, 0.1, 8.0], Verdict.NOTE),  # one disturbance
        ([0.7, 0.8], Verdict.NOTE),
        ([1.2] * 10, Verdict.INVALID),  # it can't be sent
        ([0.1] * 45 + [8.0] * 5, Verdict.INVALID),
        ([0.1] * 10, None),
    ],
)
def test_of_few_requests_one_that_is_late_proves_nothing(
    lags_ms: list[float], verdict: Verdict | None
) -> None:
    due = np.arange(len(lags_ms)) * 10.0
    made = fakes.requests(list(due), list(due + lags_ms), list(due + lags_ms + 2.0))
    found = verdicts(fakes.exact_run((STEADY, made)).windows[0])
    assert found.get("generator-lagged") == verdict


def test_waiting_for_a_connection_is_not_the_generator_lagging() -> None:
    late = window(lag_ms=9.0)
    found = verdicts(changed(late, queued=np.ones(1000, np.int64)))
    assert found == {"waited-for-connections": Verdict.WARNING}


@pytest.mark.parametrize(
    ("waited", "expected"),
    [(26, None), (27, Verdict.NOTE), (66, Verdict.NOTE), (67, Verdict.WARNING)],
)
def test_waited_for_connections(waited: int, expected: Verdict | None) -> None:
    queued = (np.arange(1000) < waited).astype(np.int64)
    found = verdicts(changed(window(), queued=queued))
    assert found.get("waited-for-connections") is expected
    said = f"{waited} of 1000 requests had to wait until a connection was opened, of which 16 are"
    told = [f.message for f in doubts(changed(window(), queued=queued))]
    assert [each.startswith(said) for each in told] == ([True] if expected else [])
    inside = verdicts(changed(window(generator_cpus=0), queued=queued))
    assert "waited-for-connections" not in inside, "the predictor in process has no connections"


def test_what_was_sent_once_more_is_said() -> None:
    resent = (np.arange(1000) < 3).astype(np.int64)
    (found,) = doubts(changed(window(), resent=resent))
    assert (found.name, found.verdict) == ("sent-once-more", Verdict.NOTE)
    assert found.message.startswith("3 of 1000 requests were sent once more")
    (found,) = doubts(changed(window(), resent=(np.arange(1000) < 1).astype(np.int64)))
    assert found.message.startswith("1 of 1000 requests was sent once more")


def test_a_rate_that_was_not_reached_is_said() -> None:
    made = window()
    sent = made.requests.sent_ns.copy()
    sent[400:] = 10_006_000_000
    (found,) = [
        f
        for f in doubts(changed(made, sent_ns=sent, due_ns=np.minimum(sent, 9.9e9)))
        if f.name == "rate-missed"
    ]
    assert "reached 40/s of the 100/s requested" in found.message


@pytest.mark.parametrize(
    ("cpu_s", "profile", "expected"),
    [
        (17.9, STEADY, None),
        (18.1, STEADY, Verdict.INVALID),
        (18.1, CLOSED, Verdict.WARNING),
    ],
)
def test_generator_busy(cpu_s: float, profile: Profile, expected: Verdict | None) -> None:
    found = window(profile=profile, elapsed_s=10.0, generator_cpu_s=cpu_s, generator_cpus=2)
    assert verdicts(found).get("generator-busy") is expected


@pytest.mark.parametrize(("late", "doubted"), [(50, False), (51, True)])
def test_rate_missed(late: int, doubted: bool) -> None:
    made = window()
    sent = made.requests.sent_ns.copy()
    sent[-late:] = 10_006_000_000
    found = verdicts(changed(made, sent_ns=sent, due_ns=sent - 1000))
    assert ("rate-missed" in found) is doubted


def test_what_is_left_as_no_answer_will_ever_come_is_not_the_generators_fault() -> None:
    made = window()
    sent, error = made.requests.sent_ns.copy(), made.requests.error.copy()
    sent[1:], error[1:], error[0] = MISSING, ERRORS.index("unsent"), ERRORS.index("garbage")
    found = verdicts(changed(made, sent_ns=sent, error=error))
    assert "rate-missed" not in found
    assert found["errors"] is Verdict.INVALID


def test_what_was_never_sent_was_not_sent_in_time() -> None:
    made = window()
    sent = made.requests.sent_ns.copy()
    sent[-60:] = MISSING
    found = verdicts(changed(made, sent_ns=sent))
    assert found["rate-missed"] is Verdict.INVALID


@pytest.mark.parametrize(
    ("duration_s", "late_s", "doubted"),
    [(10.0, 0.49, False), (10.0, 0.51, True), (0.3, 0.09, False), (0.3, 0.11, True)],
)
def test_began_late(duration_s: float, late_s: float, doubted: bool) -> None:
    made = window(profile=replace(CLOSED, duration_s=duration_s))
    late = changed(made, sent_ns=made.requests.sent_ns + int(late_s * 1e9))
    assert ("began-late" in verdicts(late)) is doubted
    assert "began-late" not in verdicts(replace(late, facts=replace(late.facts, generator_cpus=0)))


def test_a_closed_window_without_a_request_is_invalid() -> None:
    nothing = window(profile=CLOSED, count=0)
    assert verdicts(nothing)["began-late"] is Verdict.INVALID
    lost = window(profile=CLOSED, count=2)
    lost = changed(lost, sent_ns=np.full(2, MISSING))
    assert verdicts(lost)["began-late"] is Verdict.INVALID


@pytest.mark.parametrize(("rate", "expected"), [(800.0, None), (801.0, Verdict.INVALID)])
def test_near_ceiling(rate: float, expected: Verdict | None) -> None:
    profile = replace(STEADY, rate_per_s=rate)
    assert verdicts(window(profile=profile), PROOF).get("near-ceiling") is expected
    assert "near-ceiling" not in verdicts(window(profile=profile))


def test_near_ceiling_of_a_closed_loop_is_a_note() -> None:
    found = verdicts(window(profile=CLOSED, elapsed_s=1.0), PROOF)
    assert found["near-ceiling"] is Verdict.NOTE


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (None, None),
        (0.02, None),
        (0.021, Verdict.WARNING),
        (0.10, Verdict.WARNING),
        (0.11, Verdict.INVALID),
    ],
)
def test_host_stole(share: float | None, expected: Verdict | None) -> None:
    assert verdicts(window(steal_share=share)).get("host-stole") is expected


def test_wrong_answers_are_invalid() -> None:
    assert verdicts(window(checked=10, wrong=1)) == {"wrong-answers": Verdict.INVALID}


@pytest.mark.parametrize(
    ("errors", "expected"), [(0, None), (10, Verdict.NOTE), (11, Verdict.WARNING)]
)
def test_errors(errors: int, expected: Verdict | None) -> None:
    assert verdicts(window(errors=errors)).get("errors") is expected


def _refusing(count: int, beyond: int | None) -> dict[str, Verdict]:
    """Three of 1000 requests are with the server at a time; the last ones are refused."""
    made = window(response_ms=35.0)
    rows = np.arange(1000) >= 1000 - count
    made = changed(
        made,
        status=np.where(rows, 503, 200),
        error=np.where(rows, ERRORS.index("status"), 0),
        done_ns=np.where(rows, made.requests.sent_ns + 10, made.requests.done_ns),
    )
    found = findings.of_window(WindowContext(window=made, refuses_beyond=beyond))
    return {each.name: each.verdict for each in found if each.name in ("errors", "refused")}


def test_what_is_refused_as_declared_is_no_error() -> None:
    assert _refusing(1, beyond=None) == {"errors": Verdict.NOTE}
    assert _refusing(1, beyond=3) == {"refused": Verdict.NOTE}
    assert _refusing(1, beyond=4) == {"errors": Verdict.NOTE}, "so many were not with it"
    assert _refusing(100, beyond=3) == {"errors": Verdict.INVALID, "refused": Verdict.NOTE}
    assert _refusing(0, beyond=3) == {}


@pytest.mark.parametrize(("count", "doubted"), [(400, False), (399, True)])
def test_few_samples(count: int, doubted: bool) -> None:
    assert ("few-samples" in verdicts(window(count=count))) is doubted


@pytest.mark.parametrize(("count", "said"), [(1, "1 request is"), (2, "2 requests are")])
def test_what_few_samples_says(count: int, said: str) -> None:
    (found,) = [f for f in doubts(window(count=count)) if f.name == "few-samples"]
    assert found.message == f"{said} too few for a p99 (400 are needed)"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ({}, {}),
        ({"suspended_s": 0.009}, {}),
        ({"suspended_s": 0.011}, {"suspended": Verdict.INVALID}),
        ({"clock_step_s": 0.054}, {}),  # what a time service may do within ten seconds
        ({"clock_step_s": 0.056}, {"clock-stepped": Verdict.WARNING}),
        ({"clock_step_s": -3.0}, {"clock-stepped": Verdict.WARNING}),
        ({"mhz": (3000.0,) * 5 + (2870.0,) * 5}, {}),
        ({"mhz": (3000.0,) * 5 + (2850.0,) * 5}, {"frequency-changed": Verdict.WARNING}),
        ({"mhz": (2000.0,) * 5 + (2500.0,) * 5}, {"frequency-changed": Verdict.INVALID}),
        ({"mhz": (3000.0, 1000.0, *[3000.0] * 7)}, {}),  # for a moment only
        ({"mhz": (3000.0, 1000.0)}, {}),  # too few to say
        ({"swapped_in": 60, "swapped_out": 40}, {}),
        ({"swapped_in": 61, "swapped_out": 40}, {"swapped": Verdict.WARNING}),
        ({"swapped_out": 10_001}, {"swapped": Verdict.INVALID}),
        ({"swapped_in": None, "swapped_out": None}, {}),
    ],
)
def test_what_the_host_did_meanwhile(host: dict[str, object], expected: dict[str, Verdict]) -> None:
    calm = HostWatch(suspended_s=0.0, clock_step_s=0.0, swapped_in=0, swapped_out=0, mhz=())
    seen = replace(calm, **host)  # type: ignore[arg-type]
    assert verdicts(window(host=seen)) == expected


def slower(factor: float) -> Window:
    """Answers that take longer and longer, so many times as long at the end as at the start."""
    made = window()
    taken = 5e6 * np.linspace(1, factor, 1000)
    return changed(made, done_ns=made.requests.due_ns + taken.astype(np.int64))


@pytest.mark.parametrize(("factor", "doubted"), [(1.2, False), (1.5, True), (1 / 1.5, True)])
def test_no_steady_state(factor: float, doubted: bool) -> None:
    found = verdicts(slower(factor))
    assert found == ({"no-steady-state": Verdict.WARNING} if doubted else {})


@pytest.mark.parametrize("shape", ["ramp", "spike"])
def test_what_is_not_steady_on_purpose_is_not_doubted(shape: str) -> None:
    profile = replace(STEADY, shape=shape, rate_to_per_s=100.0)
    made = slower(3.0)
    assert verdicts(replace(made, facts=replace(made.facts, profile=profile))) == {}


def test_a_saturated_window_must_be_steady_too() -> None:
    columns = changed(window(profile=CLOSED)).requests
    taken = 5e6 * np.linspace(1.5, 1, 1000)
    made = changed(window(profile=CLOSED), done_ns=columns.sent_ns + taken.astype(np.int64))
    (found,) = doubts(made)
    assert (found.name, found.verdict) == ("no-steady-state", Verdict.WARNING)
    assert "the service time went from 7.19 to 5.31 ms" in found.message


def test_an_overloaded_window_says_what_could_be_sustained() -> None:
    made = window()
    done = 12_500_000 * np.arange(1, 1001)  # 80/s of the 100/s that are due
    late = changed(made, done_ns=done)
    late = replace(late, facts=replace(late.facts, elapsed_s=12.5))  # until the last answer
    (found,) = doubts(late)
    assert (found.name, found.verdict) == ("overloaded", Verdict.INVALID)
    assert "It could sustain 80.0/s of the 100/s" in found.message


@pytest.mark.parametrize(
    ("warm_up", "expected"),
    [
        (None, {}),
        (WarmUp(0.9, 0.0, (8.0, 8.1, 8.2)), {}),
        (WarmUp(5.0, None, (30.0, 20.0, None, 10.0)), {"not-warmed-up": Verdict.WARNING}),
    ],
)
def test_not_warmed_up(warm_up: WarmUp | None, expected: dict[str, Verdict]) -> None:
    run = fakes.run(fakes.Fake())
    run = replace(run, facts=replace(run.facts, warm_up=warm_up))
    found = findings.of_run(RunContext(run=run, to_verify=64))
    assert {finding.name: finding.verdict for finding in found} == expected
    assert not expected or "20.00, none, 10.00 ms" in found[0].message


def test_findings_of_a_run_name_the_window() -> None:
    run = fakes.run(fakes.Fake(wrong=2))
    found = [finding.message for finding in findings.of_run(RunContext(run=run, to_verify=64))]
    assert found == [
        f"{name}: 2 of 40 checked answers are not the reference's"
        for name in ("steady", "saturated")
    ]


@pytest.mark.parametrize(
    ("fake", "stop", "expected"),
    [
        (fakes.Fake(), Stop(seconds=0.1, exit_code=0, orphans=0, killed=0), {}),
        (
            fakes.Fake(),
            Stop(seconds=0.1, exit_code=0, orphans=2, killed=0),
            {"left-behind": Verdict.NOTE},
        ),
        (
            fakes.Fake(),
            Stop(seconds=0.1, exit_code=0, orphans=0, killed=1),
            {"left-behind": Verdict.WARNING},
        ),
        (
            fakes.Fake(failure=Failure("launch", "No such command.")),
            None,
            {"died": Verdict.INVALID},
        ),
    ],
)
def test_rules_on_a_run(fake: fakes.Fake, stop: Stop | None, expected: dict[str, Verdict]) -> None:
    run = fakes.run(fake)
    run = replace(run, facts=replace(run.facts, stop=stop))
    found = findings.of_run(RunContext(run=run, to_verify=64))
    assert {finding.name: finding.verdict for finding in found} == expected


def test_not_all_verified() -> None:
    found = findings.of_run(RunContext(run=fakes.run(fakes.Fake()), to_verify=65))
    assert [finding.name for finding in found] == ["not-all-verified"]
    assert not findings.of_run(RunContext(run=fakes.run(fakes.Fake(reference=True)), to_verify=65))


# --- what was asked, and what the predictor saw ---------------------------------------------------


def run_with_calls(
    *calls: tuple[int, int, int, int],
    asked: Setup | None = MATCHED,
    track: str = "matched",
    threads: tuple[int, ...] = (1,),
    profile: Profile = CLOSED,
    **server: object,
) -> Run:
    """Calls are (start, duration, batch, process)."""
    made = fakes.exact_run((profile, fakes.requests(None, [0.0], [1.0])))
    columns = np.array(calls, np.int64).reshape(-1, 4).T
    facts = replace(
        made.facts,
        server=replace(made.facts.server, asked=asked, track=track, **server),  # type: ignore[arg-type]
        model_threads=threads,
    )
    return Run(facts, (replace(made.windows[0], calls=calls_of(*columns)),))


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (run_with_calls((0, 5, 1, 0), (5, 5, 1, 0)), None),  # one ends as the next begins
        (run_with_calls((0, 5, 1, 0), (4, 5, 1, 0)), "2 predictions ran at once, requested: 1"),
        (run_with_calls((0, 5, 1, 0), (4, 5, 1, 0), track="tuned"), None),
        (run_with_calls((0, 5, 2, 0)), "2 instances were in one prediction, requested: at most 1"),
        (run_with_calls((0, 5, 1, 0), (9, 5, 1, 1)), "2 processes made predictions, requested: 1"),
        (run_with_calls((0, 5, 1, 0), asked=Setup(2, 1, 1)), "1 process made predictions"),
        (run_with_calls((0, 5, 1, 0), asked=Setup(2, 1, 1), profile=STEADY), None),
        (
            run_with_calls((0, 5, 1, 0), threads=(1, 2)),
            "2 threads share a prediction, requested: 1",
        ),
        (run_with_calls((0, 5, 2, 0), asked=None), None),
        (run_with_calls((0, 5, 2, 0), reference=True), None),
        (run_with_calls(), None),
    ],
)
def test_setup_differs(run: Run, said: str | None) -> None:
    found = [f for f in findings.of_run(RunContext(run=run)) if f.name == "setup-differs"]
    assert [f.verdict for f in found] == ([Verdict.WARNING] if said else [])
    assert not said or said in found[0].message


@pytest.mark.parametrize(
    ("run", "doubted"),
    [
        (run_with_calls((0, 5, 1, 0), asked=Setup(1, 1, 16)), True),
        (run_with_calls((0, 5, 2, 0), asked=Setup(1, 1, 16)), False),
        (run_with_calls((0, 5, 1, 0)), False),
        (run_with_calls((0, 5, 1, 0), asked=Setup(1, 1, 16), profile=STEADY), False),
    ],
)
def test_no_batches(run: Run, doubted: bool) -> None:
    assert ("no-batches" in {f.name for f in findings.of_run(RunContext(run=run))}) == doubted


def test_what_a_reader_must_know() -> None:
    run = run_with_calls((0, 5, 1, 0), maintained=False, note="Ended in 2024.", launcher="remote")
    found = {f.name: f for f in findings.of_run(RunContext(run=run))}
    assert found["unmaintained"].message == "Ended in 2024."
    assert found["already-up"].verdict is Verdict.NOTE


@pytest.mark.parametrize(
    ("trial", "name", "verdict"),
    [
        (Trial(fault="not JSON", status=400, said="no", serves=True, recovery_s=0.1), None, None),
        (
            Trial(fault="not JSON", status=13, said="no message", serves=True, recovery_s=0.1),
            None,
            None,
        ),
        (
            Trial(
                fault="wrong type", status=3, said="INVALID_ARGUMENT", serves=True, recovery_s=0.1
            ),
            None,
            None,
        ),
        (
            Trial(fault="wrong type", status=13, said="INTERNAL", serves=True, recovery_s=0.1),
            "bad-input",
            Verdict.WARNING,
        ),
        (
            Trial(fault="wrong type", status=500, said="oops", serves=True, recovery_s=0.1),
            "bad-input",
            Verdict.WARNING,
        ),
        (
            Trial(fault="wrong type", status=200, said="fine", serves=True, recovery_s=0.1),
            "bad-input",
            Verdict.WARNING,
        ),
        (
            Trial(fault="wrong type", status=0, said="timed out", serves=True, recovery_s=0.1),
            "bad-input",
            Verdict.WARNING,
        ),
        (
            Trial(
                fault="wrong type",
                status=0,
                said="failed: no text",
                serves=True,
                recovery_s=0.1,
                failed=True,
            ),
            None,
            None,
        ),
        (
            Trial(fault="wrong type", status=400, said="no", serves=False, recovery_s=20.0),
            "bad-input",
            Verdict.INVALID,
        ),
        (
            Trial(fault="worker killed", status=0, said="back", serves=True, recovery_s=0.1),
            "worker-killed",
            Verdict.NOTE,
        ),
        (
            Trial(fault="worker killed", status=0, said="gone", serves=False, recovery_s=0.1),
            "worker-killed",
            Verdict.WARNING,
        ),
        (
            Trial(fault="listens beyond loopback", status=0, said="", serves=True, recovery_s=0.0),
            None,
            None,
        ),
        (
            Trial(
                fault="listens beyond loopback",
                status=0,
                said="0.0.0.0:80",
                serves=False,
                recovery_s=0.0,
            ),
            "listens-beyond-loopback",
            Verdict.WARNING,
        ),
    ],
)
def test_how_a_server_takes_a_fault(
    trial: Trial, name: str | None, verdict: Verdict | None
) -> None:
    found = list(trials.of_trials([trial]))
    assert [(f.name, f.verdict) for f in found] == ([(name, verdict)] if name else [])


WORKER = WorkerFacts(
    name="there/7", requests=500, offset_ns=2**50, uncertainty_ns=10_000, drift_ns=0
)


@pytest.mark.parametrize(
    ("worker", "found"),
    [
        (WORKER, {}),
        (replace(WORKER, lost="it left", drift_ns=None), {"worker-lost": Verdict.INVALID}),
        (replace(WORKER, uncertainty_ns=4_900_000), {}),
        (replace(WORKER, uncertainty_ns=5_100_000), {"clocks-apart": Verdict.WARNING}),
        # Ten seconds of a clock that runs 500 millionths fast are 5 ms, and 10 ms are not known.
        (replace(WORKER, drift_ns=-14_900_000), {}),
        (replace(WORKER, drift_ns=-15_100_000), {"clocks-apart": Verdict.INVALID}),
    ],
)
def test_workers_of_a_window(worker: WorkerFacts, found: dict[str, Verdict]) -> None:
    made = window(workers=(WORKER, worker), elapsed_s=10.0)
    assert verdicts(made) == found


def beside(kind: WindowKind, *windows: Window) -> list[Finding]:
    """What is found in a sound run that has these windows too."""
    sound = fakes.exact_run((STEADY, window().requests))
    return findings.of_run(RunContext(run=fakes.having(sound, kind, windows)))


@pytest.mark.parametrize("kind", [WindowKind.PROBE, WindowKind.STRAIN, WindowKind.AUDIT])
def test_what_happens_beside_the_profiles_is_a_warning_that_names_the_window(
    kind: WindowKind,
) -> None:
    profile = Profile("other", "poisson", 10.0, rate_per_s=100.0)
    assert beside(kind, window(profile=profile)) == []
    (found,) = beside(kind, window(profile=profile, steal_share=0.25))
    assert (found.name, found.verdict) == ("host-stole", Verdict.WARNING)
    assert found.message.startswith("other: the hypervisor took 25.0%")
    assert found.window == "", "it is about none of the run's own windows"


def test_a_lagging_generator_is_seen_in_a_probe() -> None:
    (found,) = beside(WindowKind.PROBE, window(lag_ms=5.0))
    assert (found.name, found.verdict) == ("generator-lagged", Verdict.WARNING)


def test_what_many_probes_share_is_said_once() -> None:
    profiles = [replace(STEADY, name=f"probe-{number}") for number in range(1, 6)]
    probes = [window(profile=profile, steal_share=0.25) for profile in profiles]
    (found,) = beside(WindowKind.PROBE, *probes)
    assert found.message.startswith("probe-1: ")
    assert found.message.endswith(" (likewise in probe-2, probe-3 and 2 more)")
    (found,) = beside(WindowKind.PROBE, *probes[:3])
    assert found.message.endswith(" (likewise in probe-2, probe-3)")


def test_rules_judge_only_the_kinds_that_they_declare() -> None:
    failing = window(errors=500)
    assert "errors" in {found.name for found in beside(WindowKind.PROFILE, failing)}
    assert beside(WindowKind.PROBE, failing) == [], "beyond the capacity, requests fail"


def test_a_server_s_clock_is_known_well_beside_what_a_request_takes() -> None:
    taken_ns = int(np.median(window().requests.service_ns()))
    for share, found in ((0.09, {}), (0.11, {"server-clock-unsure": Verdict.WARNING})):
        clock = ServerClock(offset_ns=2**50, uncertainty_ns=int(share * taken_ns))
        assert verdicts(window(server_clock=clock)) == found


def test_users_saturate_nothing() -> None:
    people = Profile("people", "users", 10.0, concurrency=8, think_s=1.0)
    thoughtful = window(profile=people)
    run = fakes.exact_run((people, thoughtful.requests))
    assert metrics.saturated(run) is None
    assert metrics.steady(run) is None
