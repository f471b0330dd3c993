"""Triton's own client, over HTTP and gRPC, gets what the predictor says in process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tritonclient import grpc, http
from tritonclient.utils import InferenceServerException

from harness.measure.campaign import reference, session
from harness.measure.campaign.bench import Bench
from harness.measure.campaign.verification import EVERYTHING
from harness.measure.launch.launchers.process import LaunchedProcess
from harness.setup import catalog

TEXTS = 8
MODEL = "model"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LaunchedProcess, Bench]]:
    """`triton` with the sentiment benchmark, which has the right answers with it."""
    benchmark, variants = catalog.benchmarks()["sentiment"], catalog.variants()
    triton = variants["triton"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("triton")))
        with session.begin({}, "cpu") as tools:
            bench = reference.prepare(benchmark, variants, tools, EVERYTHING).bench
            scratch = Path(tempfile.mkdtemp())
            stages = reference.stages_of(triton, bench, tools, 1, scratch)
            launched = stages.launch()
            assert isinstance(launched, LaunchedProcess)
            try:
                stages.ready(launched)
                yield launched, bench
            finally:
                stages.stop(launched)


def infer(library: ModuleType, port: int, texts: list[str]) -> list[dict[str, Any]]:
    tensor = library.InferInput("text", [len(texts), 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[text.encode()] for text in texts], np.object_))
    with library.InferenceServerClient(f"127.0.0.1:{port}") as client:
        answer = client.infer(MODEL, [tensor])
    columns = answer.as_numpy("label").ravel().tolist(), answer.as_numpy("score").ravel().tolist()
    return [
        {"label": label.decode(), "score": score} for label, score in zip(*columns, strict=True)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("library", [http, grpc], ids=["http", "grpc"])
def test_the_client_gets_the_reference_s_answers(
    served: tuple[LaunchedProcess, Bench], library: ModuleType
) -> None:
    launched, bench = served
    port = launched.port if library is http else launched.ports["grpc"]
    texts: Any = bench.payloads[:TEXTS]
    answers: Any = bench.expected[:TEXTS]
    for got, expected in zip(infer(library, port, texts), answers, strict=True):
        assert got["label"] == expected["label"]
        assert got["score"] == pytest.approx(expected["score"], abs=bench.benchmark.table.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("library", [http, grpc], ids=["http", "grpc"])
def test_the_client_is_told_why_an_instance_is_refused(
    served: tuple[LaunchedProcess, Bench], library: ModuleType
) -> None:
    launched, _ = served
    port = launched.port if library is http else launched.ports["grpc"]
    with pytest.raises(InferenceServerException, match="instance 0 is empty") as raised:
        infer(library, port, [""])
    assert raised.value.status() in ("400", "StatusCode.INVALID_ARGUMENT")
