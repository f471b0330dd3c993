"""The catalogue of everything that can be measured: the folders of servers/ and benchmarks/, and
the presets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.base import paths, reading, toml
from harness.base.errors import UsageError, unknown
from harness.protocols import Protocol, spoken
from harness.setup.endpoints import Endpoint
from harness.setup.launching import PROCESS
from harness.setup.tables import (
    BenchmarkTable,
    PresetsFile,
    PresetTable,
    ServerTable,
    VariantTable,
    WeightsTable,
)
from harness.stored.identity import Point, Subject, subject_name
from harness.stored.revisions import Revision

_MOST_BYTES = 1 << 30  # of payloads


@dataclass(frozen=True, slots=True)
class Server:
    """One framework's folder."""

    name: str
    folder: Path
    table: ServerTable

    def lock(self, backend: str, device: str = "cpu") -> Path:
        """The file that pins the environment of a backend on a device."""
        parts = [*([] if backend == "onnx" else [backend]), *([] if device == "cpu" else [device])]
        return self.folder / ("-".join(["requirements", *parts]) + ".txt")

    @property
    def shared(self) -> Path:
        """Modules that every server can import: beside it, or those of this project."""
        own = self.folder.parent / "shared"
        return own if own.is_dir() else paths.PROJECT / "servers" / "shared"

    @property
    def dockerfile(self) -> Path:
        """Its own, or the one that all share."""
        fallback = paths.PROJECT / "servers" / "Dockerfile"
        usual = (self.folder / "Dockerfile", self.folder.parent / "Dockerfile", fallback)
        return next((path for path in usual if path.exists()), fallback)

    @staticmethod
    def component(name: str) -> Path:
        """The Dockerfile of a component's image."""
        return paths.PROJECT / "servers" / f"{name}.Dockerfile"

    @property
    def has_environment(self) -> bool:
        """Whether it needs packages of its own; without, it runs on the harness's interpreter."""
        return (self.folder / "requirements.in").exists()


@dataclass(frozen=True, slots=True)
class Checkout:
    """Another revision of servers/ and benchmarks/, beside this one."""

    revision: Revision
    servers: Path
    benchmarks: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One configuration of a server that is measured."""

    server: Server
    table: VariantTable
    endpoint: Endpoint | None = None  # one that is already running; nothing is started then
    launcher: str = PROCESS  # how it is started
    checkout: Checkout | None = None  # where it is from, if not from here
    recorded: Mapping[str, Any] | None = None  # what is right of an endpoint: recorded.py
    image: str = ""  # that it is, as it stands; empty: one is built, or none is needed
    point: Point | None = None  # of a sweep that varies it

    @property
    def subject(self) -> Subject:
        """The parts of its identity: they also separate it from itself in a container, or of
        another revision."""
        usual = self.launcher == usual_launcher(self.table)
        usual = usual or self.endpoint is not None or bool(self.image)
        revision = None if self.checkout is None else self.checkout.revision.name
        return Subject(self.table.name, None if usual else self.launcher, revision)

    @property
    def name(self) -> str:
        """Its name in reports."""
        return subject_name(self.subject, self.point)

    def spoken(self) -> Protocol:
        """Its protocol. Raises UsageError."""
        return spoken(self.table.protocol, self.table.request)

    def own(self, benchmark: Benchmark) -> Benchmark:
        """A benchmark with the files that it has where the variant is from; the load is ours."""
        if self.checkout is None:
            return benchmark
        return replace(benchmark, folder=self.checkout.benchmarks / benchmark.folder.name)

    def device_for(self, device: str) -> str:
        """Its device in a campaign for a device: reference points have only the CPU."""
        return device if device in self.table.devices else "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A model, payloads, expected answers, profiles and SLO."""

    name: str
    folder: Path
    table: BenchmarkTable
    synthetic: bool = False  # its weights come from a seed, and its answers mean nothing
    length: int = 1  # each text is so many times itself
    together: int = 1  # instances that a request carries
    point: Point | None = None  # of a sweep that varies it

    @property
    def weights(self) -> WeightsTable | None:
        """The weights that its build is given."""
        return self.table.synthetic if self.synthetic else self.table.weights

    @property
    def has_reference(self) -> bool:
        """Whether a predictor says what is right."""
        return self.predictor("onnx").exists()

    def predictor(self, backend: str) -> Path:
        """The module that a server loads for a backend; it may not exist."""
        return self.folder / ("predictor.py" if backend == "onnx" else f"predictor_{backend}.py")

    def requirements(self, backend: str) -> Path:
        """The requirements of a backend's predictor; the file may not exist."""
        name = "requirements.in" if backend == "onnx" else f"requirements-{backend}.in"
        return self.folder / name

    def labels(self) -> list[Any]:
        """The label of each payload, None where it has none, when `payloads` has raised nothing."""
        lines = reading.given(self.folder / "payloads.jsonl", _MOST_BYTES).splitlines()
        return [json.loads(line).get("label") for line in lines]

    def payloads(self) -> list[Any]:
        """The instances of payloads.jsonl, in order. Raises UsageError."""
        path = self.folder / "payloads.jsonl"
        if not path.exists():
            raise UsageError(f"{path} is missing.")
        instances = []
        for number, line in enumerate(reading.given(path, _MOST_BYTES).splitlines(), 1):
            try:
                instances.append(_longer(json.loads(line)["instance"], self.length))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise UsageError(f'{path}, line {number}: not {{"instance": ...}}.') from error
        if not instances:
            raise UsageError(f"{path} has no payloads.")
        return instances


def _longer(instance: Any, times: int) -> Any:
    """A text that many times; any other value stays as it is. Raises UsageError."""
    if times == 1:
        return instance
    if not isinstance(instance, str):
        raise UsageError("Its payloads are not texts: the model fixes their length.")
    return " ".join([instance] * times)


def usual_launcher(table: VariantTable) -> str:
    """The launcher of a variant for which none is named."""
    return table.launchers[0] if table.launchers else PROCESS


def servers(folder: Path | None = None) -> dict[str, Server]:
    """Every server whose file can be read, by name."""
    return _servers(folder)[0]


def broken_servers(folder: Path | None = None) -> dict[str, UsageError]:
    """The others, each with what is wrong: it stops nothing but its own variants."""
    return _servers(folder)[1]


def _servers(folder: Path | None) -> tuple[dict[str, Server], dict[str, UsageError]]:
    folders = paths.servers_dirs() if folder is None else (folder,)
    known, broken = {}, {}
    for path in _files(folders, "server.toml"):
        name = path.parent.name
        try:
            known[name] = Server(name, path.parent, toml.load(path, ServerTable))
        except UsageError as error:
            broken[name] = error
    return known, broken


def _files(folders: Iterable[Path], name: str) -> Iterator[Path]:
    """One in each folder of those, or in such a folder itself. Raises UsageError for two that have
    one name."""
    found: dict[str, Path] = {}
    for folder in folders:
        own = folder / name
        for path in [own] if own.exists() else sorted(folder.glob(f"*/{name}")):
            before = found.get(path.parent.name)
            if before is not None and before.samefile(path):
                continue
            if before is not None:
                raise UsageError(f"{path.parent} has the name of {before.parent}: rename one.")
            found[path.parent.name] = path
            yield path


def variants(folder: Path | None = None) -> dict[str, Variant]:
    """Every variant, by name; names that start with an underscore are for tests."""
    found: dict[str, Variant] = {}
    for server in servers(folder).values():
        for table in server.table.variant:
            if table.name in found:
                raise UsageError(
                    f"{server.folder / 'server.toml'}: variant {table.name!r} is also in "
                    f"{found[table.name].server.folder / 'server.toml'}."
                )
            found[table.name] = Variant(server=server, table=table, launcher=usual_launcher(table))
    return found


def benchmarks() -> dict[str, Benchmark]:
    """Every benchmark whose file can be read, by name."""
    return _benchmarks()[0]


def broken_benchmarks() -> dict[str, UsageError]:
    """The others, each with what is wrong: it stops nothing but its own benchmark."""
    return _benchmarks()[1]


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name. Raises UsageError where there is none, or its file is wrong."""
    known, broken = _benchmarks()
    if name in broken:
        raise broken[name]
    found: Benchmark = pick("benchmark", name, known)
    return found


def _benchmarks() -> tuple[dict[str, Benchmark], dict[str, UsageError]]:
    known, broken = {}, {}
    for path in _files(paths.benchmarks_dirs(), "benchmark.toml"):
        name = path.parent.name
        try:
            table = toml.load(path, BenchmarkTable)
            known[name] = Benchmark(name=name, folder=path.parent, table=table)
        except UsageError as error:
            broken[name] = error
    return known, broken


def presets() -> dict[str, PresetTable]:
    """Every preset, by name."""
    own = paths.benchmarks_dir() / "presets.toml"
    fallback = paths.PROJECT / "benchmarks" / "presets.toml"
    return toml.load(own if own.exists() else fallback, PresetsFile).preset


def pick(kind: str, name: str, known: dict[str, Any]) -> Any:
    """The thing of that name. Raises UsageError with the nearest name."""
    if name in known:
        return known[name]
    shown = [k for k in known if not k.startswith("_")] or list(known)
    error = unknown(kind, name, shown)
    broken = broken_servers().values() if kind == "variant" else ()
    if broken:  # it may be one of theirs
        raise UsageError(" ".join(each.sentence for each in (error, *broken)))
    raise error
