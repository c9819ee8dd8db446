"""Tables and columns of a query, found in a database's schema: names in any case, outputs that other expressions use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from runner.errors import UnknownColumn, UnknownLogType
from runner.lake.dialect.findings import remark
from runner.lake.dialect.macros import TIME_COLUMN, timestamp
from runner.lake.dialect.places import place_of, refusal
from runner.lake.dialect.tables import meant_by, names_cte
from runner.lake.dialect.trees import put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from runner.errors import Remark
    from runner.lake.table import TableName


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseTable:
    """A table as a database has it: its schema, its name, and the names of its columns in order."""

    schema: str
    name: str
    columns: tuple[str, ...]
    documents: frozenset[str] = frozenset()
    """Which of the columns hold JSON."""

    def spelled(self, column: str) -> str | None:
        """Return a column as the database spells it; None if it has none of this name in any case."""
        if column in self.columns:
            return column
        return next((known for known in self.columns if known.lower() == column.lower()), None)

    @property
    def time_column(self) -> str | None:
        """The column that says when a row happened."""
        return self.spelled(TIME_COLUMN)


def bind_tables(
    query: exp.Query, find: Callable[[TableName], DatabaseTable | None], reference: datetime
) -> dict[TableName, DatabaseTable]:
    """Point every table of a query at the database's, without its rows from the reference time on. In place.

    `panther_logs.public.aws_cloudtrail` is the table `aws_cloudtrail` of the schema `panther_logs`. Raises `UnknownLogType`.
    """
    used: dict[TableName, DatabaseTable] = {}
    for table in list(query.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier):
            raise refusal("a table function is not supported in PostgreSQL", table)
        if names_cte(table):
            continue
        name, found = _found(table, find)
        used[name] = found
        _shorten_columns(query, table)
        put(table, lambda node, found=found: _cut(node, found, reference))  # type: ignore[misc]  # mypy does not see the default
    return used


def _found(
    table: exp.Table, find: Callable[[TableName], DatabaseTable | None]
) -> tuple[TableName, DatabaseTable]:
    parts = [part.name.lower() for part in table.parts]
    for name in meant_by(parts):
        found = find(name)
        if found is not None:
            return name, found
    line, column = place_of(table) or (None, None)
    written = ".".join(part.name for part in table.parts)
    raise UnknownLogType(f"there is no table {written} in the database", line=line, column=column)


def _shorten_columns(query: exp.Query, table: exp.Table) -> None:
    """Write `panther_logs.public.t.column` as `t.column`."""
    whole = [part.name.lower() for part in table.parts]
    for column in query.find_all(exp.Column):
        if len(column.parts) > 2 and [part.name.lower() for part in column.parts[:-1]] == whole:  # noqa: PLR2004  two parts are table.column
            column.set("db", None)
            column.set("catalog", None)


def _cut(table: exp.Expr, found: DatabaseTable, reference: datetime) -> exp.Expr:
    alias = table.alias or table.name
    source = exp.Table(
        this=exp.to_identifier(found.name, quoted=True), db=exp.to_identifier(found.schema, quoted=True)
    )
    rows = exp.select("*").from_(source)
    if found.time_column:
        time = exp.column(found.time_column, quoted=True)
        rows = rows.where(exp.LT(this=time, expression=timestamp(reference)), copy=False)
    seen = rows.subquery(exp.to_identifier(alias, quoted=True), copy=False)
    seen.set("joins", table.args.get("joins"))
    seen.meta["table"] = found
    return seen


def bind_columns(query: exp.Query) -> None:
    """Spell every column as its table does, and write an output that another expression uses out. In place.

    Columns that hold documents are marked. Raises `UnknownColumn` naming all that no table has.
    """
    unknown: list[Remark] = []
    for scope in traverse_scope(query):
        if isinstance(scope.expression, exp.Select) and not _is_cut(scope.expression):
            _Columns(scope, unknown).bind()
    if unknown:
        raise UnknownColumn(unknown)


_DOCUMENT = "document"


def is_document(node: exp.Expr) -> bool:
    """Tell whether an expression is a column that was found to hold documents, or a path into one."""
    inner = node.unalias().unnest()
    return isinstance(inner, exp.JSONExtract) or _DOCUMENT in inner.meta


def _is_cut(select: exp.Select) -> bool:
    return isinstance(select.parent, exp.Subquery) and "table" in select.parent.meta


class _Columns:
    """Binds the columns of one SELECT."""

    def __init__(self, scope: Scope, unknown: list[Remark]) -> None:
        self._scope = scope
        self._select = scope.expression
        self._unknown = unknown
        self._outputs = {
            output.alias.lower(): output.this
            for output in scope.expression.expressions
            if isinstance(output, exp.Alias)
        }

    def bind(self) -> None:
        for column in list(self._scope.find_all(exp.Column)):
            if not isinstance(column.this, exp.Star):
                self._bind(column)

    def _bind(self, column: exp.Column) -> None:
        owner = self._owner(column)
        if owner is not None:
            name, spelled, holds_documents = owner
            column.set("table", exp.to_identifier(name, quoted=True))
            column.this.set("this", spelled)
            column.this.set("quoted", True)
            if holds_documents:
                column.meta[_DOCUMENT] = True
        elif not column.table and column.name.lower() in self._outputs:
            self._write_out(column)
        elif self._is_known_whole():
            self._unknown.append(remark(f"there is no column {column.sql()}", column))

    def _owner(self, column: exp.Column) -> tuple[str, str, bool] | None:
        """Return the source that has a column, how it spells it, and whether documents are in it."""
        for scope in _around(self._scope):  # a correlated subquery sees the SELECT around it
            for name, columns in _sources(scope):
                spelled = _spelled(column, name, columns)
                if columns is not None and spelled is not None:
                    return name, spelled, columns[spelled]
        return None

    def _write_out(self, column: exp.Column) -> None:
        """Put the output's expression where it is used: PostgreSQL knows its name in ORDER BY and GROUP BY only."""
        clause = column.find_ancestor(exp.Order, exp.Group, exp.Select)
        is_of_select = clause is not None and clause.parent is self._select
        if is_of_select and (column.parent is clause or isinstance(column.parent, exp.Ordered)):
            return
        output = self._outputs[column.name.lower()]
        if all(part is not column for part in output.walk()):
            put(column, lambda _: exp.paren(output.copy(), copy=False))

    def _is_known_whole(self) -> bool:
        return all(columns is not None for scope in _around(self._scope) for _, columns in _sources(scope))


def _around(scope: Scope) -> Iterator[Scope]:
    inside: Scope | None = scope
    while inside is not None:
        yield inside
        inside = inside.parent


def _sources(scope: Scope) -> Iterator[tuple[str, dict[str, bool] | None]]:
    """Yield the sources of a SELECT: each column, and whether it holds documents; None where nobody knows."""
    for name, source in scope.sources.items():
        yield name, _columns_of(source) if isinstance(source, Scope) else None


def _columns_of(source: Scope) -> dict[str, bool] | None:
    expression = source.expression
    around = expression.parent
    table = around.meta.get("table") if isinstance(around, exp.Subquery) else None
    if table is not None:
        return {column: column in table.documents for column in table.columns}
    if source.set_operation_scopes:
        return _columns_of(source.set_operation_scopes[0])
    if not isinstance(expression, exp.Select):
        return None
    found: dict[str, bool] = {}
    for output in expression.selects:
        columns = _starred(output, source) if output.is_star else {output.alias_or_name: is_document(output)}
        if columns is None:
            return None
        found |= columns
    return found


def _starred(star: exp.Expr, scope: Scope) -> dict[str, bool] | None:
    """Return what a star stands for; None for one that leaves columns out or renames them."""
    inner = star.this if isinstance(star, exp.Column) else star
    if any(inner.args.get(name) for name in ("except_", "except", "replace", "rename")):
        return None
    wanted = star.table.lower() if isinstance(star, exp.Column) else ""
    found: dict[str, bool] = {}
    for name, columns in _sources(scope):
        if wanted in ("", name.lower()):
            if columns is None:
                return None
            found |= columns
    return found


def _spelled(column: exp.Column, source: str, columns: dict[str, bool] | None) -> str | None:
    """Return how a source spells a column; None if it has none, or another source is meant."""
    if column.table and column.table.lower() != source.lower():
        return None
    return next((known for known in columns or () if known.lower() == column.name.lower()), None)
