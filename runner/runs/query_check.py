"""Whether queries can run on the lake: compiled and bound to its tables, with no row read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from runner.definitions.codes import Code
from runner.definitions.notice import Notice
from runner.errors import DefinitionError, QueryError, RefusedQuery, UnknownColumn, UnknownLogType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from runner.definitions.location import Location
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.lake.dialect.compiler import CompiledQuery
    from runner.lake.table import TableName


class QueryCompiler(Protocol):
    """What the check asks of the lake."""

    def compile(self, text: str, *, dialect: str, reference: datetime) -> CompiledQuery:
        """Compile SQL, or raise `RefusedQuery` or `UnknownLogType`."""
        ...

    def explain(self, query: CompiledQuery, reference: datetime) -> None:
        """Bind a compiled query, or raise `QueryError`."""
        ...

    def timeless_tables(self, query: CompiledQuery, reference: datetime) -> frozenset[TableName]:
        """Return the tables of the query that have no time column."""
        ...


def check_queries(
    queries: Iterable[ScheduledQuery], lake: QueryCompiler, reference: datetime
) -> tuple[list[DefinitionError], list[Notice]]:
    """Return what is wrong with queries, and what could make them answer differently another time."""
    errors: list[DefinitionError] = []
    notices: list[Notice] = []
    for query in queries:
        try:
            notices += _notices(query, lake, reference)
        except QueryError as error:
            errors += _located(query, error)
    return errors, notices


def _notices(query: ScheduledQuery, lake: QueryCompiler, reference: datetime) -> list[Notice]:
    compiled = lake.compile(query.sql.text, dialect=query.sql.dialect.value, reference=reference)
    lake.explain(compiled, reference)
    place = query.sql.location
    volatile = [Notice(Code.VOLATILE_SQL, doubt, place) for doubt in compiled.doubts]
    timeless = [
        Notice(Code.TIMELESS_TABLE, f"{name.qualified} has no time column: it is read as it is now", place)
        for name in sorted(lake.timeless_tables(compiled, reference))
    ]
    return volatile + timeless


def _located(query: ScheduledQuery, error: QueryError) -> list[DefinitionError]:
    if isinstance(error, UnknownColumn):
        return [
            DefinitionError(remark.message, _place(query, remark.line, remark.column), Code.UNBOUND_SQL)
            for remark in error.remarks
        ]
    code = {RefusedQuery: Code.REFUSED_SQL, UnknownLogType: Code.UNKNOWN_TABLE}.get(
        type(error), Code.UNBOUND_SQL
    )
    place = query.sql.location
    if isinstance(error, RefusedQuery | UnknownLogType):
        place = _place(query, error.line, error.column)
    return [DefinitionError(str(error), place, code)]


def _place(query: ScheduledQuery, line: int | None, column: int | None) -> Location:
    return query.sql.locate(line, column or 1) if line else query.sql.location
