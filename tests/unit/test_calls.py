"""What a server's predictors recorded, in a folder here or fetched from another host."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.measure.launch import calls
from harness.measure.launch.calls import ServerRecords
from harness.stored.clocks import SAME_CLOCK, ServerClock
from harness.windows.samples import MISSING

FIRST = [(90, 1, 1, 5), (100, 2, 1, 6), (160, 3, 4, 7)]
SECOND = [(200, 4, 2, 8), (120, 5, 1, 9), (201, 6, 1, 10)]
AHEAD_NS = 7_000_000_000_000  # the other host booted earlier


def written(*rows: tuple[int, ...]) -> bytes:
    return np.array(rows, np.int64).tobytes()


def test_calls_of_every_process_are_those_of_the_window_by_time(tmp_path: Path) -> None:
    (tmp_path / "model-7.bin").write_bytes(written(*FIRST))
    (tmp_path / "model-8.bin").write_bytes(written(*SECOND))
    found = calls.of_folder(tmp_path).between(100, 200)
    assert found.start_ns.tolist() == [0, 20, 60, 100]
    assert found.duration_ns.tolist() == [2, 5, 3, 4]
    assert found.batch.tolist() == [1, 1, 4, 2]
    assert found.process.tolist() == [0, 1, 0, 1]
    assert found.thread_cpu_ns.tolist() == [6, 9, 7, 8]


def test_an_earlier_revision_writes_no_cpu_time(tmp_path: Path) -> None:
    (tmp_path / "calls-7.bin").write_bytes(written((100, 2, 1)))
    found = calls.of_folder(tmp_path).between(100, 200)
    assert found.thread_cpu_ns.tolist() == [MISSING]


@pytest.mark.parametrize("records", [ServerRecords(), calls.of_folder(Path("/nowhere"))])
def test_without_calls_there_are_none(records: ServerRecords) -> None:
    assert len(records.between(0, 100).start_ns) == 0
    assert records.latest() == []
    assert records.threads == ()
    assert records.clock == SAME_CLOCK


def test_the_process_that_made_the_last_call_comes_first() -> None:
    files = {
        "model-7.bin": written((90, 1, 1, 5)),
        "model-8.bin": written((80, 100, 1, 5)),
        "model-9.bin": b"",
    }
    assert calls.of_files(files, SAME_CLOCK).latest() == [8, 7, 9]


def test_records_of_another_host_are_told_in_this_hosts_time() -> None:
    clock = ServerClock(offset_ns=AHEAD_NS, uncertainty_ns=40_000)
    there = [(AHEAD_NS + start, *rest) for start, *rest in FIRST + SECOND]
    found = calls.of_files({"model-7.bin": written(*there), "threads-7": b"3"}, clock)
    assert found.between(100, 200).start_ns.tolist() == [0, 20, 60, 100]
    assert found.threads == (3,)
    assert found.clock.uncertainty_ns == 40_000


def test_what_a_killed_process_did_not_finish_writing_is_left_out() -> None:
    files = {
        "model-7.bin": written(*FIRST)[:-1],
        "threads-7": b"2",
        "threads-8": b"",
        "threads-9": b"\x00\x00",
        "model-x.bin": written(*FIRST),
        "other": b"something else",
    }
    found = calls.of_files(files, SAME_CLOCK)
    assert found.between(0, 1000).start_ns.tolist() == [90, 100]
    assert found.threads == (2,)


def test_records_of_several_hosts_are_told_on_the_clock_of_the_first() -> None:
    one = calls.of_files({"model-7.bin": written((100, 1, 1, 5)), "threads-7": b"2"}, SAME_CLOCK)
    clock = ServerClock(offset_ns=AHEAD_NS, uncertainty_ns=40_000)
    other = calls.of_files({"model-7.bin": written((AHEAD_NS + 50, 1, 1, 5))}, clock)
    both = calls.together([one, other])
    assert both.between(0, 200).start_ns.tolist() == [50, 100]
    assert both.between(0, 200).process.tolist() == [1, 0]
    assert both.clock == ServerClock(offset_ns=0, uncertainty_ns=40_000)
    assert both.threads == (2,)
    assert calls.together([]) == ServerRecords()
