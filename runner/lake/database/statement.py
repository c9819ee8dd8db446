"""From a query as written to one read-only statement in PostgreSQL's SQL, bound to a reference time."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, UnsupportedError

from runner.errors import RefusedQuery
from runner.lake.database import documents, exactness, names
from runner.lake.dialect import compiler, gate, macros, parsing, reference_time, reproducibility
from runner.lake.dialect.bounds import QueryBounds
from runner.lake.dialect.compiler import CompiledQuery
from runner.lake.dialect.findings import Findings
from runner.lake.dialect.trees import nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from runner.lake.database.names import DatabaseTable
    from runner.lake.table import TableName

_TARGET = "postgres"
_NO_BOUNDS = QueryBounds(conditions={}, partition_columns=frozenset())


def compile_query(
    text: str,
    *,
    dialect: str,
    reference: datetime,
    find: Callable[[TableName], DatabaseTable | None],
    library: Mapping[str, str] | None = None,
) -> CompiledQuery:
    """Compile SQL for a reference time (aware); `find` looks a table up in the database.

    Raises `RefusedQuery` with the name and place of what PostgreSQL would answer otherwise, `UnknownLogType` and
    `UnknownColumn`.
    """
    moment = reference.astimezone(UTC)
    return compiler.expanded(text, library, lambda plain: _compiled(plain, dialect, moment, find))


def _compiled(
    text: str,
    dialect: str,
    reference: datetime,
    find: Callable[[TableName], DatabaseTable | None],
) -> CompiledQuery:
    query = parsing.parse(text, dialect)
    written = nodes(query)
    gate.check(written)
    doubts = reproducibility.doubts(written)
    compiler.name_outputs(query, dialect)
    macros.expand(written, reference)
    reference_time.bind(nodes(query), reference)
    findings = Findings()
    exactness.check(query, findings)
    used = names.bind_tables(query, find, reference)
    _bind_columns(query)
    documents.rewrite(query)
    exactness.rewrite(query)
    return CompiledQuery(
        sql=_written(query),
        tables=frozenset(used),
        doubts=doubts,
        bounds=_NO_BOUNDS,
        approximations=tuple(sorted(set(findings.approximations))),
    )


def _bind_columns(query: exp.Query) -> None:
    try:
        names.bind_columns(query)
    except OptimizeError as error:
        raise RefusedQuery(f"the query's names cannot be told apart: {error}") from error


def _written(query: exp.Query) -> str:
    generator = sqlglot.Dialect.get_or_raise(_TARGET).generator(
        identify=True, unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    try:
        return generator.generate(query, copy=False)
    except UnsupportedError as error:
        raise RefusedQuery(f"PostgreSQL has no form for a part of it: {error}") from error
