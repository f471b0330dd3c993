"""The price table: what machines and serverless platforms cost. docs/cost.md describes the file."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from harness.base import paths, toml

Text = Annotated[str, Field(min_length=1)]
Amount = Annotated[float, Field(gt=0)]
NO_GPU = "none"


class PriceSource(toml.Strict):
    """The source of a price, which every row names."""

    provider: Text
    region: Text
    date: datetime.date  # the latest day on which the price is known to have held
    source: str = Field(pattern=r"^https?://\S+$")


class RentedMachine(PriceSource):
    """A machine that is rented by the hour."""

    type: Text
    vcpus: int = Field(gt=0)
    memory_gib: Amount
    gpu: Text  # the model of its one GPU, or NO_GPU
    usd_per_hour: Amount


class Serverless(PriceSource):
    """A platform that bills while requests are answered, at its smallest size with one vCPU."""

    service: Text
    memory_gib: Amount
    memory_gib_max: Amount
    memory_buys_cpu: bool  # then there is no price per vCPU
    usd_per_gib_second: Amount
    usd_per_vcpu_second: float | None = Field(default=None, gt=0)
    # Of concurrency that is kept ready: for as long as it is kept, and while it is used besides.
    provisioned_usd_per_gib_second: float | None = Field(default=None, gt=0)
    provisioned_busy_usd_per_gib_second: float | None = Field(default=None, gt=0)
    usd_per_million_requests: Amount
    rounded_up_to_ms: int = Field(gt=0)
    least_ms: int | None = Field(default=None, gt=0)  # None: what it is rounded up to
    memory_step_gib: float | None = Field(default=None, gt=0)  # None: the size is billed, not use
    starts_billed: bool = False  # whether the initialisation of an instance is billed
    shared: bool  # whether one instance answers several requests at a time

    @model_validator(mode="after")
    def _some_memory_fits(self) -> Serverless:
        if self.memory_gib_max < self.memory_gib:
            raise ValueError("'memory_gib_max' is below 'memory_gib'")
        return self

    @model_validator(mode="after")
    def _provisioned_has_both_prices(self) -> Serverless:
        kept, busy = self.provisioned_usd_per_gib_second, self.provisioned_busy_usd_per_gib_second
        if (kept is None) is not (busy is None):
            raise ValueError(
                "'provisioned_usd_per_gib_second' goes with 'provisioned_busy_usd_per_gib_second'"
            )
        return self

    @model_validator(mode="after")
    def _cpu_is_paid_once(self) -> Serverless:
        if self.memory_buys_cpu is (self.usd_per_vcpu_second is not None):
            raise ValueError(
                "give 'usd_per_vcpu_second' unless 'memory_buys_cpu', and not beside it"
            )
        return self


class PriceTable(toml.Strict):
    """A prices.toml."""

    instance: tuple[RentedMachine, ...] = ()
    serverless: tuple[Serverless, ...] = ()

    @model_validator(mode="after")
    def _rows_that_differ(self) -> PriceTable:
        if not self.instance and not self.serverless:
            raise ValueError("it has no [[instance]] and no [[serverless]]")
        machines = [(row.provider, row.type, row.region) for row in self.instance]
        platforms = [(row.provider, row.service, row.region) for row in self.serverless]
        twice = [*_twice(machines), *_twice(platforms)]
        if twice:
            raise ValueError(f"two rows describe {' '.join(twice[0])}")
        return self


def load(path: Path | None = None) -> PriceTable:
    """A price table; without a path the user's, or the one of this package. Raises UsageError."""
    named_by = ("provider", "type", "service", "region")
    return toml.load(path or paths.prices_file(), PriceTable, named_by)


def _twice(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [row for place, row in enumerate(rows) if row in rows[:place]]
