"""The columns that a table has, kept in a file without rows at the head of its folder.

Readers put that file first in every list of files: then each column is there, whichever files a query reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from runner.errors import IngestError
from runner.ingest import partitions
from runner.lake.table import SCHEMA_FILE
from runner.storage import ObjectPath

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path) -> pa.Schema:
    """Return the columns of a table; none for a table that is not there yet.

    Raises `IngestError` if the file is damaged.
    """
    path = folder / SCHEMA_FILE
    if not path.exists():
        return pa.schema([])
    try:
        return pq.read_schema(pa.BufferReader(path.read_bytes())).remove_metadata()
    except (OSError, pa.ArrowException) as error:
        raise IngestError(f"{path}: the schema of the table cannot be read: {error}") from error


def write(folder: Path, columns: pa.Schema) -> None:
    """Write the columns of a table, whole or not at all."""
    if isinstance(folder, ObjectPath):
        content = pa.BufferOutputStream()
        pq.ParquetWriter(content, columns).close()
        (folder / SCHEMA_FILE).write_bytes(content.getvalue())
        return
    unfinished = folder / f".{SCHEMA_FILE}.part"
    pq.ParquetWriter(unfinished, columns).close()
    partitions.sync(unfinished)
    unfinished.replace(folder / SCHEMA_FILE)


def merge_structs(known: pa.StructType, new: pa.StructType) -> pa.StructType:
    """Return the known fields with the new ones behind them; where types differ the known one stands."""
    return pa.struct(_merge_fields(list(known), list(new)))


def _merge_fields(known: list[pa.Field], new: list[pa.Field]) -> list[pa.Field]:
    # by name as SQL reads it: a column that differs only in case would be the same column there
    incoming = {field.name.lower(): field for field in new}
    merged = [
        pa.field(field.name, _merge_types(field.type, incoming.pop(field.name.lower(), field).type))
        for field in known
    ]
    return merged + [pa.field(field.name, field.type) for field in incoming.values()]


def _merge_types(known: pa.DataType, new: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(known) and pa.types.is_struct(new):
        return merge_structs(known, new)
    if pa.types.is_list(known) and pa.types.is_list(new):
        return pa.list_(_merge_types(known.value_type, new.value_type))
    if known == pa.int64() and new == pa.float64():
        return new  # the one widening that changes no value that is there
    return known
