"""The batch job: predicts all known inputs, stores the answers, and has them served."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import settings
from keys import StoreError, key_of
from serving import load_predictor

BEGAN = "PRECOMPUTED_BEGAN_NS"  # CLOCK_MONOTONIC, when the job was started


def main() -> None:
    began_ns = int(os.environ.get(BEGAN) or time.monotonic_ns())
    size = int(os.environ.get("PRECOMPUTED_BATCH", "32"))
    inputs: list[Any] = []
    stored, failure = 0, ""
    about = settings.about()
    try:
        inputs = _inputs()
        predictor = load_predictor()
        stored = settings.store().write(about, _answers(predictor, inputs, size))
    except StoreError as error:
        failure = str(error)
    ended_ns = time.monotonic_ns()
    used = resource.getrusage(resource.RUSAGE_SELF)
    report = {
        "version": about.version,
        "began_ns": began_ns,
        "ended_ns": ended_ns,
        "cpu_s": used.ru_utime + used.ru_stime,
        "batch_size": size,
        "inputs": len(inputs),
        "store_bytes": stored,
        "failure": failure,
    }
    if trace := os.environ.get("HARNESS_TRACE"):
        part = Path(trace, f".job-{os.getpid()}")
        part.write_text(json.dumps(report), "utf-8")
        part.replace(Path(trace, f"job-{os.getpid()}.json"))
    if failure:
        sys.exit(f"The batch job failed. {failure}")


def _inputs() -> list[Any]:
    """All known inputs, each once, long ones last: a batch is as long as its longest text."""
    path = os.environ.get("HARNESS_PAYLOADS", "")
    try:
        with Path(path).open(encoding="utf-8") as file:
            found = [json.loads(line)["instance"] for line in file]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The known inputs in {path or 'HARNESS_PAYLOADS, which is not set,'} can't be read: "
            f"{error!r}."
        ) from error
    return sorted({key_of(each): each for each in found}.values(), key=lambda e: len(str(e)))


def _answers(predictor: Any, inputs: list[Any], size: int) -> Iterator[tuple[bytes, bytes]]:
    for begin in range(0, len(inputs), size):
        batch = inputs[begin : begin + size]
        for instance, answer in zip(batch, predictor.predict(batch), strict=True):
            yield key_of(instance), json.dumps(answer).encode()


if __name__ == "__main__":
    main()
