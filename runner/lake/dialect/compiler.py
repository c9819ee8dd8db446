"""The passes in their order: text of any supported dialect in, one checked DuckDB statement out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from runner.errors import RefusedQuery, Remark, UnknownColumn, UnknownLogType
from runner.lake.dialect import (
    aggregates,
    bounds,
    gate,
    macros,
    parsing,
    reference_time,
    reproducibility,
    structure,
    tables,
    templates,
)
from runner.lake.dialect.binding import QueryBinder
from runner.lake.dialect.findings import Findings
from runner.lake.dialect.sql_types import of_duckdb
from runner.lake.dialect.trees import every, nodes, put

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from runner.lake.dialect.bounds import QueryBounds
    from runner.lake.dialect.sql_types import SqlType
    from runner.lake.table import TableName

    Schema = Mapping[TableName, Mapping[str, str]]
    """Table → column → DuckDB type, as DESCRIBE writes it."""
    SchemaOf = Callable[[Collection[TableName]], Schema]

SNOWFLAKE = "snowflake"
TRINO = "trino"


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledQuery:
    """One SELECT in DuckDB's SQL, bound to a reference time and to tables of the lake."""

    sql: str
    tables: frozenset[TableName]
    doubts: tuple[str, ...]
    """Why the same time might not give the same answer; empty for most queries."""
    bounds: QueryBounds
    """What is known of the times that the query can need: what lies outside need not be read."""
    approximations: tuple[Remark, ...] = field(default=())
    """What may answer differently from the engine whose SQL this is, and why."""


def compile_query(
    text: str,
    *,
    dialect: str,
    reference: datetime,
    known: Collection[TableName],
    schema_of: SchemaOf | None = None,
    library: Mapping[str, str] | None = None,
) -> CompiledQuery:
    """Compile SQL as written, for a reference time (aware) and the tables of a lake.

    `schema_of` tells the columns of tables; without it, columns are taken as they are written. `library` holds the
    saved queries that a template may import from, by name. Raises `RefusedQuery`
    for anything but one SELECT over tables, `UnknownLogType` for a table that is not in `known`, and `UnknownColumn`.
    """
    moment = reference.astimezone(UTC)
    return expanded(text, library, lambda plain: _compiled(plain, dialect, moment, known, schema_of))


def expanded(
    text: str, library: Mapping[str, str] | None, compile_: Callable[[str], CompiledQuery]
) -> CompiledQuery:
    """Expand a template, if the text is one, and compile what it became; places are told as those of the text."""
    try:
        if not templates.is_template(text):
            return compile_(text)
        return _from_template(templates.expand(text, library or {}), compile_)
    except RecursionError:
        raise RefusedQuery("the query is nested too deeply") from None


def _from_template(expanded: templates.Expanded, compile_: Callable[[str], CompiledQuery]) -> CompiledQuery:
    """Compile what a template became, and tell places as those of the template."""
    try:
        compiled = compile_(expanded.text)
    except (RefusedQuery, UnknownLogType) as error:
        error.line = expanded.line_in_source(error.line) if error.line else None
        raise
    except UnknownColumn as error:
        raise UnknownColumn([_in_source(remark, expanded) for remark in error.remarks]) from error
    return replace(
        compiled, approximations=tuple(_in_source(remark, expanded) for remark in compiled.approximations)
    )


def _in_source(remark: Remark, expanded: templates.Expanded) -> Remark:
    line = expanded.line_in_source(remark.line) if remark.line else None
    return replace(remark, line=line or 0, column=remark.column if line else 0)


def _compiled(
    text: str,
    dialect: str,
    reference: datetime,
    known: Collection[TableName],
    schema_of: SchemaOf | None,
) -> CompiledQuery:
    query = parsing.parse(text, dialect)
    written = nodes(query)
    gate.check(written)
    doubts = reproducibility.doubts(written)
    name_outputs(query, dialect)
    macros.expand(written, reference)
    expanded_ = nodes(query)
    reference_time.bind(expanded_, reference)
    used = tables.bind(expanded_, known)
    findings = Findings()
    if dialect == SNOWFLAKE:
        structure.normalise(expanded_, findings)
    elif dialect == TRINO:
        _doubt_functions(query, findings)
    schema = schema_of(frozenset(used.values())) if schema_of else {}
    QueryBinder(_columns_of(schema), findings, lenient=dialect != SNOWFLAKE).bind(query)
    if findings.unknown:
        raise UnknownColumn(findings.unknown)
    if dialect == SNOWFLAKE:
        aggregates.complete(nodes(query))
    asked = bounds.read(query)
    return CompiledQuery(
        sql=_written(query, findings),  # writing may change the tree
        tables=frozenset(used.values()),
        doubts=doubts,
        bounds=asked,
        approximations=tuple(sorted(set(findings.approximations))),
    )


def _doubt_functions(query: exp.Query, findings: Findings) -> None:
    """Remark on Athena's functions: they are translated, and nobody has compared them one by one."""
    for call in every(query, exp.Func):
        if not isinstance(call, _SAME_EVERYWHERE):
            name = gate.function_name(call).upper()
            findings.approximate(f"{name}() was not compared with Athena's", call)


_SAME_EVERYWHERE = (exp.Connector, exp.Cast, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Lower, exp.Upper)  # fmt: skip
"""What means the same to Athena and to DuckDB."""


def _written(query: exp.Query, findings: Findings) -> str:
    """Write DuckDB's SQL, and remark on what it has no form for."""
    generator = DuckDB().generator(identify=True, unsupported_level=sqlglot.ErrorLevel.IGNORE)
    for node in nodes(query):
        node.meta.clear()  # the generator copies parts of the tree, and with them what was noted on them
    sql = generator.generate(query, copy=False)
    findings.approximations += [Remark(message=message) for message in generator.unsupported_messages]
    return sql


def _columns_of(schema: Schema) -> Callable[[exp.Table], Mapping[str, SqlType] | None]:
    typed = {
        name.view: {column: of_duckdb(type_) for column, type_ in columns.items()}
        for name, columns in schema.items()
    }
    return lambda table: typed.get(table.name)


_NAMED = (exp.Alias, exp.Aliases, exp.Column, exp.Columns, exp.Dot, exp.Star, exp.Unnest)
"""Outputs that have a name, or more than one, of their own."""


def name_outputs(query: exp.Query, dialect: str) -> None:
    """Give a computed column without a name the text it was written as: rules ask for it by that name.

    Of two that are written alike, the later gets a number: a row has one value for each name.
    """
    taken = {output.alias_or_name.lower() for output in query.selects}
    for output in query.selects:
        if not isinstance(output, _NAMED):
            name = _free_name(output.sql(dialect, comments=False).lower(), taken)
            taken.add(name)
            put(output, partial(exp.alias_, alias=name, quoted=True, copy=False))


def _free_name(name: str, taken: Collection[str]) -> str:
    numbered = (f"{name}_{number}" for number in itertools.count(1))
    return name if name not in taken else next(other for other in numbered if other not in taken)
