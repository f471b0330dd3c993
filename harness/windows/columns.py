"""The columns of windows as Parquet files: one file a table, all windows of a run in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from harness.base.errors import ResultError
from harness.stored.records import Window
from harness.windows.invocations import Invocations
from harness.windows.marks import MARKS, Marks
from harness.windows.samples import ERRORS, MISSING, Calls, Chunks, Requests, Usage

TABLES: dict[str, type[Any]] = {
    "requests": Requests,
    "usage": Usage,
    "calls": Calls,
    "chunks": Chunks,
    "marks": Marks,
    "invocations": Invocations,
}
# Tables that are empty in most runs: then there is no file.
SPARSE = ("chunks", "marks", "invocations")
_OF_REQUESTS = ("chunks", "marks")
# Columns that came with schema 3 and, of calls, with schema 5.
_LATER = {
    "memory_bytes",
    "throttled_ns",
    "gpu_percent",
    "gpu_bytes",
    "gpu_milliwatts",
    "thread_cpu_ns",
}
_FREE_ROWS, _ROWS_A_BYTE = 1 << 20, 16  # a row takes some bytes; regular ones less
_BYTES_A_ROW = 256
_MOST = 10**16  # nanoseconds, and bytes
_INVOKED = {"dispatched_ns", "handled_ns", "returned_ns", "answered_ns", "instance", "peak_bytes"}
MAY_MISS = {
    *("due_ns", "sent_ns", "first_byte_ns", "done_ns", "pss_bytes", "count"),
    *_LATER,
    *_INVOKED,
}
_WORDS = {"error": ERRORS, "mark": MARKS}  # columns of names, and what their codes stand for
_NARROW = {
    "payload": "int32",
    "request": "int32",
    "status": "int16",
    "queued": "bool",
    "resent": "bool",
    "batch": "int32",
    "process": "int32",
    "processes": "int32",
    "threads": "int32",
    "cold": "bool",
}


def needed(windows: Sequence[Window]) -> list[str]:
    """The tables that windows have to be written in."""
    return [
        name
        for name in TABLES
        if name not in SPARSE or any(len(getattr(window, name)) for window in windows)
    ]


def write(path: Path, name: str, windows: Sequence[Window]) -> None:
    """Write one table of every window. Raises OSError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [getattr(window, name) for window in windows]
    lengths = [len(getattr(table, fields(table)[0].name)) for table in tables]
    columns = {"window": pa.array(np.repeat(np.arange(len(tables), dtype=np.int16), lengths))}
    for field in fields(TABLES[name]):
        parts = [getattr(table, field.name) for table in tables]
        values = np.concatenate(parts) if parts else np.empty(0, np.int64)
        columns[field.name] = _column(field.name, values)
    # Neighbouring stamps differ little: deltas take a third of the room of plain integers.
    deltas = {
        key: "DELTA_BINARY_PACKED"
        for key, column in columns.items()
        if pa.types.is_integer(column.type)
    }
    pq.write_table(
        pa.table(columns),
        path,
        compression="zstd",
        use_dictionary=[word for word in _WORDS if word in columns] or False,
        column_encoding=deltas,
        write_statistics=False,
    )
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _column(name: str, values: Any) -> Any:
    import pyarrow as pa

    if words := _WORDS.get(name):
        codes = pa.array(values.astype(np.int8), mask=np.array([not w for w in words])[values])
        return pa.DictionaryArray.from_arrays(codes, pa.array(words))
    if name in _NARROW:
        return pa.array(values.astype(_NARROW[name]))
    if name in MAY_MISS:
        return pa.array(values, mask=values == MISSING)
    return pa.array(values)


def read(place: Path, name: str, windows: int) -> list[Any]:
    """One table for each window. Raises ResultError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = place / f"{name}.parquet"
    try:
        with pq.ParquetFile(path) as file:
            _require_bounded(file.metadata, path)
            table = file.read()
        columns = {f.name: _values(_stored(table, f.name), f.name) for f in fields(TABLES[name])}
        owner = _values(table["window"], "window")
        _require_measured(columns, owner, windows)
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise ResultError(f"{path} can't be read: {said}.") from error
    edges = np.searchsorted(owner, np.arange(windows + 1))
    return [
        TABLES[name](**{key: column[edges[i] : edges[i + 1]] for key, column in columns.items()})
        for i in range(windows)
    ]


def require_matching(place: Path, tables: dict[str, list[Any]]) -> None:
    """Raises ResultError for chunks or marks of requests that are not there."""
    for name in _OF_REQUESTS:
        for requests, told in zip(tables["requests"], tables[name], strict=True):
            if len(told) and not 0 <= told.request.min() <= told.request.max() < len(requests):
                raise ResultError(f"{place / f'{name}.parquet'} has {name} of no request.")


def _require_bounded(metadata: Any, path: Path) -> None:
    """Some bytes can stand for any number of rows. Raises ValueError where they do."""
    most = _FREE_ROWS + _ROWS_A_BYTE * path.stat().st_size
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    if metadata.num_rows > most or sum(group.num_rows for group in groups) > most:
        raise ValueError(f"{metadata.num_rows} rows can't fit into so few bytes")
    if size > _BYTES_A_ROW * (metadata.num_rows + _FREE_ROWS):
        raise ValueError(f"{size} bytes can't belong to so few rows")


def _require_measured(columns: dict[str, Any], owner: Any, windows: int) -> None:
    """Raises ValueError for rows of no window, and for moments beyond all windows."""
    if len(owner) and (np.any(np.diff(owner) < 0) or owner[0] < 0 or owner[-1] >= windows):
        raise ValueError("its rows belong to windows that the run does not have")
    for name, column in columns.items():
        if len(column) and (column.min() < -_MOST or column.max() > _MOST):
            raise ValueError(f"its column {name!r} is out of range")


def _stored(table: Any, name: str) -> Any:
    import pyarrow as pa

    if name not in table.column_names:
        # Schema 1 did not tell processes apart, and before schema 6 nothing was sent once more.
        if name in ("process", "resent"):
            return pa.chunked_array([np.zeros(len(table), np.int64)])
        if name in _LATER:
            return pa.chunked_array([np.full(len(table), MISSING, np.int64)])
    return table[name]


def _values(column: Any, name: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (
        pa.types.is_dictionary(column.type)
        or pa.types.is_integer(column.type)
        or pa.types.is_boolean(column.type)
    ):
        raise ValueError(f"a column is of the type {column.type}")
    if pa.types.is_dictionary(column.type):
        known = {word: code for code, word in enumerate(_WORDS[name])}
        codes = (
            [known[word or ""] for word in column.chunk(0).dictionary.to_pylist()]
            if column.num_chunks
            else []
        )
        places = pc.fill_null(column.combine_chunks().indices, -1).to_numpy(zero_copy_only=False)
        return np.append(np.array(codes, dtype=np.int64), 0)[places.astype(np.int64)]
    if column.null_count:
        column = pc.fill_null(column, MISSING)
    return column.to_numpy().astype(np.int64)
