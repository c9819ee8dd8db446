"""What the program asks of whatever answers queries; DuckDB over the lake is the first that does.

An engine takes SQL of any dialect that queries are written in, and says what it made of it (`compile`) or why it will
not; it binds what it made to its schema without reading rows (`explain`); it answers in Arrow batches (`run`), and
stops when another thread says so (`interrupt`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from runner.lake.dialect.compiler import CompiledQuery
    from runner.lake.freshness import FreshnessLimits, TableAge
    from runner.lake.rows import RowBatch
    from runner.lake.snapshot import Snapshot
    from runner.lake.table import TableName
    from runner.lake.windows import Windows


class QueryEngine(Protocol):
    """Answers one query at a time, for one thread; `interrupt` may be called from another."""

    def compile(
        self, text: str, *, dialect: str, reference: datetime, library: Mapping[str, str] | None = None
    ) -> CompiledQuery:
        """Compile SQL for a reference time (aware); a template may import from the texts in `library`, by name.

        What the engine cannot answer exactly is refused by name, or remarked on in the result.
        Raises `RefusedQuery`, `UnknownLogType` and `UnknownColumn`.
        """
        ...

    def explain(self, query: CompiledQuery, reference: datetime) -> None:
        """Bind a compiled query to its tables without reading rows. Raises `QueryError` where that fails."""
        ...

    def windows(self, query: CompiledQuery, reference: datetime) -> Mapping[TableName, Windows | None]:
        """Return the windows of time that a query asks its tables for; None for a table without a time column.

        A table of which the engine does not know is left out.
        """
        ...

    def snapshot(self, query: CompiledQuery, reference: datetime) -> Snapshot:
        """Fix the files that the query reads; an engine whose tables are no files has none."""
        ...

    def run(
        self,
        query: CompiledQuery,
        snapshot: Snapshot,
        reference: datetime,
        *,
        retaken: Callable[[Snapshot], object] = lambda _: None,
    ) -> Iterator[RowBatch]:
        """Answer a query that this engine compiled, batch by batch; an error may come after some batches.

        No row is seen whose time is not before the reference time. `retaken` is told of another snapshot that had to be
        taken. Raises `QueryError` or a subclass: `QueryTimeout` after an `interrupt`.
        """
        ...

    def ages_of(
        self, names: Iterable[TableName], limits: FreshnessLimits, reference: datetime
    ) -> tuple[TableAge, ...]:
        """Return how old those tables are that have a limit, at a reference time."""
        ...

    def interrupt(self) -> None:
        """Stop the query that is running, if one is."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...
