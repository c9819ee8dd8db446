"""Aggregates that give something over no rows, where DuckDB gives NULL."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.trees import among, put

if TYPE_CHECKING:
    from collections.abc import Iterable

_NOTHING: dict[type[exp.Expr], exp.Expr] = {
    exp.ArrayAgg: exp.Array(expressions=[]),
    exp.ArrayUniqueAgg: exp.Array(expressions=[]),
    exp.GroupConcat: exp.Literal.string(""),
    exp.CountIf: exp.Literal.number(0),
}
"""What each aggregate gives over nothing."""
_AROUND = (exp.WithinGroup, exp.Filter, exp.Window)


def complete(nodes: Iterable[exp.Expr]) -> None:
    """Among a query's nodes, let ARRAY_AGG over nothing give an empty array, LISTAGG an empty text and COUNT_IF 0. In place."""
    for aggregate in among(nodes, *_NOTHING):
        whole: exp.Expr = aggregate
        while isinstance(whole.parent, _AROUND) and whole.parent.this is whole:
            whole = whole.parent
        put(whole, partial(_or_else, nothing=_NOTHING[type(aggregate)]))


def _or_else(aggregate: exp.Expr, nothing: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=aggregate, expressions=[nothing.copy()])
