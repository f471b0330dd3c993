"""What is stored of another revision of the project that a campaign measured too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Revision:
    """Another revision of the project, whose variants were measured beside this one's."""

    name: str  # in the names of its variants: `fastapi@main`
    commit: str

    def of(self, variant: str) -> str:
        """What one of its variants is called."""
        return f"{variant}@{self.name}"

    def base(self, variant: str) -> str | None:
        """The name without the revision, or None for a variant of another revision."""
        base = variant.removesuffix(f"@{self.name}")
        return base if base != variant else None
