"""docs/schema.md describes every stored field, and none that is not stored."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.stored import records, store
from harness.windows import columns, samples
from tests.docs.pages import coded, rows, section, text
from tests.unit import stored

PAGE = text("docs/schema.md")
TABLES = columns.TABLES
FILES = {"campaign.json": records.Campaign, "run.json": records.RunFacts}


def stored_fields(record: type[Any]) -> Iterator[str]:
    """Names of the fields of a record and of all records within it."""
    hints = typing.get_type_hints(record)
    for field in dataclasses.fields(record):
        yield field.name
        for inner in records_in(hints[field.name]):
            yield from stored_fields(inner)


def records_in(hint: Any) -> Iterator[type[Any]]:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for argument in typing.get_args(hint):
        yield from records_in(argument)


@pytest.mark.parametrize("name", FILES)
def test_every_field_of_a_json_file_is_described(name: str) -> None:
    known = coded(section(PAGE, name)) | coded(section(PAGE, "campaign.json"))
    assert set(stored_fields(FILES[name])) - known == set()


@pytest.mark.parametrize("name", FILES)
def test_no_field_of_a_json_file_is_described_that_is_not_there(name: str) -> None:
    described = {field for row in rows(section(PAGE, name)) for field in coded(row[0])}
    assert described - set(stored_fields(FILES[name])) == set()


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_described_with_its_type(name: str, tmp_path: Path) -> None:
    store.write_run(tmp_path, stored.heard(stored.full_run()))
    (path,) = tmp_path.rglob(f"{name}.parquet")
    found = {column.name: type_name(column.type) for column in pq.read_schema(path)}
    assert found.pop("window") == "int16"
    part = section(PAGE, f"{name}.parquet")
    described = {row[0].strip("`"): row[1] for row in rows(part) if len(row) == 5}
    assert described == found
    assert set(described) == {field.name for field in dataclasses.fields(TABLES[name])}


def type_name(kind: Any) -> str:
    return "dictionary of text" if pa.types.is_dictionary(kind) else str(kind)


def test_the_columns_that_may_be_null_are_those_that_the_page_says() -> None:
    described = {
        row[0].strip("`")
        for name in TABLES
        for row in rows(section(PAGE, f"{name}.parquet"))
        if len(row) == 5 and row[4]
    }
    assert described == columns.MAY_MISS | {"error"}


def test_every_error_is_described() -> None:
    part = section(PAGE, "requests.parquet")
    assert {error for error in samples.ERRORS if error} - coded(part) == set()


def test_every_schema_version_has_its_row() -> None:
    found = {row[0] for row in rows(section(PAGE, "Result files")) if len(row) == 2}
    assert {str(number) for number in range(1, store.SCHEMA + 1)} <= found
