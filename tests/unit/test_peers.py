"""The script that sets this driver beside its peers: its parsers, its truth, its verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from peers import reports, shown, tools, truth, truth_server
from peers.reports import NotUnderstood, Report
from peers.shown import Row
from peers.truth import Figures, Log, Plan, Truth
from tests.contract import locks

SAMPLES = Path(__file__).parent / "data" / "peers"
MS = 1_000_000


def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


def test_what_wrk_says() -> None:
    report = reports.of_wrk(sample("wrk.txt"))
    assert report == Report(Figures(24.55, 48.88, 119.47, 215.54), 547.86, 1664 + 87, 87)


def test_what_wrk_says_of_other_units_and_of_refusals() -> None:
    text = sample("wrk.txt").replace("24.55ms", "980.00us").replace("215.54ms", "1.05s")
    text = text.replace("Requests/sec", "  Non-2xx or 3xx responses: 12\nRequests/sec")
    report = reports.of_wrk(text)
    assert report.figures == Figures(0.98, 48.88, 119.47, 1050.0)
    assert report.errors == 87 + 12


def test_wrk_without_a_failure_does_not_speak_of_failures() -> None:
    text = "\n".join(line for line in sample("wrk.txt").splitlines() if "Socket" not in line)
    report = reports.of_wrk(text)
    assert (report.requests, report.errors) == (1664, 0)


def test_what_hey_says() -> None:
    report = reports.of_hey(sample("hey.txt"))
    assert report.figures is not None
    assert list(vars_of(report.figures)) == pytest.approx([15.9, 33.0, 89.4, 124.6])
    assert (report.rate_per_s, report.requests, report.errors) == (294.3626, 855 + 44, 44)


def test_what_hey_says_of_refusals() -> None:
    refused = sample("hey.txt").replace("[200]	855", "[200]	800 responses\n  [501]	55")
    assert reports.of_hey(refused).errors == 44 + 55
    assert reports.of_hey(refused).requests == 855 + 44


def test_hey_without_an_answer_has_no_figures() -> None:
    head, _, _ = sample("hey.txt").partition("Latency distribution")
    report = reports.of_hey(f"{head}Error distribution:\n  [4]	Post: connection refused\n")
    assert (report.figures, report.requests, report.errors) == (None, 4, 4)


def test_what_locust_says() -> None:
    report = reports.of_locust(sample("locust.txt"))
    assert report == Report(Figures(7.0, 12.0, 37.0, 65.0), 297.05, 909, 45)


def test_locust_without_a_request_has_no_figures() -> None:
    text = " Aggregated   0     0(0.00%) |      0       0       0      0 |    0.00        0.00"
    assert reports.of_locust(text) == Report(None, 0.0, 0, 0)


def test_what_loadgen_says() -> None:
    report = reports.of_loadgen(sample("mlperf_log_summary.txt"), failed=3)
    assert report.figures == Figures(538.749602, 851.944046, 960.406008, 1002.830656)
    assert (report.rate_per_s, report.requests, report.errors) == (260.76, 900, 3)


@pytest.mark.parametrize("parse", [reports.of_wrk, reports.of_hey, reports.of_locust])
@pytest.mark.parametrize("text", ["", "command not found", "50% in a while"])
def test_other_words_are_not_taken_for_figures(parse: object, text: str) -> None:
    assert callable(parse)
    with pytest.raises(NotUnderstood):
        parse(text)


def test_the_schedule_is_loadgens() -> None:
    """The first ones as LoadGen 6.0.17 traced them: 300/s, seed 42. And it states its mean rate."""
    found = truth.schedule(300.0, 5, 42)
    np.testing.assert_allclose(found, [0, 5307668, 5983163, 11025576, 14053732], atol=2)
    due_ns = truth.schedule(300.0, 900, 7)
    stated = reports.scheduled_rate(sample("mlperf_log_summary.txt"))
    assert stated == pytest.approx(899 / (due_ns[-1] / 1e9), abs=0.006)
    assert (np.diff(due_ns) >= 0).all()


def log_of(*rows: tuple[int, int, int, int, int]) -> Log:
    """Times of the rows in ms."""
    table = np.array(rows, np.int64).reshape(-1, 5)
    times = np.where(table[:, 1:4] == truth_server.NEVER, truth_server.NEVER, table[:, 1:4] * MS)
    arrived_ns, read_ns, written_ns = times.T
    return Log(table[:, 0], arrived_ns, read_ns, written_ns, table[:, 4])


NEVER = truth_server.NEVER


def test_the_truth_of_a_schedule_counts_from_when_a_request_was_due() -> None:
    # In another order than they were due; what was dropped has no time.
    log = log_of((2, 141, 150, 151, 0), (0, 101, 101, 103, 0), (1, 120, 121, NEVER, 1))
    plan = Plan(100 * MS, np.array([0, 10, 20], np.int64) * MS)
    found = truth.of_window(log, plan)
    assert found == Truth("due", Figures.of(np.array([31, 3]) * MS), 3, 1, 0, 0)


def test_the_truth_without_a_schedule_counts_from_the_arrival() -> None:
    log = log_of((NEVER, 101, 140, 142, 0), (NEVER, 120, 142, 144, 0), (NEVER, 5, 6, NEVER, 1))
    found = truth.of_window(log, None)
    assert found == Truth("arrival", Figures.of(np.array([41, 24]) * MS), 3, 1, 0, 0)


def test_a_request_that_is_missing_or_double_is_seen() -> None:
    log = log_of((0, 1, 1, 2, 0), (2, 1, 1, 2, 0), (2, 1, 1, 2, 0))
    found = truth.of_window(log, Plan(0, np.arange(4, dtype=np.int64)))
    assert (found.missing, found.double) == (2, 1)


def test_a_server_that_nobody_asked_has_an_empty_log() -> None:
    log = Log.of(json.dumps({column: [] for column in truth_server.COLUMNS}))
    assert truth.of_window(log, None) == Truth("arrival", None, 0, 0, 0, 0)


GOOD = Figures(1.0, 10.0, 100.0, 1000.0)
ROW = Row(
    "truth server",
    truth_server.DROPS,
    tools.OURS,
    100,
    Report(GOOD, 200.0, 100, 5),
    "",
    Truth("due", GOOD, 100, 5, 0, 0),
    None,
)


@pytest.mark.parametrize(
    ("figures", "passes"),
    [
        (Figures(1.29, 10.29, 101.9, 1019.0), True),
        (Figures(0.71, 9.71, 98.1, 981.0), True),
        (Figures(1.31, 10.0, 100.0, 1000.0), False),
        (Figures(1.0, 9.69, 100.0, 1000.0), False),
        (Figures(1.0, 10.0, 102.1, 1000.0), False),
        (Figures(1.0, 10.0, 97.9, 1000.0), False),
        (Figures(1.0, 10.0, 100.0, 1100.0), True),
    ],
)
def test_a_percentile_may_be_off_by_a_share_or_by_a_little(figures: Figures, passes: bool) -> None:
    assert ROW.report is not None
    row = replace(ROW, report=replace(ROW.report, figures=figures))
    assert shown.verdict(row).passed is passes


@pytest.mark.parametrize(
    ("report", "known", "said"),
    [
        (Report(GOOD, 200.0, 99, 5), Truth("due", GOOD, 100, 5, 0, 0), "99 requests of 100"),
        (Report(GOOD, 200.0, 100, 5), Truth("due", GOOD, 99, 5, 1, 0), "1 requests never reached"),
        (Report(GOOD, 200.0, 100, 5), Truth("due", GOOD, 101, 5, 0, 1), "1 more than once"),
        (Report(GOOD, 200.0, 100, 4), Truth("due", GOOD, 100, 5, 0, 0), "4 failures where"),
        (Report(None, 200.0, 100, 5), Truth("due", None, 100, 5, 0, 0), "nothing was answered"),
        (None, Truth("due", GOOD, 100, 5, 0, 0), "no truth"),
    ],
)
def test_right_figures_of_the_wrong_requests_fail(
    report: Report | None, known: Truth, said: str
) -> None:
    found = shown.verdict(replace(ROW, report=report, truth=known))
    assert not found.passed
    assert said in " ".join(found.doubts)


def test_the_table_has_every_row_and_names_what_is_missing() -> None:
    missing = replace(ROW, tool="wrk", report=None, why="not installed", truth=None)
    rows = [replace(ROW, server="null server", condition="", truth=None), ROW, missing]
    text = "\n".join(shown.lines(rows))
    assert "null server\n" in text
    assert "truth server, dropped connections\n" in text
    assert "wrk           no figures: not installed" in text
    assert text.count("  pass  ") == 1
    assert "FAIL" not in text
    assert len(shown.content(rows, {})["rows"]) == 3


def test_a_failed_verdict_says_what_is_off() -> None:
    assert ROW.report is not None
    row = replace(ROW, report=replace(ROW.report, figures=replace(GOOD, p99=110.0)))
    text = "\n".join(shown.lines([row]))
    assert "FAIL  dropped connections" in text
    assert "p99 is +10.00 ms off, where 2.00 are allowed" in text


def test_what_the_script_installs_is_locked() -> None:
    lock = tools.FOLDER / "requirements.txt"
    assert {"locust", "mlcommons-loadgen"} <= set(locks.pins(lock))
    assert locks.without_hash(lock) == set()


def vars_of(figures: Figures) -> tuple[float, ...]:
    return (figures.p50, figures.p90, figures.p99, figures.max)
