"""Small hands for parse trees: what an expression's type is, and how one expression takes another's place."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar
from typing import cast as cast_type

import sqlglot
from sqlglot import exp

from runner.lake.dialect.sql_types import NULL, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runner.lake.dialect.sql_types import SqlType

Node = TypeVar("Node", bound=exp.Expr)
_TYPE = "sql_type"


def nodes(root: exp.Expr) -> list[exp.Expr]:
    """Return a node and all below it, in the order of the text; the tree may be changed while they are looked at.

    SQLGlot's own walk takes twice as long where it is not compiled; passes over the same tree share one list.
    """
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        for part in reversed(node.args.values()):
            kind = type(part)
            if kind is list:
                waiting += [one for one in reversed(part) if isinstance(one, exp.Expr)]
            elif kind not in _NO_NODES and isinstance(part, exp.Expr):
                waiting.append(part)
    return found


_NO_NODES = frozenset({str, bool, int, type(None)})


def every(root: exp.Expr, *kinds: type[Node]) -> list[Node]:
    """Return the nodes of some classes in a tree, in the order of the text."""
    return among(nodes(root), *kinds)


def among(nodes: Iterable[exp.Expr], *kinds: type[Node]) -> list[Node]:
    """Return those of some nodes that are of some classes; each class that occurs is looked at once."""
    listed = list(nodes)
    wanted = {kind for kind in set(map(type, listed)) if issubclass(kind, kinds)}
    return cast_type("list[Node]", [node for node in listed if type(node) in wanted])


def type_of(node: exp.Expr | None) -> SqlType:
    """Return the type that was found for an expression; UNKNOWN before it was looked at."""
    while isinstance(node, exp.Alias | exp.Paren):
        node = node.this
    if node is None:
        return UNKNOWN
    found: SqlType = node.meta_get(_TYPE, UNKNOWN)
    return found


def typed(node: Node, type_: SqlType) -> Node:
    """Note the type of an expression on it, and return it."""
    node.meta[_TYPE] = type_
    return node


def put(node: exp.Expr, make: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """Let what `make` builds around a node take its place in the tree; return what stands there now."""
    parent, key, index = node.parent, node.arg_key, node.index
    made = make(node)
    if made is not node and parent is not None and key is not None:
        parent.set(key, made, index)
    return made


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Write a call of one of DuckDB's functions or of our macros, under its own name."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def text(value: str) -> exp.Literal:
    """Write a string literal."""
    return exp.Literal.string(value)


def number(value: int) -> exp.Expr:
    """Write a whole number."""
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def null() -> exp.Null:
    """Write NULL."""
    return typed(exp.Null(), NULL)


def wrapped(node: exp.Expr) -> exp.Expr:
    """Put an expression in parentheses unless it holds together by itself."""
    whole = exp.Column | exp.Literal | exp.Func | exp.Paren | exp.Bracket | exp.Identifier | exp.Subquery
    if isinstance(node, whole) and not isinstance(node, exp.Connector):
        return node
    return exp.Paren(this=node)


def cast(node: exp.Expr, to: str) -> exp.Cast:
    """Cast to a DuckDB type; a value that does not fit is an error."""
    return exp.Cast(this=node, to=data_type(to))


def try_cast(node: exp.Expr, to: str) -> exp.TryCast:
    """Cast to a DuckDB type; a value that does not fit becomes NULL."""
    return exp.TryCast(this=node, to=data_type(to), safe=True)


def data_type(name: str) -> exp.DataType:
    """Return a DuckDB type as a new node."""
    return _data_type(name).copy()


@lru_cache(maxsize=64)
def _data_type(name: str) -> exp.DataType:
    return exp.DataType.build(name, dialect="duckdb")


def filled(template: str, arguments: list[exp.Expr]) -> exp.Expr:
    """Return a DuckDB expression with `_1`, `_2`, … replaced by arguments; one named twice is copied."""
    tree = _template(template).copy()
    used: set[int] = set()
    for column in every(tree, exp.Column):
        name = column.name
        if column.table or not name.startswith("_") or not name[1:].isdigit():
            continue
        place = int(name[1:]) - 1
        argument = arguments[place]
        value = argument.copy() if place in used else argument
        used.add(place)
        whole = wrapped(value)
        if column is tree:
            return whole
        column.replace(whole)
    return tree


@lru_cache(maxsize=1024)
def _template(template: str) -> exp.Expr:
    return sqlglot.parse_one(template, read="duckdb")
