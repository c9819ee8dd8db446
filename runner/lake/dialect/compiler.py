"""The passes in their order: text of any supported dialect in, one checked DuckDB statement out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

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
    """Compile SQL as written, for a reference time (aware, UTC) and the tables of a lake.

    Raises `RefusedQuery` for anything but one SELECT over tables, and `UnknownLogType` for a table
    that is not in `known`.
    """
    query = parsing.parse(text, dialect)
    gate.check(query)
    doubts = reproducibility.doubts(query)
    _name_outputs(query, dialect)
    macros.expand(query, reference)
    reference_time.bind(query, reference)
    used = tables.bind(query, known)
    return CompiledQuery(sql=query.sql("duckdb", identify=True), tables=used, doubts=doubts)


def _name_outputs(query: exp.Query, dialect: str) -> None:
    """Give a computed column without a name the text it was written as: rules ask for it by that name."""
    if not isinstance(query, exp.Select):
        return
    for output in query.expressions:
        if not isinstance(output, exp.Alias | exp.Column | exp.Star | exp.Aliases | exp.Dot | exp.Unnest):
            text = output.sql(dialect).lower()
            output.replace(exp.alias_(output.copy(), text, quoted=True))
