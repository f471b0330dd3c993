"""Ask an endpoint every payload of a benchmark once, and keep what it answers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.base.errors import AnswerError
from harness.measure.campaign.bench import Bench
from harness.measure.campaign.expectations import not_finite
from harness.measure.launch.launchers.remote import LaunchedRemote
from harness.measure.talk import ask as asking
from harness.measure.talk import talk
from harness.setup import adhoc
from harness.setup.catalog import Benchmark
from harness.setup.endpoints import Endpoint


def record(endpoint: Endpoint, benchmark: Benchmark, timeout_s: float) -> Iterator[tuple[Any, Any]]:
    """Each payload and its answer, one after the other. Raises AnswerError for one without."""
    payloads = tuple(benchmark.payloads())
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        bench = Bench(benchmark, Path(scratch), payloads, (), 0.0, 1.0)
        launched = LaunchedRemote(endpoint, Path(scratch))
        usual = talk.usual(adhoc.deployed(endpoint), bench)
        met = talk.met(usual, launched, bench, checked=False)
        with asking.asker(launched, met.protocol, met.path) as ask:
            for number, (payload, message) in enumerate(zip(payloads, met.messages, strict=True)):
                try:
                    reply = ask(message, timeout_s)
                    if not reply.is_success:
                        raise AnswerError(reply.words)
                    (answer,) = met.protocol.decode(reply.body)
                    if (odd := not_finite(answer)) is not None:
                        raise AnswerError(f"it holds {odd}, which equals nothing, itself included")
                except (asking.Unanswered, AnswerError, ValueError) as error:
                    raise AnswerError(
                        f"The endpoint does not answer payload {number + 1} of {benchmark.name}: "
                        f"{error}"
                    ) from error
                yield payload, answer
