"""Which times of each table a query can need, read from its conditions before anything runs.

For every place where a table is read, the conditions of that SELECT that must hold (`p_event_time >= …`, a time macro,
the ON of an inner join) give a first and a last time; places are joined into the widest span. What is compared with
something that is not known beforehand bounds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.macros import TIME_COLUMN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.lake.table import TableName


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeBounds:
    """The span of event times that a table is read for (aware, UTC, both ends inclusive); None has no end."""

    first: datetime | None = None
    last: datetime | None = None

    def both(self, other: TimeBounds) -> TimeBounds:
        """Return the span in which both hold."""
        return TimeBounds(first=_latest(self.first, other.first), last=_earliest(self.last, other.last))

    def either(self, other: TimeBounds) -> TimeBounds:
        """Return the span that holds both."""
        first = None if None in {self.first, other.first} else min(filter(None, (self.first, other.first)))
        last = None if None in {self.last, other.last} else max(filter(None, (self.last, other.last)))
        return TimeBounds(first=first, last=last)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


def bounds_of(
    query: exp.Query, used: Mapping[str, TableName], time_column: str = TIME_COLUMN
) -> dict[TableName, TimeBounds]:
    """Return the bounds of each table of a query whose macros are expanded and whose clock is bound."""
    by_view = {name.view: name for name in used.values()}
    found: dict[TableName, TimeBounds] = {}
    for table in query.find_all(exp.Table):
        name = by_view.get(table.name) if table.db else None
        if name is None:
            continue
        here = _bounds_at(table, time_column)
        found[name] = found[name].either(here) if name in found else here
    return found


def _bounds_at(table: exp.Table, time_column: str) -> TimeBounds:
    """Return what bounds one place where a table is read."""
    select = table.parent_select
    if select is None:
        return TimeBounds()
    alias, alone = table.alias_or_name.lower(), _is_alone(select)
    bounds = TimeBounds()
    for condition in _conditions(select, table):
        if _renames(select, time_column):
            break
        for side in _sides(condition):
            if _is_time_of(side, alias, time_column, alone=alone):
                bounds = bounds.both(_bounds_by(condition, side))
    return bounds


def _is_alone(select: exp.Select) -> bool:
    return not select.args.get("joins") and not select.args.get("laterals")


def _renames(select: exp.Select, time_column: str) -> bool:
    """Tell whether another thing goes by the name of the time column: then a condition may mean that."""
    return any(output.alias.lower() == time_column for output in select.expressions if output.alias)


def _conditions(select: exp.Select, table: exp.Table) -> Iterator[exp.Expr]:
    where = select.args.get("where")
    outer = [join for join in select.args.get("joins") or [] if join.side]
    if where is not None:
        yield from _conjuncts(where.this)
    for join in select.args.get("joins") or []:
        if join.args.get("on") is not None and (not outer or (join.this is table and join.side == "LEFT")):
            yield from _conjuncts(join.args["on"])


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.this)
        yield from _conjuncts(condition.expression)
    else:
        yield condition


def _sides(condition: exp.Expr) -> list[exp.Expr]:
    if isinstance(condition, exp.Between):
        return [condition.this]
    return [condition.this, condition.expression] if type(condition) in _TURNED else []


def _is_time_of(node: exp.Expr, alias: str, time_column: str, *, alone: bool) -> bool:
    if not isinstance(node, exp.Column) or node.name.lower() != time_column:
        return False
    return node.table.lower() == alias or (not node.table and alone)


_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.EQ: exp.EQ,
}
"""What a comparison says from the other side."""


def _bounds_by(condition: exp.Expr, side: exp.Expr) -> TimeBounds:
    if isinstance(condition, exp.Between):
        return TimeBounds(first=moment_of(condition.args["low"]), last=moment_of(condition.args["high"]))
    on_the_left = side is condition.this
    kind = type(condition) if on_the_left else _TURNED[type(condition)]
    moment = moment_of(condition.expression if on_the_left else condition.this)
    return TimeBounds(
        first=moment if kind in {exp.GT, exp.GTE, exp.EQ} else None,
        last=moment if kind in {exp.LT, exp.LTE, exp.EQ} else None,
    )


def moment_of(node: exp.Expr) -> datetime | None:
    """Return the time that a constant expression means; None if it is not one that can be told beforehand."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Cast):
        return moment_of(node.this)
    if isinstance(node, exp.Literal) and node.is_string:
        return _read(node.name)
    if isinstance(node, exp.Add | exp.Sub):
        start, span = moment_of(node.this), _span_of(node.expression)
        if start is None or span is None:
            return None
        return start + span if isinstance(node, exp.Add) else start - span
    if isinstance(node, exp.DateAdd | exp.TimestampAdd | exp.TimeAdd):
        start, span = moment_of(node.this), _units(node.expression, node.args.get("unit"))
        return start + span if start is not None and span is not None else None
    return None


def _read(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _span_of(node: exp.Expr) -> timedelta | None:
    if isinstance(node, exp.Interval) and node.this is not None:
        return _units(node.this, node.args.get("unit"))
    if isinstance(node, exp.Literal) and not node.is_string:
        return _units(node, exp.var("DAY"))
    return None


def _units(amount: exp.Expr, unit: exp.Expr | None) -> timedelta | None:
    sign = -1 if isinstance(amount, exp.Neg) else 1
    literal = amount.this if isinstance(amount, exp.Neg) else amount
    name = unit.name.upper().removesuffix("S") if unit is not None else ""
    try:
        return sign * timedelta(seconds=float(literal.name) * _SECONDS[name])
    except (KeyError, ValueError, OverflowError):
        return None


_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400, "WEEK": 604_800}
