"""Takes snapshots: which files of the lake may hold rows of a query, by its bounds and its reference time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb

from runner.errors import UnknownLogType, UnreadableLake
from runner.lake import duckdb_errors, parquet, query_windows, table
from runner.lake.dialect.conditions import ALWAYS
from runner.lake.index import table_file
from runner.lake.plain_types import identifier
from runner.lake.snapshot import Snapshot, TableFiles
from runner.lake.windows import ALL_TIME, EARLIEST, Window, common, microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.lake.dialect.compiler import CompiledQuery
    from runner.lake.index.lake_index import LakeIndex
    from runner.lake.table import TableName
    from runner.lake.windows import Windows

_TIME_TYPES = ("TIMESTAMP", "DATE")
_EXACT_TYPES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
"""What is compared with other types may be made coarser first, down to a day."""

_A_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_DAY_COLUMN = "p_date"


class Snapshots:
    """Asks the index of a lake for files; constants and types are worked out by an engine's connection."""

    def __init__(self, lake: Path, index: LakeIndex, connection: duckdb.DuckDBPyConnection) -> None:
        self._lake = lake
        self._index = index
        self._connection = connection
        self._types_seen: dict[tuple[Path, int, int], Mapping[str, str]] = {}

    def take(self, query: CompiledQuery, reference: datetime) -> Snapshot:
        """Fix the files of a query for a reference time (aware).

        Raises `UnknownLogType` for a table without files, and `UnreadableLake`.
        """
        return Snapshot(tables={name: self._files(name, query, reference) for name in sorted(query.tables)})

    def take_columns(self, query: CompiledQuery, reference: datetime) -> Snapshot:
        """Return a snapshot of the tables without their rows, where that can be. Raises as `take` does."""
        return Snapshot(
            tables={
                name: self._files(name, query, reference, with_rows=False) for name in sorted(query.tables)
            }
        )

    def columns(self, name: TableName, partitions: frozenset[str] = frozenset()) -> dict[str, str]:
        """Return the columns of a table and their types in DuckDB's words, with some of its partition columns.

        Raises `UnknownLogType` for a table without files, and `UnreadableLake`.
        """
        folder = self._folder(name)
        schema = self._index.schema(folder)
        types = self._types(schema) if schema else {}
        added = _partition_columns(_time_column(folder, types), types, partitions)
        return {**types, **{column: type_ for column, (type_, _) in added.items()}}

    def time_column(self, name: TableName) -> str | None:
        """Return the time column of a table, if it has one. Raises as `columns` does."""
        folder = self._folder(name)
        schema = self._index.schema(folder)
        return _time_column(folder, self._types(schema) if schema else {})

    def _folder(self, name: TableName) -> Path:
        folder = table.folder_of(self._lake, name)
        if folder is None:
            raise UnknownLogType(_no_files(name))
        return folder

    def before(self, name: TableName, reference: datetime, within: timedelta | None) -> TableFiles:
        """Return the files of a table that may hold rows from before a time, and not longer before it than `within`.

        Raises `UnknownLogType` for a table without files, and `UnreadableLake`.
        """
        end = microseconds(reference)
        window = Window(EARLIEST if within is None else end - within // _MICROSECOND, end - 1)
        return self._found(name, lambda _column, _types: (window,), frozenset())

    def _files(
        self, name: TableName, query: CompiledQuery, reference: datetime, *, with_rows: bool = True
    ) -> TableFiles:
        def windows(column: str | None, types: Mapping[str, str]) -> Windows:
            return self._windows(name, query, reference, column, types)

        return self._found(name, windows, query.bounds.partition_columns, with_rows=with_rows)

    def _found(
        self,
        name: TableName,
        windows_of: Callable[[str | None, Mapping[str, str]], Windows],
        partition_columns: frozenset[str],
        *,
        with_rows: bool = True,
    ) -> TableFiles:
        folder = self._folder(name)
        schema = self._index.schema(folder)
        types = self._types(schema) if schema else {}
        column = _time_column(folder, types)
        windows = windows_of(column, types)
        needed = with_rows or schema is None
        files = self._index.files(folder, windows, column=column) if needed else []
        if not files and schema is None:
            raise UnknownLogType(_no_files(name))
        partitions = _partition_columns(column, types, partition_columns)
        return TableFiles(
            schema=schema,
            files=files,
            time_column=column,
            partition_columns={added: sql for added, (_, sql) in partitions.items()},
            windows=windows,
        )

    def _windows(
        self,
        name: TableName,
        query: CompiledQuery,
        reference: datetime,
        column: str | None,
        types: Mapping[str, str],
    ) -> Windows:
        """Return the windows that a query asks a table for; all of time where they cannot be told from a column.

        Times that are written as text are not in the order of the times that they mean.
        """
        if column is None or not types[column].startswith(_TIME_TYPES):
            return ALL_TIME
        conditions = query.bounds.conditions.get(name.view, (ALWAYS,))
        columns = {column.lower(): timedelta() if types[column] in _EXACT_TYPES else _A_DAY}
        if _DAY_COLUMN in _partition_columns(column, types, query.bounds.partition_columns):
            columns[_DAY_COLUMN] = _A_DAY
        moments = self._moments(query_windows.constants_of(conditions, columns))
        before = Window(EARLIEST, microseconds(reference) - 1)
        return common(query_windows.windows_of(conditions, columns, moments), (before,))

    def _moments(self, constants: Sequence[str]) -> dict[str, int | None]:
        """Work out which moments constants are, in microseconds; None for what is none."""
        if not constants:
            return {}
        values = ", ".join(
            f"CASE WHEN isfinite({moment}) THEN epoch_us({moment}) END"
            for moment in (f"TRY_CAST(({constant}) AS TIMESTAMP)" for constant in constants)
        )
        try:
            (found,) = self._connection.execute(f"SELECT {values}").fetchall()
        except duckdb.Error:
            if len(constants) == 1:
                return {constants[0]: None}
            return {sql: moment for one in constants for sql, moment in self._moments([one]).items()}
        return dict(zip(constants, found, strict=True))

    def _types(self, schema: Path) -> Mapping[str, str]:
        """Return the columns of a schema file and their types."""
        status = schema.stat()
        key = (schema, status.st_mtime_ns, status.st_ino)
        if key not in self._types_seen:
            with duckdb_errors.translated():
                relation = self._connection.sql(f"FROM {parquet.reading([schema])}")
            types = (str(type_) for type_ in relation.types)
            self._types_seen[key] = dict(zip(relation.columns, types, strict=True))
        return self._types_seen[key]


def _time_column(folder: Path, types: Mapping[str, str]) -> str | None:
    """Return the time column of a table, as its files write it, if it has one."""
    named = table_file.time_column(folder)
    if named is None:
        return None
    found = next((column for column in types if column.lower() == named.lower()), None)
    if types and found is None and named != table_file.TIME_COLUMN:
        raise UnreadableLake(f"{folder / table_file.TABLE_FILE}: the table has no column {named}")
    return found


def _partition_columns(
    time: str | None, types: Mapping[str, str], asked: frozenset[str]
) -> dict[str, tuple[str, str]]:
    """Return the type and the SQL of each partition column that is asked for and that the files do not have."""
    if time is None:
        return {}
    there = {column.lower() for column in types}
    known = {
        _DAY_COLUMN: ("DATE", f"CAST({identifier(time)} AS DATE)"),
        "p_hour": ("BIGINT", f"hour({identifier(time)})"),
    }
    return {column: known[column] for column in sorted(asked - there)}


def _no_files(name: TableName) -> str:
    return f"the table {name.qualified} has no files yet: ingest some logs first"
