"""Identities of schemas before 7, which had names alone: the names are taken apart here.

Everything here gets what a file holds before it is validated, and leaves alone what is not of the
shape that it expects: validation says what is wrong with that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from harness.stored.identity import AT, BENCHMARK, VARIANT, Cell, Point, Subject

_RECORDS = 7  # the schema that has identities as records
_KINDS = {"sweep": "sweep", "tune": "tune"}  # by the preset that such a campaign was said to have
_PREDICTOR, _NULL = "in-process", "null"  # no other variant was a canary
_NAMED = re.compile(r"(?P<base>.+)-(?P<axis>[a-z]+)-(?P<value>[1-9][0-9]*)(?P<rest>@.*)?")


def campaign(plan: Any, schema: int) -> Any:
    """A plan, with records in place of names, the canaries among them, and its kind."""
    if schema >= _RECORDS or not _is(plan) or not isinstance(plan.get("cells"), list):
        return plan
    kind = _KINDS.get(str(plan.get("preset")), "run")
    endpoint, against = _name_of(plan.get("endpoint")), _name_of(plan.get("against"))

    def made(variant: str, benchmark: str, number: int) -> Cell:
        if variant == endpoint:
            return Cell(subject=Subject(variant), benchmark=benchmark, point=None, round=number)
        if kind == "sweep":
            return _swept(variant, benchmark, number)
        return Cell(
            subject=subject(variant, against), benchmark=benchmark, point=None, round=number
        )

    cells = [_cell(each, made) for each in plan["cells"]]
    known = [each.get("subject") for each in cells if isinstance(each, dict)]
    canaries = {
        role: found if (found := asdict(Subject(name))) in known else None
        for role, name in (("predictor", _PREDICTOR), ("null", _NULL))
    }
    return {**plan, "cells": cells, "kind": kind, "canaries": canaries}


def run(facts: Any, wanted: Cell | None, schema: int) -> Any:
    """A run. `wanted` is the cell of its campaign that it should be of: it is of that one, if its
    names say so. Otherwise they say what they can by themselves."""
    if schema >= _RECORDS or not _is(facts):
        return facts
    server = facts.get("server")
    launcher = server.get("launcher") if isinstance(server, dict) else None

    def made(variant: str, benchmark: str, number: int) -> Cell:
        if wanted is not None and (variant, benchmark, number) == (
            *(wanted.variant_name, wanted.benchmark_name),
            wanted.round,
        ):
            return wanted
        own, at, rest = variant.partition(AT)
        revision = rest.removeprefix(f"{launcher}{AT}") if rest != launcher else ""
        named = subject(variant, revision or None) if at else Subject(own)
        return Cell(subject=named, benchmark=benchmark, point=None, round=number)

    return {**facts, "cell": _cell(facts.get("cell"), made)}


def night(summary: Any) -> Any:
    """A summary of a night: rows had names alone, and later their parts but for the benchmark's;
    two revisions make no summary."""
    if not isinstance(summary, dict) or not isinstance(summary.get("rows"), list):
        return summary
    return {**summary, "rows": [_row(row) for row in summary["rows"]]}


def _row(row: Any) -> Any:
    parts = [row.get(key) for key in ("variant", "benchmark")] if _is(row) else []
    if [type(part) for part in parts] != [str, str]:
        return row
    variant, benchmark = parts
    own, canary = subject(variant), {_PREDICTOR: "predictor", _NULL: "null"}.get(variant)
    known = {"subject": asdict(own), "canary": canary} if "subject" not in row else {}
    return {"plain_benchmark": _plain(benchmark, row.get("point")), **row, **known}


def _plain(benchmark: str, point: Any) -> str:
    """A benchmark's own name, by the point that is in the name that reports give it."""
    if not _is(point):
        return benchmark
    value = f"-{point.get('value')}" if point.get("varies") == BENCHMARK else ""
    return benchmark.removesuffix(f"-{point.get('axis')}{value}")


def subject(name: str, revision: str | None = None) -> Subject:
    """The subject behind a name, in a campaign that had that other revision."""
    own = name.removesuffix(f"{AT}{revision}") if revision else name
    variant, _, launcher = own.partition(AT)
    return Subject(variant, launcher or None, revision if own != name else None)


def _swept(variant: str, benchmark: str, number: int) -> Cell:
    """A cell of a sweep; one whose names say nothing of an axis lies nowhere on it."""
    found = _NAMED.fullmatch(benchmark)
    if found is not None and found["rest"] is None:
        point = Point(found["axis"], int(found["value"]), BENCHMARK)
        return Cell(subject=subject(variant), benchmark=found["base"], point=point, round=number)
    found = _NAMED.fullmatch(variant)
    if found is None or not benchmark.endswith(f"-{found['axis']}"):
        return Cell(subject=subject(variant), benchmark=benchmark, point=None, round=number)
    point = Point(found["axis"], int(found["value"]), VARIANT)
    own = subject(found["base"] + (found["rest"] or ""))
    return Cell(
        subject=own, benchmark=benchmark.removesuffix(f"-{point.axis}"), point=point, round=number
    )


def _cell(given: Any, made: Callable[[str, str, int], Cell]) -> Any:
    parts = [given.get(key) for key in ("variant", "benchmark", "round")] if _is(given) else []
    if [type(part) for part in parts] != [str, str, int]:
        return given
    return asdict(made(*parts))


def _name_of(given: Any) -> str | None:
    name = given.get("name") if _is(given) else None
    return name if isinstance(name, str) else None


def _is(given: Any) -> bool:
    return isinstance(given, dict)
