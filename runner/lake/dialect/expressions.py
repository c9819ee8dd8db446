"""The typed pass over one expression: from the leaves up, each node is given its type and DuckDB's form.

What a node needs is looked up by its class (`operators`, `known`) or by the name of the function that was called
(`functions`). Paths, casts and subqueries have modules of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect import casts, functions, known, macros, operators, paths
from runner.lake.dialect.coercion import as_list, put_coerced
from runner.lake.dialect.sql_types import BOOLEAN, NULL, NUMBER, TEXT, TIMESTAMP, UNKNOWN, VARIANT, Kind
from runner.lake.dialect.trees import put, type_of, typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.lake.dialect.findings import Findings
    from runner.lake.dialect.scope import Scope
    from runner.lake.dialect.sql_types import SqlType

    BindQuery = Callable[[exp.Expr, Scope], SqlType]
    """Binds a query inside an expression; returns the type of its first column."""

VALUE_NAMES = frozenset(
    "user current_user session_user current_role current_catalog current_schema current_database".split()
)
"""Columns that DuckDB would take for values of its own if no table stood before them."""


class ExpressionReader:
    """Reads the expressions of one SELECT. `lenient` leaves comparisons and functions to DuckDB."""

    def __init__(
        self, scope: Scope, findings: Findings, bind_query: BindQuery, *, lenient: bool = False
    ) -> None:
        self.scope = scope
        self.findings = findings
        self._bind_query = bind_query
        self._lenient = lenient

    def read(self, node: exp.Expr) -> exp.Expr:
        """Type a node and all below it; returns what stands in its place now."""
        if isinstance(node, exp.Query):
            return typed(node, self._bind_query(node, self.scope))
        if isinstance(node, exp.Column):
            return self._column(node)
        if paths.is_path(node):
            return self._path(node)
        if macros.is_settled(node):
            return self._settled(node)
        if isinstance(node, _WITH_LAMBDA) and isinstance(node.expression, exp.Lambda):
            return self._with_lambda(node)
        for child in list(node.iter_expressions()):
            if not isinstance(child, _NO_VALUES):
                self.read(child)
        return self._by_kind(node)

    def _settled(self, node: exp.Expr) -> exp.Expr:
        inner = node.this.this
        self.read(inner)
        if type_of(node.this.this).is_document:
            put_coerced(node.this.this, Kind.TEXT)
        return typed(node, TIMESTAMP)

    def _by_kind(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Literal):
            return typed(node, TEXT if node.is_string else NUMBER)
        if type(node) in _CONSTANTS:
            return typed(node, _CONSTANTS[type(node)])
        if isinstance(node, exp.Identifier):
            return self._identifier(node)
        return self._leniently(node) if self._lenient else self._strictly(node)

    def _strictly(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Cast | exp.TryCast):
            return casts.rewrite(node)
        if isinstance(node, exp.Anonymous):
            return functions.rewrite(node, self.findings)
        rule = operators.RULES.get(type(node))
        if rule is not None:
            return rule(node)
        return known.rewrite(node, self.findings)

    def _leniently(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Cast):
            return typed(node, casts.type_of_cast(node))
        return typed(node, known.result_of(node))

    def _identifier(self, node: exp.Identifier) -> exp.Expr:
        """Type a bare identifier: it is the parameter of a lambda; elsewhere it is part of a name."""
        return typed(node, self.scope.variables.get(node.name.lower(), UNKNOWN))

    # Columns

    def _column(self, node: exp.Column) -> exp.Expr:
        if isinstance(node.this, exp.Star):
            return node
        if node.table and not self.scope.has_source(node.table):
            return self._dotted(node)
        found = self.scope.find(node)
        if found is None:
            self._miss(node)
        self._qualify(node)
        return typed(node, found or UNKNOWN)

    def _miss(self, node: exp.Column) -> None:
        hint = self.scope.suggestion(node.name)
        self.findings.miss(f"there is no column {node.name}{hint}", node)

    def _qualify(self, node: exp.Column) -> None:
        """To DuckDB `user` is a value of its own: only with its table before it is it a column."""
        if not node.table and node.name.lower() in VALUE_NAMES:
            owner = self.scope.owner(node.name)
            if owner is not None:
                node.set("table", exp.to_identifier(owner, quoted=True))

    def _dotted(self, node: exp.Column) -> exp.Expr:
        """Read `document.field` where no source has the first name: Athena's and DuckDB's way to write a path."""
        first, *rest = node.parts
        column = exp.Column(this=first.copy())
        if self.scope.has_source(first.name):
            table, first, *rest = node.parts
            column = exp.Column(this=first.copy(), table=table.copy())
        found = self.scope.find(column)
        if found is None:
            self.findings.miss(f"there is no table or column {first.name} here", node)
            return typed(node, UNKNOWN)
        if found.kind == Kind.UNKNOWN:
            return typed(node, UNKNOWN)
        start = typed(column, found)
        return put(node, lambda _: paths.walk(start, self._spelt(found, [part.name for part in rest])))

    def _spelt(self, type_: SqlType, names: list[str]) -> list[paths.Step]:
        """Spell names as the STRUCTs that they lead through do: after a dot, case does not matter."""
        spelt: list[paths.Step] = []
        at: SqlType | None = type_
        for name in names:
            fields = [field for field, _ in at.fields] if at else []
            spelling = next((field for field in fields if field.lower() == name.lower()), name)
            at = at.field(spelling) if at else None
            spelt.append(spelling)
        return spelt

    # Paths

    def _path(self, node: exp.Expr) -> exp.Expr:
        start, steps = paths.steps_of(node)
        if self._lenient and isinstance(node, exp.Bracket | exp.JSONExtract):
            return self._lenient_path(node, start, steps)
        holder = exp.Paren(this=start)  # the path that it stood in is replaced
        self.read(holder.this)
        steps = [self.read(step) if isinstance(step, exp.Expr) else step for step in steps]
        return put(node, lambda _: paths.walk(holder.this, steps))

    def _lenient_path(self, node: exp.Expr, start: exp.Expr, steps: list[paths.Step]) -> exp.Expr:
        names = [step for step in steps if isinstance(step, str)]
        found = self.scope.find(start) if isinstance(start, exp.Column) else None
        if found is not None and found.kind == Kind.STRUCT and len(names) == len(steps):
            spelt = self._spelt(found, names)
            return put(node, lambda _: paths.walk(typed(start.copy(), found), spelt))
        for child in list(node.iter_expressions()):
            if not isinstance(child, exp.JSONPath):
                self.read(child)
        return typed(node, VARIANT if type_of(start).kind == Kind.VARIANT else UNKNOWN)

    # Lambdas

    def _with_lambda(self, node: exp.Expr) -> exp.Expr:
        """Read `TRANSFORM(array, x -> …)`: the parameter is an element of the array."""
        self.read(node.this)
        if not self._lenient:
            put(node.this, as_list)
        item = type_of(node.this).item or VARIANT
        body: exp.Lambda = node.expression
        before = self.scope.variables
        self.scope.variables = {**before, **{name.name.lower(): item for name in body.expressions}}
        try:
            self.read(body.this)
        finally:
            self.scope.variables = before
        if isinstance(node, exp.ArrayFilter) and not self._lenient:
            put_coerced(body.this, Kind.BOOLEAN)
        return typed(node, operators.result_of_lambda(node, item, type_of(body.this)))


_CONSTANTS: dict[type[exp.Expr], SqlType] = {exp.Boolean: BOOLEAN, exp.Null: NULL}
_WITH_LAMBDA = (exp.Transform, exp.ArrayFilter)
_NO_VALUES = (
    exp.DataType,
    exp.JSONPath,
    exp.TableAlias,
    exp.Var,
    exp.WindowSpec,
    exp.IntervalSpan,
)
"""Parts of an expression that hold no value to be typed."""
