"""Panther's table names, bound to the lake's tables."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from sqlglot import exp

from runner.errors import UnknownLogType
from runner.lake.dialect.places import place_of
from runner.lake.dialect.trees import among
from runner.lake.table import ENGINE_SCHEMA, TableName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


def bind(nodes: Collection[exp.Expr], known: Collection[TableName]) -> dict[str, TableName]:
    """Point every table among a query's nodes at its view, and return the tables that it reads, by their last name.

    `panther_logs.public.aws_cloudtrail` and `panther_logs.aws_cloudtrail` both name one table.
    Changes the tree in place. Raises `UnknownLogType` for a table that is not in the lake.
    """
    used: dict[str, TableName] = {}
    for table in among(nodes, exp.Table):
        if not isinstance(table.this, exp.Identifier) or names_cte(table):
            continue
        name = _name_of(table, known)
        used[table.name.lower()] = name
        _rename(table, name)
    _shorten_columns(among(nodes, exp.Column), used)
    return used


def names_cte(table: exp.Table) -> bool:
    """Tell whether a table is a CTE in whose scope it stands: elsewhere, the same name means nothing."""
    return not table.db and table.name.lower() in _ctes_in_scope(table)


def _ctes_in_scope(table: exp.Table) -> Iterator[str]:
    inside: exp.Expr = table
    while (around := inside.parent) is not None:
        with_ = around.args.get("with_")
        if with_ is not None and inside is not with_:
            yield from (cte.alias.lower() for cte in with_.expressions)
        if isinstance(around, exp.With):
            earlier = around.expressions[: inside.index or 0]
            yield from (cte.alias.lower() for cte in [*earlier, *([inside] if around.recursive else [])])
        inside = around


def _name_of(table: exp.Table, known: Collection[TableName]) -> TableName:
    parts = [part.name.lower() for part in table.parts]
    name = next((name for name in meant_by(parts) if name in known), None)
    if name is None:
        line, column = place_of(table) or (None, None)
        written = ".".join(part.name for part in table.parts)
        raise UnknownLogType(_unknown(written, parts[-1], known), line=line, column=column)
    return name


def meant_by(parts: list[str]) -> Iterator[TableName]:
    """Yield what a name may mean: a lake may leave out `snowflake` or the schema of `snowflake.account_usage.x`."""
    shorter = (parts[1:], [*parts[:1], *parts[2:]]) if parts[0] == _SNOWFLAKE and len(parts) > 2 else ()  # noqa: PLR2004  with a schema
    for written in (parts, *shorter):
        name = TableName.of_parts(written)
        if name is not None:
            yield name


_SNOWFLAKE = "snowflake"


def _unknown(written: str, table: str, known: Collection[TableName]) -> str:
    by_table = {name.table: name for name in known}
    near = difflib.get_close_matches(table, by_table, n=1)
    if near:
        return f"there is no table {written} in the lake: did you mean {by_table[near[0]].qualified}?"
    there = ", ".join(sorted(name.qualified for name in known)) or "none: ingest some logs first"
    return f"there is no table {written} in the lake (its tables: {there})"


def _rename(table: exp.Table, name: TableName) -> None:
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
    table.set("this", exp.to_identifier(name.view, quoted=True))
    table.set("db", exp.to_identifier(ENGINE_SCHEMA, quoted=True))
    table.set("catalog", None)


def _shorten_columns(columns: Iterable[exp.Column], used: dict[str, TableName]) -> None:
    """Write `panther_logs.public.t.column` as `t.column`: the view has no database of that name."""
    for column in columns:
        parts = [part.name.lower() for part in column.parts]
        if len(parts) > 2 and used.get(parts[-2]) in tuple(meant_by(parts[:-1])):  # noqa: PLR2004  two parts are table.column
            column.set("db", None)
            column.set("catalog", None)
