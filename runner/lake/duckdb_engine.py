"""DuckDB over the lake's Parquet files: locked down, limited, and seeing no row from after the reference time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import duckdb

from runner.clock import SystemClock
from runner.errors import UnreadableLake
from runner.lake import ages, duckdb_errors, parquet, parse_tree, plain_types, rows, table
from runner.lake.compiled_queries import CompiledQueries, QueryContent
from runner.lake.dialect import compiler
from runner.lake.dialect.bounds import PARTITION_COLUMNS
from runner.lake.engine_macros import EngineMacros
from runner.lake.index.lake_index import LakeIndex
from runner.lake.plain_types import identifier
from runner.lake.snapshots import Snapshots
from runner.lake.table import ENGINE_SCHEMA
from runner.storage import let_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from runner.lake.dialect.compiler import CompiledQuery
    from runner.lake.freshness import FreshnessLimits, TableAge
    from runner.lake.rows import RowBatch
    from runner.lake.snapshot import Snapshot, TableFiles
    from runner.lake.table import TableName
    from runner.lake.windows import Windows

BATCH_ROWS = 4096
_SNAPSHOTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineLimits:
    """What one engine may use: `memory` in bytes, what is more spills to the folder `spill`; threads."""

    memory: int
    spill: Path
    threads: int = 1


class DuckDBEngine:
    """One locked connection. Answers one query at a time; `interrupt` may be called from another thread.

    It closes the index that it is given; without one, it forgets what it has found in the lake with itself.

    With one thread the order of rows is the order of the files, so the same run gives the same order.
    """

    def __init__(self, lake: Path, limits: EngineLimits, index: LakeIndex | None = None) -> None:
        self._lake = lake.resolve()
        index = index or LakeIndex(self._lake, None, SystemClock())
        self._connection = duckdb.connect(":memory:", config={"threads": limits.threads})
        let_read(self._connection, self._lake)
        for statement in _settings([self._lake, index.place], limits):
            self._connection.execute(statement)
        self._macros = EngineMacros(self._connection)
        self._index = index
        self._compiled = CompiledQueries()
        self._snapshots = Snapshots(self._lake, index, self._connection)

    def tables(self) -> frozenset[TableName]:
        """Return the tables of the lake as they are now."""
        return table.tables_of(self._lake)

    def compile(
        self, text: str, *, dialect: str, reference: datetime, library: Mapping[str, str] | None = None
    ) -> CompiledQuery:
        """Compile SQL for a reference time (aware); a template may import from the texts in `library`, by name.

        Raises `RefusedQuery`, `UnknownLogType` and `UnknownColumn`.
        """
        partitions = frozenset(name for name in PARTITION_COLUMNS if name in text.lower())
        known = self.tables()
        return self._compiled.get(
            QueryContent.of(text, dialect, reference, library, known),
            lambda names: {name: self._snapshots.columns(name, partitions) for name in names},
            lambda schema_of: self._checked(
                compiler.compile_query(
                    text,
                    dialect=dialect,
                    reference=reference,
                    known=known,
                    library=library,
                    schema_of=schema_of,
                )
            ),
        )

    def _checked(self, query: CompiledQuery) -> CompiledQuery:
        """Let DuckDB read the statement too, and judge what it reads."""
        with duckdb_errors.translated():
            [(tree,)] = self._connection.execute(
                "SELECT json_serialize_sql(?::VARCHAR)", [query.sql]
            ).fetchall()
        parse_tree.check(tree, {name.view for name in query.tables})
        return query

    def snapshot(self, query: CompiledQuery, reference: datetime) -> Snapshot:
        """Fix the list of files that may hold rows of the query. Raises `UnknownLogType` for a table without files."""
        return self._snapshots.take(query, reference)

    def files_before(self, name: TableName, reference: datetime, within: timedelta | None) -> TableFiles:
        """Return the files of a table that may hold rows from before a time, and not longer before it than `within`."""
        return self._snapshots.before(name, reference, within)

    def ages_of(
        self, names: Iterable[TableName], limits: FreshnessLimits, reference: datetime
    ) -> tuple[TableAge, ...]:
        """Return how old those tables are that have a limit, at a reference time."""
        return ages.ages_of(self, names, limits, reference)

    def explain(self, query: CompiledQuery, reference: datetime) -> None:
        """Bind a query to its tables without reading rows. Raises `QueryError` where that fails."""
        snapshot = self._snapshots.take_columns(query, reference)
        with self._reading(snapshot):
            self._prepare(query, snapshot, reference)
            self._connection.execute(f"EXPLAIN {query.sql}").fetchall()

    def run(
        self,
        query: CompiledQuery,
        snapshot: Snapshot,
        reference: datetime,
        *,
        retaken: Callable[[Snapshot], object] = lambda _: None,
    ) -> Iterator[RowBatch]:
        """Answer a query that this engine compiled, batch by batch.

        A snapshot of which files have gone meanwhile is taken again, as long as no row was handed over, and
        `retaken` is told. An error may come after some batches: nothing may be acted on before the last one came.
        Raises `QueryError` or a subclass.
        """
        for _ in range(_SNAPSHOTS):
            batches = self._answer(query, snapshot, reference)
            try:
                first = next(batches, None)
            except UnreadableLake:
                if not snapshot.has_vanished:
                    raise
                snapshot = self.snapshot(query, reference)
                retaken(snapshot)
                continue
            if first is not None:
                yield first
                yield from batches
            return
        raise UnreadableLake("the files of the lake go away faster than they can be read")

    def _answer(self, query: CompiledQuery, snapshot: Snapshot, reference: datetime) -> Iterator[RowBatch]:
        with self._reading(snapshot):
            self._prepare(query, snapshot, reference)
            written = self._connection.sql(query.sql)
            result = self._connection.sql(plain_types.select_plain(query.sql, written.columns, written.types))
            types = result.types
            reader = result.to_arrow_reader(BATCH_ROWS)
            try:
                yield from rows.batches_of(reader, types)
            finally:
                reader.close()

    def windows(self, query: CompiledQuery, reference: datetime) -> dict[TableName, Windows | None]:
        """Return the windows of time that a query asks its tables for; None for a table without a time column."""
        snapshot = self._snapshots.take_columns(query, reference)
        return {name: table.windows if table.time_column else None for name, table in snapshot.tables.items()}

    def columns(self, name: TableName) -> dict[str, str]:
        """Return the columns of a table and their types in DuckDB's words. Raises `UnknownLogType`, `UnreadableLake`."""
        return self._snapshots.columns(name)

    def time_column(self, name: TableName) -> str | None:
        """Return the time column of a table, if it has one. Raises as `columns` does."""
        return self._snapshots.time_column(name)

    def interrupt(self) -> None:
        """Stop the query that is running; it ends with `QueryTimeout`."""
        self._connection.interrupt()

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()
        self._index.close()

    def _prepare(self, query: CompiledQuery, snapshot: Snapshot, reference: datetime) -> None:
        """Create the views and the macros that a query names."""
        self._macros.provide(query.sql)
        self._create_views(snapshot, reference)

    def _create_views(self, snapshot: Snapshot, reference: datetime) -> None:
        """Let each table of the query show the snapshot's rows from before the reference time.

        A row whose time is NULL is not shown: nobody could say which runs had seen it.
        """
        for name, files in snapshot.tables.items():
            view = f"{ENGINE_SCHEMA}.{identifier(name.view)}"
            partitions = "".join(f", {sql} AS {column}" for column, sql in files.partition_columns.items())
            time = identifier(files.time_column) if files.time_column else None
            cut = f" WHERE {time} < {_timestamp(reference)}" if time else ""
            self._connection.execute(
                f"CREATE OR REPLACE VIEW {view} AS SELECT *{partitions} FROM {parquet.reading(files.paths)}{cut}"  # noqa: S608  names and paths are quoted
            )

    @contextmanager
    def _reading(self, snapshot: Snapshot) -> Iterator[None]:
        """Translate errors, and name the file that is damaged where DuckDB does not."""
        try:
            with duckdb_errors.translated():
                yield
        except UnreadableLake as error:
            files = snapshot.paths
            if any(str(file) in str(error) for file in files):
                raise
            damaged = next((file for file in files if not self._is_readable(file)), None)
            raise UnreadableLake(f"{error}: {damaged}" if damaged else str(error)) from error

    def _is_readable(self, file: Path) -> bool:
        """Read a whole file, for nothing but to see whether that can be done."""
        try:
            with duckdb_errors.translated():
                everything = f"SELECT max(hash(COLUMNS(*))) FROM {parquet.reading([file])}"  # noqa: S608  the path is quoted
                self._connection.execute(everything).fetchall()
        except UnreadableLake:
            return False
        return True


def _settings(folders: Sequence[Path], limits: EngineLimits) -> tuple[str, ...]:
    allowed = ", ".join(parquet.literal(f"{folder}/") for folder in folders)
    return (
        "SET TimeZone='UTC'",
        "SET ieee_floating_point_ops=false",  # division by zero is an error, as in Snowflake
        "SET enable_progress_bar=false",
        # Left to itself DuckDB reads far ahead, and a scan's peak memory rises with the number of files.
        "SET read_ahead_depth=1",
        f"SET memory_limit='{limits.memory}B'",
        f"SET temp_directory={parquet.literal(str(limits.spill))}",
        f"SET allowed_directories=[{allowed}]",
        "SET autoinstall_known_extensions=false",
        "SET autoload_known_extensions=false",
        "SET allow_community_extensions=false",
        "SET python_enable_replacements=false",
        "SET enable_external_access=false",
        "SET lock_configuration=true",
    )


def _timestamp(moment: datetime) -> str:
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    return f"TIMESTAMP '{naive.isoformat(sep=' ')}'"
