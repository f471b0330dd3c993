"""Results survive the disk unchanged; what was changed there is told from what was measured."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.base import marks
from harness.base.errors import ResultError, StoreError, UsageError
from harness.stored import earlier, store
from harness.stored.lifecycle import (
    OVERLOAD,
    SHUTDOWN,
    Installed,
    Lifecycle,
    Overload,
    Restart,
    Shutdown,
)
from harness.stored.records import Campaign, Failure, Run, Window
from harness.windows import columns
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile, due_times, payload_order
from harness.windows.samples import ERRORS, MISSING, Calls, Requests, Usage
from tests import fakes
from tests.cells import cell_of
from tests.unit import stored

MEGABYTE = 1_000_000
RUN_FILES = ["requests.parquet", "usage.parquet", "calls.parquet", "server.log", "run.json"]
RANGES = {
    "payload": (0, 2**31 - 1),
    "status": (0, 999),
    "error": (0, len(ERRORS) - 1),
    "queued": (0, 1),
    "resent": (0, 1),
    "batch": (0, 2**31 - 1),
    "process": (0, 2**31 - 1),
    "processes": (0, 2**31 - 1),
    "threads": (0, 2**31 - 1),
}


def assert_same(one: Run, other: Run) -> None:
    """Equal in every fact, and in every column by value and type."""
    assert one.facts == other.facts
    assert one.log == other.log
    for mine, theirs in zip(one.windows, other.windows, strict=True):
        assert mine.facts == theirs.facts
        for table in columns.TABLES:
            for field in fields(getattr(mine, table)):
                expected = getattr(getattr(mine, table), field.name)
                found = getattr(getattr(theirs, table), field.name)
                assert found.dtype == np.int64, field.name
                assert found.tolist() == expected.tolist(), field.name


def round_trip(run: Run) -> Run:
    with TemporaryDirectory() as folder:
        return store.read_run(store.write_run(Path(folder), run))


def strained_run() -> Run:
    """With two windows of its strain after its probe."""
    full = stored.full_run()
    strains = tuple(
        stored.window(replace(stored.STEADY, name=name), full.windows[0].requests)
        for name in (OVERLOAD, SHUTDOWN)
    )
    life = Lifecycle(
        installed=Installed(12_345, None),
        memory_idle_bytes=2**27,
        memory_after_bytes=2**28,
        overload=Overload(
            slo="p99<50ms, errors<0.1%", capacity_per_s=100.5, recovery_s=None, died="it ended"
        ),
        shutdown=Shutdown(700_000_001, 900_000_002),
        restart=Restart(900_000_003, "Port 8000 is taken."),
    )
    full = replace(full, facts=replace(full.facts, lifecycle=life))
    return fakes.having(full, WindowKind.STRAIN, strains)


def audited(run: Run) -> Run:
    """The same with an audit, whose rows come last."""
    made = stored.full_run().profiles[-1]
    audit = replace(made, facts=replace(made.facts, profile=Profile("audit", "closed", 2.0)))
    return fakes.having(run, WindowKind.AUDIT, [audit])


# --- what goes in comes out ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(stored.full_run(), id="every kind of value"),
        pytest.param(stored.failed_run(), id="failed before its first window"),
        pytest.param(stored.run(), id="without windows"),
        pytest.param(stored.lost_run(), id="a lost worker"),
        pytest.param(strained_run(), id="strained"),
        pytest.param(stored.heard(stored.full_run()), id="answers in pieces"),
        pytest.param(audited(stored.full_run()), id="audited after its search"),
        pytest.param(audited(strained_run()), id="audited and strained"),
        pytest.param(audited(stored.run(stored.window(stored.RAMP))), id="audited, not searched"),
        pytest.param(stored.run(stored.window(stored.STEADY)), id="one empty window"),
        pytest.param(
            stored.run(*[stored.window(stored.STEADY)] * 2, *stored.full_run().windows),
            id="empty windows first",
        ),
    ],
)
def test_a_run_is_read_as_it_was_written(run: Run) -> None:
    assert_same(run, round_trip(run))


def test_what_an_engine_warned_of_is_kept() -> None:
    run = stored.full_run()
    warned = replace(stored.CONTAINER, warnings=("Memory limited without swap.",))
    run = replace(run, facts=replace(run.facts, container=warned))
    assert round_trip(run).facts.container == warned


def tables(kind: type[Any]) -> st.SearchStrategy[Any]:
    def of_length(rows: int) -> st.SearchStrategy[Any]:
        made = {
            f.name: arrays(
                np.int64, rows, elements=st.integers(*RANGES.get(f.name, (MISSING, 10**16)))
            )
            for f in fields(kind)
        }
        return st.builds(kind, **made)

    return st.integers(0, 5).flatmap(of_length)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.builds(
            stored.window,
            st.just(stored.STEADY),
            tables(Requests),
            tables(Usage),
            tables(Calls),
            st.none() | st.floats(0, 1),
        ),
        max_size=3,
    ),
    st.text(),
)
def test_any_run_is_read_as_it_was_written(windows: list[Window], log: str) -> None:
    run = stored.run(*windows, log=log)
    assert_same(run, round_trip(run))


def test_errors_keep_their_names_beyond_one_row_group() -> None:
    rows = 1_100_000  # parquet splits a file at 2^20 rows, and each part has names of its own
    error = np.zeros(rows, np.int64)
    error[5], error[-5] = ERRORS.index("status"), ERRORS.index("timeout")
    zeros = np.zeros(rows, np.int64)
    requests = Requests(
        payload=zeros,
        due_ns=zeros,
        sent_ns=zeros,
        first_byte_ns=zeros,
        done_ns=zeros,
        status=zeros,
        error=error,
        queued=zeros,
        resent=zeros,
    )
    found = round_trip(stored.run(stored.window(stored.STEADY, requests)))
    assert np.array_equal(found.windows[0].requests.error, error)


def test_other_tools_find_names_and_nulls_in_the_file(tmp_path: Path) -> None:
    place = store.write_run(tmp_path, stored.full_run())
    rows = pq.read_table(place / "requests.parquet").to_pylist()
    known = (None, *ERRORS[1 : ERRORS.index("lost")])
    # Those of the search's probe come last.
    assert [row["error"] for row in rows] == [*known, None, None, *known]
    assert [row["window"] for row in rows] == [0] * len(known) + [2, 2] + [3] * len(known)
    unsent, closed = rows[ERRORS.index("unsent")], rows[len(known) + 1]
    assert (unsent["sent_ns"], unsent["first_byte_ns"], unsent["done_ns"]) == (None, None, None)
    assert (closed["due_ns"], closed["sent_ns"]) == (None, 7)
    usage = pq.read_table(place / "usage.parquet").to_pylist()
    assert [row["pss_bytes"] is None for row in usage] == 2 * [False, True, False]


def test_a_table_without_rows_has_no_file(tmp_path: Path) -> None:
    place = store.write_run(tmp_path, stored.full_run())
    assert {path.name for path in place.iterdir()} == set(RUN_FILES)
    assert [len(window.chunks) for window in store.read_run(place).windows] == [0, 0, 0, 0]
    other = store.write_run(tmp_path / "other", stored.heard(stored.full_run()))
    sparse = {"chunks.parquet", "marks.parquet", "invocations.parquet"}
    assert {path.name for path in other.iterdir()} == {*RUN_FILES, *sparse}
    rows = pq.read_table(other / "chunks.parquet").to_pylist()
    assert [(row["window"], row["request"], row["count"]) for row in rows] == [
        *((0, 0, 2), (0, 2, None), (0, 2, 0), (2, 1, None)),
    ]
    told = pq.read_table(other / "marks.parquet").to_pylist()
    assert [(row["request"], row["mark"], row["value"]) for row in told] == [
        *((0, "runs", 3), (0, "finished_ns", 160), (2, "runs", 1)),
    ]
    invoked = pq.read_table(other / "invocations.parquet").to_pylist()
    seen = [(row["window"], row["instance"], row["cold"], row["status"]) for row in invoked]
    assert seen == [(2, 1, True, 200), (2, 1, False, 502), (2, None, False, 429)]


@pytest.mark.parametrize("table", ["chunks", "marks"])
def test_what_answers_told_is_of_requests_that_are_there(tmp_path: Path, table: str) -> None:
    heard = stored.heard(stored.full_run())
    first, *rest = heard.windows
    told = getattr(first, table)
    changed = replace(first, **{table: replace(told, request=told.request + 6)})
    place = store.write_run(tmp_path, replace(heard, windows=(changed, *rest)))
    with pytest.raises(ResultError, match=rf"{table}\.parquet has {table} of no request\."):
        store.read_run(place)


@pytest.mark.parametrize(
    "campaign",
    [
        pytest.param(stored.campaign(), id="every kind of value"),
        pytest.param(
            replace(
                stored.campaign(), proof=None, left_out=(), cells=(), benchmarks={}, environment={}
            ),
            id="with nothing in it",
        ),
    ],
)
def test_a_campaign_is_read_as_it_was_written(tmp_path: Path, campaign: Campaign) -> None:
    store.write_campaign(tmp_path / "made" / "here", campaign)
    assert store.read_campaign(tmp_path / "made" / "here") == campaign
    assert [path.name for path in (tmp_path / "made" / "here").iterdir()] == ["campaign.json"]


def test_a_million_requests_take_25_megabytes_at_most(tmp_path: Path) -> None:
    due = due_times(Profile("p", "poisson", 210.0, rate_per_s=5000.0), seed=1)[:MEGABYTE]
    rng = np.random.default_rng(1)
    sent = due + rng.lognormal(np.log(20e3), 0.5, MEGABYTE).astype(np.int64)
    first_byte = sent + rng.lognormal(np.log(8e6), 0.4, MEGABYTE).astype(np.int64)
    done = first_byte + rng.lognormal(np.log(20e3), 0.5, MEGABYTE).astype(np.int64)
    zeros = np.zeros(MEGABYTE, np.int64)
    requests = Requests(
        payload=payload_order(600, MEGABYTE, 1),
        due_ns=due,
        sent_ns=sent,
        first_byte_ns=first_byte,
        done_ns=done,
        status=zeros + 200,
        error=zeros,
        queued=zeros,
        resent=zeros,
    )
    place = store.write_run(tmp_path, stored.run(stored.window(stored.STEADY, requests)))
    assert len(due) == MEGABYTE
    assert (place / "requests.parquet").stat().st_size <= 25 * MEGABYTE


# --- whole or not at all ------------------------------------------------------------------------


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def failing_at(call: int, number: int) -> Callable[[int], None]:
    """fsync, but for one call that fails."""
    calls = []

    def fsync(_: int) -> None:
        calls.append(1)
        if len(calls) == call:
            raise OSError(number, os.strerror(number))

    return fsync


@pytest.mark.parametrize("call", range(1, len(RUN_FILES) + 1))
def test_a_full_disk_leaves_nothing_of_the_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    first = store.write_run(tmp_path, stored.failed_run())
    monkeypatch.setattr(os, "fsync", failing_at(call, errno.ENOSPC))
    with pytest.raises(StoreError, match=r"^The disk is full: .* --resume\.$") as caught:
        store.write_run(tmp_path, stored.full_run())
    assert str(tmp_path) in str(caught.value)
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    assert_same(store.read_run(first), stored.failed_run())


def test_a_full_disk_while_a_campaign_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing_at(1, errno.EDQUOT))
    with pytest.raises(StoreError, match="The disk is full"):
        store.write_campaign(tmp_path / "new", stored.campaign())
    with pytest.raises(UsageError, match=r"There is no campaign in .*new"):
        store.read_campaign(tmp_path / "new")
    assert files_below(tmp_path) == []


def test_another_error_of_the_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / "iris").write_text("a file where a folder must be")
    with pytest.raises(StoreError, match=r"can't be written: File exists|Not a directory"):
        store.write_run(tmp_path, stored.full_run())


def test_a_stored_run_is_not_overwritten(tmp_path: Path) -> None:
    place = store.write_run(tmp_path, stored.full_run())
    with pytest.raises(StoreError, match="can't be written"):
        store.write_run(tmp_path, stored.run())
    assert_same(store.read_run(place), stored.full_run())
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_what_is_left_of_a_run_keeps_another_name(tmp_path: Path) -> None:
    for number in (1, 2):
        place = store.write_run(tmp_path, stored.full_run())
        (place / "run.json").unlink()
        (place / "notes").write_text(f"mine {number}")
    place = store.write_run(tmp_path, stored.full_run())
    kept = {path.name: path for path in place.parent.iterdir()}
    assert set(kept) == {place.name, f"{place.name}.aside-1", f"{place.name}.aside-2"}
    assert (kept[f"{place.name}.aside-2"] / "notes").read_text() == "mine 2"


def test_parts_of_a_killed_harness_are_discarded(tmp_path: Path) -> None:
    place = store.write_run(tmp_path, stored.full_run())
    part = place.with_name(".part-killed")
    marks.make(part)
    (part / "requests.parquet").touch()
    mine = place.with_name(".part-mine")
    mine.mkdir()
    store.discard_parts(tmp_path)
    assert sorted(place.parent.iterdir()) == [mine, place]
    assert_same(store.read_run(place), stored.full_run())


def test_stored_cells_come_in_the_order_asked_for(tmp_path: Path) -> None:
    cells = [cell_of("some", "iris", number) for number in (2, 3, 1)]
    places = {
        run.cell: store.write_run(tmp_path, run) for run in (stored.full_run(), stored.failed_run())
    }
    assert list(store.stored(tmp_path, cells)) == [(c, places[c]) for c in cells if c.round != 3]


# --- what was changed is refused, by the file's name ---------------------------------------------


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n{}")


def delete(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [truncate, flip, append, delete])
def test_chunks_that_were_changed_are_refused(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    place = store.write_run(tmp_path, stored.heard(stored.full_run()))
    change(place / "chunks.parquet")
    with pytest.raises(ResultError, match=r"chunks\.parquet is not as it was written"):
        store.read_run(place)


def blank(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("change", [truncate, flip, append, delete, blank])
@pytest.mark.parametrize("name", RUN_FILES)
def test_a_changed_run_is_refused(
    tmp_path: Path, name: str, change: Callable[[Path], None]
) -> None:
    place = store.write_run(tmp_path, stored.full_run())
    change(place / name)
    with pytest.raises(ResultError) as caught:
        store.read_run(place)
    assert str(place / name) in str(caught.value)


@pytest.mark.parametrize("change", [truncate, flip, append, blank])
def test_a_changed_campaign_is_refused(tmp_path: Path, change: Callable[[Path], None]) -> None:
    store.write_campaign(tmp_path, stored.campaign())
    change(tmp_path / "campaign.json")
    with pytest.raises(ResultError) as caught:
        store.read_campaign(tmp_path)
    assert str(tmp_path / "campaign.json") in str(caught.value)


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"capacity_per_s": 4321.5', '"capacity_per_s": 9999.5', "truncated or edited"),
        ('"schema": 8', '"schema": 9', "has schema 9; this harness reads up to 8."),
        ('"schema": 8,', "", "truncated or not a result file"),
        ('"sha256"', '"sha257"', "truncated or not a result file"),
    ],
)
def test_an_edited_campaign_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    store.write_campaign(tmp_path, stored.campaign())
    edit(tmp_path / "campaign.json", before, after)
    with pytest.raises(ResultError, match=said):
        store.read_campaign(tmp_path)


def test_an_edited_run_says_how_to_go_on(tmp_path: Path) -> None:
    place = store.write_run(tmp_path, stored.full_run())
    edit(place / "run.json", '"ready_s": 1.5', '"ready_s": 0.5')
    with pytest.raises(ResultError) as caught:
        store.read_run(place)
    assert f"Remove the folder {place} and measure the cell again with --resume" in str(
        caught.value
    )


@pytest.mark.parametrize("content", ["oops", "[1]", "null", '"text"', "{}"])
def test_other_files_are_no_results(tmp_path: Path, content: str) -> None:
    (tmp_path / "campaign.json").write_text(content)
    with pytest.raises(
        ResultError, match=r"campaign\.json can't be read: it is trunc.* or not a res"
    ):
        store.read_campaign(tmp_path)


def test_sealed_but_impossible_facts_are_named(tmp_path: Path) -> None:
    data: dict[str, object] = {"schema": store.SCHEMA, "campaign": {"id": 7}}
    seal = sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    (tmp_path / "campaign.json").write_text(json.dumps({**data, "sha256": seal}))
    with pytest.raises(ResultError, match=r"campaign\.json: id: Input should be a valid string"):
        store.read_campaign(tmp_path)


def test_no_campaign_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no campaign in .*: it has no campaign\.json"):
        store.read_campaign(tmp_path)


# --- what earlier versions wrote ----------------------------------------------------------------

EARLIER = replace(stored.campaign_as_schema_6(), checks=(), driver="native")


def test_schema_8_loads() -> None:
    folder = stored.DATA / "schema-8"
    assert store.read_campaign(folder) == stored.campaign()
    for run in (stored.heard(stored.full_run()), stored.failed_run()):
        assert_same(store.read_run(store.cell_folder(folder, run.cell)), run)


def test_schema_7_still_loads() -> None:
    folder = stored.DATA / "schema-7"
    assert store.read_campaign(folder) == stored.campaign()
    for run in (stored.full_run(), stored.failed_run()):
        assert_same(store.read_run(store.cell_folder(folder, run.cell)), run)


def test_schema_6_still_loads() -> None:
    folder = stored.DATA / "schema-6"
    assert store.read_campaign(folder) == stored.campaign_as_schema_6()
    for run in (stored.full_run(), stored.failed_run()):
        place = store.cell_folder(folder, run.cell)
        assert_same(store.read_run(place), stored.as_schema_6(run))


def test_schema_5_still_loads() -> None:
    folder = stored.DATA / "schema-5"
    assert store.read_campaign(folder) == stored.campaign_as_schema_6()
    for run in (stored.full_run(), stored.failed_run()):
        place = store.cell_folder(folder, run.cell)
        assert_same(store.read_run(place), stored.as_schema_5(run))


def test_schema_4_still_loads() -> None:
    folder = stored.DATA / "schema-4"
    assert store.read_campaign(folder) == stored.campaign_as_schema_6()
    for run in (stored.full_run(), stored.failed_run()):
        place = store.cell_folder(folder, run.cell)
        assert_same(store.read_run(place), stored.as_schema_4(run))


def test_schema_3_still_loads() -> None:
    folder = stored.DATA / "schema-3"
    assert store.read_campaign(folder) == EARLIER
    for run in (stored.full_run(), stored.failed_run()):
        place = store.cell_folder(folder, run.cell)
        assert_same(store.read_run(place), stored.as_schema_3(run))


def test_schema_2_still_loads() -> None:
    folder = stored.DATA / "schema-2"
    assert store.read_campaign(folder) == EARLIER
    for run in (stored.full_run(), stored.failed_run()):
        place = store.cell_folder(folder, run.cell)
        assert_same(store.read_run(place), stored.as_schema_2(run))


def test_schema_1_still_loads() -> None:
    folder = stored.DATA / "schema-1"
    campaign = replace(EARLIER, endpoint=None)
    assert store.read_campaign(folder) == campaign
    for run in (stored.full_run(), stored.failed_run()):
        place = store.cell_folder(folder, run.cell)
        assert_same(store.read_run(place), stored.as_schema_1(run))


def test_schema_1_says_what_it_always_said() -> None:
    # Literally, so that an edit of `stored.py` can't change both sides of the comparison.
    run = store.read_run(stored.DATA / "schema-1" / "iris" / "some" / "round-1")
    steady, ramp, saturated = run.profiles
    names = [ERRORS[code] for code in steady.requests.error]
    assert names == [
        *("", "connect", "disconnected", "timeout"),
        *("status", "garbage", "wrong_answer", "unsent"),
    ]
    assert steady.requests.done_ns.tolist() == [
        *(201, 211, 221, 10_000_000_031),
        *(241, 251, 261, MISSING),
    ]
    assert steady.usage.pss_bytes.tolist() == [4_294_967_296, MISSING, 4_294_967_297]
    assert steady.calls.batch.tolist() == [1, 16]
    assert (len(ramp.requests), saturated.requests.due_ns.tolist()) == (0, [MISSING, MISSING])
    assert run.log == "listening\r\n50 %\r100 %\nünïcode\n"
    failed = store.read_run(stored.DATA / "schema-1" / "iris" / "some" / "round-2")
    assert failed.facts.failure == Failure("ready", "It did not get ready.", "last\nwords")


def test_the_windows_of_earlier_schemas_have_their_kinds() -> None:
    """Each kind had a place of its own; rows stood in this order, whatever was fired first."""
    window = {"profile": {"name": "some"}}
    data = {
        "windows": [window, window],
        "search": {"slo": "p99<50ms", "probes": [window]},
        "strains": [window],
        "audit": window,
        "verified": 7,
    }
    found = earlier.run(data, 6)
    kinds = [each["kind"] for each in found.pop("windows")]
    assert kinds == ["profile", "profile", "probe", "strain", "audit"]
    assert found == {"search": {"slo": "p99<50ms"}, "verified": 7}
    assert earlier.run({"windows": [window]}, 1) == {"windows": [{**window, "kind": "profile"}]}
    assert earlier.run(found, 7) is found


@pytest.mark.parametrize(
    "odd", [{"windows": 7}, {"windows": [7]}, {"windows": [], "search": 7}, []]
)
def test_an_earlier_run_that_is_none_is_named(odd: object, tmp_path: Path) -> None:
    place = store.write_run(tmp_path, stored.full_run())
    path = place / "run.json"
    data = {**json.loads(path.read_text()), "schema": 6, "run": odd}
    data.pop("sha256")
    seal = sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({**data, "sha256": seal}))
    with pytest.raises(ResultError, match="truncated or not a result file"):
        store.read_run(place)


def test_there_is_a_file_of_every_schema() -> None:
    kept = {path.name for path in stored.DATA.glob("schema-*")}
    assert kept == {f"schema-{number}" for number in range(1, store.SCHEMA + 1)}


def test_a_folder_that_lost_its_run_json_is_measured_anew(tmp_path: Path) -> None:
    run = stored.full_run()
    place = store.write_run(tmp_path, run)
    (place / "run.json").unlink()
    assert list(store.stored(tmp_path, [run.cell])) == []
    assert store.read_run(store.write_run(tmp_path, run)).facts == run.facts
