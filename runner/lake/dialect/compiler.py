"""The passes in their order: text of any supported dialect in, one checked DuckDB statement out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from sqlglot import exp

from runner.errors import RefusedQuery
from runner.lake.dialect import gate, macros, parsing, reference_time, reproducibility, tables

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from runner.lake.table import TableName


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledQuery:
    """One SELECT in DuckDB's SQL, bound to a reference time and to tables of the lake."""

    sql: str
    tables: frozenset[TableName]
    doubts: tuple[str, ...]
    """Why the same time might not give the same answer; empty for most queries."""


def compile_query(
    text: str, *, dialect: str, reference: datetime, known: Collection[TableName]
) -> CompiledQuery:
    """Compile SQL as written, for a reference time (aware) and the tables of a lake.

    Raises `RefusedQuery` for anything but one SELECT over tables, and `UnknownLogType` for a table
    that is not in `known`.
    """
    try:
        return _compiled(text, dialect, reference.astimezone(UTC), known)
    except RecursionError:
        raise RefusedQuery("the query is nested too deeply") from None


def _compiled(text: str, dialect: str, reference: datetime, known: Collection[TableName]) -> CompiledQuery:
    query = parsing.parse(text, dialect)
    gate.check(query)
    doubts = reproducibility.doubts(query)
    _name_outputs(query, dialect)
    macros.expand(query, reference)
    reference_time.bind(query, reference)
    used = tables.bind(query, known)
    return CompiledQuery(sql=query.sql("duckdb", identify=True), tables=used, doubts=doubts)


_NAMED = (exp.Alias, exp.Aliases, exp.Column, exp.Columns, exp.Dot, exp.Star, exp.Unnest)
"""Outputs that have a name, or more than one, of their own."""


def _name_outputs(query: exp.Query, dialect: str) -> None:
    """Give a computed column without a name the text it was written as: rules ask for it by that name."""
    for output in query.selects:
        if not isinstance(output, _NAMED):
            text = output.sql(dialect).lower()
            output.replace(exp.alias_(output.copy(), text, quoted=True))
