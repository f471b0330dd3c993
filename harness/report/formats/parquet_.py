"""The table for programs: typed columns, null where nothing is known."""

from __future__ import annotations

import io

from harness.report.formats import report_format
from harness.report.page.view import Report
from harness.report.text import tidy


@report_format("parquet", "report.parquet")
def parquet(report: Report) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in tidy.COLUMNS.items()])
    buffer = io.BytesIO()
    table = pa.Table.from_pylist(list(tidy.rows(report)), schema=schema)
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
