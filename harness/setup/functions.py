"""Functions: a service starts instances of a variant as requests come, and bills their use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from harness.base import toml

LAMBDA = "lambda"  # launchers of functions
CLOUD_RUN = "cloud-run"
SERVERLESS_OFFLINE = "serverless-offline"
Beyond = Literal["queue", "throttle"]
QUEUE: Beyond = "queue"
THROTTLE: Beyond = "throttle"
CPU_MIB = 1769  # of Lambda's memory buy one vCPU: docs.aws.amazon.com/lambda, "Configure memory"
LEAST_MIB, MOST_MIB = 128, 10_240


class FunctionTable(toml.Strict):
    """`[variant.function]` of a server.toml: how a service runs the variant's instances."""

    handler: str = Field(default="", pattern=r"^([A-Za-z_][\w./]*\.[A-Za-z_]\w*)?$")
    # Lambda's events: as a function URL or API Gateway sends them, or the body alone.
    event: Literal["http", "invoke"] = "http"
    memory_mib: int = Field(default=CPU_MIB, ge=LEAST_MIB, le=MOST_MIB)
    timeout_s: float = Field(default=30.0, gt=0)  # of an invocation; then its instance is replaced
    concurrency: int = Field(default=1, gt=0)  # requests at a time of an instance
    most_instances: int | None = Field(default=None, gt=0)  # None: one for each server CPU
    beyond: Beyond = QUEUE  # what becomes of a request when all of them are busy
    idle_s: float = Field(default=300.0, gt=0)  # an instance without requests is ended after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """The part of it that can be changed while instances run."""

    most_instances: int
    beyond: Beyond
    idle_s: float


def scaling(told: FunctionTable, cpus: int) -> Scaling:
    """How a service scales such a function where its instances have so many CPUs."""
    return Scaling(
        most_instances=told.most_instances or cpus, beyond=told.beyond, idle_s=told.idle_s
    )


def cpu_share(memory_mib: int) -> float:
    """The vCPUs that Lambda gives to a memory size."""
    return memory_mib / CPU_MIB
