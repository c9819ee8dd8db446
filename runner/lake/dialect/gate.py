"""Which statements may run: reads of lake tables, and nothing that reaches outside them.

This is the first of three locks, on the tree of the SQL as written. The second is an allow-list on DuckDB's own
parse tree (`runner.lake.parse_tree`), the third are the settings of the engine (`runner.lake.duckdb_engine`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.errors import RefusedQuery
from runner.lake.dialect.trees import among

if TYPE_CHECKING:
    from collections.abc import Iterable

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "generator", "flatten"})
"""The functions that may stand where a table stands."""

_REFUSED_NODES = (
    exp.DDL,
    exp.DML,
    exp.Command,
    exp.Into,
    exp.Lock,
    exp.Set,
    exp.Attach,
    exp.Pragma,
    exp.Describe,
    exp.Summarize,
    exp.Show,
    exp.Use,
)
_VALUES_FROM_OUTSIDE = (exp.Placeholder, exp.Parameter, exp.SessionParameter)


def check(nodes: Iterable[exp.Expr]) -> None:
    """Refuse a parse tree, given by its nodes, that does anything but read tables.

    Raises `RefusedQuery` naming the part that is not allowed.
    """
    for node in among(nodes, *_REFUSED_NODES, *_VALUES_FROM_OUTSIDE, exp.Table):
        if isinstance(node, _REFUSED_NODES):
            raise RefusedQuery(f"{type(node).__name__.upper()} is not allowed: a scheduled query only reads")
        if isinstance(node, _VALUES_FROM_OUTSIDE):
            raise RefusedQuery(f"{node.sql()} has no value here: a scheduled query has no parameters")
        if isinstance(node, exp.Table):
            _check_table(node)


def function_name(node: exp.Expr) -> str:
    """Return the lower-case name by which a function was called."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    return node.sql_name().lower() if isinstance(node, exp.Func) else type(node).__name__.lower()


def _check_table(table: exp.Table) -> None:
    source = table.this
    if isinstance(source, exp.Func) and function_name(source) not in TABLE_FUNCTIONS:
        raise RefusedQuery(
            f"the table function {function_name(source)}() is not allowed: name a table of the lake"
        )
    if not isinstance(source, exp.Func | exp.Identifier):
        raise RefusedQuery(f"{table.sql()} is not a table of the lake")
