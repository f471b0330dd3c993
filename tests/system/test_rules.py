"""Prometheus's own checks of what is made for it, and the rules at work on what each framework
counts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli.monitoring import _frameworks
from harness.setup.server_metrics import CountersTable
from tests.prometheus import promtool
from tests.unit.test_monitoring import EVERYTHING, made, made_for

pytestmark = pytest.mark.slow
FRAMEWORKS = {**dict(_frameworks()), "Everything": EVERYTHING}
ON = 'job="served-models", variant="v"'
MINUTES = 60
_MATCHER = re.compile(r'(\w+)\s*(=~|!=|=)\s*"([^"]*)"')


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(tmp_path_factory.mktemp("all"), made(Everything=EVERYTHING))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules of one framework: days of them take promtool seconds."""
    return _written(tmp_path_factory.mktemp("one"), made_for(Everything=EVERYTHING))


def _written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_promtool_finds_nothing_wrong(written: Path) -> None:
    said = promtool("check", "config", "prometheus.yml", folder=written / "prometheus")
    assert "2 rule files found" in said
    for name in ("models", "campaigns"):
        said = promtool("check", "rules", f"rules/{name}.yml", folder=written / "prometheus")
        assert "SUCCESS" in said


def series(selector: str, framework: str, suffix: str = "", **labels: str) -> str:
    """A series that a selector takes."""
    name, _, inside = selector.partition("{")
    own = {
        key: value if how == "=" else "500" for key, how, value in _MATCHER.findall(inside)
    } | labels
    told = "".join(f', {key}="{value}"' for key, value in own.items())
    return f'{name}{suffix}{{framework="{framework}", {ON}{told}}}'


def counted(name: str, each_minute: float) -> dict[str, str]:
    return {"series": name, "values": f"0+{each_minute:g}x{MINUTES}"}


def inputs(framework: str, table: CountersTable) -> list[dict[str, str]]:
    """A request each second, of which nine in ten take at most 50 ms, and the others 200 ms."""
    # Where one counter has both, the answered ones have the label that the others must not have.
    right = {
        key: value
        for each in table.failed
        if each.partition("{")[0] == table.requests.partition("{")[0]
        for key, how, value in _MATCHER.findall(each)
        if how == "!="
    }
    found = [counted(series(table.requests, framework, **right), 60)]
    found += [counted(series(each, framework), 6) for each in table.failed]
    if table.latency:
        first, *others = table.latency
        bounds = {0.05: 54, 0.2: 60, float("inf"): 60}
        for bound, below in bounds.items():
            le = "+Inf" if bound == float("inf") else f"{bound / table.unit_s:g}"
            found.append(counted(series(first, framework, "_bucket", le=le), below))
            found += [counted(series(each, framework, "_bucket", le=le), 0) for each in others]
        found.append(counted(series(first, framework, "_sum"), 60 * 0.03 / table.unit_s))
        found.append(counted(series(first, framework, "_count"), 60))
    for each, seconds in ((table.queue, 0.004), (table.model, 0.02)):
        if each is not None:
            found.append(counted(series(each, framework), 60 * seconds / table.unit_s))
    if table.in_flight is not None:
        found.append({"series": series(table.in_flight, framework), "values": f"3x{MINUTES}"})
    if table.batch is not None:
        instances, calls = table.batch
        found.append(counted(series(instances, framework), 60))
        found.append(counted(series(calls, framework), 15))
    unique = {each["series"]: each for each in found}  # a name may stand for two things
    return list(unique.values())


def expected(table: CountersTable) -> dict[str, float]:
    """What the common names say of those."""
    failed = 0.1 * len(table.failed)
    names = {each.partition("{")[0] for each in table.failed}
    # Those that are in the same counter are asked for with it, or beside it.
    apart = table.counts_failed and table.requests.partition("{")[0] not in names
    found = {"serving:requests:rate5m": 1.0 if apart else 1.0 + failed}
    if failed:
        found["serving:failed:rate5m"] = failed
    if table.latency and table.spans == "request":
        found |= {
            "serving:request_duration_seconds:p50": 0.05 * 30 / 54,
            "serving:request_duration_seconds:p99": 0.05 + 0.15 * 5.4 / 6,
            "serving:request_duration_seconds:mean": 0.03,
            "serving:late:rate5m": 0.1,
        }
    elif table.latency:
        found["serving:model_seconds:mean"] = 0.03
    if table.queue is not None:
        found["serving:queue_seconds:mean"] = 0.004
    if table.model is not None:
        found["serving:model_seconds:mean"] = 0.02
    if table.in_flight is not None:
        found["serving:in_flight"] = 3
    if table.batch is not None:
        found["serving:batch_size:mean"] = 4
    return found


def is_about(expr: str, value: float, minutes: int = 30) -> dict[str, Any]:
    """That an expression has one series, of that value: promtool compares digit by digit."""
    asked = f"sum(abs({expr} - {value:.12g}) < bool 1e-6)"
    return {
        "expr": asked,
        "eval_time": f"{minutes}m",
        "exp_samples": [{"labels": "{}", "value": 1}],
    }


def of_alerts(expr: str, minutes: int, *, firing: bool) -> dict[str, Any]:
    asked = f'count(ALERTS{{alertstate="firing", {expr}}})'
    samples = [{"labels": "{}", "value": 1}] if firing else []
    return {"expr": asked, "eval_time": f"{minutes}m", "exp_samples": samples}


def check(
    written: Path,
    tmp_path: Path,
    given: list[dict[str, str]],
    wanted: list[Any],
    name: str = "models",
) -> None:
    test = {"interval": "1m", "input_series": given, "promql_expr_test": wanted}
    rules = written / "prometheus" / "rules" / f"{name}.yml"
    (tmp_path / "test.yml").write_text(
        yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [test]})
    )
    promtool("test", "rules", "test.yml", folder=tmp_path)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_frameworks_own_names_become_the_common_ones(
    framework: str, written: Path, tmp_path: Path
) -> None:
    table = FRAMEWORKS[framework]
    wanted = [is_about(name, value) for name, value in expected(table).items()]
    check(written, tmp_path, inputs(framework, table), wanted)


def failing(values: str, answered: str = "0+1000x1600") -> list[dict[str, str]]:
    """A thousand requests a minute that are answered, and some that are not."""
    ok, bad = EVERYTHING.requests, EVERYTHING.failed[0]
    return [
        {"series": series(ok, "Everything"), "values": answered},
        {"series": series(bad, "Everything"), "values": values},
    ]


ERRORS = 'alertname="ServingErrorsBudgetBurns", severity='


def test_half_a_budget_is_no_alert(alone: Path, tmp_path: Path) -> None:
    wanted = [
        of_alerts('alertname=~"Serving.*"', minutes, firing=False) for minutes in (30, 120, 1500)
    ]
    ratio = is_about('serving:slo_errors_per_request:ratio_rate1h{slo="errors"}', 0.5 / 1000.5, 120)
    check(alone, tmp_path, failing("0+0.5x1600"), [*wanted, ratio])


def test_twenty_times_the_budget_is_a_page_until_it_is_over(alone: Path, tmp_path: Path) -> None:
    """The long window still says so for an hour, the short one no longer."""
    wanted = [
        of_alerts(f'{ERRORS}"page"', 90, firing=True),
        of_alerts(f'{ERRORS}"page"', 135, firing=True),  # 30 minutes at six times the budget
        of_alerts(f'{ERRORS}"page"', 170, firing=False),
    ]
    check(alone, tmp_path, failing("0+20x120 2400x100"), wanted)


def test_four_times_the_budget_is_a_ticket_and_no_page(alone: Path, tmp_path: Path) -> None:
    wanted = [
        of_alerts(f'{ERRORS}"ticket"', 1500, firing=True),
        of_alerts(f'{ERRORS}"page"', 1500, firing=False),
    ]
    check(alone, tmp_path, failing("0+4x1600"), wanted)


def test_late_answers_use_up_the_budget_of_latency(alone: Path, tmp_path: Path) -> None:
    given = inputs("Everything", EVERYTHING)
    ratio = "serving:slo_errors_per_request:ratio_rate5m"
    wanted = [
        is_about(f'{ratio}{{slo="latency"}}', 0.3 / 1.2),  # 0.2 a second fail, 0.1 are late
        is_about(f'{ratio}{{slo="errors"}}', 0.2 / 1.2),
        is_about('serving:slo_budget{slo="latency"}', 0.01),
        of_alerts('alertname="ServingLatencyBudgetBurns", severity="page"', 30, firing=True),
    ]
    check(alone, tmp_path, given, wanted)


def test_a_model_that_does_not_answer_is_a_page(alone: Path, tmp_path: Path) -> None:
    given = [{"series": f'up{{{ON}, instance="i"}}', "values": "1x10 0x50"}]
    name = 'alertname="ServingDown", severity="page"'
    wanted = [of_alerts(name, 12, firing=False), of_alerts(name, 20, firing=True)]
    check(alone, tmp_path, given, wanted)


def test_a_cell_that_failed_is_a_ticket(alone: Path, tmp_path: Path) -> None:
    given = [{"series": 'serving_harness_cells{state="failed"}', "values": "0x10 1x10"}]
    name = 'alertname="HarnessCellFailed", severity="ticket"'
    wanted = [of_alerts(name, 9, firing=False), of_alerts(name, 12, firing=True)]
    check(alone, tmp_path, given, wanted, "campaigns")


def test_a_phase_that_does_not_end_is_a_ticket(alone: Path, tmp_path: Path) -> None:
    """The time of these tests begins at 0."""
    since = "serving_harness_phase_start_timestamp_seconds"
    given = [{"series": since, "values": "0x40 2400x40"}]
    name = 'alertname="HarnessStalled", severity="ticket"'
    wanted = [of_alerts(name, at, firing=at == 35) for at in (29, 35, 42, 60)]
    check(alone, tmp_path, given, wanted, "campaigns")
