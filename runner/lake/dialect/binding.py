"""The typed pass over a query: its sources, its outputs, its clauses, from the inside out.

A query is bound in the order in which SQL gives names their meaning: CTEs, then FROM and its joins from left to
right, then the outputs, then the other clauses, which may use the outputs' names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect import flatten, match_recognize
from runner.lake.dialect.expressions import ExpressionReader
from runner.lake.dialect.operators import materialised
from runner.lake.dialect.scope import Scope, Source
from runner.lake.dialect.sql_types import NUMBER, UNKNOWN, VARIANT, Kind
from runner.lake.dialect.trees import number, put, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runner.lake.dialect.findings import Findings
    from runner.lake.dialect.sql_types import SqlType

    Columns = Mapping[str, SqlType]
    ColumnsOf = Callable[[exp.Table], Columns | None]
    """Tells the columns of a table of the lake; None if they are not known."""

_CLAUSES = ("where", "group", "having", "qualify", "windows", "distinct", "order", "limit")


class QueryBinder:
    """Binds one statement. `lenient` types only what a path needs, for SQL that is DuckDB's own."""

    def __init__(self, columns_of: ColumnsOf, findings: Findings, *, lenient: bool = False) -> None:
        self._columns_of = columns_of
        self._findings = findings
        self._lenient = lenient

    def bind(self, query: exp.Query) -> Mapping[str, SqlType] | None:
        """Bind a whole statement in place; returns its columns, None if they cannot be told."""
        return self._query(query, None, {}, outermost=True)

    def _query(
        self,
        query: exp.Expr,
        outer: Scope | None,
        ctes: Mapping[str, Columns | None],
        *,
        outermost: bool = False,
    ) -> Columns | None:
        ctes = self._ctes(query, outer, ctes)
        if isinstance(query, exp.Subquery):
            columns = self._query(query.this, outer, ctes, outermost=outermost)
            self._trailing(query, outer, columns, ctes)
            return columns
        if isinstance(query, exp.SetOperation):
            return self._set_operation(query, outer, ctes)
        if isinstance(query, exp.Select):
            return self._select(query, outer, ctes, outermost=outermost)
        return None

    def _ctes(
        self, query: exp.Expr, outer: Scope | None, ctes: Mapping[str, Columns | None]
    ) -> Mapping[str, Columns | None]:
        with_ = query.args.get("with_")
        if with_ is None:
            return ctes
        known = dict(ctes)
        for cte in with_.expressions:
            if with_.recursive:
                known[cte.alias.lower()] = None
            columns = self._query(cte.this, outer, known)
            known[cte.alias.lower()] = _renamed(columns, cte.args.get("alias"))
        return known

    def _set_operation(
        self, query: exp.SetOperation, outer: Scope | None, ctes: Mapping[str, Columns | None]
    ) -> Columns | None:
        left = self._query(query.this, outer, ctes)
        right = self._query(query.expression, outer, ctes)
        columns = _agreed(query, left, right)
        self._trailing(query, outer, columns, ctes)
        return columns

    def _trailing(
        self,
        query: exp.Expr,
        outer: Scope | None,
        columns: Columns | None,
        ctes: Mapping[str, Columns | None],
    ) -> None:
        """Bind what stands after a union or a parenthesis: ORDER BY and LIMIT see its columns."""
        scope = Scope(outer=outer)
        scope.add("", Source(columns=columns))
        reader = self._reader(scope, ctes)
        for clause in ("order", "limit"):
            node = query.args.get(clause)
            if isinstance(node, exp.Expr):
                reader.read(node)

    def _reader(self, scope: Scope, ctes: Mapping[str, Columns | None]) -> ExpressionReader:
        def bind_query(query: exp.Expr, around: Scope) -> SqlType:
            columns = self._query(query, around, ctes)
            return next(iter(columns.values()), UNKNOWN) if columns else UNKNOWN

        return ExpressionReader(scope, self._findings, bind_query, lenient=self._lenient)

    # SELECT

    def _select(
        self,
        select: exp.Select,
        outer: Scope | None,
        ctes: Mapping[str, Columns | None],
        *,
        outermost: bool,
    ) -> Columns | None:
        scope = Scope(outer=outer)
        reader = self._reader(scope, ctes)
        for part in _sources_of(select):
            self._source(part, scope, reader, ctes)
        self._name_aliases(select, scope)
        self._outputs(select, scope, reader, keep_json=outermost and _is_plain(select))
        for clause in _CLAUSES:
            self._clause(select, clause, reader)
        return self._columns(select, scope)

    def _name_aliases(self, select: exp.Select, scope: Scope) -> None:
        """Let outputs be used before they are typed: until then, their types are not known."""
        scope.aliases.update({output.alias.lower(): UNKNOWN for output in select.expressions if output.alias})

    def _outputs(
        self, select: exp.Select, scope: Scope, reader: ExpressionReader, *, keep_json: bool
    ) -> None:
        for output in list(select.expressions):
            read = reader.read(output)
            if not keep_json and not self._lenient:
                self._materialise(read)
            if read.alias:
                scope.aliases[read.alias.lower()] = type_of(read)

    def _materialise(self, output: exp.Expr) -> None:
        put(output.this if isinstance(output, exp.Alias) else output, materialised)

    def _clause(self, select: exp.Select, clause: str, reader: ExpressionReader) -> None:
        node = select.args.get(clause)
        for part in node if isinstance(node, list) else [node]:
            if not isinstance(part, exp.Expr):
                continue
            reader.read(part)
            if isinstance(part, exp.Group) and not self._lenient:
                for key in list(part.expressions):
                    put(key, lambda old: materialised(_by_place(old, select, reader.scope)))

    def _columns(self, select: exp.Select, scope: Scope) -> Columns | None:
        columns: dict[str, SqlType] = {}
        for output in select.expressions:
            expanded = _expanded(output, scope)
            if expanded is None:
                return None
            for name, type_ in expanded:
                columns.setdefault(name, type_)
        return columns

    # FROM

    def _source(
        self, part: exp.Expr, scope: Scope, reader: ExpressionReader, ctes: Mapping[str, Columns | None]
    ) -> None:
        source = part.this if isinstance(part, exp.Join | exp.From) else part
        for nested in (
            list(source.args.get("joins") or []) if isinstance(source, exp.Paren | exp.Table) else []
        ):
            self._source(nested, scope, reader, ctes)
        self._add(source, scope, reader, ctes)
        for key in ("on", "match_condition"):
            condition = part.args.get(key)
            if isinstance(condition, exp.Expr):
                reader.read(condition)

    def _add(
        self, source: exp.Expr, scope: Scope, reader: ExpressionReader, ctes: Mapping[str, Columns | None]
    ) -> None:
        flattened = flatten.call_in(source)
        if flattened is not None:
            columns = flatten.rewrite(source, flattened, reader)
            scope.add(source.alias_or_name or flatten.DEFAULT_NAME, Source(columns=columns))
            return
        columns_, name = self._columns_of_source(source, scope, reader, ctes)
        if source.args.get("pivots"):
            columns_ = None
        scope.add(name, Source(columns=columns_))

    def _columns_of_source(
        self, source: exp.Expr, scope: Scope, reader: ExpressionReader, ctes: Mapping[str, Columns | None]
    ) -> tuple[Columns | None, str]:
        alias = source.args.get("alias")
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            name = source.name.lower()
            columns = ctes[name] if not source.db and name in ctes else self._columns_of(source)
            return _renamed(columns, alias), source.alias_or_name
        if isinstance(source, exp.Subquery) and match_recognize.SETTLED in source.meta:
            return self._settled(source, scope, ctes), source.alias
        if isinstance(source, exp.Subquery):
            return _renamed(self._query(source, scope.outer, ctes), alias), source.alias
        if isinstance(source, exp.Lateral):
            inner = source.this
            columns = self._query(inner, scope, ctes) if isinstance(inner, exp.Subquery) else None
            return _renamed(columns, alias), source.alias
        if isinstance(source, exp.Values):
            return self._values(source, reader), source.alias
        return None, source.alias_or_name

    def _settled(self, source: exp.Subquery, scope: Scope, ctes: Mapping[str, Columns | None]) -> Columns:
        """Bind the author's part of a table that we wrote: the rest of it is DuckDB's SQL already."""
        rows = next(part for part in source.find_all(exp.Subquery) if match_recognize.ROWS in part.meta)
        columns = self._query(rows, scope.outer, ctes) or {}
        given = Source(columns=columns)
        outputs: Mapping[str, str | None] = source.meta[match_recognize.SETTLED]
        return {
            name: NUMBER if typed_by is None else given.find(typed_by) or UNKNOWN
            for name, typed_by in outputs.items()
        }

    def _values(self, values: exp.Values, reader: ExpressionReader) -> Columns | None:
        for row in values.expressions:
            reader.read(row)
        names = values.args["alias"].columns if values.args.get("alias") else []
        first = values.expressions[0].expressions if values.expressions else []
        if len(names) != len(first):
            return None
        return {name.name: type_of(cell) for name, cell in zip(names, first, strict=True)}


def _sources_of(select: exp.Select) -> Iterator[exp.Expr]:
    from_ = select.args.get("from_")
    if from_ is not None:
        yield from_
    yield from select.args.get("joins") or []
    yield from select.args.get("laterals") or []


def _is_plain(select: exp.Select) -> bool:
    """Tell whether the outputs are only handed on: then a value out of JSON need not be more than that."""
    return not any(select.args.get(clause) for clause in ("group", "distinct", "order", "qualify", "having"))


def _by_place(key: exp.Expr, select: exp.Select, scope: Scope) -> exp.Expr:
    """Group by an output's place where its name is also that of a table: DuckDB would group by whole rows."""
    is_name = isinstance(key, exp.Column) and not key.table and key.name.lower() in scope.sources
    if not is_name or any(source.find(key.name) for source in scope.sources.values()):
        return key
    names = [output.alias_or_name.lower() for output in select.expressions]
    return number(names.index(key.name.lower()) + 1) if key.name.lower() in names else key


def _renamed(columns: Columns | None, alias: exp.Expr | None) -> Columns | None:
    """Apply the column names of `AS t(a, b)`."""
    names = alias.args.get("columns") if alias is not None else None
    if columns is None or not names:
        return columns
    renamed = [name.name for name in names]
    rest = list(columns)[len(renamed) :]
    return dict(zip([*renamed, *rest], columns.values(), strict=False))


def _agreed(query: exp.SetOperation, left: Columns | None, right: Columns | None) -> Columns | None:
    """Return the columns of a union: the left names, and a type only where both sides have it."""
    if left is None or right is None or len(left) != len(right):
        return left if left is not None and len(left or ()) == len(query.left.selects) else None
    return {
        name: _agreed_type(mine, other)
        for (name, mine), other in zip(left.items(), right.values(), strict=True)
    }


def _agreed_type(mine: SqlType, other: SqlType) -> SqlType:
    if mine == other or other.kind == Kind.NULL:
        return mine
    if mine.kind == Kind.NULL:
        return other
    if mine.kind == other.kind:
        return mine.out_of_document() if mine.loose or other.loose else mine
    return VARIANT if Kind.VARIANT in {mine.kind, other.kind} else UNKNOWN


def _expanded(output: exp.Expr, scope: Scope) -> list[tuple[str, SqlType]] | None:
    """Return the columns that one output stands for; None if that cannot be told."""
    star = output if isinstance(output, exp.Star) else output.this if isinstance(output, exp.Column) else None
    if not isinstance(star, exp.Star):
        return [(output.alias_or_name, type_of(output))] if output.alias_or_name else None
    if star.args.get("replace") or isinstance(output, exp.Columns):
        return None
    table = output.table.lower() if isinstance(output, exp.Column) else ""
    sources = [source for name, source in scope.sources.items() if not table or name == table]
    if any(source.columns is None for source in sources):
        return None
    without = {column.name.lower() for column in star.args.get("except_") or []}
    renamed = {pair.this.name.lower(): pair.alias for pair in star.args.get("rename") or []}
    return [
        (renamed.get(name.lower(), name), type_)
        for source in sources
        for name, type_ in (source.columns or {}).items()
        if name.lower() not in without
    ]
