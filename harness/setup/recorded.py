"""Answers that an endpoint once gave, in a file: what is right where no predictor says it.

A line for each payload, `{"instance": ..., "answer": ...}`, as `record` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.base import reading
from harness.base.errors import UsageError

_MOST_BYTES = 1 << 30


def line(instance: Any, answer: Any) -> str:
    """A recorded answer of the file."""
    return json.dumps({"instance": instance, "answer": answer})


def read(path: Path) -> dict[str, Any]:
    """The answer to each instance, by its key. Raises UsageError."""
    lines = reading.given(path, _MOST_BYTES).splitlines()
    found = {}
    for number, text in enumerate(lines, 1):
        try:
            told = json.loads(text)
            found[_key(told["instance"])] = told["answer"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(
                f'{path}, line {number}: not {{"instance": ..., "answer": ...}}, as `record` '
                "writes it."
            ) from error
    return found


def answers(known: Mapping[str, Any], payloads: Iterable[Any], benchmark: str) -> tuple[Any, ...]:
    """The recorded answers to a benchmark's payloads. Raises UsageError if some are missing."""
    wanted = [_key(payload) for payload in payloads]
    lacking = [number for number, key in enumerate(wanted, 1) if key not in known]
    if lacking:
        raise UsageError(
            f"--answers: {len(lacking)} of {len(wanted)} payloads of {benchmark} have no answer, "
            f"the first on line {lacking[0]} of payloads.jsonl. Ask the endpoint again: `record`."
        )
    return tuple(known[key] for key in wanted)


def _key(instance: Any) -> str:
    return json.dumps(instance, sort_keys=True)
