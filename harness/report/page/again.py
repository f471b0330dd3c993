"""The command that measures a row again."""

from __future__ import annotations

import shlex
from dataclasses import replace

from harness.analyse.field.comparison import Row
from harness.base.trust import Trust
from harness.report.page.view import Report
from harness.setup.adhoc import IMAGE
from harness.setup.endpoints import RECORDED, UNJUDGED, Endpoint
from harness.setup.templates import RequestTable
from harness.stored.identity import subject_name
from harness.stored.records import RUN

_PLACES = ("--servers", "--benchmarks")


def of_row(report: Report, row: Row, benchmark: str) -> str:
    """The command that measures a row again."""
    campaign = report.campaign
    if campaign.kind != RUN or row.server.framework == IMAGE:
        return campaign.command
    planned = [cell.round for cell in campaign.cells if cell.key == row.cell.key]
    name = subject_name(replace(row.cell.subject, revision=None))
    words = ["python", "-m", "harness", "run", name, "--benchmark", benchmark]
    words += ["--preset", campaign.preset, "--rounds", str(max(planned, default=1))]
    if not row.server.way.starts and campaign.endpoint is not None:
        words.remove(name)
        words += ["--launcher", row.server.launcher, "--url", campaign.endpoint.url]
        words += [*_asked(campaign.endpoint), "--name", campaign.endpoint.name]
        for name, value in campaign.endpoint.each_header:
            words += ["--header", f"{name}: {value}"]
        words += _trusted(campaign.endpoint.trust)
    else:
        words += row.server.way.again
    words += _places(campaign.command)
    if campaign.against is not None:
        words += ["--against", campaign.against.commit]
    if row.server.device != "cpu":
        words += ["--device", row.server.device]
    if campaign.driver != "native":
        words += ["--driver", campaign.driver]
    return shlex.join(words)


def _asked(endpoint: Endpoint) -> list[str]:
    """How an endpoint is asked, and its answers are judged, as options."""
    request, words = endpoint.request, list[str]()
    if request is None:
        words += ["--protocol", endpoint.protocol]
    elif request.body is not None and request == RequestTable(
        body=request.body, prediction=request.prediction
    ):
        words += ["--request", request.body, "--prediction", request.prediction]
    else:
        words += ["--request", "endpoint.toml"]
    judged = {RECORDED: ["--answers", "recorded.jsonl"], UNJUDGED: ["--unchecked"]}
    beside = ["--beside", endpoint.beside] if endpoint.beside else []
    return [*words, *judged.get(endpoint.judged_by, []), *beside]


def _trusted(trust: Trust) -> list[str]:
    files = {"--cacert": trust.cacert, "--cert": trust.cert, "--key": trust.key}
    words = [word for name, file in files.items() if file for word in (name, file)]
    return [*words, "--insecure"] if trust.insecure else words


def _places(command: str) -> list[str]:
    """Folders beside the built-in ones, as the campaign's command named them."""
    try:
        words = [part for word in shlex.split(command) for part in word.split("=", 1)]
    except ValueError:
        return []
    named = [place for place, word in enumerate(words[:-1]) if word in _PLACES]
    return [word for place in named for word in words[place : place + 2]]
