"""The report as Markdown, as a table and as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cmarkgfm
import pyarrow.parquet as pq
import pytest
from cmarkgfm.cmark import Options

from harness.analyse.cost import prices
from harness.analyse.field import comparison
from harness.analyse.field.comparison import COLUMNS
from harness.analyse.run import digest
from harness.analyse.run.findings import Verdict
from harness.analyse.statistics.stats import Spread
from harness.cli import _table
from harness.report import formats
from harness.report.formats import csv_, markdown_
from harness.report.page.view import Report
from harness.report.text import tidy
from harness.stored import store
from harness.stored.hosts import HostCheck
from harness.stored.records import Failure
from harness.stored.store import SCHEMA
from tests.docs.pages import section, text
from tests.fakes import Fake, campaign, stored_campaign
from tests.report.campaigns import IMAGE, PROFILES, SCRIPT
from tests.report.test_github import rendered
from tests.unit import stored

TEXTS = ("csv", "html", "json", "markdown")


def report_of(folder: Path) -> Report:
    digested = digest.of_campaign(folder)
    return Report(digested, comparison.compare(digested), prices.load())


def small(folder: Path, *fakes: Fake, rounds: int = 3) -> Report:
    chosen = [replace(fake, profiles=PROFILES) for fake in fakes]
    return report_of(stored_campaign(folder / "small", chosen, rounds))


def made(report: Report, name: str) -> str:
    text = formats.load()[name].make(report)
    assert isinstance(text, str)
    return text


def table(report: Report) -> Any:
    """The Parquet file, read back."""
    data = formats.load()["parquet"].make(report)
    assert isinstance(data, bytes)
    return pq.read_table(io.BytesIO(data))


def rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made(report, "csv"))))


@pytest.fixture(scope="module")
def report(all_sorts: Path) -> Report:
    return report_of(all_sorts)


@pytest.fixture(scope="module")
def markdown(report: Report) -> str:
    return made(report, "markdown")


@pytest.fixture(scope="module")
def data(report: Report) -> Any:
    return json.loads(made(report, "json"), parse_constant=pytest.fail)


def test_the_formats_and_their_files() -> None:
    assert {name: form.file for name, form in formats.load().items()} == {
        "csv": "report.csv",
        "html": "index.html",
        "json": "report.json",
        "markdown": "report.md",
        "openmetrics": "report.openmetrics",
        "parquet": "report.parquet",
    }


def test_html_is_the_page(report: Report, html: str) -> None:
    assert made(report, "html") == html


# --- whatever is stored, every format can say it -------------------------------------------------


@pytest.mark.parametrize("name", ["csv", "json", "markdown"])
def test_the_same_files_give_the_same_text(
    report: Report, all_sorts: Path, tmp_path: Path, name: str
) -> None:
    assert made(report_of(all_sorts), name) == made(report, name)
    assert str(all_sorts) not in made(report, name)


@pytest.mark.parametrize("schema", [1, 2, 3, 4])
def test_results_of_every_schema(schema: int) -> None:
    old = report_of(stored.DATA / f"schema-{schema}")
    assert not old.digested.damaged
    texts = {name: made(old, name) for name in TEXTS}
    assert set(table(old)["variant"].to_pylist()) == {"some"}
    assert {row["variant"] for row in rows(old)} == {"some"}
    assert "failed (ready) in round 2: It did not get ready." in texts["markdown"]
    assert json.loads(texts["json"])["runs"]["failed"] == 1
    assert "It did not get ready." in texts["html"]


def test_a_run_of_a_later_schema_is_named_and_the_rest_reported(tmp_path: Path) -> None:
    folder = small(tmp_path, Fake("a"), Fake("b", 9.0)).digested.folder
    place = folder / "sentiment" / "b" / "round-2" / "run.json"
    place.write_text(place.read_text().replace(f'"schema": {SCHEMA}', f'"schema": {SCHEMA + 1}'))
    report = report_of(folder)
    sentence = (
        f"run.json has schema {SCHEMA + 1}; this harness reads up to {SCHEMA}. Read it with the "
        "later version"
    )
    assert sentence in made(report, "markdown")
    (damaged,) = json.loads(made(report, "json"))["damaged"]
    assert damaged["message"].startswith(f"sentiment/b/round-2/{sentence}")
    assert (damaged["variant"], damaged["round"]) == ("b", 2)
    assert {row["variant"]: row["counted"] for row in rows(report)} == {"a": "3", "b": "2"}


@pytest.mark.parametrize("rounds", [0, 1])
def test_no_finished_run(tmp_path: Path, rounds: int) -> None:
    plan = campaign([Fake("a")], rounds=rounds)
    folder = stored_campaign(tmp_path / "c", [], plan=replace(plan, cells=()))
    if rounds:
        store.write_campaign(folder, plan)
    report = report_of(folder)
    assert rows(report) == []
    assert table(report).num_rows == 0
    assert table(report).column_names == list(tidy.COLUMNS)
    found = json.loads(made(report, "json"))
    assert (found["benchmarks"], found["runs"]["missing"]) == ([], rounds)
    text = made(report, "markdown")
    assert "Nothing can be ranked: this campaign has no valid run." in text
    assert ("**Not finished**: 1 of 1 planned run is not stored" in text) is bool(rounds)
    assert "Nothing can be ranked" in made(report, "html")


def test_nothing_but_failures(tmp_path: Path) -> None:
    report = small(tmp_path, Fake("a", failure=Failure("launch", "No such command.")), rounds=1)
    assert "- On `sentiment`, track matched: nothing could be ranked." in made(report, "markdown")
    assert {row["outcome"] for row in rows(report)} == {"failed"}
    assert {row["value"] for row in rows(report) if row["metric"] != "installed"} == {""}


# --- Markdown ------------------------------------------------------------------------------------


def test_the_answer_comes_first(tmp_path: Path) -> None:
    fast, slow = Fake("fast", capacity_per_s=300.0), Fake("slow", capacity_per_s=100.0)
    text = made(small(tmp_path, fast, slow), "markdown")
    assert re.match(
        r"## Serving Harness: `small`\n\n- On `sentiment`, track matched: `fast` is first, with a "
        r"capacity of [0-9.]+/s \([0-9.]+–[0-9.]+\) at p99&lt;50ms; next is `slow`, [0-9.]+/s\.\n",
        text,
    )


def test_ties_and_intervals_are_in_the_table(tmp_path: Path) -> None:
    report = small(tmp_path, Fake("a", 6.0, drift=0.1), Fake("b", 6.05, drift=-0.1), Fake("c", 30))
    text = made(report, "markdown")
    assert "`a` and `b` are tied for the first place" in text
    number = r"[0-9.,]+(?: \([0-9.,–]+\))?"
    assert re.search(rf"^\| 1= \| `a` \| {number} \| {number} \|", text, flags=re.M)
    assert re.search(r"^\| 1= \| `b` ", text, flags=re.M)
    assert re.search(rf"^\| 3 \| `c` \| {number} \| {number} \|", text, flags=re.M)
    assert "| rank | variant | p99 ms ↓ | p50 ms ↓ |" in text


def test_a_crowd_at_the_top_is_counted(tmp_path: Path) -> None:
    fakes = [Fake(name, 6.0) for name in "abcde"]
    text = made(small(tmp_path, *fakes, rounds=1), "markdown")
    assert re.search(r": one round cannot separate `\w`, `\w`, `\w` and 2 more, with a", text)
    assert "| ? | `a` |" in text
    text = made(small(tmp_path / "more", *fakes, rounds=2), "markdown")
    assert re.search(r": `\w`, `\w`, `\w` and 2 more are tied for the first place", text)
    assert "| 1= | `a` |" in text


def test_a_capacity_of_nothing_is_no_first_place(tmp_path: Path) -> None:
    report = small(tmp_path, Fake("a", capacity_per_s=300.0), rounds=1)
    (compared,) = report.comparisons
    row = compared.rows[0]
    none = replace(row, spreads={**row.spreads, "capacity": Spread(0.0, 0.0, 0.0, 1)})
    text = made(replace(report, comparisons=(replace(compared, rows=(none,)),)), "markdown")
    assert "none meets p99&lt;50ms at any tried rate" in text


def test_what_holds_it_at_no_rate_is_below_the_lowest_that_was_tried(tmp_path: Path) -> None:
    some = Fake("some", capacity_per_s=300.0)
    none = Fake("none", capacity_per_s=100.0, parts=(2.0, 1.5))
    report = small(tmp_path, some, none)
    text = made(report, "markdown")
    assert "next is `none`, which meets it at no tried rate." in text
    assert re.search(r"^\| 2 \| `none` \| below \d+/s \|", text, flags=re.M)
    lines = list(_table.lines(report))
    assert any(re.search(r"^none +\w+ 2 +below \d+/s  ", line) for line in lines)
    assert any(re.search(r"^some +\w+ 1 +\d+\.\d  ", line) for line in lines)


def test_the_table_and_the_markdown_say_why_they_rank_by_something_else(tmp_path: Path) -> None:
    report = small(tmp_path, Fake("a"))
    why = "not by capacity: no capacity was searched for"
    assert any(line.startswith("ranked by p") and why in line for line in _table.lines(report))
    assert f"; {why}" in made(report, "markdown")


def test_a_capacity_that_is_only_bracketed_is_both_of_its_ends(tmp_path: Path) -> None:
    report = small(tmp_path, Fake("wide", capacity_per_s=200.0, parts=(2.0, 0.5)), rounds=1)
    (capacity,) = [row for row in rows(report) if row["metric"] == "capacity"]
    low, high = float(capacity["low"]), float(capacity["high"])
    assert float(capacity["value"]) == low
    assert high == pytest.approx(4 * low)
    words = f"{low:.0f} to {high:.0f}/s"
    assert f"| 1 | `wide` | {words} |" in made(report, "markdown")
    assert any(re.search(rf"^wide +\w+ 1 +{words}  ", line) for line in _table.lines(report))
    page = made(report, "html")
    assert f"wide (matched) {words}" in page, "the words of the chart"
    assert re.search(rf'<td data-value="[0-9.]+"[^>]*>{words}</td>', page), "the table's cell"


def test_failed_and_invalid_with_their_reason(markdown: str) -> None:
    assert re.search(r"^- `broken` failed \(ready\) in rounds 1, 2 and 3: It never", markdown, re.M)
    assert "- `once-broken` failed (launch) in round 2: Port taken." in markdown
    assert re.search(r"^- `lagged` INVALID in rounds 1, 2 and 3: .*sent late", markdown, re.M)
    assert "`once-broken` (1 of 2 rounds left out)" in markdown


def test_damage_and_gaps(markdown: str) -> None:
    assert "- damaged: batched-more on sentiment, round 3: sentiment/batched-more/" in markdown
    assert "- not run: `once-broken` on `sentiment`, round 3" in markdown
    assert "**Not finished**: 1 of 39 planned runs is not stored." in markdown
    assert "**Damaged**: 1 stored run left out." in markdown
    assert "39 runs: 29 ok, 4 INVALID, 4 failed, 1 damaged, 1 not run" in markdown


def test_findings_fold_and_the_heavy_ones_come_first(markdown: str) -> None:
    folded = markdown.partition("<details>")[2].partition("</details>")[0]
    verdicts = re.findall(r"^- \*\*(\w+)\*\*", folded, flags=re.M)
    weight = [str(verdict) for verdict in reversed(Verdict)]
    assert set(verdicts) == set(weight)
    assert verdicts == sorted(verdicts, key=weight.index)
    assert folded.startswith("<summary>Findings: 4 INVALID, 8 warnings, 3 notes</summary>\n\n- ")
    assert [verdicts.count(kind) for kind in weight] == [4, 8, 3]


def test_hostile_names_are_text_to_github(markdown: str) -> None:
    shown = rendered(markdown)
    ours = {"h2", "h3", "p", "ul", "li", "code", "strong", "em", "span", "details", "summary"}
    ours |= {"table", "thead", "tbody", "tr", "th", "td", "del"}
    assert set(shown.tags) <= ours
    text = "".join(shown.texts)
    assert f"It never said {SCRIPT} & was ready." in text
    assert IMAGE in text
    assert "$x_1$" in text
    # Tables have as many cells as they have columns in every row.
    tables = re.findall(r"<table>.*?</table>", _html(markdown), flags=re.S)
    for table in tables:
        counts = {
            len(re.findall(r"<t[hd]\b", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.S)
        }
        assert len(counts) == 1
    # Each row that was written as one is one.
    assert len(re.findall(r"^\| ", markdown, flags=re.M)) - len(tables) == _html(markdown).count(
        "<tr>"
    )


def _html(markdown: str) -> str:
    html: str = cmarkgfm.github_flavored_markdown_to_html(
        markdown, options=Options.CMARK_OPT_UNSAFE
    )
    return html


def test_synthetic_weights_are_said(tmp_path: Path) -> None:
    report = small(tmp_path, Fake("a"), rounds=1)
    facts = replace(report.campaign.benchmarks["sentiment"], artefact={"synthetic": True})
    plan = replace(report.campaign, benchmarks={"sentiment": facts})
    made_up = replace(report, digested=replace(report.digested, campaign=plan))
    assert "**Synthetic weights** on `sentiment`" in made(made_up, "markdown")
    assert "Synthetic" not in made(report, "markdown")


def test_it_fits_into_a_comment(tmp_path: Path, report: Report) -> None:
    (compared,) = report.comparisons
    many = [
        replace(row, variant=f"{'@$' * 40}{number}", findings=row.findings * 40)
        for number in range(25)
        for row in compared.rows
    ]
    text = made(replace(report, comparisons=(replace(compared, rows=tuple(many)),)), "markdown")
    assert markdown_.ROOM / 2 < len(text) < 65_536
    assert re.search(r"^… and \d+ variants more: see the HTML report\.$", text, flags=re.M)
    assert re.search(r"^… and \d+ findings more: see the HTML report\.$", text, flags=re.M)
    assert "".join(rendered(text).closed).count("details") == 1


# --- CSV -----------------------------------------------------------------------------------------


def test_one_row_for_each_variant_benchmark_and_metric(report: Report) -> None:
    found = rows(report)
    (compared,) = report.comparisons
    assert len(found) == len(compared.rows) * len(COLUMNS)
    assert len({(r["variant"], r["benchmark"], r["metric"]) for r in found}) == len(found)
    assert {tuple(row) for row in found} == {tuple(tidy.COLUMNS)}
    assert {row["unit"] for row in found} == {metric.unit for metric in COLUMNS.values()}
    for row in compared.rows:
        for name, spread in row.spreads.items():
            variant = csv_.cell(tidy.line(row.variant))
            (line,) = [r for r in found if (r["metric"], r["variant"]) == (name, variant)]
            numbers = [line[key] for key in ("value", "low", "high")]
            if spread is None:
                assert numbers == ["", "", ""]
            else:
                exact = [spread.median, spread.low, spread.high]
                assert [float(number) for number in numbers] == exact
                assert line["value_rounds"] == str(spread.rounds)


def test_what_failed_and_what_is_invalid_is_told_in_its_rows(report: Report) -> None:
    found = {row["variant"]: row for row in rows(report)}
    assert (found["broken"]["outcome"], found["broken"]["counted"]) == ("failed", "0")
    assert found["broken"]["reason"].startswith("failed (ready): It never said")
    assert found["lagged"]["outcome"] == "INVALID"
    assert (found["fast"]["outcome"], found["fast"]["reason"]) == ("ok", "")
    assert (found["null"]["reference"], found["null"]["rank"]) == ("true", "")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("fast", "fast"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ("\n=1", "'=1"),
        ("\r=1", "\N{REPLACEMENT CHARACTER}=1"),
        (" =1", "'=1"),
        ("\x00=1", "\N{REPLACEMENT CHARACTER}=1"),
        ("\x1b[31m=1", "'=1"),
        ("\uff1d1", "'\uff1d1"),
        ("a=b", "a=b"),
        ('=cmd|"/c calc"!A1', '\'=cmd|"/c calc"!A1'),
        ("two\nlines", "two lines"),
        ("", ""),
    ],
)
def test_no_cell_of_text_is_a_formula(value: str, cell: str) -> None:
    assert csv_.cell(tidy.line(value)) == cell


def test_hostile_text_is_no_formula_in_any_column(tmp_path: Path) -> None:
    bad = '=HYPERLINK("https://example.org","x")'
    failure = Failure("launch", bad)
    fakes = [Fake("+a", framework=bad, version=bad, track=bad), Fake("-b", failure=failure)]
    report = small(tmp_path, *fakes, Fake("in-process", 30.0, reference=True), rounds=1)
    plan = replace(report.campaign, id=bad)
    found = rows(replace(report, digested=replace(report.digested, campaign=plan)))
    texts = {
        cell for row in found for key, cell in row.items() if key not in ("value", "low", "high")
    }
    assert f"'{bad}" in texts
    assert [cell for cell in texts if cell[:1] in ("=", "+", "-", "@")] == []
    # A number below zero is a number.
    assert any(row["value"].startswith("-") for row in found if row["metric"] == "overhead")


# --- JSON ----------------------------------------------------------------------------------------


def test_the_keys_are_those_that_are_documented(data: Any) -> None:
    page = section(text("docs/cli.md"), "report")
    documented = set(re.findall(r'"(\w+)"', page))
    assert set(keys(data)) == documented


def keys(value: Any, named: bool = True) -> Iterator[str]:
    """Every key but the names of metrics and of facts of the machine, which are data."""
    if isinstance(value, list):
        for each in value:
            yield from keys(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if named:
                yield key
            yield from keys(each, not named or key not in ("metrics", "environment"))


def test_figures_ranks_and_ties(report: Report, data: Any) -> None:
    (compared,) = report.comparisons
    (benchmark,) = data["benchmarks"]
    assert benchmark["ranked_by"] == compared.ranked_by
    for row, found in zip(compared.rows, benchmark["variants"], strict=True):
        assert (found["variant"], found["rank"]) == (row.variant, row.rank)
        assert set(found["metrics"]) == set(COLUMNS)
        for name, spread in row.spreads.items():
            told = found["metrics"][name]
            assert told == (None if spread is None else _told(spread))
    tied = {v["variant"]: v["tied"] for v in benchmark["variants"]}
    assert (tied["fast"], tied["fast@docker"], tied["broken"]) == (True, True, False)


def _told(spread: Spread) -> dict[str, float]:
    low_high = asdict(spread)
    return {"value": low_high.pop("median"), **low_high}


def test_failures_findings_damage_and_gaps(data: Any) -> None:
    found = {v["variant"]: v for v in data["benchmarks"][0]["variants"]}
    assert found["broken"]["outcome"] == "failed"
    assert [f["round"] for f in found["broken"]["failures"]] == [1, 2, 3]
    assert found["once-broken"]["failures"] == [
        {"round": 2, "phase": "launch", "message": "Port taken."}
    ]
    assert found["lagged"]["outcome"] == "INVALID"
    assert found["lagged"]["findings"][0]["verdict"] == "INVALID"
    assert [f["rounds"] for f in found["lagged"]["findings"]] == [[1], [2], [3]]
    assert SCRIPT in found["broken"]["reason"]
    (damaged,) = data["damaged"]
    assert (damaged["variant"], damaged["benchmark"], damaged["round"]) == (
        *("batched-more", "sentiment", 3),
    )
    (missing,) = data["missing"]
    own = {"variant": "once-broken", "launcher": None, "revision": None}
    assert (missing["subject"], missing["point"]) == (own, None)
    assert [missing[key] for key in ("variant", "benchmark", "round")] == [
        *("once-broken", "sentiment", 3)
    ]
    assert data["left_out"][0]["what"] == "torch on iris"
    assert data["runs"] == {
        **{"planned": 39, "ok": 29, "invalid": 4},
        **{"failed": 4, "damaged": 1, "missing": 1},
    }
    assert data["headlines"][0].startswith(
        "On sentiment, track matched: fast, as-fast and fast@docker are tied"
    )


def test_a_number_that_is_none_is_null(tmp_path: Path) -> None:
    report = small(tmp_path, Fake("a"), rounds=1)
    (compared,) = report.comparisons
    row = compared.rows[0]
    odd = Spread(math.nan, -math.inf, math.inf, 1)
    none = replace(row, spreads={**row.spreads, "memory": odd})
    odd_report = replace(report, comparisons=(replace(compared, rows=(none,)),))
    text = made(odd_report, "json")
    assert "NaN" not in text
    assert "Infinity" not in text
    (variant,) = json.loads(text)["benchmarks"][0]["variants"]
    assert variant["metrics"]["memory"] == {"value": None, "low": None, "high": None, "rounds": 1}
    (line,) = [line for line in rows(odd_report) if line["metric"] == "memory"]
    assert (line["value"], line["low"], line["high"]) == ("", "", "")
    (cells,) = [r for r in table(odd_report).to_pylist() if r["metric"] == "memory"]
    assert (cells["value"], cells["low"], cells["high"]) == (None, None, None)


# --- Parquet -------------------------------------------------------------------------------------


def test_parquet_is_the_csv_with_types(report: Report) -> None:
    found = table(report).to_pylist()
    cells = [{name: csv_.cell(value) for name, value in row.items()} for row in found]
    assert cells == rows(report)
    kinds = {str: "string", int: "int64", float: "double", bool: "bool"}
    types = {field.name: str(field.type) for field in table(report).schema}
    assert types == {name: kinds[kind] for name, kind in tidy.COLUMNS.items()}


def test_parquet_has_the_numbers_of_the_json_and_null_for_none(report: Report, data: Any) -> None:
    told = {
        (b["name"], tidy.line(v["variant"]), metric): numbers
        for b in data["benchmarks"]
        for v in b["variants"]
        for metric, numbers in v["metrics"].items()
    }
    found = {(r["benchmark"], r["variant"], r["metric"]): r for r in table(report).to_pylist()}
    assert set(found) == set(told)
    assert None in told.values()
    for place, row in found.items():
        expected = told[place] or dict.fromkeys(("value", "low", "high", "rounds"))
        assert [row[key] for key in ("value", "low", "high", "value_rounds")] == [
            *expected.values()
        ]


def test_a_percentile_among_failed_requests_is_told_in_every_format(tmp_path: Path) -> None:
    shutil.copytree(
        stored_campaign(tmp_path / "made", [replace(Fake("slow", errors=0.03), profiles=PROFILES)]),
        tmp_path / "small",
    )
    report = report_of(tmp_path / "small")
    (row,) = report.comparisons[0].rows
    assert row.spreads["latency_p99"] is None
    assert row.spreads["latency_p95"] is not None
    said = row.beyond["latency_p99"]
    assert re.fullmatch(r"over \d+ ms \(time-out\)|unknown: \d\.\d% failed", said)
    assert said in made(report, "markdown")
    assert said in made(report, "html")
    assert any(said in line for line in _table.lines(report))
    variant = json.loads(made(report, "json"))["benchmarks"][0]["variants"][0]
    assert variant["beyond"] == [{"metric": "latency_p99", "said": said}]
    assert variant["metrics"]["latency_p99"] is None
    (p99,) = [each for each in rows(report) if each["metric"] == "latency_p99"]
    assert (p99["value"], p99["beyond"]) == ("", said)


def test_the_table_says_why_rounds_do_not_count_and_cells_are_empty(tmp_path: Path) -> None:
    failure = Failure("ready", "It did not\nget ready.")
    fakes = (
        Fake("late", lag_ms=9.0),
        Fake("dead", failure=failure),
        Fake("odd", failure=failure, fails_in=frozenset({2})),
        Fake("sound"),
    )
    report = small(tmp_path, *fakes)
    lines = list(_table.lines(report))
    assert any(line.startswith("late: INVALID in rounds 1, 2 and 3: ") for line in lines)
    assert "dead: failed (ready) in rounds 1, 2 and 3: It did not get ready." in lines
    assert "odd: failed (ready) in round 2: It did not get ready." in lines
    assert "- capacity of all: no capacity was searched for" in lines
    assert lines[-1] == "\n3 of 12 INVALID: generator-lagged (3); 4 of 12 failed: ready (4)"


def test_an_unfit_host_is_what_the_table_ends_with(tmp_path: Path) -> None:
    report = small(tmp_path, Fake("late", lag_ms=9.0), rounds=1)
    busy = HostCheck(
        "other load", "unfit", "100% of the CPU time is used by other processes now. End it"
    )
    campaign = replace(report.campaign, checks=(busy,))
    told = _table.closing(replace(report.digested, campaign=campaign))
    assert told == "1 of 1 INVALID: other load: 100% of the CPU time is used by other processes now"
