"""The section *Functions*: cold starts, bursts, sweeps, and the rate from which a server is
cheaper."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from harness.analyse.cost import billing, prices
from harness.analyse.cost.break_even import BreakEven
from harness.analyse.cost.prices import PriceTable
from harness.analyse.field import start_parts
from harness.analyse.field.comparison import compare
from harness.analyse.run import digest
from harness.analyse.run.digested import Digest, Digested
from harness.cli import _table
from harness.report import formats
from harness.report.page import break_even, view
from harness.report.page.break_even import Beside
from harness.report.page.view import Report
from harness.setup.functions import CLOUD_RUN
from harness.stored.functions import OUT_OF_MEMORY, Lost
from harness.stored.identity import BENCHMARK, VARIANT, Point, benchmark_name
from harness.stored.records import SWEEP, Campaign, Failure, Run
from harness.stored.starts import FILES, IDLE, PROCESS, Starts
from harness.windows.profiles import Profile
from tests import fakes, invoked
from tests.fakes import Fake
from tests.invoked import NO_IMAGE, USUAL, Function, starts
from tests.report.campaigns import SCRIPT
from tests.report.test_charts import figures, rendered

PROFILES = (Profile("steady", "poisson", 4.0, rate_per_s=60.0),)
HANDLER = Fake("lambda-handler", 6.0, capacity_per_s=120.0, profiles=PROFILES)
MANGUM = Fake("lambda-fastapi", 9.0, capacity_per_s=90.0, profiles=PROFILES)
SERVER = Fake("fastapi", 6.0, capacity_per_s=300.0, profiles=PROFILES)
TOLD = Function(starts=USUAL, billed_ms=7)


def report_of(
    functions: dict[Fake, Function], servers: Sequence[Fake] = (SERVER,), rounds: int = 2
) -> Report:
    known = [*(replace(fake, track="functions") for fake in functions), *servers]
    plan = fakes.campaign(known, rounds, ("iris",))
    told = {fake.name: each for fake, each in functions.items()}
    by_name = {fake.name: fake for fake in known}
    made = []
    for cell in plan.cells:
        found = fakes.run(by_name[cell.variant_name], cell.round, "iris", plan.id)
        if cell.variant_name in told:
            found = invoked.function(found, told[cell.variant_name])
        made.append(digest.of_run(found, plan, None))
    return reported(made, plan)


def reported(made: Sequence[Digest], plan: Campaign) -> Report:
    digested = Digested(folder=Path("c"), campaign=plan, digests=tuple(made), damaged=())
    return Report(digested, compare(digested), prices.load())


def html_of(report: Report) -> str:
    return unescape(rendered(report, "functions"))


def cells(html: str, *names: str) -> list[str]:
    """The cells of the first line that has all of these texts, as text."""
    rows = re.findall(r"<tr.*?</tr>", html, flags=re.DOTALL)
    row = next(row for row in rows if all(f">{name}<" in row for name in names))
    found = re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in found]


def test_without_a_function_nothing_is_said() -> None:
    assert rendered(report_of({}), "functions") == ""


def test_what_a_new_process_costs_and_where_its_time_goes() -> None:
    html = html_of(report_of({HANDLER: TOLD}))
    assert re.search(
        r"lambda-handler: the first answer of a new process takes 836 ms \(\d+–\d+\), most of it "
        r"import \(60%\); an idle one answers in 6\.\d+ ms",
        html,
    )
    process = cells(html, "lambda-handler", "new process")
    assert process[:3] == ["new process", "20", "0"]
    assert cells(html, "lambda-handler", "files not cached")[2] == "4"  # two in each round
    assert process[-1].startswith("836")
    assert "lambda-handler, files not cached: 4 samples thrown away; the last because" in html
    assert f"<b>lambda-handler</b> could not be started here with no image: {NO_IMAGE}" in html
    assert "no image" not in re.sub("<li>.*?</li>", "", html, flags=re.DOTALL)


def test_the_drawn_parts_add_up_to_the_whole() -> None:
    report = report_of({HANDLER: TOLD})
    row = next(r for r in report.comparisons[0].rows if r.variant == "lambda-handler")
    found = start_parts.of_row(row)
    assert found is not None
    for each in found.known:
        samples = [s for d in row.digests for s in d.invoked.starts.of(each.temperature)]  # type: ignore[union-attr]
        mean = sum(s.whole_s for s in samples) / len(samples)
        assert sum(each.means.values()) == pytest.approx(mean, rel=0.02)
        assert each.whole.low <= each.whole.median <= each.whole.high
    assert [each.temperature for each in found.known] == [FILES, PROCESS, IDLE]


def test_a_temperature_without_samples_is_not_drawn_as_none() -> None:
    html = html_of(report_of({HANDLER: replace(TOLD, starts=starts((PROCESS, 800.0)))}))
    assert "an idle one" not in html
    svg = figures(html)["The parts of a start"]
    assert "new process" in svg
    assert "idle process" not in svg
    nothing = html_of(report_of({HANDLER: replace(TOLD, starts=Starts())}))
    assert "The parts of a start" not in nothing


def test_a_burst_stands_in_a_line_and_its_instances_in_a_chart() -> None:
    html = html_of(report_of({HANDLER: TOLD, MANGUM: replace(TOLD, instances=6)}))
    line = cells(html, "lambda-handler", "0 to 40/s")
    assert line[:2] == ["0 to 40/s", "8"]
    assert line[-1] == "4"
    chart = figures(html)["Instances over time"]
    assert "lambda-handler 4, the last after" in chart
    assert chart.count('class="line"') == 2


def test_from_which_rate_a_server_is_cheaper() -> None:
    html = html_of(report_of({HANDLER: TOLD}))
    said = re.findall(r"<li>(From .*?)</li>", html)
    assert len(said) == 3  # Lambda on both kinds of processors, and Azure
    assert re.match(
        r"From \d[\d,.]*/s( \([\d,.]+–[\d,.]+\))? on, fastapi on AWS \S+ is cheaper than "
        r"lambda-handler on AWS Lambda \(x86\)",
        said[0],
    )
    line = cells(html, "lambda-handler", "AWS Lambda (x86)")
    # 7 ms of 1769 MB at 0.0000166667 dollars a GiB-second, and the request.
    assert line[1:3] == ["7 ms × 1.73 GiB", "$0.40"]
    kept = cells(html, "lambda-handler", "AWS Lambda (x86), provisioned")
    assert kept[2] == "$0.32"
    azure = cells(html, "lambda-handler", "Azure Functions (Consumption)")
    assert azure[1] == "100 ms × 0.25 GiB"
    chart = figures(html)["Cost of a million requests by their rate"]
    names = re.findall(r'data-name="(.*?)"', chart)
    services = ["AWS Lambda (x86)", "AWS Lambda (x86) kept", "AWS Lambda (arm64)"]
    services += ["AWS Lambda (arm64) kept", "Azure Functions (Consumption)"]
    assert sorted(names) == sorted([*services, "fastapi, c7i.large", "fastapi, F2s v2"])
    assert re.findall(r'class="curve (ref|f\d+) [^"]*" data-name="fastapi', chart) == ["ref", "ref"]


def test_programs_and_pull_requests_are_told_too() -> None:
    report = report_of({HANDLER: TOLD})
    (benchmark,) = json.loads(str(formats.load()["json"].make(report)))["benchmarks"]
    told = {(each["service"]): each for each in benchmark["functions"]}
    lambda_ = told["Lambda (x86)"]
    assert (lambda_["variant"], lambda_["server"]) == ("lambda-handler", "fastapi")
    assert lambda_["usd_per_million"]["median"] == pytest.approx(0.4015, abs=1e-4)
    even = lambda_["server_cheaper_from_per_s"]
    assert even["low"] <= even["rate"] <= even["high"]
    said = str(formats.load()["markdown"].make(report))
    assert re.search(r"^- From \S+.* on, fastapi on AWS \S+ is cheaper than lambda", said, re.M)
    ended = [line for line in _table.lines(report) if " is cheaper than lambda" in line]
    assert len(ended) == 3
    plain = str(formats.load()["json"].make(report_of({})))
    assert "functions" not in json.loads(plain)["benchmarks"][0]


def test_the_costs_name_functions_and_leave_them_out() -> None:
    html = unescape(rendered(report_of({HANDLER: TOLD}), "cost"))
    assert "<b>lambda-handler</b> left out: it is billed as a function" in html
    assert ">lambda-handler</a>" not in html


def test_a_service_that_records_nothing_is_said_to() -> None:
    other = replace(HANDLER, variant="serverless-offline", launcher="serverless-offline")
    report = report_of({HANDLER: TOLD, other: Function()})
    bare = [
        replace(d, invoked=replace(d.invoked, windows={}))
        if d.invoked is not None and d.cell.subject.variant == "serverless-offline"
        else d
        for d in report.digested.digests
    ]
    changed = reported(bare, report.campaign)
    html = html_of(changed)
    assert "Nothing of serverless-offline@serverless-offline is shown here" in html
    cost = unescape(rendered(changed, "cost"))
    assert "left out: it is billed as a function, and its service did not record" in cost


def test_cloud_run_is_priced_as_cloud_run() -> None:
    run = replace(HANDLER, variant="functions-cloud-run", launcher=CLOUD_RUN)
    html = html_of(report_of({run: replace(TOLD, memory_mib=2048, concurrency=80)}))
    assert "functions-cloud-run@cloud-run on Google Cloud Run" in html
    assert "Lambda" not in re.sub("<figcaption.*?</figcaption>", "", html)


def test_without_a_server_the_function_is_not_set_beside_one() -> None:
    html = html_of(report_of({HANDLER: TOLD}, servers=()))
    assert html.count("<li>From which rate on a server is cheaper is not known: no server") == 1
    assert "is cheaper than" not in html
    assert cells(html, "lambda-handler", "AWS Lambda (x86)")[-3:-1] == ["–", "–"]


@pytest.mark.parametrize(
    ("even", "said"),
    [
        ((50.0, 40.0, 62.5, 50.0), "From 50/s (40–62.5) on, fastapi on AWS m is cheaper than f on"),
        ((50.0, 40.0, None, None), "From 50/s (40/s, or at no rate) on, fastapi on AWS m is"),
        ((50.0, 40.0, None, None), "; with more machines it is not always."),
        ((50.0, 50.0, 50.0, 320.0), ", and however many machines it needs from 320/s on."),
        ((0.0, 0.0, 0.0, 0.0), "fastapi on AWS m is cheaper than f on AWS L at any rate."),
        ((None, None, None, None), "f on AWS L is cheaper than fastapi on AWS m at every rate"),
        ((None, 40.0, None, None), "as far as their intervals say; they leave it open"),
    ],
)
def test_what_is_known_of_the_rate_is_said(
    even: tuple[float | None, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_of({HANDLER: TOLD})
    cpus = len(report.campaign.server_cpus)
    (comparison,) = report.comparisons
    row = next(r for r in comparison.rows if r.server.function is not None)
    function = replace(
        billing.functions(row, report.prices.serverless, cpus)[0],
        variant="f",
        service="L",
    )
    servers = billing.servers(comparison.rows, report.campaign, report.prices.instance)
    server = next(each for each in servers if each.machine.provider == "AWS")
    server = replace(server, machine=server.machine.model_copy(update={"type": "m"}))
    rate, low, high, always = even
    found = BreakEven(rate=rate, low=low, high=high, always=always)
    assert said in break_even.sentence(Beside(function=function, server=server, even=found))


def swept(axis: str, runs: dict[Point, Run]) -> Report:
    names = list(dict.fromkeys(benchmark_name("iris", point) for point in runs))
    plan = replace(fakes.campaign([HANDLER], 1, names), preset=SWEEP, kind=SWEEP)
    return reported([digest.of_run(each, plan, None) for each in runs.values()], plan)


def memory() -> Report:
    window = (Profile("saturated", "closed", 2.0, concurrency=1),)
    told = {
        512: Function(memory_mib=512, billed_ms=24, peak_mib=140),
        1769: Function(memory_mib=1769, billed_ms=7),
        3008: Function(memory_mib=3008, billed_ms=6),
    }
    runs = {}
    for size, each in told.items():
        point = Point("memory", size, VARIANT)
        fake = replace(HANDLER, profiles=window, capacity_per_s=None, median_ms=each.billed_ms)
        runs[point] = invoked.run(fake, each, point=point)
    point = Point("memory", 128, VARIANT)
    failure = Failure("ready", "No instance came up.", "")
    lost = (Lost(fate=OUT_OF_MEMORY, count=3, said=f"an instance may use 128 MB {SCRIPT}"),)
    dead = replace(HANDLER, profiles=window, capacity_per_s=None, failure=failure)
    runs[point] = invoked.run(dead, Function(memory_mib=128, lost=lost), point=point)
    return swept("memory", runs)


def test_the_cheapest_and_the_fastest_memory_size() -> None:
    html = html_of(memory())
    assert "<h3>iris <small>over memory</small></h3>" in html
    # 24 ms of 0.5 GiB, 7 ms of 1.73, 6 ms of 2.94.
    assert "lambda-handler: 512 MB is cheapest ($0.40 a million); 3008 MB is fastest" in html
    assert "128 MB has no number." in html
    small = cells(html, "lambda-handler", "512")
    assert small[2] == "12,000"  # GiB-seconds a million
    assert small[-1] == "cheapest"
    assert cells(html, "lambda-handler", "3008")[-1] == "fastest"
    dead = cells(html, "lambda-handler", "128")
    assert dead[1].startswith("out of memory: an instance may use 128 MB")
    assert set(figures(html)) == {"Cost by memory size"}


def test_texts_from_outside_stay_texts() -> None:
    assert SCRIPT not in rendered(memory(), "functions")
    nasty = replace(
        USUAL,
        impossible=(("image", SCRIPT),),
        thrown_away=(replace(USUAL.thrown_away[0], reason=SCRIPT),),
    )
    evil = replace(HANDLER, variant=f"lambda-{SCRIPT}")
    html = rendered(report_of({evil: replace(TOLD, starts=nasty)}), "functions")
    assert SCRIPT not in html
    assert "&lt;script&gt;" in html


def test_the_share_of_cold_requests_by_their_gap() -> None:
    runs = {}
    for gap, cold in ((1000, 1), (1900, 2), (2100, 12)):
        point = Point("gap", gap, BENCHMARK)
        window = (Profile("steady", "constant", 12 * gap / 1000, rate_per_s=1000 / gap),)
        fake = replace(HANDLER, profiles=window, capacity_per_s=None)
        told = Function(cold=cold, idle_s=2.0)
        runs[point] = invoked.run(fake, told, point=point)
    html = html_of(swept("gap", runs))
    assert "An instance is ended after 2 s without a request." in html
    chart = figures(html)["Share of cold requests by the gap between two"]
    told_ = re.findall('data-p="(.*?)"', chart)[0].split(";")
    assert [each.split(" ", 2)[2] for each in told_] == [
        "1000 ms|8.3% of 12",
        "1900 ms|17% of 12",
        "2100 ms|100% of 12",
    ]


def test_a_table_without_platforms_prices_no_function() -> None:
    report = report_of({HANDLER: TOLD})
    bare = PriceTable(instance=report.prices.instance, serverless=())
    html = html_of(Report(report.digested, report.comparisons, bare))
    assert "When a server is cheaper" not in html
    assert "The parts of a start" in html


def test_the_page_has_the_section_before_the_costs() -> None:
    assert view.TRACKS["functions"]
