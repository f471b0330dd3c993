"""The keys of server.toml, benchmark.toml and presets.toml: an unknown key is an error."""

from __future__ import annotations

import signal
import string
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from harness.base import toml
from harness.base.errors import UsageError, unknown
from harness.setup import judges, knobs, slo
from harness.setup.answering import COMPUTED, PREDICTED, STORED, Answering, Missing
from harness.setup.changes import ChangeName, ChangingTable
from harness.setup.components import COMPONENTS
from harness.setup.functions import FunctionTable
from harness.setup.knobs import Batching, KnobTable
from harness.setup.launching import PROCESS
from harness.setup.profile_table import ProfileTable as ProfileTable
from harness.setup.server_metrics import CountersTable as CountersTable
from harness.setup.templates import RequestTable
from harness.setup.tracks import TRACKS, Track

Backend = Literal["onnx", "torch"]
# With `NAME_port` of more_ports and the names of knobs, in a command's braces.
PLACEHOLDERS = ("bin", "host", "port", "workers")


class VariantTable(toml.Strict):
    """One `[[variant]]` of a server.toml."""

    name: str = Field(pattern=r"^[a-z0-9_][a-z0-9_-]*$")
    track: Track | Literal["remote"]
    description: str
    protocol: str
    request: RequestTable | None = None  # of the protocol `template`; see harness.setup.templates
    backend: Backend = "onnx"
    devices: tuple[Literal["cpu", "gpu"], ...] = ("cpu",)
    more_ports: tuple[str, ...] = ()  # free ones beside the one that the load goes to, by name
    components: tuple[str, ...] = ()  # that it starts beside itself; see harness.setup.components
    answers: Answering = PREDICTED  # see harness.setup.answering
    misses: Missing = COMPUTED  # of stored answers
    replace_path: str = Field(default="", pattern=r"^(/.*)?$")  # takes another model; empty: none
    transforms: str = ""  # the variant that its second process is, where each has its own pods
    rounds_port: str | None = None  # of more_ports: rounds of federated training; None: it has none
    knobs: dict[str, KnobTable] = Field(default_factory=dict)  # what `tune` may turn, by name
    launchers: tuple[str, ...] = ()  # that alone can start it, the usual one first; empty: any
    function: FunctionTable | None = None  # for those that start instances as requests come
    command: tuple[str, ...] = Field(min_length=1)
    ready_path: str = Field(default="/health", pattern=r"^/")
    ready_port: str | None = None  # of more_ports; None: the one that the load goes to
    path: str = Field(default="", pattern=r"^(/.*)?$")  # empty: the protocol's own
    port: int | None = Field(default=None, gt=0, lt=65536)  # None: a free one
    stop_signal: str = "SIGTERM"
    ready_timeout_s: float = Field(default=120, gt=0)
    environment: dict[str, str] = Field(default_factory=dict)
    workers: int = Field(default=1, gt=0)  # processes that hold the model
    threads: int | None = Field(default=None, gt=0)  # of a prediction; None: the benchmark's
    memory_mib: int = Field(default=4096, gt=0)  # of a container, shared memory and /tmp included
    replicas: int = Field(default=1, gt=0)  # pods, where the launcher starts those
    cpus: float | None = Field(default=None, gt=0)  # of a pod; None: as many as a server has
    batching: Batching | None = None
    without: dict[str, str] = Field(default_factory=dict)  # benchmarks it can't do, and why
    reference: bool = False  # its answers mean nothing and are not checked
    # More at a time are refused by contract, with HTTP 503.
    refuses_beyond: int | None = Field(default=None, gt=0)
    inside: bool = False  # it calls the predictor itself, so it fires the schedule itself too
    client: bool = False  # its own process is the client, which fires the schedule
    in_all: bool = True
    beside: tuple[str, ...] = ()  # variants of other tracks that `--track` of this one adds

    @property
    def is_floor(self) -> bool:
        """Whether it is a reference point, which others are set beside, and no contender."""
        return self.reference or self.inside

    @property
    def fires(self) -> bool:
        """Whether it fires the schedule itself, so that no generator sends it anything."""
        return self.inside or self.client

    @field_validator("command")
    @classmethod
    def _known_placeholders(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        turned = [n for n, k in info.data.get("knobs", {}).items() if k.sets == knobs.COMMAND]
        ports = (f"{name}_port" for name in info.data.get("more_ports", ()))
        known = [*PLACEHOLDERS, *ports, *turned]
        for part in value:
            for _, name, _, _ in string.Formatter().parse(part):
                if name is not None and name not in known:
                    raise ValueError(str(unknown("placeholder", name, known)).rstrip("."))
        return value

    @field_validator("components")
    @classmethod
    def _known_components(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in COMPONENTS:
                raise ValueError(str(unknown("component", name, COMPONENTS)).rstrip("."))
        return value

    @field_validator("ready_port", "rounds_port")
    @classmethod
    def _known_port(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value not in info.data.get("more_ports", ()):
            raise ValueError(f"{value!r} is none of more_ports")
        return value

    @field_validator("stop_signal")
    @classmethod
    def _known_signal(cls, value: str) -> str:
        if value not in signal.Signals.__members__:
            raise ValueError(f"{value!r} is not a signal")
        return value

    @model_validator(mode="after")
    def _template_has_a_request(self) -> VariantTable:
        if (self.protocol == "template") != (self.request is not None):
            raise ValueError("'request' goes with the protocol 'template', which needs it")
        return self

    @model_validator(mode="after")
    def _misses_of_a_store(self) -> VariantTable:
        if self.misses != COMPUTED and self.answers != STORED:
            raise ValueError(f"'misses' goes with 'answers = \"{STORED}\"'")
        return self

    @model_validator(mode="after")
    def _knobs_turn_something(self) -> VariantTable:
        reason = knobs.problem(self)
        if reason is not None:
            raise ValueError(reason)
        return self


class ServerTable(toml.Strict):
    """A server.toml."""

    framework: str
    package: str | None = None
    homepage: str = Field(default="", pattern=r"^(https?://.+)?$")  # empty: no product
    guide: str = Field(default="", pattern=r"^(https?://.+)?$")  # to production; as homepage
    licence: str
    maintained: bool
    note: str = ""  # what a reader should know: why this release, or that it is not maintained
    only_docker: str | None = None  # why it can't be had as a package
    image: str | None = None  # that its own Dockerfile builds on; None: the usual base
    version_path: str | None = None  # JSON there has its "version"; None: the package's is it
    metrics_path: str | None = None
    metrics_port: str | None = None  # of more_ports; None: the one that the load goes to
    counters: CountersTable | None = None
    variant: tuple[VariantTable, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _counters_have_a_place(self) -> ServerTable:
        if self.counters is not None and self.metrics_path is None:
            raise ValueError("'counters' needs 'metrics_path'")
        return self


class WeightsTable(toml.Strict):
    """The source of a benchmark's weights, and their expected hashes."""

    hub: str
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    package: str | None = None  # that carries the same files
    files: dict[str, str]


class BenchmarkTable(toml.Strict):
    """A benchmark.toml."""

    version: int = Field(gt=0)
    description: str
    tolerance: float = Field(ge=0)
    judge: str = judges.EQUAL  # see harness.setup.judges
    accuracy_at_least: float | None = Field(default=None, ge=0, le=1)
    threads: int = Field(default=1, gt=0)
    timeout_s: float = Field(default=10.0, gt=0)  # of a request under load
    slo: str = "p99<100ms"  # see harness.setup.slo
    prediction: Any = None  # what one looks like, for servers that declare their tensors
    weights: WeightsTable | None = None
    synthetic: WeightsTable | None = None  # what build.py gets instead with --synthetic-weights
    profile: tuple[ProfileTable, ...] = Field(min_length=1)

    @field_validator("slo")
    @classmethod
    def _known_slo(cls, value: str) -> str:
        try:
            slo.parse(value)
        except UsageError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return value

    @field_validator("judge")
    @classmethod
    def _known_judge(cls, value: str) -> str:
        try:
            judges.named(value)
        except UsageError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return value

    @field_validator("profile")
    @classmethod
    def _different_names(cls, value: tuple[ProfileTable, ...]) -> tuple[ProfileTable, ...]:
        names = [profile.name for profile in value]
        if len(set(names)) < len(names):
            raise ValueError("two profiles have the same name")
        return value


class PresetTable(toml.Strict):
    """How much of everything a run does."""

    launchers: tuple[str, ...] = (PROCESS,)
    tracks: tuple[Track, ...] = TRACKS  # of the variants that --all stands for

    benchmarks: tuple[str, ...]
    profiles: tuple[str, ...]  # empty: all
    rounds: int = Field(gt=0)
    duration_scale: float = Field(gt=0)
    warm_up_s: float = Field(ge=0)
    proof_s: float = Field(default=1.5, gt=0)  # for each thing that is measured before all cells
    verify_share: float = Field(default=1.0, gt=0, le=1)  # of the payloads, before timing
    capacity_s: float = Field(default=0, ge=0)  # for the search of each run; 0: none
    # For that of one which is not well known by then; less than capacity_s: no longer.
    capacity_longest_s: float = Field(default=0, ge=0)
    overload_s: float = Field(default=0, ge=0)  # at twice the capacity, after it; 0: none
    shutdown: bool = False  # stop it under load at the end
    restart: bool = False  # and start it again while the load goes on
    changes: tuple[ChangeName, ...] = ()  # of Deployments, under load
    changing: ChangingTable = ChangingTable()
    replace: bool = False  # have those that can serve another version of the model under load
    audit_s: float = Field(default=0, ge=0)  # for the audit of each run, at most; 0: none
    scrape_every_s: float = Field(default=0, ge=0)  # its metrics, during windows too; 0: not then
    cold_starts: int = Field(default=0, ge=0)  # of functions, at each temperature
    burst_s: float = Field(default=0, ge=0)  # of functions, from no instance; 0: none
    burst_per_s: float = Field(default=40.0, gt=0)
    # Beyond so many instances its requests are throttled; None: two for each server CPU, since more
    # that start at once would not come up in their time.
    burst_instances: int | None = Field(default=None, gt=0)
    budget_s: float | None = Field(default=None, gt=0)  # a run fits what this has room for
    until: Literal["decided"] | None = None  # more starts of what is not, as far as it has room

    @property
    def strains(self) -> bool:
        """Whether servers are put through anything when their windows are over."""
        return self.overload_s > 0 or self.shutdown

    @model_validator(mode="after")
    def _restarts_what_was_shut_down(self) -> PresetTable:
        if self.restart and not self.shutdown:
            raise ValueError("'restart' needs 'shutdown'")
        return self


class PresetsFile(toml.Strict):
    """benchmarks/presets.toml."""

    preset: dict[str, PresetTable]
