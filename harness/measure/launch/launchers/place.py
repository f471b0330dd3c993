"""The paths and variables of a server, as it sees them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from harness.measure.launch.launchers import LaunchOrder
from harness.setup import knobs
from harness.setup.answering import STORED
from harness.setup.catalog import Benchmark, Variant
from harness.setup.knobs import Batching
from harness.setup.tables import VariantTable

PAYLOADS = "payloads.jsonl"
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlace:
    """Paths, address and ports on this machine, or in a container of its own."""

    bin: Path  # of the environment
    host: str  # to listen on
    port: int  # that the load goes to
    ports: dict[str, int]  # the variant's more_ports
    shared: Path  # modules that every server can import
    predictor: Path
    artefact: Path
    home: Path
    temporary: Path
    trace: Path  # where the predictor records its calls
    payloads: Path | None = None  # known before the first request; None: beside the records
    memory: str = "harness-"  # how the names of its shared memory begin, where it has to name any

    def command(self, table: VariantTable) -> list[str]:
        """The variant's command, its placeholders filled."""
        known = {"bin": str(self.bin), "host": self.host, "port": str(self.port)}
        known |= {"workers": str(table.workers), **knobs.filled(table)}
        known |= {f"{name}_port": str(port) for name, port in self.ports.items()}
        return [part.format_map(known) for part in table.command]


def environment(order: LaunchOrder, place: ServerPlace) -> dict[str, str]:
    """All that a server is told, and nothing of the user's own environment."""
    table = order.variant.table
    return {
        "PATH": f"{place.bin}:{os.defpath}",
        "HOME": str(place.home),
        "TMPDIR": str(place.temporary),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(place.shared),
        "PYTHONUNBUFFERED": "1",
        "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime reports usage otherwise
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(_THREAD_VARIABLES, str(order.threads)),
        "HARNESS_HOST": place.host,
        "HARNESS_PORT": str(place.port),
        **{f"HARNESS_{name.upper()}_PORT": str(port) for name, port in place.ports.items()},
        "HARNESS_WORKERS": str(table.workers),
        "HARNESS_SIGNATURE": json.dumps(order.signature),
        "HARNESS_PREDICTOR": str(place.predictor),
        "HARNESS_ARTEFACT": str(place.artefact),
        "HARNESS_DEVICE": "cuda" if order.device == "gpu" else "cpu",
        "HARNESS_THREADS": str(order.threads),
        "HARNESS_TRACE": str(place.trace),
        "HARNESS_SHARED_MEMORY": place.memory,
        **(
            {"HARNESS_PAYLOADS": str(place.payloads or place.trace / PAYLOADS)}
            if _is_given_payloads(table)
            else {}
        ),
        **_batching(table.batching),
        **table.environment,
    }


def hand_over(order: LaunchOrder, trace: Path) -> None:
    """Write what a server on this machine is given beside its environment."""
    if content := known_payloads(order.variant, order.benchmark):
        (trace / PAYLOADS).write_bytes(content)


def known_payloads(variant: Variant, benchmark: Benchmark) -> bytes:
    """The file with all inputs that are known before the first request; empty where none is
    wanted."""
    if not _is_given_payloads(variant.table):
        return b""
    lines = (json.dumps({"instance": each}) for each in benchmark.payloads())
    return "".join(f"{line}\n" for line in lines).encode()


def _is_given_payloads(table: VariantTable) -> bool:
    return table.answers == STORED


def _batching(batching: Batching | None) -> dict[str, str]:
    if batching is None:
        return {}
    told = {"HARNESS_BATCH_SIZE": str(batching.max_size)}
    if batching.wait_ms is not None:
        told["HARNESS_BATCH_WAIT_MS"] = f"{batching.wait_ms:g}"
    return told
