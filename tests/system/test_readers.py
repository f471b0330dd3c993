"""Every reader of stored files against what nobody measured: left out by name, the others told.

Neither a traceback, nor a wait, nor memory beyond a bound: whoever wrote the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.analyse.campaigns import all_nights, brief_file, history, nights
from harness.analyse.cost import prices
from harness.analyse.run import digest
from harness.base import paths, reading, toml
from harness.base.errors import HarnessError, ResultError, UsageError
from harness.cli import _reports, _table
from harness.report import formats
from harness.report.history import history_page as pages
from harness.report.index import index
from harness.setup.tables import BenchmarkTable, ServerTable
from harness.stored import store
from harness.windows import columns
from tests import fakes
from tests.system import mutated
from tests.system.conftest import Command
from tests.system.sandbox import Sandbox

EXAMPLE = paths.PROJECT / "results" / store.EXAMPLE
KEPT = {"in-process", "null", "fastapi"}
SLOW = pytest.mark.slow
FUZZED = settings(max_examples=40, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign that was really measured, with three of its variants."""
    folder = tmp_path_factory.mktemp("real") / "c"
    shutil.copytree(EXAMPLE, folder, ignore=_others)
    data = json.loads((folder / "campaign.json").read_bytes())
    cells = data["campaign"]["cells"]
    data["campaign"]["cells"] = [cell for cell in cells if cell["variant"] in KEPT]
    mutated.write_sealed(folder / "campaign.json", data)
    return folder


def _others(folder: str, names: list[str]) -> list[str]:
    return [n for n in names if n not in KEPT] if Path(folder).parent == EXAMPLE else []


@pytest.fixture(autouse=True)
def _bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


def _data(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _draw(data: st.DataObject, value: Any) -> Any:
    known = [place for place in mutated.places(value) if place != ("sha256",)]
    return mutated.changed(value, data.draw(mutated.changes(known)))


def _report(folder: Path) -> None:
    """Everything that is made of a campaign."""
    report = _reports.of(digest.of_campaign(folder), prices.load())
    for name in ("json", "markdown", "csv"):
        formats.load()[name].make(report)
    list(_table.lines(report))


def _survives(folder: Path) -> None:
    said = ""
    try:
        with reading.made_sense_of(folder):
            _report(folder)
    except HarnessError as error:
        said = str(error)
    assert not said or str(folder) in said


@given(data=st.data())
@SLOW
@FUZZED
def test_a_plan(real: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("plan") / "c"
    shutil.copytree(real, folder, copy_function=os.link)
    path = folder / "campaign.json"
    found = _draw(data, _data(path))
    path.unlink()
    mutated.write_sealed(path, found)
    _survives(folder)


@given(data=st.data(), variant=st.sampled_from(sorted(KEPT)))
@SLOW
@FUZZED
def test_a_run(
    real: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, variant: str
) -> None:
    folder = tmp_path_factory.mktemp("run") / "c"
    shutil.copytree(real, folder, copy_function=os.link)
    (path, *_) = sorted(folder.glob(f"*/{variant}/*/run.json"))
    found = _draw(data, _data(path))
    path.unlink()
    mutated.write_sealed(path, found)
    _survives(folder)


@given(data=st.data())
@SLOW
@FUZZED
def test_a_summary(
    real: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("summary")
    kept = root / "reports" / "c" / brief_file.NAME
    brief_file.keep(kept, brief_file.key_of(real), _BRIEF.of(real))
    kept.write_text(json.dumps(_draw(data, _data(kept))))
    with contextlib.suppress(HarnessError):
        brief_file.of_stored(real, root / "reports")
    assert index.write(real.parent, root / "reports", 0.0).exists()


class _Once:
    """What takes seconds to make, made once."""

    def __init__(self) -> None:
        self.made: Any = None

    def of(self, folder: Path) -> Any:
        self.made = self.made or brief_file.made(folder)
        return self.made

    def night(self, folder: Path) -> Any:
        self.made = self.made or nights.of_campaign(digest.of_campaign(folder))
        return self.made


_BRIEF, _NIGHT = _Once(), _Once()


@given(data=st.data())
@SLOW
@FUZZED
def test_a_night(real: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("nights")
    for number in range(3):
        path = folder / f"{number}{nights.SUFFIX}"
        nights.keep([replace(_NIGHT.night(real), campaign=str(number))], folder)
        found = _data(path)
        found |= {"campaign": f"c{number}", "started_at": f"2026-01-0{number + 1}T00:00:00+00:00"}
        path.write_text(json.dumps(_draw(data, found) if number == 1 else found))
    known = all_nights.read([folder], lambda _: None)
    assert len(known) >= 2
    found = history.of_nights(known)
    pages.markdown(found, 5)
    pages.write(found, folder / "page", 5, [])


# --- what a fuzzer does not find -----------------------------------------------------------------


def _stored(sandbox: Sandbox, *names: str) -> None:
    for name in names:
        plan = fakes.campaign([fakes.Fake()], rounds=2, benchmarks=["noop"], id=name)
        fakes.stored_campaign(sandbox.results / name, [fakes.Fake()], rounds=2, plan=plan)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "null",
        "3",
        '"x"',
        mutated.DEEP,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        '{"schema": NaN, "sha256": ""}',
        '{"schema": 5, "sha256": ""}',
        '{"schema": "5", "sha256": "x", "campaign": {}}',
        '{"schema": ' + "9" * 5000 + "}",
        "\xff",
        "",
    ],
    ids=lambda text: text[:20],
)
@pytest.mark.parametrize("file", ["campaign.json", "run.json"])
def test_it_is_named_and_the_others_are_reported(
    cli: Command, sandbox: Sandbox, text: str, file: str
) -> None:
    _stored(sandbox, "bad", "good")
    (path, *_) = sorted((sandbox.results / "bad").rglob(file))
    path.write_bytes(text.encode("latin-1"))
    done = cli("report", "bad", "good")
    assert done.returncode in (1, 2)
    assert str(path.parent) in done.stderr
    assert (sandbox.reports / "good" / "index.html").exists()
    told = cli("history")
    assert told.returncode == 0
    assert str(path) in told.stderr or f"bad: {path.parent}" in told.stderr or "bad" in told.stderr
    assert "good" in (sandbox.reports / "index.html").read_text()


@pytest.mark.parametrize("file", ["campaign.json", "run.json", "requests.parquet", "server.log"])
def test_nobody_waits_for_a_pipe(cli: Command, sandbox: Sandbox, file: str) -> None:
    _stored(sandbox, "bad", "good")
    (path, *_) = sorted((sandbox.results / "bad").rglob(file))
    path.unlink()
    os.mkfifo(path)
    done = cli("report", "bad", "good")
    assert done.returncode in (1, 2)
    assert str(path) in done.stderr
    assert (sandbox.reports / "good" / "index.html").exists()


def test_names_that_are_no_text(cli: Command, sandbox: Sandbox) -> None:
    _stored(sandbox, "good")
    odd = sandbox.results / os.fsdecode(b"a\xff")
    for folder in (odd, sandbox.results / "new\nline"):
        shutil.copytree(sandbox.results / "good", folder)
        (folder / "campaign.json").write_text("{}")
    told = cli("history")
    assert told.returncode == 0
    assert "Traceback" not in told.stderr
    assert r"new\nline/campaign.json can't be read" in told.stderr
    assert cli("report", "good").returncode == 0
    assert "good" in (sandbox.reports / "index.html").read_text()


def test_a_file_too_large_for_its_kind(sandbox: Sandbox) -> None:
    _stored(sandbox, "bad")
    path = sandbox.results / "bad" / "campaign.json"
    with path.open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(ResultError, match="more than 16 MiB"):
        store.read_campaign(path.parent)


def test_the_advice_costs_no_runs(cli: Command, sandbox: Sandbox) -> None:
    _stored(sandbox, "mine")
    path = sandbox.results / "mine" / "campaign.json"
    path.write_text(path.read_text().replace('"preset"', '"preset "'))
    done = cli("report", "mine")
    assert f"{path} is not as it was written" in done.stderr
    assert "Put the file back as it was" in done.stderr
    assert "Remove" not in done.stderr
    (run, *_) = sorted((sandbox.results / "mine").rglob("run.json"))
    run.write_text(run.read_text().replace('"run"', '"run "'))
    with pytest.raises(ResultError, match=f"Remove the folder {run.parent} and measure the cell"):
        store.read_run(run.parent)


def _calls(rows: int, **others: Any) -> pa.Table:
    zeros = pa.array(np.zeros(rows, np.int64))
    names = [f.name for f in fields(columns.TABLES["calls"])]
    return pa.table({"window": zeros, **dict.fromkeys(names, zeros), **others})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (_calls(1 << 22), "rows can't fit into so few bytes"),
        (_calls(2, window=pa.array([1, 0])), "windows that the run does not have"),
        (_calls(2, window=pa.array([0, 7])), "windows that the run does not have"),
        (_calls(2, batch=pa.array(["1", "2"])), "type string"),
        (_calls(2, batch=pa.array([[1], [2]])), "type list"),
        (_calls(2, batch=pa.array([1.5, 2.5])), "type double"),
        (_calls(2, start_ns=pa.array([0, 1 << 62])), "is out of range"),
        (_calls(2).drop_columns(["batch"]), "batch"),
        (pa.table({"x": [1]}), "start_ns"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_columns_that_nobody_measured(tmp_path: Path, table: pa.Table, said: str) -> None:
    pq.write_table(table, tmp_path / "calls.parquet", compression="zstd")
    with pytest.raises(ResultError, match=said):
        columns.read(tmp_path, "calls", 1)


def _tables() -> list[Path]:
    found = [*paths.PROJECT.glob("benchmarks/*/benchmark.toml")]
    return sorted([*found, *paths.PROJECT.glob("servers/*/server.toml")])


@given(data=st.data(), path=st.sampled_from(_tables()))
@settings(max_examples=150)
def test_a_table(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, path: Path) -> None:
    model = BenchmarkTable if path.name == "benchmark.toml" else ServerTable
    found = _draw(data, tomllib.loads(path.read_text()))
    copy = tmp_path_factory.mktemp("table") / path.name
    try:
        text = tomli_w.dumps(found)
    except (TypeError, ValueError):
        return  # TOML can't say null
    copy.write_bytes(text.encode(errors="surrogatepass"))
    with contextlib.suppress(UsageError):
        toml.load(copy, model)


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e999"])
def test_a_table_has_no_number_beyond_all_that_is_measured(tmp_path: Path, value: str) -> None:
    text = (paths.PROJECT / "benchmarks" / "noop" / "benchmark.toml").read_text()
    path = tmp_path / "benchmark.toml"
    path.write_text(f"timeout_s = {value}\n{text}")
    with pytest.raises(UsageError, match="key 'timeout_s'"):
        toml.load(path, BenchmarkTable)
