"""DuckDB over the lake's Parquet files: locked down, limited, and seeing no row from after the reference time."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import duckdb

from runner.errors import UnreadableLake
from runner.lake import duckdb_errors, engine_macros, parse_tree, plain_types, rows, table
from runner.lake.dialect import compiler
from runner.lake.plain_types import identifier
from runner.lake.table import ENGINE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.lake.dialect.compiler import CompiledQuery, Schema
    from runner.lake.rows import RowBatch
    from runner.lake.table import Snapshot, TableName

TIME_COLUMN = "p_event_time"
BATCH_ROWS = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineLimits:
    """What one engine may use: `memory` in bytes, what is more spills to the folder `spill`; threads."""

    memory: int
    spill: Path
    threads: int = 1


class DuckDBEngine:
    """One locked connection. Answers one query at a time; `interrupt` may be called from another thread.

    With one thread the order of rows is the order of the files, so the same run gives the same order.
    """

    def __init__(self, lake: Path, limits: EngineLimits) -> None:
        self._lake = lake.resolve()
        self._connection = duckdb.connect(":memory:", config={"threads": limits.threads})
        for statement in (
            *_VALUE_NAMES_REFUSED,
            *engine_macros.create_statements(),
            *_settings(self._lake, limits),
        ):
            self._connection.execute(statement)

    def tables(self) -> frozenset[TableName]:
        """Return the tables of the lake as they are now."""
        return table.tables_of(self._lake)

    def compile(
        self, text: str, *, dialect: str, reference: datetime, library: Mapping[str, str] | None = None
    ) -> CompiledQuery:
        """Compile SQL for a reference time (aware); a template may import from the texts in `library`, by name.

        Raises `RefusedQuery`, `UnknownLogType` and `UnknownColumn`.
        """
        query = compiler.compile_query(
            text,
            dialect=dialect,
            reference=reference,
            known=self.tables(),
            library=library,
            schema_of=lambda names: self._schema(names, reference),
        )
        with duckdb_errors.translated():
            [(tree,)] = self._connection.execute(
                "SELECT json_serialize_sql(?::VARCHAR)", [query.sql]
            ).fetchall()
        parse_tree.check(tree, {name.view for name in query.tables})
        return query

    def _schema(self, names: Collection[TableName], reference: datetime) -> Schema:
        """Tell the columns of some tables as a run at the reference time would find them."""
        snapshot = table.snapshot(self._lake, names, until=reference.astimezone(UTC).date())
        with self._reading(snapshot):
            return {name: self._columns(files) for name, files in snapshot.files.items()}

    def _columns(self, files: Sequence[Path]) -> dict[str, str]:
        described = self._connection.execute(f"DESCRIBE SELECT * FROM {_parquet(files)}").fetchall()  # noqa: S608  paths are quoted
        return {name: type_ for name, type_, *_ in described}

    def snapshot(self, query: CompiledQuery, reference: datetime) -> Snapshot:
        """Fix the list of files that the query reads. Raises `UnknownLogType` for a table without files."""
        return table.snapshot(self._lake, query.tables, until=reference.astimezone(UTC).date())

    def explain(self, query: CompiledQuery, reference: datetime) -> None:
        """Bind a query to its tables without reading rows. Raises `QueryError` where that fails."""
        snapshot = self.snapshot(query, reference)
        with self._reading(snapshot):
            self._create_views(snapshot, reference)
            self._connection.execute(f"EXPLAIN {query.sql}").fetchall()

    def run(self, query: CompiledQuery, snapshot: Snapshot, reference: datetime) -> Iterator[RowBatch]:
        """Answer a query that this engine compiled, batch by batch.

        An error may come after some batches: nothing may be acted on before the last one came.
        Raises `QueryError` or a subclass.
        """
        with self._reading(snapshot):
            self._create_views(snapshot, reference)
            written = self._connection.sql(query.sql)
            result = self._connection.sql(plain_types.select_plain(query.sql, written.columns, written.types))
            types = result.types
            reader = result.to_arrow_reader(BATCH_ROWS)
            try:
                yield from rows.batches_of(reader, types)
            finally:
                reader.close()

    def timeless_tables(self, query: CompiledQuery, reference: datetime) -> frozenset[TableName]:
        """Return the tables of a query that have no time column: they are read whole, whatever the time is."""
        snapshot = self.snapshot(query, reference)
        with self._reading(snapshot):
            return frozenset(name for name, files in snapshot.files.items() if not self._has_time(files))

    def interrupt(self) -> None:
        """Stop the query that is running; it ends with `QueryTimeout`."""
        self._connection.interrupt()

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def _create_views(self, snapshot: Snapshot, reference: datetime) -> None:
        """Let each table of the query show the snapshot's rows from before the reference time.

        A row whose time is NULL is not shown: nobody could say which runs had seen it.
        """
        for name, files in snapshot.files.items():
            view = f"{ENGINE_SCHEMA}.{identifier(name.view)}"
            cut = f" WHERE {TIME_COLUMN} < {_timestamp(reference)}" if self._has_time(files) else ""
            self._connection.execute(
                f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {_parquet(files)}{cut}"  # noqa: S608  names and paths are quoted
            )

    def _has_time(self, files: Sequence[Path]) -> bool:
        columns = self._connection.sql(f"SELECT * FROM {_parquet(files)}").columns  # noqa: S608  paths are quoted
        return TIME_COLUMN in (column.lower() for column in columns)

    @contextmanager
    def _reading(self, snapshot: Snapshot) -> Iterator[None]:
        """Translate errors, and name the file that is damaged where DuckDB does not."""
        try:
            with duckdb_errors.translated():
                yield
        except UnreadableLake as error:
            files = list(itertools.chain.from_iterable(snapshot.files.values()))
            if any(str(file) in str(error) for file in files):
                raise
            damaged = next((file for file in files if not self._is_readable(file)), None)
            raise UnreadableLake(f"{error}: {damaged}" if damaged else str(error)) from error

    def _is_readable(self, file: Path) -> bool:
        """Read a whole file, for nothing but to see whether that can be done."""
        try:
            with duckdb_errors.translated():
                self._connection.execute(f"SELECT max(hash(COLUMNS(*))) FROM {_parquet([file])}").fetchall()  # noqa: S608  the path is quoted
        except UnreadableLake:
            return False
        return True


def _settings(lake: Path, limits: EngineLimits) -> tuple[str, ...]:
    return (
        "SET TimeZone='UTC'",
        "SET ieee_floating_point_ops=false",  # division by zero is an error, as in Snowflake
        "SET enable_progress_bar=false",
        # Left to itself DuckDB reads far ahead, and a scan's peak memory rises with the number of files.
        "SET read_ahead_depth=1",
        f"SET memory_limit='{limits.memory}B'",
        f"SET temp_directory={_literal(str(limits.spill))}",
        f"SET allowed_directories=[{_literal(f'{lake}/')}]",
        "SET autoinstall_known_extensions=false",
        "SET autoload_known_extensions=false",
        "SET allow_community_extensions=false",
        "SET python_enable_replacements=false",
        "SET enable_external_access=false",
        "SET lock_configuration=true",
    )


_VALUES = "user current_user session_user current_role current_catalog current_schema current_date".split()
_VALUE_NAMES_REFUSED = tuple(
    f"""CREATE MACRO {ENGINE_SCHEMA}."{function}"() AS error('there is no column {name}')"""
    for function, name in [
        *zip(_VALUES, _VALUES, strict=True),
        ("get_current_timestamp", "current_timestamp"),
    ]
)
"""To DuckDB, `user` and its like are values of its own where no column has that name, even in quotes."""


def _parquet(files: Sequence[Path]) -> str:
    paths = ", ".join(_literal(str(file)) for file in files)
    return f"read_parquet([{paths}], union_by_name=true, hive_partitioning=false)"


def _timestamp(moment: datetime) -> str:
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    return f"TIMESTAMP '{naive.isoformat(sep=' ')}'"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
