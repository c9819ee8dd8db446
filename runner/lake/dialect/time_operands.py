"""Expressions that follow a column in time: the column itself, cast, or cut down to a day or an hour."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlglot import exp

_DAY = timedelta(days=1)
_MOMENTS = (
    exp.DataType.Type.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPTZ,
    exp.DataType.Type.TIMESTAMPLTZ,
    exp.DataType.Type.TIMESTAMPNTZ,
    exp.DataType.Type.DATETIME,
)
_DATES = (exp.DataType.Type.DATE,)
_LONGEST = {
    "MICROSECOND": timedelta(microseconds=1),
    "MILLISECOND": timedelta(milliseconds=1),
    "SECOND": timedelta(seconds=1),
    "MINUTE": timedelta(minutes=1),
    "HOUR": timedelta(hours=1),
    "DAY": _DAY,
    "WEEK": timedelta(days=7),
    "MONTH": timedelta(days=31),
    "QUARTER": timedelta(days=92),
    "YEAR": timedelta(days=366),
}
"""How much of a time is cut away at most, by the unit that it is cut down to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeOperand:
    """A column, in lower case, and how far below it the expression may be; `table` is None if none is named."""

    column: str
    table: str | None = None
    slack: timedelta = timedelta()


def operand_of(node: exp.Expr) -> TimeOperand | None:
    """Return what an expression follows in time; None for one that cannot be followed."""
    if isinstance(node, exp.Column):
        plain = not node.db and isinstance(node.this, exp.Identifier)
        return TimeOperand(column=node.name.lower(), table=node.table.lower() or None) if plain else None
    if isinstance(node, exp.Cast):
        return _cast(node)
    if isinstance(node, exp.Paren) or (isinstance(node, exp.AtTimeZone) and _is_utc(node)):
        return operand_of(node.this)
    return _with_slack(node.this, _cut_of(node)) if isinstance(node.this, exp.Expr) else None


def _is_utc(node: exp.AtTimeZone) -> bool:
    return bool(node.args["zone"].name.upper() == "UTC")


def _cut_of(node: exp.Expr) -> timedelta | None:
    """Return how much a function cuts away at most; None for one that does something else."""
    match node:
        case exp.TimestampTrunc() | exp.DateTrunc() | exp.DatetimeTrunc() if not node.args.get("zone"):
            return _LONGEST.get(node.text("unit").upper())
        case exp.Date() if not node.expressions and not node.args.get("zone"):
            return _DAY
        case exp.TsOrDsToDate() if not node.args.get("format"):
            return _DAY
    return None


def _cast(node: exp.Cast) -> TimeOperand | None:
    """Follow a cast: to a time it keeps it, to a date it cuts it. TRY_CAST too, since NULL is never in a window."""
    if node.args.get("format"):
        return None
    if node.is_type(*_DATES):
        return _with_slack(node.this, _DAY)
    plain = node.is_type(*_MOMENTS) and not node.to.expressions
    return operand_of(node.this) if plain else None


def _with_slack(node: exp.Expr, slack: timedelta | None) -> TimeOperand | None:
    inner = operand_of(node) if slack is not None else None
    return replace(inner, slack=inner.slack + slack) if inner and slack is not None else None
