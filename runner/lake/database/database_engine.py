"""A PostgreSQL database as an engine: one read-only transaction for a query, cancelled by its server when told so."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from runner.errors import EngineUnavailable, QueryError, QueryTimeout
from runner.lake.database import arrow, statement
from runner.lake.database.names import DatabaseTable
from runner.lake.freshness import TableAge
from runner.lake.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.lake.database.address import DatabaseAddress
    from runner.lake.dialect.compiler import CompiledQuery
    from runner.lake.freshness import FreshnessLimits
    from runner.lake.rows import RowBatch
    from runner.lake.table import TableName
    from runner.lake.windows import Windows

BATCH_ROWS = 4096
_CONNECT_SECONDS = 10
_CANCEL_SECONDS = 5.0
_CANCELLED = "57014"
"""PostgreSQL's code for a statement that was cancelled."""
_CONNECTION_CLASSES = ("08", "53", "57")
"""Its classes of errors of the connection, of resources that ran out, and of an operator who intervened."""


class DatabaseEngine:
    """One connection at a time, opened for a query and given back after it. `interrupt` may come from another thread."""

    def __init__(self, address: DatabaseAddress) -> None:
        self._name = address.name
        url = sa.make_url(address.url)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        self._engine = sa.create_engine(
            url,
            pool_size=1,
            pool_pre_ping=True,
            connect_args={"connect_timeout": _CONNECT_SECONDS, "options": "-c timezone=UTC"},
        )
        self._running: Connection | None = None
        self._is_interrupted = False

    def compile(
        self, text: str, *, dialect: str, reference: datetime, library: Mapping[str, str] | None = None
    ) -> CompiledQuery:
        """Compile SQL for a reference time. Raises as `QueryEngine.compile` does, and `EngineUnavailable`."""
        with self._reading() as connection:
            return statement.compile_query(
                text,
                dialect=dialect,
                reference=reference,
                find=lambda name: _found(connection, name),
                library=library,
            )

    def explain(self, query: CompiledQuery, reference: datetime) -> None:  # noqa: ARG002  the statement holds its time
        """Let the server plan a query. Raises `QueryError` where that fails."""
        with self._reading() as connection:
            connection.exec_driver_sql(f"EXPLAIN {query.sql}", execution_options=_LITERAL).fetchall()

    def windows(
        self,
        query: CompiledQuery,
        reference: datetime,  # noqa: ARG002  the windows are the server's affair
    ) -> Mapping[TableName, Windows | None]:
        """Return the tables without a time column: which rows of the others are read, their indexes decide."""
        with self._reading() as connection:
            found = {name: _found(connection, name) for name in query.tables}
        return {name: None for name, table in found.items() if table and not table.time_column}

    def snapshot(self, query: CompiledQuery, reference: datetime) -> Snapshot:  # noqa: ARG002  there are no files
        """Return a snapshot without files: the transaction is the snapshot."""
        return Snapshot(tables={})

    def run(
        self,
        query: CompiledQuery,
        snapshot: Snapshot,  # noqa: ARG002  there are no files
        reference: datetime,  # noqa: ARG002  the statement holds its time
        *,
        retaken: Callable[[Snapshot], object] = lambda _: None,  # noqa: ARG002  as `snapshot`
    ) -> Iterator[RowBatch]:
        """Answer a query, batch by batch. Raises `QueryError` or a subclass."""
        with self._reading() as connection:
            streamed = {**_LITERAL, "stream_results": True, "max_row_buffer": BATCH_ROWS}
            result = connection.exec_driver_sql(query.sql, execution_options=streamed)
            yield from arrow.batches_of(result.partitions(BATCH_ROWS), list(result.keys()))

    def ages_of(
        self, names: Iterable[TableName], limits: FreshnessLimits, reference: datetime
    ) -> tuple[TableAge, ...]:
        """Ask for the newest time of those tables that have a limit."""
        limited = [(name, minutes) for name in sorted(names) if (minutes := limits.of(name))]
        ages: list[TableAge] = []
        for name, minutes in limited:
            is_there, newest = self._newest(name, reference)
            if is_there:
                oldest = reference - timedelta(minutes=minutes)
                ages.append(
                    TableAge(
                        table=name.qualified,
                        newest=newest,
                        limit_minutes=minutes,
                        is_limit_of_query=limits.of_query is not None,
                        is_stale=newest is None or newest < oldest,
                    )
                )
        return tuple(ages)

    def _newest(self, name: TableName, reference: datetime) -> tuple[bool, datetime | None]:
        """Return whether a table has a time column, and the newest time in it before a reference time."""
        with self._reading() as connection:
            table = _found(connection, name)
            if table is None or table.time_column is None:
                return False, None
            time: sa.ColumnClause[datetime] = sa.column(table.time_column)
            source = sa.table(table.name, time, schema=table.schema)
            before = reference.astimezone(UTC).replace(tzinfo=None)
            newest = connection.scalar(sa.select(sa.func.max(time)).select_from(source).where(time < before))
        return True, newest and (newest if newest.tzinfo else newest.replace(tzinfo=UTC))

    def interrupt(self) -> None:
        """Have the server cancel what is running; it ends with `QueryTimeout`."""
        self._is_interrupted = True
        running = self._running
        if running is not None:
            driver: Any = running.connection.driver_connection
            driver.cancel_safe(timeout=_CANCEL_SECONDS)

    def close(self) -> None:
        """Let go of the connection."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Open a transaction that can change nothing."""
        self._is_interrupted = False
        try:
            with self._engine.connect() as connection:
                reading = connection.execution_options(postgresql_readonly=True)
                self._running = reading
                try:
                    yield reading
                finally:
                    self._running = None
                    reading.rollback()
        except DBAPIError as error:
            raise self._meaning_of(error) from error

    def _meaning_of(self, error: DBAPIError) -> QueryError:
        code = getattr(error.orig, "sqlstate", None) or ""
        sentence = str(getattr(getattr(error.orig, "diag", None), "message_primary", None) or error.orig)
        if code == _CANCELLED or self._is_interrupted:
            return QueryTimeout("the query was interrupted at its deadline")
        if error.connection_invalidated or not code or code.startswith(_CONNECTION_CLASSES):
            return EngineUnavailable(
                f"the database of the engine {self._name!r} does not answer: {' '.join(sentence.split())}"
            )
        return QueryError(sentence)


_LITERAL = {"no_parameters": True}
"""A percent sign in the statement is one."""


def _found(connection: Connection, name: TableName) -> DatabaseTable | None:
    """Look a table or view up: the schema is called as the lake's folder of its database would be.

    What the server tells of itself is no table of logs.
    """
    if name.folder.startswith("pg_") or name.folder == "information_schema":
        return None
    try:
        columns = sa.inspect(connection).get_columns(name.table, schema=name.folder)
    except NoSuchTableError:
        return None
    documents = (column["name"] for column in columns if isinstance(column["type"], sa.JSON))
    return DatabaseTable(
        schema=name.folder,
        name=name.table,
        columns=tuple(column["name"] for column in columns),
        documents=frozenset(documents),
    )
