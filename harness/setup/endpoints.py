"""An endpoint that is up already, as a campaign names it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.base.trust import SYSTEM, Trust
from harness.setup.templates import RequestTable

Headers = tuple[tuple[str, str], ...]  # in their order; a name may be there more than once

REFERENCE = "reference"  # by what its answers are judged: the predictor in process,
RECORDED = "recorded"  # what was recorded before,
UNJUDGED = "unchecked"  # or nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A deployed endpoint that is measured as a variant of that name."""

    name: str
    url: str
    protocol: str
    # As they were given: `$NAME` stands for a secret that is not stored; repeated ones as a list.
    headers: dict[str, str | tuple[str, ...]]
    trust: Trust = SYSTEM
    request: RequestTable | None = None  # of the protocol `template`
    judged_by: str = REFERENCE
    is_here: bool = False  # on this machine, as far as its address tells
    beside: str = ""  # the variant that the report puts it beside

    @property
    def each_header(self) -> Headers:
        """Name and value of each."""
        return tuple(
            (name, value)
            for name, values in self.headers.items()
            for value in ((values,) if isinstance(values, str) else values)
        )


def by_name(headers: Headers) -> dict[str, str | tuple[str, ...]]:
    """The headers as an endpoint keeps them."""
    found: dict[str, str | tuple[str, ...]] = {}
    for name in dict.fromkeys(name for name, _ in headers):
        values = tuple(value for other, value in headers if other == name)
        found[name] = values if values[1:] else values[0]
    return found
