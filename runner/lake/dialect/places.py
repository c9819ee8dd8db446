"""Where in the SQL text a node of the tree was written, and refusals that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.errors import RefusedQuery
from runner.lake.dialect.trees import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator


def place_of(node: exp.Expr) -> tuple[int, int] | None:
    """Return line and column (from 1) of the first word of a node; None if it was not written by the author."""
    for part in _with_ancestors(node):
        written = [place for inner in nodes(part) for place in _own_place(inner)]
        if written:
            return min(written)
    return None


def _own_place(node: exp.Expr) -> Iterator[tuple[int, int]]:
    """Yield where a word was written; SQLGlot counts to its end, people look at its start."""
    line, end = node.meta.get("line"), node.meta.get("col")
    if line is not None and end is not None:
        length = node.meta.get("end", 0) - node.meta.get("start", 0)
        yield int(line), max(1, int(end) - int(length))


def _with_ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield a node, and those around it within its clause: some have no place of their own."""
    part: exp.Expr | None = node
    while part is not None and not isinstance(part, exp.Query):
        yield part
        part = part.parent


def refusal(message: str, node: exp.Expr) -> RefusedQuery:
    """Return a refusal with the place of a node."""
    line, column = place_of(node) or (None, None)
    return RefusedQuery(message, line=line, column=column)
