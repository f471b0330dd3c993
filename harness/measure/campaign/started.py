"""A server that a campaign starts before its cells, to learn from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from harness.base.errors import HarnessError
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched

_LAST_LINES, _LAST_BYTES = 6, 8192  # of what a server printed, in a sentence
Learnt = TypeVar("Learnt")


def started(stages: Stages, use: Callable[[Launched], Learnt]) -> Learnt:
    """Start it, use it, and stop it. An error has its last words."""
    launched = stages.launch()
    try:
        stages.ready(launched)
        return use(launched)
    except HarnessError as error:
        raise _with_last_words(error, stages, launched) from error
    finally:
        stages.stop(launched)


def _with_last_words(error: HarnessError, stages: Stages, launched: Launched) -> HarnessError:
    """The same error, with whose doing it is and the last lines of what that printed."""
    variant, benchmark = stages.variant, stages.bench.benchmark
    where = f"{benchmark.name}/{benchmark.predictor(variant.table.backend).name}"
    who = f"the predictor {where}" if variant.table.inside else f"the server {variant.name}"
    said = " | ".join(_last_lines(launched.log))
    printed = f" The last lines that {who} printed: {said}" if said else ""
    return type(error)(f"{str(error).rstrip('.')} (asking {who}).{printed}")


def _last_lines(log: Path) -> list[str]:
    """The last non-empty lines that a server printed."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_BYTES))
            lines = file.read(_LAST_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return []
    return [words for line in lines if (words := " ".join(line.split()))][-_LAST_LINES:]
