"""Whether what a query says of one row depends on others: then the row alone cannot show it."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

_SIGNS: tuple[tuple[tuple[type[exp.Expr], ...], str], ...] = (
    ((exp.Group, exp.AggFunc), "it groups rows"),
    ((exp.Window,), "it compares rows with one another"),
    ((exp.Limit, exp.Fetch), "it returns only some of its rows"),
    ((exp.Intersect, exp.Except), "it compares sets of rows"),
)


def reasons(sql: str) -> tuple[str, ...]:
    """Return in half sentences why a compiled query has to see other rows of the same table too; none for most."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    found = [sentence for kinds, sentence in _SIGNS if tree.find(*kinds) is not None]
    return tuple(found)
