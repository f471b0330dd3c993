"""How often answers that need not be the reference's are right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Counts over held-out payloads, each sent once before timing: no model that answers a payload
    was trained on it."""

    asked: int
    right: int  # answered with their label
    reference_right: int  # that the reference answers with their label
    local: int  # answered by the smaller model


def interval(right: int, asked: int, confidence: float = 0.95) -> tuple[float, float]:
    """The confidence interval of a share (Clopper and Pearson, 1934)."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = 0.0 if right == 0 else float(betaincinv(right, asked - right + 1, tail))
    high = 1.0 if right == asked else float(betaincinv(right + 1, asked - right, 1 - tail))
    return low, high


def told(found: Accuracy) -> str:
    """In words."""
    return (
        f"of {found.asked} held-out payloads, a smaller model answered "
        f"{found.local}; the answers have the right label for "
        f"{_share(found.right, found.asked)}, the reference's for "
        f"{_share(found.reference_right, found.asked)}"
    )


def _share(right: int, asked: int) -> str:
    low, high = interval(right, asked)
    return f"{right / asked:.1%} ({100 * low:.1f}–{100 * high:.1f})"
