"""`harness verify`: start, check every answer, stop."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_FAILED, EXIT_OK
from harness.base.trust import UNCHECKED
from harness.cli import _endpoint, _launching, _places, _say, _servers
from harness.cli._named import BENCHMARK, VARIANT
from harness.stored.identity import record

if TYPE_CHECKING:
    from harness.measure.campaign.verification import Verified
    from harness.stored.records import Failure, Run

_LOG_LINES = 10


@click.command("verify", cls=_launching.LaunchingCommand)
@click.argument("variants", nargs=-1, type=VARIANT)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every variant, except those that list marks 'not in --all'.",
)
@click.option("--exclude", type=VARIANT, multiple=True, help="Names or patterns to leave out.")
@click.option(
    "--benchmark", "benchmarks", type=BENCHMARK, multiple=True, help="Name or pattern; repeatable."
)
@_servers.options
@click.option("--faults", is_flag=True, help="Afterwards send wrong payloads, and kill a worker.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of the payloads to send.",
)
@_endpoint.options
@_endpoint.checks
@_places.options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each variant.")
def command(**options: Any) -> int:
    """Start each variant, compare all its answers with the reference's, stop it."""
    from harness.cli import _judging, _progress, _select, _startable
    from harness.measure.campaign.verification import verify
    from harness.setup import catalog
    from harness.setup.catalog import pick

    preset = pick("preset", "standard", catalog.presets())
    chosen = _select.variants(
        options["variants"],
        options["everything"],
        None,
        options["launchers"] or ("process",),
        _select.endpoint(options, implied=True),
        options["exclude"],
        usual=not options["launchers"],
    )
    chosen = _startable.with_warnings(chosen, options["variants"], options)
    chosen = _judging.with_answers(chosen, options)
    names, synthetic = options["benchmarks"], options["synthetic_weights"]
    benchmarks = _select.benchmarks(names, preset, synthetic, chosen)
    failed, steps = 0, _progress.PhaseLines()
    found = verify(
        chosen,
        benchmarks,
        _select.launchers_of(chosen, options["device"], options),
        options["device"],
        steps.note,
        faults=options["faults"],
        share=options["share"],
        on_phase=steps.show,
    )
    for verified in steps.during(found):
        failed += verified.run.facts.failure is not None
        if options["as_json"]:
            _say.line(json.dumps(_json(verified)))
        else:
            for line in _lines(verified):
                _say.line(line)
    return EXIT_FAILED if failed else EXIT_OK


def _lines(verified: Verified) -> list[str]:
    from harness.analyse.run.findings import trials
    from harness.cli import _progress
    from harness.stored import accuracy

    run = verified.run
    failure = run.facts.failure
    doubt = [f"  warning: {UNCHECKED}"] if run.facts.server.insecure else []
    if failure is not None:  # nothing is stored where its log could be looked up
        return [_progress.result_line(run), *doubt, *(f"  | {line}" for line in _log(failure))]
    checked = run.facts.verified
    said = f"{checked} answers right" if checked else f"answers; {_not_checked(run)}"
    if (found := run.facts.accuracy) is not None:
        said = f"{checked} answers as they should be; {accuracy.told(found)}"
    lines = [f"{run.cell.variant_name} on {run.cell.benchmark_name}: {said}", *doubt]
    for trial in verified.trials:
        lines.append(f"  {trial.fault}: {trial.said or 'no'}")
    for finding in trials.of_trials(verified.trials):
        lines.append(f"  {finding.verdict.value}: {finding.name}: {finding.message}")
    return lines


def _not_checked(run: Run) -> str:
    return "a reference, not checked" if run.facts.server.reference else "not checked (--unchecked)"


def _log(failure: Failure) -> list[str]:
    """The end of what a server printed, fit for a terminal."""
    lines = failure.log_tail.expandtabs().splitlines()[-_LOG_LINES:]
    return ["".join(char if char.isprintable() else "?" for char in line) for line in lines]


def _json(verified: Verified) -> dict[str, Any]:
    from harness.analyse.run.findings import trials

    facts = verified.run.facts
    return {
        "variant": facts.cell.variant_name,
        "benchmark": facts.cell.benchmark_name,
        **record(facts.cell.key),
        "version": facts.server.version,
        "outcome": facts.outcome,
        "verified": facts.verified,
        "accuracy": asdict(facts.accuracy) if facts.accuracy else None,
        "insecure": facts.server.insecure,
        "phase": facts.failure.phase if facts.failure else None,
        "message": facts.failure.message if facts.failure else None,
        "log": facts.failure.log_tail if facts.failure else None,
        "faults": [
            {
                "fault": trial.fault,
                "status": trial.status,
                "said": trial.said,
                "serves": trial.serves,
                "failed": trial.failed,
                "recovery_s": trial.recovery_s,
            }
            for trial in verified.trials
        ],
        "findings": [
            {"name": f.name, "verdict": f.verdict.value, "message": f.message}
            for f in trials.of_trials(verified.trials)
        ],
    }
