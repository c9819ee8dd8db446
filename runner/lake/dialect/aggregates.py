"""Aggregates that give something over no rows, where DuckDB gives NULL."""

from __future__ import annotations

from sqlglot import exp

from runner.lake.dialect.trees import put

_AROUND = (exp.WithinGroup, exp.Filter, exp.Window)


def complete(query: exp.Query) -> None:
    """Let ARRAY_AGG over nothing give an empty array. In place."""
    for aggregate in list(query.find_all(exp.ArrayAgg, exp.ArrayUniqueAgg)):
        whole: exp.Expr = aggregate
        while isinstance(whole.parent, _AROUND) and whole.parent.this is whole:
            whole = whole.parent
        put(whole, lambda old: exp.Coalesce(this=old, expressions=[exp.Array(expressions=[])]))
