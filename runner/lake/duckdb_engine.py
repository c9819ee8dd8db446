"""DuckDB over the lake's Parquet files: locked down, limited, and seeing no row from after the reference time."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from runner.errors import OutOfMemory, QueryError, QueryTimeout, RefusedQuery, UnknownLogType, UnreadableLake
from runner.lake import rows, table
from runner.lake.dialect import compiler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from runner.lake.dialect.compiler import CompiledQuery
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
        for setting in _settings(self._lake, limits):
            self._connection.execute(setting)

    def tables(self) -> frozenset[TableName]:
        """Return the tables of the lake as they are now."""
        return table.tables_of(self._lake)

    def compile(self, text: str, *, dialect: str, reference: datetime) -> CompiledQuery:
        """Compile SQL for a reference time. Raises `RefusedQuery` and `UnknownLogType`."""
        return compiler.compile_query(text, dialect=dialect, reference=reference, known=self.tables())

    def snapshot(self, query: CompiledQuery, reference: datetime) -> Snapshot:
        """Fix the list of files that the query reads."""
        return table.snapshot(self._lake, query.tables, until=reference.date())

    def explain(self, query: CompiledQuery, reference: datetime) -> None:
        """Bind a query to its tables without reading rows. Raises `QueryError` where that fails."""
        with _translated_errors():
            self._create_views(self.snapshot(query, reference), reference)
            self._connection.execute(f"EXPLAIN {query.sql}").fetchall()

    def run(self, query: CompiledQuery, snapshot: Snapshot, reference: datetime) -> Iterator[RowBatch]:
        """Answer a query, batch by batch.

        An error may come after some batches: nothing may be acted on before the last one came.
        Raises `QueryError` or a subclass.
        """
        with _translated_errors():
            self._create_views(snapshot, reference)
            self._check_statement(query.sql)
            result = self._connection.sql(_with_plain_variants(self._connection.sql(query.sql)))
            types = result.types
            reader = result.to_arrow_reader(BATCH_ROWS)
            try:
                yield from rows.batches_of(reader, types)
            finally:
                reader.close()

    def timeless_tables(self, query: CompiledQuery, reference: datetime) -> frozenset[TableName]:
        """Return the tables of a query that have no time column, and so are read as they are now."""
        with _translated_errors():
            files_of = self.snapshot(query, reference).files
            return frozenset(name for name, files in files_of.items() if self._time_column(files) is None)

    def interrupt(self) -> None:
        """Stop the query that is running; it ends with `QueryTimeout`."""
        self._connection.interrupt()

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def _create_views(self, snapshot: Snapshot, reference: datetime) -> None:
        for name, files in snapshot.files.items():
            if not files:
                raise UnknownLogType(f"the table {name.qualified} has no files yet: ingest some logs first")
            source = _parquet(files)
            cut = ""
            if self._time_column(files) is not None:
                cut = (
                    f" WHERE {TIME_COLUMN} < TIMESTAMP '{reference.replace(tzinfo=None).isoformat(sep=' ')}'"
                )
            self._connection.execute(
                f"CREATE OR REPLACE VIEW {_identifier(name.view)} AS SELECT * FROM {source}{cut}"  # noqa: S608  names and paths are quoted
            )

    def _time_column(self, files: tuple[Path, ...]) -> str | None:
        columns = self._connection.sql(f"SELECT * FROM {_parquet(files)}").columns  # noqa: S608  paths are quoted
        return TIME_COLUMN if TIME_COLUMN in (column.lower() for column in columns) else None

    def _check_statement(self, sql: str) -> None:
        """Look a second time, with DuckDB's own parser: it must be exactly one SELECT."""
        statements = self._connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise RefusedQuery("a scheduled query is one SELECT")


def _settings(lake: Path, limits: EngineLimits) -> tuple[str, ...]:
    return (
        "SET TimeZone='UTC'",
        "SET ieee_floating_point_ops=false",  # division by zero is an error, as in Snowflake
        "SET enable_progress_bar=false",
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


def _parquet(files: tuple[Path, ...]) -> str:
    paths = ", ".join(_literal(str(file.resolve())) for file in files)
    return f"read_parquet([{paths}], union_by_name=true, hive_partitioning=false)"


def _with_plain_variants(result: duckdb.DuckDBPyRelation) -> str:
    """Make VARIANT values JSON: Arrow would show their raw bytes."""
    variants = [
        name for name, type_ in zip(result.columns, result.types, strict=True) if "VARIANT" in str(type_)
    ]
    sql = result.sql_query()
    if not variants:
        return sql
    replaced = ", ".join(f"to_json({_identifier(name)}) AS {_identifier(name)}" for name in variants)
    return f"SELECT * REPLACE ({replaced}) FROM ({sql})"  # noqa: S608  the query was checked, the names are quoted


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Tell DuckDB's errors apart by who has to act, with its sentence kept."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise QueryTimeout("the query was interrupted at its deadline") from error
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(
            f"the query needs more memory than a worker may have: {_first_line(error)}"
        ) from error
    except duckdb.PermissionException as error:
        raise RefusedQuery(_first_line(error)) from error
    except duckdb.IOException as error:
        raise UnreadableLake(_first_line(error)) from error
    except duckdb.InvalidInputException as error:
        if _PARQUET_TROUBLE.search(str(error)):
            raise UnreadableLake(_first_line(error)) from error
        raise QueryError(_first_line(error)) from error
    except duckdb.Error as error:
        raise QueryError(_first_line(error)) from error


_PARQUET_TROUBLE = re.compile(r"parquet|magic bytes|footer|snappy|zstd|thrift", re.IGNORECASE)


def _first_line(error: duckdb.Error) -> str:
    message = str(error).strip()
    return message.split("\n\n", maxsplit=1)[0].replace("\n", " ")
