"""On the PYTHONPATH of every server process: the benchmark's predictor, its calls recorded."""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import steps

# Monotonic start in ns, duration in ns, batch size, CPU time of the calling thread in ns.
CALL = struct.Struct("<qqqq")


class Model(Protocol):
    def predict(self, instances: list[Any]) -> list[Any]: ...


class Predictor:
    """The benchmark's model; every call leaves one record in the trace folder, if there is one."""

    def __init__(self, model: Model, trace: Path | None) -> None:
        self._model = model
        self._trace = trace
        self._file = -1
        self._pid = 0
        self._lock = threading.Lock()

    def predict(self, instances: list[Any]) -> list[Any]:
        if self._trace is None:
            return self._model.predict(instances)
        start, cpu = time.monotonic_ns(), time.thread_time_ns()
        try:
            return self._model.predict(instances)
        finally:
            cpu = time.thread_time_ns() - cpu
            duration = time.monotonic_ns() - start
            # One write of a whole record: appends of other threads can't fall into its middle.
            os.write(self._calls_file(), CALL.pack(start, duration, len(instances), cpu))

    def _calls_file(self) -> int:
        # By process, not at load: a server may load the model first and fork its workers later.
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != (pid := os.getpid()):
                    path = f"{self._trace}/model-{steps.process_number()}.bin"
                    self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                    self._pid = pid
        return self._file


def load_predictor(artefact: Path | None = None) -> Predictor:
    """The predictor that the harness named in this process's environment, loaded; of another
    artefact, where one is given."""
    return recorded(_loaded("load", artefact))


def load_split() -> Any:
    """The same model in two parts, features and a linear head: a `Split` of the benchmarks' shared
    `linear_head`. Raises RuntimeError where the predictor has no such parts."""
    return _loaded("load_split")


def recorded(model: Model) -> Predictor:
    """A model whose calls are recorded."""
    trace = os.environ.get("HARNESS_TRACE")
    return Predictor(model, Path(trace) if trace else None)


def _loaded(function: str, artefact: Path | None = None) -> Any:
    path = Path(_variable("HARNESS_PREDICTOR"))
    artefact = artefact or Path(_variable("HARNESS_ARTEFACT"))
    device = _variable("HARNESS_DEVICE")
    threads = int(_variable("HARNESS_THREADS"))
    trace = os.environ.get("HARNESS_TRACE")
    before = _native_threads()
    load = getattr(_module(path), function, None)
    if load is None:
        raise RuntimeError(f"{path} has no function {function!r}, which this server needs.")
    steps.mark("load")  # the first of these marks, where a process loads more than once
    model = load(artefact, device, threads)
    steps.mark("loaded")
    if trace and device == "cpu":  # CUDA starts threads that compute nothing
        # A runtime starts all threads but the caller's when it loads: so many share a prediction.
        started = _native_threads() - before
        Path(trace, f"threads-{steps.process_number()}").write_text(str(started + 1))
    return model


def _native_threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def signature() -> dict[str, Any]:
    """Names and datatypes of the model's tensors, for frameworks that must declare them:
    `{"input": {"name", "datatype", "width"}, "outputs": {name: datatype}}`."""
    found: dict[str, Any] = json.loads(_variable("HARNESS_SIGNATURE"))
    return found


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("harness_predictor", path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"HARNESS_PREDICTOR is no Python file: {path}.")
    sys.path.append(str(path.parent.parent / "shared"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _variable(name: str) -> str:
    if not (value := os.environ.get(name)):
        raise RuntimeError(f"The environment variable {name} is missing: the harness sets it.")
    return value
