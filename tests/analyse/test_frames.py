"""harness.frames: what a notebook gets of stored campaigns."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness import frames
from harness.analyse.campaigns import brief_file
from harness.analyse.cost import prices
from harness.analyse.field import comparison
from harness.analyse.field.comparison import COLUMNS
from harness.analyse.run import digest
from harness.base import paths
from harness.base.errors import UsageError
from harness.report import formats
from harness.report.page.view import Report
from harness.stored import store
from harness.stored.records import Failure, Run
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile
from tests import fakes
from tests.fakes import Fake
from tests.unit import stored

PROFILES = (
    Profile("steady", "poisson", 5.0, rate_per_s=100.0),
    Profile("saturated", "closed", 1.0, concurrency=4),
)
FAKES = tuple(
    replace(fake, profiles=PROFILES)
    for fake in (
        Fake("in-process", 4.0, reference=True),
        Fake("good", capacity_per_s=200.0),
        Fake("late", lag_ms=30.0, track="tuned"),
        Fake("broken", failure=Failure("ready", "It was not ready.")),
        Fake("erring", errors=0.2, batch=3),
    )
)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("HARNESS_REPORTS", str(tmp_path / "reports"))
    return tmp_path / "results"


@pytest.fixture
def mine(results: Path) -> Path:
    return fakes.stored_campaign(results / "mine", FAKES, rounds=1)


def full(campaign: str = "full") -> Run:
    """A run with a window of every kind."""
    fake = replace(FAKES[1], profiles=PROFILES[:1])
    made = fakes.run(fake, campaign=campaign)
    strain, audit = (fakes.run(fake, number).windows[0] for number in (2, 3))
    made = fakes.having(made, WindowKind.STRAIN, [strain])
    return fakes.having(made, WindowKind.AUDIT, [audit])


def store_full(results: Path) -> Run:
    plan = fakes.campaign(FAKES[1:2], 1, id="full")
    store.write_campaign(results / "full", plan)
    run = full()
    store.write_run(results / "full", run)
    return run


# --- campaigns -----------------------------------------------------------------------------------


def test_campaigns_are_told_oldest_first_and_the_example_is_none(results: Path) -> None:
    for name, day in (("b", 2), ("a", 3), ("example", 1)):
        plan = fakes.campaign(FAKES, 1, id=name)
        plan = replace(plan, started_at=f"2026-01-0{day}T03:04:05+00:00")
        fakes.stored_campaign(results / name, FAKES, plan=plan)
    found = frames.campaigns()
    assert [*found["campaign"]] == ["b", "a"]
    assert found["started_at"][0] == pd.Timestamp("2026-01-02T03:04:05Z")
    assert found.dtypes.astype(str).to_dict() == {
        **dict.fromkeys(("campaign", "preset", "device", "machine"), "str"),
        "started_at": "datetime64[us, UTC]",
        **dict.fromkeys(("planned", "ok", "invalid", "failed", "damaged", "missing"), "int64"),
    }
    counts = found.loc[0, ["planned", "ok", "invalid", "failed", "damaged", "missing"]]
    assert [*counts] == [5, 2, 2, 1, 0, 0]
    assert (found["preset"][0], found["device"][0]) == ("standard", "cpu")
    assert found["machine"][0].startswith("Imaginary CPU @ 2.00GHz")
    pd.testing.assert_frame_equal(frames.campaigns(results), found)


def test_no_campaign_is_an_empty_frame_of_the_same_columns(results: Path, mine: Path) -> None:
    empty = frames.campaigns(results / "nowhere")
    assert len(empty) == 0
    assert [*empty.dtypes.items()] == [*frames.campaigns().dtypes.items()]


def test_a_summary_that_holds_is_taken_and_one_that_does_not_is_not(
    results: Path, mine: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "reports" / "mine" / "summary.json"
    real = brief_file.made(mine)
    made = replace(real, summary=replace(real.summary, preset="as it was kept"))
    brief_file.keep(kept, brief_file.key_of(mine), made)
    assert [*frames.campaigns()["preset"]] == ["as it was kept"]
    brief_file.keep(kept, "another key", made)
    assert [*frames.campaigns()["preset"]] == ["standard"]


def test_a_campaign_that_cannot_be_read_is_left_out_and_named(results: Path, mine: Path) -> None:
    (results / "broken").mkdir()
    (results / "broken" / "campaign.json").write_text("{")
    with pytest.warns(frames.DamagedWarning, match=r"left out: broken: .*campaign\.json can't"):
        found = frames.campaigns()
    assert [*found["campaign"]] == ["mine"]


# --- metrics -------------------------------------------------------------------------------------


def test_metrics_are_the_runs_own_with_nan_for_what_is_not_known(mine: Path) -> None:
    found = frames.metrics("mine")
    assert len(found) == len(FAKES) * len(COLUMNS)
    rows = {(row["variant"], row["metric"]): row for _, row in found.iterrows()}
    for each in digest.of_campaign(mine).digests:
        for name, metric in COLUMNS.items():
            row = rows[each.cell.variant_name, name]
            value = each.values.get(name)
            assert row["unit"] == metric.unit
            np.testing.assert_equal(row["value"], np.nan if value is None else value)
            known = value is not None and name in each.replicates
            assert (row["low"] <= row["high"]) == known
            assert np.isnan(row["low"]) == np.isnan(row["high"]) == (not known)
    outcomes = found[["variant", "outcome"]].drop_duplicates()
    assert dict(outcomes.itertuples(index=False, name=None)) == {
        **dict.fromkeys(("in-process", "good"), "ok"),
        **dict.fromkeys(("erring", "late"), "INVALID"),
        "broken": "failed",
    }
    assert found.loc[found["variant"] == "broken", "value"].isna().all()
    assert {*found.loc[found["variant"] == "late", "track"]} == {"tuned"}


def test_metrics_of_one_round_are_those_of_the_csv(mine: Path) -> None:
    digested = digest.of_campaign(mine)
    report = Report(digested, comparison.compare(digested), prices.load())
    text = formats.load()["csv"].make(report)
    assert isinstance(text, str)
    told = {
        (row["variant"], row["metric"]): [row[key] for key in ("value", "low", "high")]
        for row in csv.DictReader(io.StringIO(text))
        if row["metric"] in ("latency_p50", "throughput", "capacity")
    }
    found = frames.metrics("mine")
    for row in found[found["low"].notna()].itertuples():
        if row.metric in ("latency_p50", "throughput", "capacity"):
            expected = [float(number) for number in told[str(row.variant), str(row.metric)]]
            assert [row.value, row.low, row.high] == expected


def test_the_dtypes_of_metrics_are_the_same_without_any_run(results: Path, mine: Path) -> None:
    store.write_campaign(results / "planned", fakes.campaign(FAKES, 1, id="planned"))
    empty, found = frames.metrics("planned"), frames.metrics("mine")
    assert (len(empty), [*empty.columns]) == (0, [*found.columns])
    kinds = {name: str(kind) for name, kind in found.dtypes.items()}
    assert {name: str(kind) for name, kind in empty.dtypes.items()} == kinds
    texts = ("variant", "benchmark", "track", "outcome", "metric", "unit")
    parts = ("subject", "launcher", "revision", "plain_benchmark", "axis")
    numbers = ("value", "low", "high")
    assert kinds == {
        **dict.fromkeys((*texts, *parts), "category"),
        **dict.fromkeys(numbers, "float64"),
        "round": "int64",
        "at": "Int64",
    }


# --- requests and calls --------------------------------------------------------------------------


def test_every_request_of_every_window(results: Path) -> None:
    run = store_full(results)
    found = frames.requests("full", "good")
    assert len(found) == sum(len(window.requests) for window in run.windows)
    windows = found.groupby("window")[["kind", "profile"]].first()
    kinds = ["profile", *["probe"] * len(run.probes), "strain", "audit"]
    assert [*windows["kind"]] == kinds
    assert [*windows["profile"]] == [w.facts.profile.name for w in run.windows]
    for number, window in enumerate(run.windows):
        mine, requests = found[found["window"] == number], window.requests
        np.testing.assert_allclose(mine["due_s"], requests.due_ns / 1e9)
        np.testing.assert_allclose(mine["sent_s"], requests.sent_ns / 1e9)
        np.testing.assert_allclose(mine["done_s"], requests.done_ns / 1e9)
        np.testing.assert_allclose(mine["response_ms"], requests.response_ns() / 1e6)
        np.testing.assert_allclose(mine["service_ms"], requests.service_ns() / 1e6)
        np.testing.assert_array_equal(mine["payload"], requests.payload)


def test_what_never_came_is_missing_and_not_zero(mine: Path) -> None:
    found = frames.requests("mine", "erring")
    failed = found[~found["ok"]]
    assert 0 < len(failed) < len(found)
    assert {*failed["error"]} == {"timeout"}
    for column in ("first_byte_s", "done_s", "response_ms", "service_ms", "status"):
        assert failed[column].isna().all()
        assert found.loc[found["ok"], "status"].eq(200).all()
    assert found.loc[found["ok"], "error"].isna().all()
    closed = found[found["profile"] == "saturated"]
    assert closed["due_s"].isna().all()
    assert closed["response_ms"].isna().all()
    assert closed.loc[closed["ok"], "service_ms"].gt(0).all()


def test_the_dtypes_of_requests_and_calls_are_the_same_without_any(mine: Path) -> None:
    places = {**dict.fromkeys(("benchmark", "kind", "profile"), "category")} | {
        **dict.fromkeys(("round", "window"), "int64")
    }
    times = ("due_s", "sent_s", "first_byte_s", "done_s", "response_ms", "service_ms")
    for variant in ("erring", "broken"):
        requests, calls = frames.requests("mine", variant), frames.calls("mine", variant)
        assert requests.dtypes.astype(str).to_dict() == {
            **places,
            **{"payload": "int64", **dict.fromkeys(times, "float64"), "status": "Int64"},
            **{"error": "category", "ok": "bool", "queued": "bool", "resent": "bool"},
        }
        assert calls.dtypes.astype(str).to_dict() == {
            **places,
            **dict.fromkeys(("start_s", "duration_ms"), "float64"),
            **dict.fromkeys(("batch", "process"), "int64"),
        }
    assert len(frames.requests("mine", "broken")) == len(frames.calls("mine", "broken")) == 0


def test_every_call_of_the_predictor(mine: Path) -> None:
    (run,) = (store.read_run(place) for place in mine.glob("sentiment/erring/round-1"))
    found = frames.calls("mine", "erring")
    assert len(found) == sum(len(window.calls.batch) for window in run.windows)
    steady = found[found["profile"] == "steady"]
    np.testing.assert_allclose(steady["start_s"], run.windows[0].calls.start_ns / 1e9)
    np.testing.assert_allclose(steady["duration_ms"], run.windows[0].calls.duration_ns / 1e6)
    assert {*found["batch"]} == {3}


def test_every_piece_of_content(tmp_path: Path) -> None:
    store.write_campaign(tmp_path, stored.campaign())
    store.write_run(tmp_path, stored.heard(stored.full_run()))
    found = frames.chunks(tmp_path, "some")
    assert found["window"].tolist() == [0, 0, 0, 2]
    assert found["request"].tolist() == [0, 2, 2, 1]
    assert found["at_s"].tolist() == [150e-9, 180e-9, 190e-9, 8e-9]
    assert found["count"].isna().tolist() == [False, True, False, True]
    found = frames.chunks(stored.DATA / "schema-6", "some")
    assert len(found) == 0
    assert found.dtypes.astype(str).to_dict() == {
        **dict.fromkeys(("benchmark", "kind", "profile"), "category"),
        **dict.fromkeys(("round", "window", "request", "size_bytes"), "int64"),
        **{"at_s": "float64", "count": "Int64"},
    }


def test_what_answers_told(tmp_path: Path) -> None:
    store.write_campaign(tmp_path, stored.campaign())
    store.write_run(tmp_path, stored.heard(stored.full_run()))
    found = frames.marks(tmp_path, "some")
    assert found["request"].tolist() == [0, 0, 2]
    assert found["mark"].tolist() == ["runs", "finished_ns", "runs"]
    assert found["value"].tolist() == [3, 160, 1]
    assert len(frames.marks(stored.DATA / "schema-6", "some")) == 0


def test_what_a_front_saw(tmp_path: Path) -> None:
    store.write_campaign(tmp_path, stored.campaign())
    store.write_run(tmp_path, stored.heard(stored.full_run()))
    found = frames.invocations(tmp_path, "some")
    assert found["cold"].tolist() == [True, False, False]
    assert found["instance"].isna().tolist() == [False, False, True]
    assert found["returned_s"].isna().tolist() == [False, True, True]
    assert found["billed_ms"].tolist() == [250, 2, 0]
    assert found["profile"].tolist() == ["saturated"] * 3
    assert len(frames.invocations(stored.DATA / "schema-6", "some")) == 0


def test_rounds_and_benchmarks_follow_one_another(results: Path) -> None:
    fakes.stored_campaign(results / "two", FAKES[:2], 2, ("sentiment", "iris"))
    found = frames.requests("two", "good")
    places = found[["round", "benchmark"]].drop_duplicates()
    assert [*places.itertuples(index=False, name=None)] == [
        *((1, "sentiment"), (1, "iris"), (2, "sentiment"), (2, "iris")),
    ]


@pytest.mark.parametrize("schema", [1, 2, 3, 4])
def test_results_of_every_schema(schema: int) -> None:
    folder = stored.DATA / f"schema-{schema}"
    assert len(frames.requests(folder, "some")) > 0
    assert len(frames.calls(folder, "some")) > 0
    assert {*frames.metrics(folder)["variant"]} == {"some"}


# --- what is asked for is not there --------------------------------------------------------------


def test_a_campaign_is_a_name_or_a_path(mine: Path, tmp_path: Path) -> None:
    by_name = frames.metrics("mine")
    for given in (mine, str(mine)):
        pd.testing.assert_frame_equal(frames.metrics(given), by_name)
    with pytest.raises(UsageError, match=r"There is no campaign 'mime'\. Did you mean 'mine'\?"):
        frames.metrics("mime")
    with pytest.raises(UsageError, match=r"There is no campaign in .*/nowhere: it has no"):
        frames.requests(tmp_path / "nowhere", "good")


@pytest.mark.parametrize("table", [frames.requests, frames.calls, frames.chunks])
def test_an_unknown_variant(mine: Path, table: Callable[..., pd.DataFrame]) -> None:
    with pytest.raises(UsageError, match=r"There is no variant 'god'\. Did you mean 'good'\?"):
        table("mine", "god")


def test_a_damaged_run_is_left_out_and_named(results: Path) -> None:
    folder = fakes.stored_campaign(results / "spoilt", FAKES[:2], rounds=2)
    requests = folder / "sentiment" / "good" / "round-1" / "requests.parquet"
    requests.write_bytes(requests.read_bytes()[:-9])
    said = r"left out: good on sentiment, round 1: .*requests\.parquet is not as it was written"
    with pytest.warns(frames.DamagedWarning, match=said):
        found = frames.metrics("spoilt")
    assert {*found.loc[found["variant"] == "good", "round"]} == {2}
    for table in (frames.requests, frames.calls):
        with pytest.warns(frames.DamagedWarning, match=said):
            assert {*table("spoilt", "good")["round"]} == {2}


def test_a_run_of_another_cell_is_left_out_and_named(results: Path) -> None:
    folder = fakes.stored_campaign(results / "moved", FAKES[:2], rounds=2)
    (folder / "sentiment" / "good" / "round-1").rename(folder / "aside")
    (folder / "sentiment" / "good" / "round-2").rename(folder / "sentiment" / "good" / "round-1")
    with pytest.warns(frames.DamagedWarning, match="holds another run: good on sentiment, round 2"):
        assert len(frames.requests("moved", "good")) == 0


# --- pandas is an extra --------------------------------------------------------------------------

WITHOUT = """\
import sys
sys.modules["pandas"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "pandas" else found(name, *rest)
from harness import frames
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=paths.PROJECT, capture_output=True, text=True, check=False
    )


def test_without_pandas_it_says_what_to_install() -> None:
    done = python(WITHOUT)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "harness.base.errors.UsageError: harness.frames needs pandas, which is not installed: "
        "python -m pip install 'serving-harness[frames]', or -r requirements-frames.txt in the "
        "project's folder."
    )


@pytest.mark.parametrize("arguments", [["--help"], ["report", "--help"], ["list", "--help"]])
def test_the_command_line_starts_without_pandas_and_pyarrow(arguments: list[str]) -> None:
    done = python(
        "import sys\nfrom harness.cli import main\n"
        f"sys.argv = ['harness', *{arguments!r}]\n"
        "try:\n    main()\nfinally:\n"
        "    print({'pandas', 'pyarrow', 'numpy'} & set(sys.modules), file=sys.stderr)\n"
    )
    assert done.returncode == 0
    assert done.stderr == "set()\n"
