"""The keys of a profile in benchmark.toml."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from harness.base import toml
from harness.base.errors import unknown
from harness.setup.tracks import Track
from harness.windows.profiles import CLOSED, USERS, Popularity, needs, shape_names


class ProfileTable(toml.Strict):
    """A profile whose rates are absolute or shares of the capacity in process."""

    name: str
    shape: str
    duration_s: float = Field(gt=0)
    rate_share: float | None = Field(default=None, gt=0)
    rate_per_s: float | None = Field(default=None, gt=0)
    rate_share_end: float | None = Field(default=None, gt=0)
    rate_per_s_end: float | None = Field(default=None, gt=0)
    rate_share_peak: float | None = Field(default=None, gt=0)
    rate_per_s_peak: float | None = Field(default=None, gt=0)
    concurrency: int | None = Field(default=None, gt=0)
    think_s: float | None = Field(default=None, gt=0)
    popularity: Popularity | None = None  # see harness.windows.repeats
    exponent: float | None = Field(default=None, gt=0)
    unseen_share: float = Field(default=0.0, ge=0, le=1)
    tracks: tuple[Track, ...] = ()  # it is for campaigns with a variant of these; empty: for all

    @field_validator("shape")
    @classmethod
    def _known_shape(cls, value: str) -> str:
        if value not in shape_names():
            raise ValueError(str(unknown("shape", value, shape_names())).rstrip("."))
        return value

    @model_validator(mode="after")
    def _popular_by_a_law(self) -> ProfileTable:
        if (self.popularity is None) != (self.exponent is None):
            raise ValueError("'popularity' and 'exponent' go together")
        return self

    @model_validator(mode="after")
    def _complete(self) -> ProfileTable:
        rates = [rate for rate in (self.rate_share, self.rate_per_s) if rate is not None]
        if (self.shape == USERS) != (self.think_s is not None):
            raise ValueError("'think_s' goes with the shape 'users', which needs it")
        if self.shape in (CLOSED, USERS):
            if self.concurrency is None or rates or self._far():
                who = "a closed loop needs" if self.shape == CLOSED else "'users' needs"
                raise ValueError(f"{who} 'concurrency', and has no rate")
            return self
        if len(rates) != 1:
            raise ValueError("give either 'rate_share' or 'rate_per_s'")
        wanted = 1 if "rate_to_per_s" in needs(self.shape) else 0
        if len(self._far()) != wanted:
            goal = "one rate to go to ('rate_per_s_end', ...)" if wanted else "no rate to go to"
            raise ValueError(f"a {self.shape} profile needs {goal}")
        return self

    def _far(self) -> list[tuple[float, bool]]:
        shares = [(v, True) for v in (self.rate_share_end, self.rate_share_peak) if v is not None]
        rates = [(v, False) for v in (self.rate_per_s_end, self.rate_per_s_peak) if v is not None]
        return shares + rates

    @property
    def is_share(self) -> bool:
        """Whether a rate of it is a share of the capacity in process."""
        return self.rate_share is not None or any(share for _, share in self._far())

    def rates(self, capacity_per_s: float) -> tuple[float | None, float | None]:
        """(rate, rate to go to) per second, given the capacity in process."""
        base = self.rate_per_s if self.rate_share is None else self.rate_share * capacity_per_s
        far = [v * capacity_per_s if share else v for v, share in self._far()]
        return base, far[0] if far else None
