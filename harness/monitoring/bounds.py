"""Buckets of a histogram up to a limit, as a regular expression of their label `le`."""

from __future__ import annotations

from decimal import Decimal


def at_most(limit: float) -> str:
    """What matches the numbers from 0 to the limit, as exporters write bounds: `0.05`, `5`, `5.0`,
    `1e-05`. PromQL compares labels as texts, so that the order of numbers has to be spelt out."""
    whole, _, part = f"{Decimal(repr(limit)):f}".partition(".")
    part = part.rstrip("0")
    # Bounds that small are written with an exponent; those above the limit are larger than that.
    small = r"[0-9](\.[0-9]+)?e-(0[5-9]|[1-9][0-9]+)" if limit >= 1e-4 else "0"
    found = [small, *_less_whole(whole)]
    for place, digit in enumerate(part):
        if digit != "0":
            lower = _digits(int(digit) - 1)
            found.append(rf"{whole}\.{part[:place]}{lower}[0-9]*")
    found += [rf"{whole}\.{part}0*"] if part else []
    # A number that ends where the limit has more digits is smaller.
    shorter = [rf"\.{part[:place]}" for place in range(len(part) - 1, 0, -1)]
    found.append(rf"{whole}(\.0*{''.join('|' + each for each in shorter)})?")
    return "|".join(found)


def _less_whole(whole: str) -> list[str]:
    """Numbers whose whole part is smaller, with whatever follows the point."""
    found = []
    if len(whole) > 1:
        found.append(rf"[0-9]{{1,{len(whole) - 1}}}(\.[0-9]+)?")
    for place, digit in enumerate(whole):
        first = place == 0 and len(whole) > 1
        lowest = 1 if first else 0
        if int(digit) > lowest:
            rest = len(whole) - place - 1
            more = rf"[0-9]{{{rest}}}" if rest else ""
            lower = _digits(int(digit) - 1, lowest)
            found.append(rf"{whole[:place]}{lower}{more}(\.[0-9]+)?")
    return found


def _digits(highest: int, lowest: int = 0) -> str:
    return str(highest) if highest == lowest else f"[{lowest}-{highest}]"
