"""A server that is started to be asked, and what is said where that fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.base.errors import HarnessError
from harness.measure.campaign.expectations import Unusable, refused
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched
from harness.measure.talk import ask as asking
from harness.measure.talk.ask import Unanswered

_LAST_LINES, _LAST_BYTES = 6, 8192  # of what a server printed, in a sentence
_FINDING_S = 30.0  # for the payload that a predictor fails on, at most
_ENDING_S = 0.5


def started(stages: Stages, use: Callable[[Launched], Any]) -> Any:
    """The result of using a server once it is ready; the server is stopped then. Raises
    HarnessError, which names the cause."""
    launched = stages.launch()
    try:
        stages.ready(launched)
        return use(launched)
    except HarnessError as error:
        raise with_last_words(error, stages, launched) from error
    finally:
        stages.stop(launched)


def with_last_words(error: HarnessError, stages: Stages, launched: Launched) -> HarnessError:
    """The same error, with whose doing it is and the last lines of what that printed."""
    if stages.variant.table.inside and not isinstance(error, Unusable):
        error = _of_payload(stages, launched) or error
    reason = _exited(launched)
    if reason is not None and reason not in str(error):
        error = type(error)(f"{str(error).rstrip('.')}; {reason}.")
    variant, benchmark = stages.variant, stages.bench.benchmark
    where = f"{benchmark.name}/{benchmark.predictor(variant.table.backend).name}"
    who = f"the predictor {where}" if variant.table.inside else f"the server {variant.name}"
    said = " | ".join(_last_lines(launched.log))
    printed = f" The last lines that {who} printed: {said}" if said else ""
    return type(error)(f"{str(error).rstrip('.')} (asking {who}).{printed}")


def _of_payload(stages: Stages, launched: Launched) -> Unusable | None:
    """The first payload that a predictor gives no prediction of, asked for one by one; None where
    there is none in the time that this may take, or its process has ended."""
    protocol, deadline = stages.variant.spoken(), time.monotonic() + _FINDING_S
    predictor = str(stages.bench.benchmark.predictor(stages.variant.table.backend))
    with asking.asker(launched, protocol, protocol.path) as ask:
        for place, payload in enumerate(stages.bench.payloads, 1):
            left_s = deadline - time.monotonic()
            if left_s < 0:
                return None
            try:
                reply = ask(protocol.encode([payload]), left_s)
            except Unanswered as error:
                gone = _exited(launched) is not None or time.monotonic() > deadline
                return None if gone else refused(predictor, place, str(error))
            if not reply.is_success:
                return refused(predictor, place, reply.words)
    return None


def _exited(launched: Launched) -> str | None:
    """How it ended, which may be seen a moment after its connections have; None while it is up."""
    end = time.monotonic() + _ENDING_S
    while (reason := launched.exited()) is None and time.monotonic() < end:
        time.sleep(0.02)
    return reason


def _last_lines(log: Path) -> list[str]:
    """The last non-empty lines that a server printed."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_BYTES))
            lines = file.read(_LAST_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return []
    return [words for line in lines if (words := " ".join(line.split()))][-_LAST_LINES:]
