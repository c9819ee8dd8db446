"""Panther's time macros, as conditions around the reference time.

`p_occurs_since(x)` is half-open, `>= reference - x` and `< reference`; `p_occurs_between` is inclusive.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from runner.errors import RefusedQuery
from runner.lake.dialect.durations import parse_offset
from runner.lake.dialect.parsing import TIME_MACROS
from runner.lake.dialect.trees import among, cast, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta

    Expansion = Callable[[Sequence[exp.Expr], exp.Column, datetime], exp.Expr]

TIME_COLUMN = "p_event_time"


def expand(nodes: Iterable[exp.Expr], reference: datetime) -> None:
    """Replace every time macro among the nodes of a query by its condition, in parentheses. In place.

    Raises `RefusedQuery` for a macro with wrong arguments.
    """
    for call in among(nodes, exp.Anonymous):
        name = call.name.lower()
        if name in TIME_MACROS:
            count, condition = _EXPANSIONS[name]
            arguments, column = _split(name, call.expressions, count)
            call.replace(exp.paren(condition(arguments, column, reference)))


def timestamp(moment: datetime) -> exp.Expr:
    """Write a moment (aware, UTC) as a naive UTC timestamp literal."""
    return cast(text(moment.replace(tzinfo=None).isoformat(sep=" ")), "timestamp")


def _split(name: str, arguments: Sequence[exp.Expr], count: int) -> tuple[Sequence[exp.Expr], exp.Column]:
    """Part the macro's own arguments from the optional table alias and column that follow them."""
    if not count <= len(arguments) <= count + 2:
        raise RefusedQuery(
            f"{name}() takes {count} argument{'s' if count > 1 else ''}, and may be followed by a table alias "
            f"and a column; it has {len(arguments)}"
        )
    alias, column = [*arguments[count:], None, None][:2]
    return arguments[:count], exp.column(_word(column) or TIME_COLUMN, table=_word(alias), quoted=True)


def _word(argument: exp.Expr | None) -> str | None:
    """Return the name in an alias or column argument; None for one that is left out or empty."""
    if argument is None or isinstance(argument, exp.Null):
        return None
    return argument.name or None


def _since(arguments: Sequence[exp.Expr], column: exp.Column, reference: datetime) -> exp.Expr:
    start = reference - _offset(arguments[0])
    return exp.And(
        this=exp.GTE(this=column, expression=timestamp(start)),
        expression=exp.LT(this=column.copy(), expression=timestamp(reference)),
    )


def _between(arguments: Sequence[exp.Expr], column: exp.Column, _: datetime) -> exp.Expr:
    return exp.Between(this=column, low=_moment(arguments[0]), high=_moment(arguments[1]))


def _around(arguments: Sequence[exp.Expr], column: exp.Column, _: datetime) -> exp.Expr:
    offset = exp.Interval(
        this=exp.Literal.string(str(int(_offset(arguments[1]).total_seconds()))), unit=exp.var("SECOND")
    )
    middle = _moment(arguments[0])
    return exp.Between(
        this=column,
        low=exp.Sub(this=middle, expression=offset),
        high=exp.Add(this=middle.copy(), expression=offset.copy()),
    )


def _after(arguments: Sequence[exp.Expr], column: exp.Column, _: datetime) -> exp.Expr:
    return exp.GTE(this=column, expression=_moment(arguments[0]))


def _before(arguments: Sequence[exp.Expr], column: exp.Column, _: datetime) -> exp.Expr:
    return exp.LT(this=column, expression=_moment(arguments[0]))


_EXPANSIONS: dict[str, tuple[int, Expansion]] = {
    "p_occurs_since": (1, _since),
    "p_occurs_between": (2, _between),
    "p_occurs_around": (2, _around),
    "p_occurs_after": (1, _after),
    "p_occurs_before": (1, _before),
}


def _offset(argument: exp.Expr) -> timedelta:
    quoted = isinstance(argument, exp.Column) and argument.this.args.get("quoted")
    if not (isinstance(argument, exp.Literal) or quoted):
        raise RefusedQuery(f"{argument.sql()} is not a time offset: write a literal such as '1 hour'")
    return parse_offset(argument.name)


def _moment(argument: exp.Expr) -> exp.Expr:
    """Any expression as naive UTC: text may carry an offset, and a timestamp without one is UTC."""
    written = _written_moment(argument)
    if written is not None:
        return timestamp(written)
    instant = cast(argument.copy(), "timestamptz")
    return exp.paren(settled(exp.AtTimeZone(this=instant, zone=exp.Literal.string("UTC"))))


def _written_moment(argument: exp.Expr) -> datetime | None:
    if not isinstance(argument, exp.Literal) or not argument.is_string:
        return None
    try:
        moment = datetime.fromisoformat(argument.name.strip())
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_SETTLED = "settled"


def settled(node: exp.AtTimeZone) -> exp.AtTimeZone:
    """Mark a conversion to UTC as ours: the typed pass reads what is inside it and leaves the rest."""
    node.meta[_SETTLED] = True
    return node


def is_settled(node: exp.Expr) -> bool:
    """Tell whether a node is a conversion that was written here."""
    return isinstance(node, exp.AtTimeZone) and _SETTLED in node.meta
